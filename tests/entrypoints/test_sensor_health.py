"""The sensor health board: who counts as what, the worst first, in bounded queries."""

from __future__ import annotations

import re
from datetime import timedelta

import msgspec
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from anlan import flow
from anlan.infra import delivery
from anlan.kernel.actor import Actor, Role, system_actor
from anlan.registry import public as registry
from anlan.registry.domain import city as c
from anlan.registry.domain.parse import (
    city_folder,
    jurisdiction_folder,
    read_city,
    read_jurisdiction,
)
from anlan.sensing import public as sensing
from anlan.sensing.domain.observations import BatchIn, RowIn
from anlan.sensing.services import examining
from anlan.warning import public as warning
from anlan.warning.models import AlertInstance
from tests.entrypoints.test_pages import NOW, an_account, signed_in
from tests.entrypoints.test_pages import send as send_page
from tests.registry.small_city import parsed

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("demo")]
MINUTE = timedelta(minutes=1)
GATEWAY = Actor(id="account:gateway", role=Role.PROGRAM, areas=("",), scopes=frozenset({"*"}))


@pytest.fixture(autouse=True)
def nothing_remembered():
    examining.forget()
    yield
    examining.forget()


def send(stream, values, *, end, step=MINUTE):
    """An hour of readings comes at once: each in a commit of its own would take most of the time."""
    start = end - step * (len(values) - 1)
    rows = [RowIn(stream=stream, at=start + step * n, value=x) for n, x in enumerate(values)]
    for first in range(0, len(rows), 60):
        hour = tuple(rows[first : first + 60])
        kept = sensing.keep_observations(GATEWAY, BatchIn(rows=hour), now=hour[-1].at)
        assert kept.kept == len(hour)


def more_sensors(count):
    pack = read_city(city_folder("demo")).pack
    law = read_jurisdiction(jurisdiction_folder(pack.info.jurisdiction))
    made = tuple(
        c.Sensor(
            code=f"AIR-{n:03}", name_zh=f"温度 {n}", name_en=f"Air {n}", quantity="air_temperature",
            unit="degC", interval="1m", area="410103002003", operator=pack.organisations[0].code,
            gateway=f"GW-{n % 3}",
        )
        for n in range(count)
    )  # fmt: skip
    found = msgspec.structs.replace(pack, sensors=(*pack.sensors, *made))
    registry.load_city(system_actor("test"), parsed(found), law, now=NOW)


def a_day(now=NOW):
    """POND-01 lost in red, POND-02 stuck, GAS-01 good, the others never heard."""
    send("POND-01", [5.0 + 12 * n for n in range(8)], end=now - timedelta(hours=1))
    send("POND-02", [3.0 + n / 100 if n < 3 else 8.0 for n in range(13 * 60)], end=now)
    send("GAS-01", [0.1, 0.2, 0.1], end=now)
    warning.judge(now=now)
    sensing.examine(now=now)
    delivery.settle(flow.REACTIONS, now=now)


def test_the_board_counts_and_names_the_worst_first_with_reason_and_owner():
    a_day()
    client = signed_in(an_account("duty_officer"))
    page = client.get("/sensors/health?lang=zh").content.decode()
    lost, stuck = page.index("POND-01"), page.index("POND-02")
    assert lost < stuck
    line = page[lost : lost + 1500]
    assert "level red stale" in line
    assert "失联" in line
    assert "/cases/" in line
    assert "读数卡死" in page[stuck : stuck + 1500]
    assert "一直是 8 cm" in page
    assert "GAS-01" not in page  # good: shown when asked for
    assert "GAS-01" in client.get("/sensors/health?trust=good").content.decode()
    only = client.get("/sensors/health?fault=stuck").content.decode()
    assert "POND-02" in only
    assert "POND-01" not in only.split('<h2 id="worst">')[1].split("</section>")[0]
    english = client.get("/sensors/health?lang=en").content.decode()
    assert "It has read 8 cm since" in english


def test_a_silence_that_mending_found_again_is_shown_as_one():
    a_day()
    client = signed_in(an_account("duty_officer"))

    def shown():
        page = client.get("/sensors/health?lang=zh").content.decode()
        return page[page.index("POND-01") :].split("</li>")[0]

    before = shown()
    rows = AlertInstance.objects.filter(subject="stream:POND-01", cleared_at=None)
    assert rows.filter(rule="device.silence").update(reason={"code": "judge.found_again"}) == 1
    assert shown() == before


