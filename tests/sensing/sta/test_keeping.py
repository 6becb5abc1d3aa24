"""City data written over the interface: an edit of the registry each, with its reason."""

from __future__ import annotations

import pytest

from anlan.infra.models import JournalEntry
from anlan.registry import public as registry
from tests.sensing.conftest import NOW

pytestmark = pytest.mark.django_db(databases="__all__")
WHY = "reason=notice%2012"
POINT = {"type": "Point", "coordinates": [113.25, 34.22]}
A_STREAM = {
    "name": "新水位",
    "description": "asked for by the standard",
    "observationType": "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement",
    "unitOfMeasurement": {"name": "centimetre", "symbol": "cm", "definition": "x"},
    "properties": {"interval_s": 300, "name_en": "New gauge"},
    "ObservedProperty": {"@iot.id": "ponding"},
    "Sensor": {"name": "gauge", "encodingType": "text/html", "metadata": "http://x"},
}
A_THING = {
    "name": "新处",
    "description": "a low point",
    "properties": {"code": "NEW", "kind": "underpass", "area": "410102001"},
    "Locations": [
        {"name": "x", "description": "x", "encodingType": "application/geo+json", "location": POINT}
    ],
}


def code(answer):
    return answer.json()["error"]["code"]


def test_a_thing_with_its_place_and_streams_is_entered_at_once(keeper, caller):
    body = {
        **A_THING,
        "Datastreams": [A_STREAM, {**A_STREAM, "properties": {"interval_s": 60, "code": "N2"}}],
    }
    told = keeper.send("POST", f"Things?{WHY}", body)
    assert told.status_code == 201, told.content
    assert told["Location"] == "http://testserver/sta/v1.1/Things('NEW')"
    found = keeper.get("Things('NEW')", _expand="Locations,Datastreams")
    assert found["Locations"][0]["location"] == POINT
    assert len(found["Datastreams"]) == 2
    assert registry.sensor("N2", at=NOW).risk_point == "NEW"
    events = JournalEntry.objects.filter(event="CityEdited")
    assert events.count() == 3
    officer = caller()
    sent = officer.send("POST", "Datastreams('N2')/Observations", {"result": 3})
    assert sent.status_code == 201
    assert officer.get("Things('NEW')/Datastreams('N2')/Observations")["value"][0]["result"] == 3.0


def test_all_of_it_or_nothing(keeper):
    bad = {**A_STREAM, "ObservedProperty": {"@iot.id": "nothing"}}
    told = keeper.send("POST", f"Things?{WHY}", {**A_THING, "Datastreams": [A_STREAM, bad]})
    assert 400 <= told.status_code < 500
    assert keeper.refused("Things('NEW')")[0] == 404
    assert not JournalEntry.objects.filter(event="CityEdited").exists()


def test_a_stream_is_entered_under_its_thing_and_ended(keeper):
    told = keeper.send("POST", f"Things('P2')/Datastreams?{WHY}", A_STREAM)
    assert told.status_code == 201, told.content
    id_ = told.json()["@iot.id"]
    assert id_.startswith("STA-")
    assert keeper.get(f"Datastreams('{id_}')/Thing")["@iot.id"] == "P2"
    assert keeper.send("DELETE", f"Datastreams('{id_}')?{WHY}").status_code == 200
    assert keeper.refused(f"Datastreams('{id_}')") == (404, "sta.entity_unknown")
    linked = {**A_STREAM, "Thing": {"@iot.id": "P1"}, "@iot.id": "S9", "observedArea": POINT}
    assert keeper.send("POST", f"Datastreams?{WHY}", linked).status_code == 201
    assert keeper.get("Datastreams('S9')")["observedArea"] == POINT
    assert code(keeper.send("POST", f"Datastreams?{WHY}", linked)) == "edit.entry_code_taken"


