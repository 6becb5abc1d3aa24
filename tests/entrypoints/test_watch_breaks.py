"""What must not break Watch: odd questions, instants of other zones, what others may not see."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from anlan.accountability import public as accountability
from anlan.accountability.public import SicknessSeen
from anlan.entrypoints import clock
from anlan.entrypoints.web.watching import features, kept, mapview, past, picture, streams
from anlan.entrypoints.web.watching.hub import event
from anlan.kernel.actor import Actor, Role
from anlan.kernel.geometry import Point
from anlan.registry.models import Area, RiskPoint, Sensor
from anlan.warning.models import WarningInForce
from tests.entrypoints.test_pages import NOW, an_account, signed_in
from tests.entrypoints.test_watch import WHOLE, a_case, a_warning, an_alert

pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture(autouse=True)
def demo(demo_of_the_module, db, monkeypatch, settings):
    class Standing:
        def now(self):
            return NOW

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    monkeypatch.setattr(clock, "_current", Standing())
    monkeypatch.setattr(kept.KEPT, "_answers", kept.OrderedDict())
    streams.known_at.cache_clear()


def test_the_map_of_the_past_shows_the_instant_of_the_lists():
    client = signed_in(an_account("duty_officer"))
    local = (NOW - timedelta(hours=2)).astimezone(features.registry.timezone())
    page = client.get("/watch", {"lang": "en", "at": f"{local:%Y-%m-%dT%H:%M}"}).content.decode()
    address = re.search(r'data-features="([^"]+)"', page).group(1).replace("&amp;", "&")
    asked = parse_qs(urlsplit(address).query)
    found = json.loads(client.get("/watch/features", {"at": asked["at"][0]}).content)
    assert found["drawn"] == f"{local:%Y-%m-%d %H:%M}:00"


def test_a_map_of_the_future_is_the_map_of_now():
    client = signed_in(an_account("duty_officer"))
    a_case(area="", point=Point(34.7, 113.7), level="red", at=NOW - timedelta(hours=1))
    later = f"{NOW + timedelta(days=400):%Y-%m-%dT%H:%M:%SZ}"
    found = json.loads(client.get("/watch/features", {"at": later}).content)
    assert found["drawn"] == f"{NOW.astimezone(features.registry.timezone()):%Y-%m-%d %H:%M:%S}"


@pytest.mark.parametrize(
    "at",
    [
        "0001-01-01T00:00", "0001-01-01T00:00+08:00", "9999-12-31T23:59", "9999-12-31T23:59-12:00",
        "0900-01-01", "1900-01-01", "nonsense", "2021-07-20T25:00", "2021-07-20T08:00+99:99", "\u0660",
        "2021-W29-2", "20210720T08",
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/watch", "/watch/features"])
def test_no_instant_is_too_odd(path, at):
    answer = signed_in(an_account("duty_officer")).get(path, {"at": at, "lang": "en"})
    assert answer.status_code in {200, 303, 422}


@pytest.mark.parametrize(
    "asked",
    [
        {"bbox": "nan,nan,nan,nan"}, {"bbox": "-inf,-inf,inf,inf"}, {"bbox": "1,2,3"},
        {"bbox": "190,10,200,20"}, {"bbox": "170,10,-170,20"}, {"bbox": "1e999,0,1,1"},
        {"bbox": "-180,-90,180,90", "zoom": "22"}, {"bbox": "-180,-90,180,90", "zoom": "-5"},
        {"bbox": "113,34,113,34", "zoom": "1e300"}, {"zoom": "nan"}, {"zoom": "x"},
        {"bbox": "180,90,180,90", "zoom": "0"}, {"bbox": "113.5,34.6,113.9,34.86", "zoom": "99"},
    ],
)  # fmt: skip
def test_no_view_is_too_odd(asked):
    a_case(area="", point=Point(34.7, 113.7), level="red")
    answer = signed_in(an_account("duty_officer")).get("/watch/features", asked)
    assert answer.status_code in {200, 422}
    json.loads(answer.content) if answer.status_code == 200 else None


def test_what_is_wrong_with_the_system_reaches_pages_that_stay_open(monkeypatch):
    seen = SicknessSeen(
        id=0, part="disk:workspace", ailment="disk.full", params={}, since=NOW, well_at=None,
        case=None, texts={"zh": "磁盘将满", "en": "The disk is nearly full"},
    )  # fmt: skip
    client = signed_in(an_account("duty_officer"))
    assert "data-what" not in client.get("/watch", {"lang": "en"}).content.decode()
    monkeypatch.setattr(accountability, "sicknesses_at", lambda **_: [seen])
    page = client.get("/watch", {"lang": "en"}).content.decode()
    assert page.count('data-what="disk:workspace disk.full;"') == 2  # shown, and in the lists
    lists = picture.lists_now(WHOLE, "zh", now=NOW)
    assert re.search(r'<template id="sick-now">.*磁盘将满.*</template>', lists, re.DOTALL)


def test_nothing_of_another_district_moves_a_byte():
    mine = Actor("account:7", Role.STREET_OFFICER, post="P-NOBODY", areas=("410100/410102",))
    whole = features.registry.extent_of(("",))

    def seen():
        view = mapview.View(mine, whole, 10, "zh")
        earlier = NOW - timedelta(minutes=1)
        return [
            picture.lists_now(mine, "zh", now=NOW),
            picture.lists_then(mine, "zh", at=earlier)[0],
            features.features_now(view, now=NOW),
            past.features_then(view, at=earlier),
        ]

    a_case(area="410102", point=Point(34.75, 113.6), level="red", at=NOW - timedelta(hours=1))
    before = seen()
    for n in range(30):
        at = NOW - timedelta(minutes=10 + n)
        a_case(area="410105", point=Point(34.75, 113.6), level="red", at=at)
        a_case(area="410105", level="red", at=at)
        an_alert(area="410105", at=at, subject=f"place:{n}")
    other = Area.objects.get(code="410105")
    RiskPoint.objects.create(code="X", name_zh="x", kind="school", area=other, lat=34.75, lon=113.6)
    Sensor.objects.create(
        code="X", name_zh="x", quantity="rainfall", unit="mm", interval="5m", area=other, lat=34.75,
        lon=113.6,
    )  # fmt: skip
    assert seen() == before


@pytest.mark.parametrize("pair", ["nan,nan", "inf,1", "91,10", "10,181", "1e308,1e308", "1,2,3"])
def test_an_outline_from_outside_that_is_none_does_not_take_the_map_from_everybody(pair):
    row = a_warning(areas=())
    WarningInForce.objects.filter(pk=row.pk).update(polygons=[f"34,113 35,113 {pair} 34,113"])
    answer = signed_in(an_account("duty_officer")).get("/watch/features")

    def refuse(text):
        raise AssertionError(text)

    found = json.loads(answer.content, parse_constant=refuse)["features"]
    assert not [one for one in found if one["properties"]["kind"] == "warning"]


def test_what_comes_from_outside_is_written_never_run():
    evil = '"><script>x</script>\u2028event: over'
    row = a_warning()
    WarningInForce.objects.filter(pk=row.pk).update(sender=evil)
    lists = picture.lists_now(WHOLE, "zh", now=NOW)
    assert "<script" not in lists
    assert "&lt;script&gt;x&lt;/script&gt;" in lists
    assert b"\nevent: over" not in event("lists", lists)