def test_choices_narrow_and_nonsense_finds_nothing():
    a_day()
    client = signed_in(an_account("duty_officer"))
    for query in ("area=410105", "quantity=ponding_depth", "operator=", "trust=lost&page=1"):
        assert "POND-01" in client.get(f"/sensors/health?{query}").content.decode(), query
    for query in (
        "area=nowhere",
        "quantity=no.such",
        "gateway=GW-9",
        "trust=x",
        "fault=y",
        "page=2",
    ):
        answer = client.get(f"/sensors/health?{query}")
        assert answer.status_code == 200
        assert 'class="stream"' not in answer.content.decode(), query
    for query in ("page=-1", "page=x", "page=99999999999"):
        assert client.get(f"/sensors/health?{query}").status_code == 200


def test_who_sees_one_district_counts_its_streams_only():
    a_day()
    client = signed_in(an_account("duty_officer", areas=("410108",)))
    page = client.get("/sensors/health").content.decode()
    assert "POND-02" in page
    assert "POND-01" not in page


def test_many_streams_cost_as_many_queries_as_few():
    a_day()
    client = signed_in(an_account("duty_officer"))
    asked = []
    for count in (2, 200):
        more_sensors(count)
        sensing.examine(now=NOW)
        client.get("/sensors/health")  # the city is read once for each revision
        with CaptureQueriesContext(connection) as seen:
            page = client.get("/sensors/health").content.decode()
        asked.append(len(seen))
        assert page.count('class="stream"') <= 50
    assert asked[0] == asked[1], asked
    assert "GW-1" in page
    assert 'rel="next"' in page


def test_the_interface_tells_the_same():
    a_day()
    me, end = system_actor("test"), NOW + timedelta(days=1)
    account = registry.create_account(me, "gate", "duty_officer", areas=("",), now=NOW)
    secret = registry.issue_token(me, account, None, None, end, now=NOW)[1]
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    answer = client.get("/api/v1/streams/health?state=lost").json()
    assert [one["stream"] for one in answer["streams"]] == ["POND-01"]
    assert answer["counts"]["lost"] == 1
    stuck = client.get("/api/v1/streams/health?stream=POND-02").json()["streams"][0]
    assert stuck["trust"] == "doubted"
    assert stuck["faults"][0]["kind"] == "stuck"
    assert stuck["shares"]["day"] == 1.0


def test_a_replaced_device_keeps_stream_and_past_and_ends_its_faults(client_of):
    a_day()
    client = client_of("system_admin")
    assert sensing.doubts_of(["POND-02"])
    shown = client.get("/registry/sensors/POND-02").content.decode()
    assert "/registry/sensors/POND-02/replace" in shown
    address = "/registry/sensors/POND-02/replace"
    fields = {"device": "SN-2", "installed_on": "2026-11-23", "calibration_due": "2027-11-23"}
    fields["reason"] = "Order 12"
    seen = seen_in(client.get(address).content.decode())
    stale = send_page(client, address, address, **fields)
    assert (stale.status_code, "SN-2" in stale.content.decode()) == (409, True)
    first = send_form(client, address, seen=seen, **fields)
    assert "SN-2" in first
    send_form(client, address, step="take", seen=seen_in(first), **fields)
    sensor = registry.sensor("POND-02", at=NOW)
    assert (sensor.device, str(sensor.installed_on)) == ("SN-2", "2026-11-23")
    sensing.examine(now=NOW + MINUTE)
    assert sensing.doubts_of(["POND-02"]) == {}
    assert len(sensing.read_observations("POND-02", NOW - timedelta(days=1), NOW + MINUTE)) == 780
    assert "SN-2" in client.get("/registry/sensors/POND-02").content.decode()


def test_a_maintenance_is_entered_shown_and_ended_on_the_page_of_the_sensor(client_of):
    client = client_of("duty_officer")
    page, address = "/registry/sensors/POND-01", "/registry/sensors/POND-01/maintenance"
    refused = post(client, page, address, to="2026-11-20T10:00", why="Check")
    assert refused.status_code == 422
    assert "Check" in refused.content.decode()
    done = post(client, page, address, to="2026-11-23T18:00", why="Yearly check, order 9")
    assert done.status_code == 303
    shown = client.get(page).content.decode()
    assert "Yearly check, order 9" in shown
    assert sensing.in_maintenance(at=NOW) == {"POND-01"}
    [row] = sensing.maintenance_of("POND-01", after=NOW)
    assert post(client, page, f"{address}/{row.pk}/end").status_code == 303
    assert sensing.maintenance_of("POND-01", after=NOW) == []
    assert post(client, page, f"{address}/{row.pk}/end").status_code == 404


@pytest.fixture
def client_of():
    return lambda role: signed_in(an_account(role), Role(role))


def post(client, page, action, **fields):
    return send_page(client, page, action, **fields)


def send_form(client, address, **fields):
    answer = send_page(client, address, address, **fields)
    assert answer.status_code in (200, 303), answer.content.decode()
    return answer.content.decode()


def seen_in(page):
    return re.search(r'name="seen" value="([^"]+)"', page).group(1)
