"""What a hostile client sends: each ends in an answer or a clear refusal, and spoils nothing for others."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anlan.sensing import public
from anlan.sensing.services.hands import reader
from anlan.sensing.sta import answers, evaluate, functions, looking, view
from tests.sensing.conftest import NOW

pytestmark = pytest.mark.django_db(databases="__all__")
WHY = "reason=notice%2012"
FIELDS = [
    "result", "phenomenonTime", "resultTime", "resultQuality", "parameters", "validTime", "@iot.id",
    "Datastream", "FeatureOfInterest", "name", "properties", "Locations", "Datastreams", "location",
    "encodingType", "unitOfMeasurement", "observedArea", "ObservedProperty", "Thing", "code", "kind",
    "area", "grade", "interval_s", "symbol", "op", "path", "value", "components", "dataArray", "type",
    "coordinates", "geometry",
]  # fmt: skip
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20), st.sampled_from([
        "s1", "s2", "west", "P1", "W", "good", "replace", "add", "/result", "Point", "cm", "ponding",
        "2026-07-20T07:59:00Z", "2026-07-20T07:59:00Z/P1D", "0001-01-01T00:00:00+14:00", "9" * 400,
        "9999-12-31T23:59:59.999999-14:00", "site", "410102001", "application/geo+json", "x" * 70_000,
    ]),
)  # fmt: skip
BODIES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(FIELDS), inner, max_size=6)
    ),
    max_leaves=20,
)


@pytest.fixture
def sent(caller):
    me, keeper = caller(), caller("system_admin")
    number = me.observe("s1", 5, 1.0)
    return me, keeper, number


@given(
    body=BODIES,
    place=st.sampled_from([
        ("POST", "Observations"), ("POST", "Datastreams('s2')/Observations"), ("POST", "CreateObservations"),
        ("PATCH", "Observations(N)"), ("POST", "Things"), ("POST", "Things('P1')/Datastreams"),
        ("PATCH", "Things('P1')"), ("PATCH", "Locations('P1')"), ("PATCH", "Datastreams('s1')"),
        ("POST", "$batch"),
    ]),
)  # fmt: skip
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_body_is_taken_or_refused(sent, body, place):
    me, keeper, number = sent
    method, path = place
    who = me if "Observations" in path else keeper
    told = who.send(method, f"{path.replace('N', str(number))}?{WHY}", body)
    assert told.status_code < 500 or told.status_code == 501, told.content
    if told.status_code >= 400:
        assert all(told.json()["error"][part] for part in ("code", "what", "do"))
    # Whatever was taken can be read by everybody.
    assert me.raw("Observations", _count="true", history="true").status_code == 200


@pytest.mark.parametrize("depth", [60, 61, 500, 900, 5000])
def test_a_result_that_nests_too_deeply_does_not_spoil_the_page_of_others(sent, depth):
    me, _, _ = sent
    body = b'{"result":' + b"[" * depth + b"]" * depth + b"}"
    told = me.send("POST", "Datastreams('s2')/Observations", body)
    assert told.status_code == (201 if depth <= 60 else 400 if depth > 950 else 422), told.content
    assert me.raw("Observations").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "Observations(N)", [{"op": [], "path": "/result", "value": 1}]),
        ("PATCH", "Observations(N)", [{"op": "add", "path": {}, "value": 1}]),
        ("POST", "Things", {"name": "x", "Locations": [{"encodingType": []}]}),
        ("POST", "Things", {"name": "x", "@iot.id": {"a": 1}, "properties": {"area": "410102001"}}),
        (
            "POST",
            "Things",
            {
                "name": "x",
                "properties": {"kind": "site", "area": "410102001", "code": "X"},
                "Datastreams": [{"properties": [1]}],
            },
        ),
    ],
)
def test_a_list_where_a_text_belongs_is_told(sent, method, path, body):
    me, keeper, number = sent
    who = me if "Observations" in path else keeper
    told = who.send(method, f"{path.replace('N', str(number))}?{WHY}", body)
    assert (told.status_code, told.json()["error"]["code"]) == (400, "sta.entity_malformed")


@pytest.mark.parametrize(
    "wkt",
    [
        "CIRCULARSTRING(0 0,1 1,2 0)", "POINT(1e400 1)", "POINT(nan 1)", "TIN(((0 0,0 1,1 1,0 0)))", "",
        "POLYGON((0 0))", "GEOMETRYCOLLECTION(" * 200, "POINT(1 1) x", "SRID=4326;", "点(1 1)",
    ],
)  # fmt: skip
def test_a_geometry_that_is_none_is_told(sent, wkt):
    spoken = f"geo.intersects(Locations/location, geography'{wkt}')"
    assert sent[0].refused("Things", _filter=spoken) == (400, "sta.filter_syntax")


@pytest.mark.parametrize(
    "wkt",
    [
        "POLYGON((113 34,114 35,114 34,113 35,113 34))",  # crosses itself
        "GEOMETRYCOLLECTION(POINT(113.2 34.2),POLYGON((113 34,114 34,114 35,113 34)))",
        "POINT EMPTY", "POLYGON((0 0,1e308 1e308,1e308 0,0 0))", "POINT Z(113 34 5)",
        "MULTIPOLYGON(((0 0,2 0,2 2,0 2,0 0)),((1 1,3 1,3 3,1 3,1 1)))",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["geo.distance", *[x for x in functions.FUNCTIONS if "st_" in x]])
def test_an_odd_geometry_is_answered_or_refused(sent, wkt, name):
    more = ",'T*****FF*'" if name == "st_relate" else ""
    more_than = " lt 1" if name == "geo.distance" else ""
    found = sent[0].raw(
        "Things", _filter=f"{name}(Locations/location,geography'{wkt}'{more}){more_than}"
    )
    assert found.status_code in {200, 400}, found.content


def test_too_many_parameters_are_told_in_our_form(sent):
    found = sent[0].client.get("/sta/v1.1/Things?" + "&".join(f"a{n}=1" for n in range(1100)))
    assert (found.status_code, found.json()["error"]["code"]) == (422, "input.invalid")


def test_what_a_question_may_reckon_is_bounded(sent, monkeypatch):
    me = sent[0]
    assert me.ids("Datastreams", _filter="startswith(name,'s')") == ["s1", "s2", "s3"]
    monkeypatch.setattr(view, "MOST_STEPS", 5 * (evaluate.CALLED + 2 * evaluate.PLAIN) - 1)
    assert me.refused("Datastreams", _filter="startswith(name,'s')") == (400, "sta.too_wide")
    assert me.refused("Datastreams", _orderby="name") == (400, "sta.too_wide")
    assert me.ids("Datastreams", _filter="id eq 's1'") == ["s1"]
    many = " or ".join(["Datastreams/name eq 'x'"] * 100)
    assert me.refused("Things", _filter=many) == (400, "sta.too_wide")
    assert me.refused("Things", _orderby=",".join(["name"] * 11))[1] == "sta.filter_too_complex"


def test_what_a_question_may_write_is_bounded(sent, monkeypatch):
    monkeypatch.setattr(functions, "MOST_LETTERS", 1000)
    long = "concat('" + "x" * 300 + "',name) eq 'y'"
    assert sent[0].refused("Datastreams", _filter=long) == (400, "sta.too_wide")


def test_one_long_text_among_many_makes_no_room_for_all(sent):
    me = sent[0]
    me.observe("s2", 3, "y" * 60_000)
    me.observe("s2", 2, "x")
    found = me.get("Datastreams('s2')/Observations", _orderby="result desc", _select="result")
    assert [one["result"][0] for one in found["value"]] == ["y", "x"]


def test_readings_are_counted_before_they_are_made(sent, monkeypatch):
    me = sent[0]
    for minute in range(6, 12):
        me.observe("s1", minute, minute)
    made = []
    monkeypatch.setattr(answers, "_plain_readings", lambda *_: made.append(1))
    monkeypatch.setattr(answers, "MOST_SHOWN", 5)
    assert me.refused("Observations") == (400, "sta.too_wide")
    assert not made


def test_a_reading_corrected_very_often_is_still_one(sent):
    me, _, number = sent
    for value in range(30):
        me.send("PATCH", f"Observations({number})?{WHY}", {"result": value})
    assert [one["@iot.id"] for one in me.get("Observations")["value"]] == [number]
    assert me.get(f"Observations({number})")["result"] == 29.0


def test_a_reading_received_twice_has_a_history_under_both_numbers(sent):
    me, _, number = sent
    again = me.observe("s1", 5, 1.0)
    for one in (number, again):
        assert me.get(f"Observations({one})", history="true")["@iot.id"] == number


@pytest.mark.parametrize("path", ["Observations(N)", "Datastreams('s1')/Observations(N)"])
def test_a_number_is_not_looked_for_without_end(sent, monkeypatch, path):
    from datetime import timedelta

    me, _, number = sent
    public.seal_segments(now=NOW, span=timedelta(0))
    here = path.replace("N", str(number))
    assert me.get(here)["result"] == 1.0
    monkeypatch.setattr(looking, "MOST_FOUND_AMONG", 0)
    assert me.refused(here) == (400, "sta.too_wide")
    # Numbers that were never given are known without any look at readings.
    for other in (number + 1, number + (1 << 40), (1 << 62) - 1, -5):
        assert me.refused(f"Observations({other})") == (404, "sta.entity_unknown")
    assert reader().brought(number >> 20).rows == 1


def test_nobody_amends_what_another_sent_or_may_not_see(sent, caller):
    me, _, number = sent
    west = caller("duty_officer", ("410100/410103",))
    assert json.loads(me.raw(f"Observations({number})").content)["result"] == 1.0
    for method in ("PATCH", "DELETE"):
        told = west.send(method, f"Observations({number})?{WHY}", {"result": 5})
        assert told.status_code in {403, 404}, told.content
    assert west.refused(f"Observations({number})")[0] == 404
    assert (
        west.send("POST", "Observations", {"result": 1, "Datastream": {"@iot.id": "s1"}}).json()[
            "error"
        ]["params"]["reason"]
        == "observation.stream_unknown"
    )
    assert me.get(f"Observations({number})")["result"] == 1.0


def test_of_few_streams_that_speak_very_often_only_some_are_read_at_once(sent, monkeypatch):
    from anlan.sensing.store import StoreReader

    me = sent[0]
    me.observe("s2", 4, 2.0)
    me.observe("s3", 3, 3.0)
    whole = me.get("Observations", _count="true")
    assert whole["@iot.count"] == 3
    monkeypatch.setattr(looking, "STREAMS_AT_ONCE", 1)
    assert me.get("Observations", _count="true") == whole
    monkeypatch.setattr(looking, "MOST_LOOKED_AT", 0)
    read, plainly = [], StoreReader.read
    monkeypatch.setattr(StoreReader, "read", lambda *a, **b: read.append(1) or plainly(*a, **b))
    assert me.refused("Observations", _count="true") == (400, "sta.too_wide")
    assert len(read) == 1
