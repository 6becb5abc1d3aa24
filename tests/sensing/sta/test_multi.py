"""MultiDatastreams: ordinary streams put together, whose readings of one instant are one result."""

from __future__ import annotations

import pytest

from anlan.infra.models import JournalEntry
from anlan.registry import public as registry
from anlan.sensing.models import MultiDatastream
from tests.sensing.conftest import NOW
from tests.sensing.sta.conftest import a_place, load, stream
from tests.sensing.sta.multis import (
    A_MULTI,
    KIND,
    OF_S1,
    POINT,
    WHY,
    code,
    of,
    put_together,
    results,
    row,
)

pytestmark = pytest.mark.django_db(databases="__all__")


def test_it_comes_with_its_streams_and_its_thing_and_is_journalled(keeper, caller):
    body = {
        **A_MULTI,
        "observedArea": POINT,
        "Thing": {
            "name": "新井",
            "properties": {"code": "WELL", "kind": "site", "area": "410102001"},
        },
    }
    told = keeper.send("POST", f"MultiDatastreams?{WHY}", body)
    assert told.status_code == 201, told.content
    assert told["Location"] == "http://testserver/sta/v1.1/MultiDatastreams('W9')"
    found = keeper.get("MultiDatastreams('W9')", _expand="Thing,Sensor,ObservedProperties")
    assert (found["name"], found["observationType"]) == ("井下", f"{KIND}OM_ComplexObservation")
    assert found["multiObservationDataTypes"] == A_MULTI["multiObservationDataTypes"]
    assert [one["symbol"] for one in found["unitOfMeasurements"]] == ["cm", "%LEL"]
    lon, lat = POINT["coordinates"]
    assert found["observedArea"] == {"type": "Polygon", "coordinates": [[[lon, lat]] * 5]}
    there = "st_within(observedArea,geography'POLYGON((113 34,114 34,114 35,113 35,113 34))')"
    assert keeper.ids("MultiDatastreams", _filter=there) == ["W9"]
    assert keeper.get("FeaturesOfInterest('W9')")["feature"] == POINT
    assert (found["Thing"]["@iot.id"], found["Sensor"]["@iot.id"]) == ("WELL", "W9")
    assert [one["@iot.id"] for one in found["ObservedProperties"]] == ["ponding", "gas"]
    assert keeper.ids("Things('WELL')/Datastreams") == ["W9-1", "W9-2"]  # judged as any other
    assert registry.sensor("W9-2", at=NOW).quantity == "gas"
    events = JournalEntry.objects.order_by("seq").values_list("event", flat=True)
    assert list(events)[-4:] == ["CityEdited", "CityEdited", "CityEdited", "MultiDatastreamSet"]
    assert caller().ids("Things('WELL')/MultiDatastreams") == ["W9"]


def test_it_comes_within_a_thing_too_and_all_of_it_or_nothing(keeper):
    thing = {
        "name": "x", "properties": {"code": "T9", "kind": "site", "area": "410102001"},
        "MultiDatastreams": [A_MULTI],
    }  # fmt: skip
    bad = {
        **A_MULTI,
        "properties": {"interval_s": 60, "code": "T9-1"},
        "multiObservationDataTypes": [],
    }
    told = keeper.send("POST", f"Things?{WHY}", {**thing, "MultiDatastreams": [A_MULTI, bad]})
    assert code(told) == "sta.entity_malformed"
    assert not JournalEntry.objects.filter(event__in=["CityEdited", "MultiDatastreamSet"]).exists()
    assert keeper.send("POST", f"Things?{WHY}", thing).status_code == 201
    assert keeper.ids("Things('T9')/MultiDatastreams") == ["W9"]


