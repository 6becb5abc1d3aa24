"""The registry as entities: sets, relations, options, areas."""

from __future__ import annotations

import pytest

from anlan.kernel.actor import system_actor
from anlan.sensing.domain.multidatastreams import KnownMulti
from anlan.sensing.services.multidatastreams import put_together
from anlan.sensing.sta.model import KINDS
from tests.sensing.conftest import NOW

pytestmark = pytest.mark.django_db(databases="__all__")


def test_the_first_page_names_the_sets_and_what_is_met(caller):
    page = caller().get("")
    assert [one["name"] for one in page["value"]] == [kind.plural for kind in KINDS.values()]
    met = page["serverSettings"]["conformance"]
    assert all(one.startswith("http://www.opengis.net/spec/iot_sensing/1.1/req/") for one in met)
    for one in page["value"]:
        assert caller_of(one["url"]) == one["name"]


def caller_of(url):
    return url.rpartition("/")[2]


def test_every_entity_leads_to_every_other_it_is_related_to(caller):
    kinds = ("OM_Measurement",) * 2
    put_together(
        system_actor("test"), KnownMulti("M", "M", "", ("s1", "s2"), kinds), why="x", now=NOW
    )
    me = caller()
    me.observe("s1", 5, 10.0)
    prefix = "http://testserver/sta/v1.1/"
    for kind, which in [*((kind, 0) for kind in KINDS.values()), (KINDS["Observation"], 1)]:
        page = me.get(kind.plural)
        assert page["value"], kind
        first = page["value"][which]
        own = first["@iot.selfLink"].removeprefix(prefix)
        assert me.get(own)["@iot.id"] == first["@iot.id"]
        of_one = {"Datastream", "MultiDatastream"} if kind.name == "Observation" else set()
        led = [name for name in kind.relations if f"{name}@iot.navigationLink" in first]
        assert len(led) == len(kind.relations) - bool(of_one)
        assert set(kind.relations) - set(led) <= of_one
        for name in led:
            link = first[f"{name}@iot.navigationLink"].removeprefix(prefix)
            assert link == f"{own}/{name}"
            found = me.get(link)
            assert "value" in found or "@iot.id" in found


def test_things_are_risk_points_and_sensors_that_stand_alone(caller):
    me = caller()
    assert me.ids("Things") == ["P1", "P2", "W", "at,alone"]
    place = me.get("Things('P1')")
    assert place["name"] == "P1 处"
    assert place["properties"]["area"] == "410102001"
    assert me.ids("Things('P1')/Datastreams") == ["s1", "s2"]
    assert me.get("Things('P1')/Locations")["value"][0]["location"] == {
        "type": "Point", "coordinates": [113.2, 34.2],
    }  # fmt: skip
    assert me.get("Things('P1')/HistoricalLocations")["value"][0]["time"].endswith("Z")


def test_a_stream_says_what_it_measures_in_which_unit_and_where(caller):
    one = caller().get("Datastreams('s3')", _expand="Thing,Sensor,ObservedProperty")
    assert one["unitOfMeasurement"]["symbol"] == "cm"
    assert one["observedArea"]["coordinates"] == [113.31, 34.25]
    assert (one["Thing"]["@iot.id"], one["Sensor"]["@iot.id"]) == ("P2", "s3")
    assert one["ObservedProperty"]["@iot.id"] == "ponding"


def test_paths_of_any_depth_and_bare_values(caller):
    me = caller()
    assert me.get("Things('P1')/Datastreams('s2')/ObservedProperty/name") == {"name": "Gas（中）"}
    raw = me.raw("Things('P1')/Datastreams('s2')/Thing/Datastreams('s1')/name/$value")
    assert (raw.content, raw["Content-Type"]) == (b"s1", "text/plain; charset=utf-8")
    refs = me.get("Things('P1')/Datastreams/$ref")["value"]
    assert refs[0] == {"@iot.selfLink": "http://testserver/sta/v1.1/Datastreams('s1')"}
    for lost in ("Things('P2')/Datastreams('s1')", "Things('nope')", "Things('P1')/Sensors", "X",
                 "Things/Datastreams", "Things('P1')/name/x", "Things('P1", "Observations('a')",
                 "Observations(1)", "Observations(99999999999999999999)", "//", "Things('P1')//x"):  # fmt: skip
        status, code = me.refused(lost) if lost != "//" else (404, "sta.entity_unknown")
        assert (status, code) == (404, "sta.entity_unknown"), lost


def test_pages_follow_each_other_and_count(caller):
    me = caller()
    page = me.get("Datastreams", _top=2, _count="true", _orderby="name desc", _select="name,id")
    assert [one["name"] for one in page["value"]] == ["west", "s3"]
    assert page["@iot.count"] == 5
    assert set(page["value"][0]) == {"@iot.id", "@iot.selfLink", "name"}
    seen = []
    while True:
        seen += [one["name"] for one in page["value"]]
        if "@iot.nextLink" not in page:
            break
        page = me.client.get(page["@iot.nextLink"]).json()
    assert seen == ["west", "s3", "s2", "s1", "alone"]
    assert me.get("Datastreams", _top=0)["value"] == []


