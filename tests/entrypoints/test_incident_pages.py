"""The page of a storm's case: bounded queries, the worst first, one line on Watch."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from anlan.entrypoints.web import middleware
from anlan.entrypoints.web.watching import crowds, picture
from anlan.kernel.actor import Actor, Role
from anlan.kernel.geometry import Point
from anlan.registry import public as registry
from anlan.response.models import Case
from anlan.warning import public as warning
from anlan.warning.domain.findings import What
from anlan.warning.models import Incident
from tests.entrypoints.test_pages import an_account, signed_in
from tests.response.builders import DUTY, NOW
from tests.response.storms import finding, heard, kept, silent, storm

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("demo")]
WHOLE = Actor("test", Role.DUTY_OFFICER, "P-DUTY", ("",), frozenset({"cases:read", "alerts:read"}))


def counted(call):
    with CaptureQueriesContext(connection) as queries:
        found = call()
    return found, len(queries)


def test_the_case_lists_its_members_the_worst_first_in_bounded_queries():
    client = signed_in(an_account("duty_officer"))
    kept(*storm(30))
    heard()
    page = f"/cases/{Case.objects.get().pk}"
    client.get(page)
    _, few = counted(lambda: client.get(page))
    kept(*storm(90, first=31), finding(500, level="red", rule="water.ponding_deep"))
    kept(finding(3, What.CLEARED), finding(5, What.CLEARED))
    heard()
    answer, many = counted(lambda: client.get(page))
    shown = answer.content.decode()
    assert many <= few + 1  # the rule of the red one
    assert shown.index("<code>T500</code>") < shown.index("<code>T120</code>")
    assert "<code>T3</code>" not in shown  # cleared: on the last page
    last = "".join(client.get(f"{page}?members={n}").content.decode() for n in (6, 7))
    assert last.index("<code>T5</code>") < last.index("<code>T3</code>")
    for odd in ("0", "x", "99999999", "500"):
        assert client.get(f"{page}?members={odd}").status_code == 200


def test_devices_that_speak_again_leave_the_list_in_bounded_queries():
    client = signed_in(an_account("duty_officer"))
    kept(*(silent(n, carrier="gateway:GW-9") for n in range(1, 31)))
    heard()
    page = f"/cases/{Case.objects.get().pk}"
    client.get(page)
    _, few = counted(lambda: client.get(page))
    kept(
        *(
            silent(n, carrier="gateway:GW-9", level="red" if n == 99 else "yellow")
            for n in range(31, 331)
        )
    )
    kept(*(silent(n, What.CLEARED) for n in range(1, 31)))
    heard()
    answer, many = counted(lambda: client.get(page))
    assert many <= few + 1
    shown = answer.content.decode()
    assert "网关 GW-9：多台设备同时失联" in shown
    assert "尚未恢复的测点（300 个，级别高的在前）" in shown
    assert "已恢复 30 次" in shown
    assert "全部恢复之前，工单不能销号" in shown
    assert shown.index("<code>T99</code>") < shown.index("<code>T31</code>")
    last = client.get(f"{page}?members=15").content.decode()
    assert "<code>T330</code>" in last
    assert "<code>T3</code>" not in last
    english = client.get(page, headers={"accept-language": "en"}).content.decode()
    assert "300 sensors not back yet, the highest level first" in english


@pytest.mark.parametrize(
    ("language", "words"), [("zh", "集中报警 40 条"), ("en", "40 alarms at once")]
)
def test_watch_shows_a_storm_as_one_line_with_its_number(language, words):
    kept(*storm(40))
    heard()
    lists, few = counted(lambda: picture.lists_now(WHOLE, language, now=NOW))
    assert lists.count(words) == 1
    kept(*storm(60, first=41))
    heard()
    _, many = counted(lambda: picture.lists_now(WHOLE, language, now=NOW))
    assert many <= few  # what the packs say is known by now


def test_a_storm_hides_no_alert_that_came_alone():
    kept(*storm(40, level="orange"), finding(99, rule="device.silence", level="yellow"))
    kept(finding(41, level="red", rule="water.ponding_deep"))
    before = NOW.replace(year=2020)
    found = warning.risen(WHOLE, since=before, limit=10)
    assert [(row.subject, row.level) for row in found] == [
        ("stream:T41", "red"),
        ("stream:T99", "yellow"),
    ]


def test_the_interface_gives_members_and_what_the_owner_was_told(monkeypatch):
    kept(*storm(40))
    heard()
    monkeypatch.setattr(middleware.registry, "authenticate", lambda _secret, **_now: WHOLE)
    client = Client(headers={"Authorization": "Bearer any"})
    incident = Incident.objects.get().pk
    found = client.get(f"/api/v1/alerts?incident={incident}&limit=200").json()["alerts"]
    assert {row["incident"] for row in found} == {incident}
    assert len(found) == 40
    case = client.get(f"/api/v1/cases/{Case.objects.get().pk}").json()
    assert case["followers_in_all"] == 40
    (held,) = case["incidents"]
    assert (held["incident"], held["members"], held["told"]) == (incident, 40, 40)


def test_members_are_counted_by_level_and_area():
    kept(*storm(25), finding(70, level="red", rule="water.ponding_deep", area="410102002"))
    kept(finding(1, What.CLEARED))
    members = warning.members([Incident.objects.get().pk], page=1, size=5, areas=1)
    assert members.standing == {"red": 1, "orange": 0, "yellow": 24, "blue": 0}
    assert members.over == 1
    assert members.areas == [("410102002001", 25, 24)]
    assert members.more_areas == 1
    assert [row.level for row in members.rows] == ["red", *["yellow"] * 4]
    assert DUTY.covers(members.rows[0].area_path)


def standing_on_the_map(client, box="113.0,34.0,114.5,35.5"):
    answer = client.get(f"/watch/features?bbox={box}&zoom=9&lang=en")
    found = answer.json()["features"]
    return [
        one
        for one in found
        if one["properties"]["kind"] == "in_area" and "alarms at once" in one["properties"]["name"]
    ]


def test_members_of_a_storm_stand_on_the_map_by_cells_and_lead_to_its_case(monkeypatch):
    client = signed_in(an_account("duty_officer"))
    middle = registry.sensor("POND-01", at=NOW)
    sensors = [middle._replace(code=f"T{n}") for n in range(1, 41)]
    sensors[39] = sensors[39]._replace(point=Point(middle.point.lat + 0.3, middle.point.lon))
    monkeypatch.setattr(crowds, "sensors_now", lambda _now: tuple(sensors))
    assert standing_on_the_map(client) == []
    kept(*storm(40))
    heard()
    shown = standing_on_the_map(client)
    assert sorted(one["properties"]["count"] for one in shown) == [1, 39]
    assert {one["properties"]["id"] for one in shown} == {Case.objects.get().pk}
    assert all(one["properties"]["level"] in {"red", "orange", "yellow", "blue"} for one in shown)
    kept(*(finding(n, What.CLEARED) for n in range(1, 11)))
    assert sum(one["properties"]["count"] for one in standing_on_the_map(client)) == 30