def test_it_is_led_to_from_all_sides_and_leads_back(keeper, me):
    put_together(keeper, "twice", ["s1"])
    assert me.ids("MultiDatastreams") == ["M", "twice"]
    assert me.ids("Things('P1')/MultiDatastreams") == ["M", "twice"]
    assert me.ids("ObservedProperties('gas')/MultiDatastreams") == ["M"]
    assert me.ids("ObservedProperties('ponding')/MultiDatastreams") == ["M", "twice"]
    assert me.ids("Sensors('M')/MultiDatastreams") == ["M"]
    assert me.ids("Sensors('M')/Datastreams") == []
    assert me.ids("Sensors('s1')/MultiDatastreams") == []
    assert me.get("MultiDatastreams('M')/Thing")["@iot.id"] == "P1"
    assert me.get("MultiDatastreams('M')/Sensor")["metadata"] == {"datastreams": ["s1", "s2"]}
    assert me.ids("MultiDatastreams('M')/ObservedProperties") == ["ponding", "gas"]
    assert me.refused("Datastreams('M')")[0] == me.refused("MultiDatastreams('s1')")[0] == 404
    things = me.get("Things", _expand="MultiDatastreams,Datastreams", _filter="@iot.id eq 'P1'")
    assert [one["@iot.id"] for one in things["value"][0]["MultiDatastreams"]] == ["M", "twice"]
    assert me.ids("Sensors", _filter="MultiDatastreams/name eq 'M'") == ["M"]
    assert me.ids("Things", _filter="MultiDatastreams/ObservedProperties/@iot.id eq 'gas'") == [
        "P1"
    ]
    assert me.ids(
        "MultiDatastreams",
        _filter="Thing/@iot.id eq 'P1' and unitOfMeasurements[1]/symbol eq '%LEL'",
    ) == ["M"]
    assert me.ids("MultiDatastreams", _orderby="name desc", _top=1) == ["twice"]
    assert me.get("MultiDatastreams", _select="name", _count="true") == {
        "@iot.count": 2, "value": [{"name": "M"}, {"name": "twice"}]
    }  # fmt: skip
    root = me.get("")
    assert "MultiDatastreams" in {one["name"] for one in root["value"]}
    met = root["serverSettings"]["conformance"]
    assert {x.rpartition("/")[2] for x in met if "/multi-datastream" in x} == {
        "multi-datastream",
        "properties", "relations", "constraints"
    }  # fmt: skip


def test_two_results_of_one_quantity_and_a_truth_have_their_order_and_no_unit(keeper):
    kinds = ["OM_Measurement", "OM_TruthObservation", "OM_Measurement"]
    load(
        [a_place("P1")],
        [stream("a", "P1"), stream("b", "P1", quantity="gas", unit="%LEL"), stream("c", "P1")],
    )
    made = put_together(
        keeper, "three", ["c", "b", "a"], multiObservationDataTypes=[KIND + kind for kind in kinds]
    )
    assert [one["symbol"] for one in made["unitOfMeasurements"]] == ["cm", None, "cm"]
    assert keeper.ids("MultiDatastreams('three')/ObservedProperties") == [
        "ponding",
        "gas",
        "ponding",
    ]
    shown = keeper.get("MultiDatastreams('three')", _expand="ObservedProperties($select=@iot.id)")
    assert [one["@iot.id"] for one in shown["ObservedProperties"]] == ["ponding", "gas", "ponding"]


def test_it_is_renamed_and_ended_and_its_streams_stay(keeper, me):
    row(me, 5, [1, 2])
    told = keeper.send("PATCH", f"MultiDatastreams('M')?{WHY}", {"name": "新名"})
    assert told.json()["name"] == "新名"
    whole = keeper.get("MultiDatastreams('M')")  # as clients send it back
    told = keeper.send("PUT", f"MultiDatastreams('M')?{WHY}", {**whole, "name": "再改"})
    assert (told.status_code, told.json()["name"]) == (200, "再改"), told.content
    for other in ({"unitOfMeasurements": [1]}, {"properties": {"datastreams": ["s2", "s1"]}}):
        told = keeper.send("PATCH", f"MultiDatastreams('M')?{WHY}", {**whole, **other, "name": "y"})
        assert told.status_code == 422, told.content
    told = keeper.send("PATCH", f"MultiDatastreams('M')?{WHY}", {"name": "新名"})
    assert (
        code(keeper.send("PATCH", f"MultiDatastreams('M')?{WHY}", {"name": "新名"})) == "edit.empty"
    )
    assert code(keeper.send("PATCH", "MultiDatastreams('M')", {"name": "x"})) == "edit.no_reason"
    assert me.send("PATCH", f"MultiDatastreams('M')?{WHY}", {"name": "x"}).status_code == 403
    assert keeper.send("DELETE", f"MultiDatastreams('M')?{WHY}").status_code == 200
    assert me.refused("MultiDatastreams('M')") == (404, "sta.entity_unknown")
    assert results(me, "Datastreams('s1')/Observations") == [1.0]
    assert (
        me.send("POST", "MultiDatastreams('M')/Observations", {"result": [1, 2]}).status_code == 404
    )
    body = {"name": "M", "properties": {"code": "M", "datastreams": ["s1"]}}
    assert code(keeper.send("POST", f"MultiDatastreams?{WHY}", body)) == "edit.entry_code_taken"