def test_a_page_is_never_larger_than_the_setting(caller, settings):
    from dataclasses import replace

    settings.ANLAN = replace(settings.ANLAN, sta_page="3")
    page = caller().get("Datastreams", _top=999_999_999)
    assert len(page["value"]) == 3
    assert "@iot.nextLink" in page


def test_expanding_within_expanding_with_options(caller):
    me = caller()
    found = me.get(
        "Things",
        _expand="Datastreams($top=1;$orderby=name desc;$count=true;$select=name;"
        "$expand=ObservedProperty($select=definition)),Locations",
        _filter="name eq 'P1 处'",
    )["value"]
    assert len(found) == 1
    assert found[0]["Datastreams"] == [
        {"name": "s2", "ObservedProperty": {"definition": "urn:anlan:quantity:gas"}}
    ]
    assert found[0]["Datastreams@iot.count"] == 2
    following = me.client.get(found[0]["Datastreams@iot.nextLink"]).json()["value"]
    assert [one["name"] for one in following] == ["s1"]
    by_path = me.get("Things('P1')", _expand="Datastreams/Sensor,Datastreams/ObservedProperty")
    assert {"Sensor", "ObservedProperty"} <= set(by_path["Datastreams"][0])
    assert me.get("Things('P2')", _expand="Datastreams($filter=name eq 'x')")["Datastreams"] == []


def test_what_lies_in_other_areas_is_not_there(caller):
    me = caller("street_officer", ("410100/410102",))
    assert me.ids("Things") == ["P1", "P2", "at,alone"]
    assert "west" not in me.ids("Datastreams", _top=100)
    assert me.refused("Datastreams('west')") == (404, "sta.entity_unknown")
    assert me.refused("Things('W')/Locations") == (404, "sta.entity_unknown")
    assert me.ids("ObservedProperties('ponding')/Datastreams") == ["alone", "s1", "s3"]
    assert me.get("Things", _count="true")["@iot.count"] == 3
    boss = caller()
    number = boss.observe("west", 5, 1.0)
    assert me.refused(f"Observations({number})") == (404, "sta.entity_unknown")
    assert me.ids("Observations") == []
    sent = me.send("POST", "Datastreams('west')/Observations", {"result": 1})
    assert (sent.status_code, sent.json()["error"]["code"]) == (404, "sta.entity_unknown")
    sent = me.send("POST", "Observations", {"result": 1, "Datastream": {"@iot.id": "west"}})
    assert sent.json()["error"]["params"] == {"reason": "observation.stream_unknown"}
    for method, body in (("PATCH", {"result": 2}), ("DELETE", None)):
        assert me.send(method, f"Observations({number})", body).status_code == 404


def test_who_may_not_read_signs_sees_no_reading(caller):
    boss, program = caller(), caller("program")
    number = boss.observe("s1", 5, 1.0)
    assert program.ids("Things")
    for path in ("Observations", f"Observations({number})", "Datastreams('s1')/Observations"):
        assert program.refused(path) == (403, "not_allowed")
    assert program.refused("Things", _expand="Datastreams/Observations") == (403, "not_allowed")


def test_nobody_comes_in_without_a_token(caller):
    from django.test import Client

    caller()
    for path in ("/sta/v1.1", "/sta/v1.1/", "/sta/v1.1/Things"):
        assert Client().get(path).status_code == 401
    assert Client().post("/sta/v1.1/Observations", "{}", "application/json").status_code == 401
    for header in ("Basic !!", "Basic eDp5", "Digest x", "Basic"):
        found = Client(headers={"Authorization": header}).get("/sta/v1.1")
        assert found.status_code == 401, header
    assert caller("auditor").raw("").status_code == 200
    assert caller("street_officer").client.get("/sta/v2/x").status_code == 404


def test_the_token_may_come_as_a_password(caller):
    import base64

    from django.test import Client

    bearer = caller().secret
    basic = base64.b64encode(f"anybody:{bearer}".encode()).decode()
    assert Client(headers={"Authorization": f"Basic {basic}"}).get("/sta/v1.1").status_code == 200
    assert (
        Client(headers={"Authorization": f"Basic {basic}"}).get("/api/v1/city").status_code == 401
    )


def test_a_workspace_without_a_city_has_empty_sets(db, monkeypatch):
    from tests.sensing.sta.conftest import caller_in

    me = caller_in(monkeypatch)()
    for kind in KINDS.values():
        assert me.get(kind.plural, _count="true") == {"@iot.count": 0, "value": []}
