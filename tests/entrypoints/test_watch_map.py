"""The map of Watch: bounded answers, own areas only, nothing coloured but official levels."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import shapely
from django.db import connection
from django.test.utils import CaptureQueriesContext

from anlan.entrypoints import clock
from anlan.entrypoints.web.watching import features
from anlan.kernel.geometry import Point
from anlan.registry import public as registry
from anlan.registry.models import Area, RiskPoint, Sensor
from anlan.response import public as response
from anlan.response.models import Case
from tests.entrypoints.test_pages import NOW, TEST, an_account, signed_in
from tests.entrypoints.test_watch import a_case, a_warning, an_alert
from tests.readings import heard

pytestmark = pytest.mark.django_db(databases="__all__")
CITY = "113.5,34.6,113.9,34.86"


@pytest.fixture(autouse=True)
def demo(demo_of_the_module, db, monkeypatch, settings):
    class Standing:
        def now(self):
            return NOW

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    monkeypatch.setattr(clock, "_current", Standing())
    monkeypatch.setattr(features.KEPT, "_answers", features.OrderedDict())


def asked(client, bbox=CITY, **more):
    answer = client.get("/watch/features", {"bbox": bbox, "zoom": "10", "lang": "en", **more})
    assert answer.status_code == 200, answer.content.decode()
    assert answer["Content-Type"].startswith("application/geo+json")
    return json.loads(answer.content)["features"]


def of(found, kind):
    return [one for one in found if one["properties"]["kind"] == kind]


def spots(count):
    return [(34.61 + 0.24 * (n % 97) / 97, 113.51 + 0.38 * (n % 89) / 89) for n in range(count)]


def many_things(count):
    area = Area.objects.get(code="410102001001")
    RiskPoint.objects.bulk_create(
        RiskPoint(code=f"X{n}", name_zh=f"点{n}", kind="school", area=area, lat=lat, lon=lon)
        for n, (lat, lon) in enumerate(spots(count))
    )
    Sensor.objects.bulk_create(
        Sensor(
            code=f"X{n}", name_zh=f"感{n}", quantity="rainfall", unit="mm", interval="5m",
            area=area, lat=lat, lon=lon,
        )
        for n, (lat, lon) in enumerate(spots(count))
    )  # fmt: skip


def test_the_shares_keep_the_promise():
    assert sum(features.SHARES.values()) <= features.MOST == 2000


def test_a_city_that_is_too_much_is_counted_by_cells_and_nothing_is_lost(monkeypatch):
    client = signed_in(an_account("duty_officer"))
    monkeypatch.setitem(features.SHARES, "case", 100)
    for lat, lon in spots(130):
        a_case(area="", point=Point(lat, lon), level="red")
    many_things(1200)
    for n in range(120):
        a_warning(extent=f"e{n}")
    found = asked(client)
    assert len(found) <= features.MOST
    counted = {
        kind: sum(
            o["properties"]["count"] for o in of(found, "cell") if o["properties"]["of"] == kind
        )
        for kind in ("case", "place", "sensor")
    }
    assert counted["case"] == Case.objects.filter(is_open=True, lat__isnull=False).count()
    assert counted["place"] == RiskPoint.objects.filter(lat__isnull=False).count()
    assert counted["sensor"] >= 1200
    assert of(found, "case") == []
    closer = asked(client, "113.5,34.6,113.6,34.7", zoom="12")
    assert of(closer, "case") != []


def test_many_things_cost_as_many_queries_as_few(monkeypatch):
    client = signed_in(an_account("duty_officer"))
    codes = [area.code for area in registry.areas_under("410100")]
    many = signed_in(an_account("street_officer", tuple(codes[1:25]), name="many"))
    asked_of = []
    for wanted in (2, 20):
        for number in range(wanted):
            a_case(level="red", area=codes[number % 8 + 1])
            a_case(place=registry.places(at=NOW)[number % 5].code, area="", level="blue")
            a_warning(extent=f"{wanted}-{number}", areas=codes[: number + 1])
            an_alert(subject=f"cluster:{wanted}{number}")
        for one in (client, many):
            asked(one)
            monkeypatch.setattr(features.KEPT, "_answers", features.OrderedDict())
            with CaptureQueriesContext(connection) as seen:
                asked(one)
            asked_of.append(len(seen))
    assert asked_of[:2] == asked_of[2:]
    assert max(asked_of) <= 44


def test_what_lies_in_other_areas_is_not_there():
    a_case(place="RP-METRO-5", area="", level="red")
    a_warning(areas=("410102",))
    own = signed_in(an_account("street_officer", ("410103",)))
    found = asked(own)
    assert of(found, "case") == of(found, "warning") == []
    names = {one["properties"]["name"] for one in of(found, "area")}
    seen = {a.name_en for a in registry.areas_under("410103")}
    assert names <= seen
    assert asked(signed_in(an_account("street_officer", (), name="nowhere"))) == []


def test_a_warning_for_the_whole_city_is_drawn_on_one_s_own_ground():
    a_warning(areas=("410100",))
    found = asked(signed_in(an_account("street_officer", ("410103",))))
    (one,) = of(found, "warning")
    assert one["properties"]["level"] == "red"
    (shape,) = one["geometry"]["geometries"]
    assert shapely.geometry.shape(shape).equals(shapely.geometry.shape(registry.shape_of("410103")))


def test_only_official_levels_have_a_level():
    a_case(place="RP-METRO-5", area="")
    a_case(place="RP-METRO-5", area="", level="orange")
    levels = [
        one["properties"]["level"]
        for one in of(asked(signed_in(an_account("duty_officer"))), "case")
    ]
    assert levels == ["unknown", "orange"]


def test_no_data_is_said_and_dated():
    sensor = registry.sensors(at=NOW)[0]
    client = signed_in(an_account("duty_officer"))
    silent = {
        one["properties"]["name"]: one["properties"]["no_data"] for one in of(asked(client), "area")
    }
    assert "no data" in silent.values()
    heard(sensor.code, NOW - timedelta(hours=30), received_at=NOW)
    features.KEPT._answers.clear()
    name = registry.area(sensor.area).name_en
    found = {
        one["properties"]["name"]: one["properties"]["no_data"] for one in of(asked(client), "area")
    }
    assert found[name] == "no new data, last 11-22 06:00"
    heard(sensor.code, NOW)
    features.KEPT._answers.clear()
    found = {
        one["properties"]["name"]: one["properties"]["no_data"] for one in of(asked(client), "area")
    }
    assert found[name] == ""


def test_a_schematic_outline_says_so():
    assert all(
        one["properties"]["schematic"]
        for one in of(asked(signed_in(an_account("duty_officer"))), "area")
    )


def test_cases_without_a_point_stand_in_their_area():
    case = a_case(area="410102", level="yellow")
    (one,) = of(asked(signed_in(an_account("duty_officer"))), "in_area")
    assert (one["properties"]["id"], one["properties"]["level"]) == (case.pk, "yellow")
    assert "1 case without an exact place" in one["properties"]["name"]


def test_a_cluster_stands_where_its_reports_are():
    from anlan.sensing.public import ReportIn, keep_report
    from anlan.warning.models import AlertInstance

    ids = []
    for number, lat in enumerate((34.70, 34.72)):
        report = ReportIn(text="水", lat=lat, lon=113.7)
        ids.append(keep_report(TEST, report, secret=f"s{number}" * 20, now=NOW).pk)
    row = an_alert(subject="cluster:1")
    AlertInstance.objects.filter(pk=row.pk).update(evidence={"reports": ids})
    (one,) = of(asked(signed_in(an_account("duty_officer"))), "cluster")
    assert one["geometry"]["coordinates"] == [113.7, 34.71]
    assert one["properties"]["count"] == 2


def test_the_past_has_its_own_map():
    early, late = NOW - timedelta(hours=2), NOW - timedelta(minutes=5)
    a_case(place="RP-METRO-5", area="", level="red", at=early)
    a_case(place="RP-TUNNEL-JG", area="", level="red", at=late)
    client = signed_in(an_account("duty_officer"))
    then = asked(client, at=(NOW - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert len(of(then, "case")) == 1
    assert len(of(asked(client), "case")) == 2
    assert of(then, "sensor") == []


def test_equal_views_are_answered_once_until_something_happens():
    client = signed_in(an_account("duty_officer"))
    first = asked(client)
    with CaptureQueriesContext(connection) as seen:
        assert asked(client, "113.501,34.601,113.899,34.859") == first
    assert len(seen) <= 8
    a_case(place="RP-METRO-5", area="", level="red")
    assert len(of(asked(client), "case")) == 1


@pytest.mark.parametrize(
    "bbox", ["1,2,3", "a,b,c,d", "nan,0,1,1", "10,0,5,1", "0,0,999,1", "0,0,1,inf", "1,1,1,0"]
)
def test_a_box_that_is_none_is_refused(bbox):
    client = signed_in(an_account("duty_officer"))
    assert client.get("/watch/features", {"bbox": bbox}).status_code == 422
    assert client.get("/watch/features", {"zoom": "much"}).status_code == 422


def test_a_relayed_outline_that_is_broken_is_left_out():
    row = a_warning(areas=())
    row.polygons = ["34.6,113.5 34.7,113.5 34.7,113.6 34.6,113.5", "34.6,x", "1,2 3,4"]
    row.save()
    (one,) = of(asked(signed_in(an_account("duty_officer"))), "warning")
    assert len(one["geometry"]["geometries"]) == 1


def test_cells_lose_nothing_on_their_borders():
    box = registry.Box(113.5, 34.6, 113.9, 34.86)
    area = Area.objects.get(code="410102001001")
    RiskPoint.objects.all().update(lat=None, lon=None)
    corners = [(lat, lon) for lat in (34.6, 34.73, 34.86) for lon in (113.5, 113.7, 113.9)]
    RiskPoint.objects.bulk_create(
        RiskPoint(code=f"C{n}", name_zh="角", kind="school", area=area, lat=lat, lon=lon)
        for n, (lat, lon) in enumerate(corners)
    )
    _, cells = registry.places_in(("",), box, most=1, at=NOW)
    assert sum(cell.count for cell in cells) == len(corners)
    assert response.cases_in(TEST, box, most=5) == ([], [])