def test_it_is_seen_where_all_of_its_streams_are(keeper, caller):
    put_together(keeper, "far", ["west"])
    put_together(keeper)
    west, east = caller(areas=("410100/410103",)), caller(areas=("410100/410102",))
    assert (west.ids("MultiDatastreams"), east.ids("MultiDatastreams")) == (["far"], ["M"])
    assert west.refused("MultiDatastreams('M')")[0] == 404
    told = west.send(
        "POST", "Observations", {"result": [1, 2], "MultiDatastream": {"@iot.id": "M"}}
    )
    assert (told.status_code, code(told)) == (422, "sta.reading_refused")
    id_ = row(east, 5, [1, 2])
    assert west.refused(of(id_)) == (404, "sta.entity_unknown")


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({"name": "x"}, "sta.entity_malformed"),
        ({"name": "x", "properties": {"datastreams": "s1"}}, "sta.entity_malformed"),
        ({"name": "x", "properties": {"datastreams": ["s1", "s1"]}}, "sta.entity_malformed"),
        ({"name": "x", "properties": {"datastreams": ["s1", "s3"]}}, "sta.entity_malformed"),
        ({"name": "x", "properties": {"datastreams": ["nothing"]}}, "record.unknown"),
        ({"name": "x" * 201, "properties": {"datastreams": ["s1"]}}, "sta.entity_malformed"),
        ({"name": "a\0", "properties": {"datastreams": ["s1"]}}, "sta.entity_malformed"),
        ({"name": "x", "properties": {"datastreams": ["s1"], "code": "s3"}}, "edit.entry_code_taken"),
        ({"name": "x", "properties": {"datastreams": ["s1"], "code": "a,b"}}, "sta.entity_malformed"),
        ({**OF_S1, "colour": "red"}, "sta.not_kept"),
        ({**OF_S1, "observedArea": POINT}, "sta.not_kept"),
        ({**OF_S1, "observationType": "OM_Measurement"}, "sta.entity_malformed"),
        ({**OF_S1, "multiObservationDataTypes": [[]]}, "sta.entity_malformed"),
        ({**OF_S1, "ObservedProperties": [{"@iot.id": "gas"}]}, "sta.entity_malformed"),
        ({**A_MULTI, "unitOfMeasurements": [1, 2]}, "sta.entity_malformed"),
        ({**A_MULTI, "unitOfMeasurements": A_MULTI["unitOfMeasurements"] * 20}, "sta.entity_malformed"),
        ({**A_MULTI, "ObservedProperties": [{"name": "a new one"}] * 2}, "sta.entity_malformed"),
        ({**A_MULTI, "Thing": {"@iot.id": "nowhere"}}, "place.unknown"),
    ],
)  # fmt: skip
def test_what_cannot_be_put_together_is_refused(keeper, body, wanted):
    told = keeper.send("POST", f"MultiDatastreams?{WHY}", body)
    assert 400 <= told.status_code < 500, told.content
    assert code(told) == wanted, told.content
    assert not MultiDatastream.objects.exists()
    assert not JournalEntry.objects.filter(event="CityEdited").exists()