def test_names_and_places_are_changed(keeper):
    told = keeper.send(
        "PATCH", f"Things('P1')?{WHY}", {"name": "改名", "properties": {"name_en": "Renamed"}}
    )
    assert told.json()["name"] == "改名"
    told = keeper.send("PATCH", f"Locations('P1')?{WHY}", {"location": POINT})
    assert told.json()["location"] == POINT
    assert registry.place("P1").point.lat == 34.22
    told = keeper.send("PATCH", f"Locations('at,alone')?{WHY}", {"location": POINT})
    assert told.json()["location"] == POINT
    changed = {
        "name": "s1 新",
        "properties": {"interval_s": 60},
        "unitOfMeasurement": {"symbol": "mm"},
    }
    assert keeper.send("PATCH", f"Datastreams('s1')?{WHY}", changed).json()["name"] == "s1 新"
    sensor = registry.sensor("s1", at=NOW)
    assert (sensor.interval.total_seconds(), sensor.unit) == (60, "mm")
    assert code(keeper.send("PATCH", f"Things('P1')?{WHY}", {"name": "改名"})) == "edit.empty"


def test_why_is_asked_for_and_who_is_looked_at(keeper, caller):
    assert code(keeper.send("PATCH", "Things('P1')", {"name": "x"})) == "edit.no_reason"
    officer = caller()
    for method, path in (
        ("POST", "Things"),
        ("PATCH", "Things('P1')"),
        ("DELETE", "Sensors('s1')"),
    ):
        assert officer.send(method, f"{path}?{WHY}", A_THING).status_code == 403
    assert keeper.send("POST", "Observations", {"result": 1}).status_code == 403
    east = caller("system_admin", ("410100/410102",))
    assert east.send("PATCH", f"Things('W')?{WHY}", {"name": "x"}).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "wanted"),
    [
        ("POST", "Locations", {}, "sta.registry_keeps"),
        ("POST", "ObservedProperties", {}, "sta.registry_keeps"),
        ("POST", "FeaturesOfInterest", {}, "sta.registry_keeps"),
        ("PATCH", "ObservedProperties('gas')", {}, "sta.registry_keeps"),
        ("DELETE", "Locations('P1')", {}, "sta.registry_keeps"),
        ("DELETE", "HistoricalLocations('P1')", {}, "sta.registry_keeps"),
        ("POST", "Nothing", {}, "sta.entity_unknown"),
        ("PATCH", "Things", {}, "sta.entity_unknown"),
        ("POST", "Things('P1')/Locations", {}, "sta.entity_unknown"),
        ("POST", "Things", [], "sta.entity_malformed"),
        ("POST", "Things", {"name": "x", "properties": []}, "sta.entity_malformed"),
        ("POST", "Things", {"name": "x", "properties": {"kind": "site"}}, "sta.entity_malformed"),
        ("POST", "Things", {**A_THING, "Locations": [1]}, "sta.entity_malformed"),
        ("POST", "Things", {**A_THING, "Locations": [{"location": {"type": "Point"}}]}, "sta.entity_malformed"),
        ("POST", "Things", {**A_THING, "Datastreams": 1}, "sta.entity_malformed"),
        ("POST", "Things", {**A_THING, "Datastreams": [1]}, "sta.entity_malformed"),
        ("POST", "Things", {**A_THING, "name": 5}, "sta.entity_malformed"),
        ("POST", "Things", {**A_THING, "colour": "red"}, "sta.not_kept"),
        ("POST", "Things", {**A_THING, "properties": {"colour": "red"}}, "sta.not_kept"),
        ("POST", "Things", {**A_THING, "properties": {**A_THING["properties"], "kind": "no-such"}}, "edit.worsens"),
        ("POST", "Datastreams", A_STREAM, "sta.entity_malformed"),
        ("POST", "Things('P1')/Datastreams", {**A_STREAM, "properties": {}}, "sta.entity_malformed"),
        ("POST", "Things('at,alone')/Datastreams", A_STREAM, "sta.entity_malformed"),
        ("POST", "Things('P1')/Datastreams", {**A_STREAM, "unitOfMeasurement": 1}, "sta.entity_malformed"),
        ("PATCH", "Things('P1')", 5, "sta.entity_malformed"),
        ("PATCH", "Locations('P1')", {"location": {"type": "Point", "coordinates": [999, 0]}}, "sta.entity_malformed"),
    ],
)  # fmt: skip
def test_what_the_registry_does_not_know_is_refused(keeper, method, path, body, wanted):
    told = keeper.send(method, f"{path}?{WHY}", body)
    assert told.status_code >= 400, told.content
    assert told.status_code != 500
    assert code(told) == wanted, told.content
    assert not JournalEntry.objects.filter(event="CityEdited").exists()
