"""Whatever is asked, the answer is an answer or a clear refusal, in bounded time."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anlan.sensing.domain.sta_errors import QueryError
from anlan.sensing.sta.model import KINDS
from anlan.sensing.sta.options import options_of
from anlan.sensing.sta.parser import parse, parse_order

pytestmark = pytest.mark.django_db(databases="__all__")
PIECES = [
    "(", ")", ",", "'", "''", " ", "eq", "and", "or", "not", "-", "add", "div", "mod", "null", "true", "1",
    "1e308", "0", "name", "properties", "result", "@iot.id", "id", "phenomenonTime", "Datastream/",
    "Thing/Locations/location", "Datastreams/name", "Things/Datastreams/name", "length(", "substring(",
    "concat(", "geo.distance(", "st_relate(", "now()", "geography'POINT(1 1)'", "geography'POLYGON((",
    "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z/P1D", "duration'P9999999D'", "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+14:00", "\0", "\u202e", "积水", "%", "--", ";", "/", "$", "any(d:d/name eq 1)",
]  # fmt: skip
TEXTS = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=40).map(" ".join),
    st.lists(st.sampled_from(PIECES), max_size=40).map("".join),
    st.text(max_size=200),
)
NAMES = st.sampled_from(
    ["$filter", "$orderby", "$expand", "$select", "$top", "$skip", "$count", "$x", "history"]
)


@given(TEXTS)
@settings(max_examples=400)
def test_any_text_is_parsed_or_refused(text):
    began = time.perf_counter()
    for reading in (parse, parse_order):
        with suppress(QueryError):
            reading(text)
    assert time.perf_counter() - began < 1


@given(st.dictionaries(NAMES, TEXTS, max_size=4), st.sampled_from(sorted(KINDS)))
@settings(max_examples=300)
def test_any_options_are_understood_or_refused(given_, kind):
    with suppress(QueryError):
        options_of(kind, given_)


@given(TEXTS, st.sampled_from(["$filter", "$orderby"]), st.sampled_from(sorted(KINDS)))
@settings(max_examples=250, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_filter_is_answered_or_refused(spoken, text, option, kind):
    found = spoken.raw(KINDS[kind].plural, **{option.replace("$", "_"): text})
    assert found.status_code in {200, 400, 422}, found.content
    if found.status_code != 200:
        told = found.json()["error"]
        assert all(told[part] for part in ("code", "what", "do"))


@pytest.fixture
def spoken(caller):
    me = caller()
    me.observe("s1", 5, 1.0)
    me.observe("s2", 5, {"a": "x"})
    return me


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("Things", {"_top": "-1"}),
        ("Things", {"_top": "1.5"}),
        ("Things", {"_top": "9" * 400}),
        ("Things", {"_skip": "x"}),
        ("Things", {"_count": "maybe"}),
        ("Things", {"_what": "x"}),
        ("Things", {"_select": "nothing"}),
        ("Things", {"_select": "name,,id"}),
        ("Things", {"_expand": "Nothing"}),
        ("Things", {"_expand": "Datastreams(" * 200}),
        ("Things", {"_expand": "Datastreams($expand=Thing(" * 10 + "))" * 10}),
        ("Things", {"_expand": "/".join(["Datastreams", "Thing"] * 10)}),
        ("Things", {"_expand": ",".join(["Datastreams"] * 60)}),
        ("Things", {"_expand": "Datastreams($top=1),Datastreams($top=2)"}),
        ("Things", {"_expand": "Datastreams($nothing=1)"}),
        ("Things", {"_expand": "Datastreams()x"}),
        ("Things", {"_expand": "x" * 9000}),
        ("Things", {"_filter": "Datastreams/name eq Locations/name"}),
        ("Things", {"_filter": "Datastreams/Observations/result gt 1"}),
        ("Things", {"_filter": "name/x eq 1"}),
        ("Things", {"_orderby": "Datastreams/name"}),
        ("Things", {"_orderby": "name sideways"}),
        ("Observations", {"_filter": "Datastream/nothing eq 1"}),
        ("Observations", {"_filter": "Datastream/Thing/Locations eq FeatureOfInterest/name"}),
        ("Observations", {"_resultFormat": "CSV"}),
    ],
)
def test_nonsense_is_told_what_is_wrong(spoken, path, options):
    began = time.perf_counter()
    found = spoken.raw(path, **options)
    assert found.status_code == 400, found.content
    told = found.json()["error"]
    assert told["code"].startswith("sta.")
    assert told["what"]
    assert told["do"]
    assert "{" not in told["what"]
    assert time.perf_counter() - began < 1


def test_a_condition_may_ask_of_many_related_entities(spoken):
    near = "geo.distance(Locations/location, geography'POINT(113.2 34.2)') lt 0.01"
    assert spoken.ids("Things", _filter=near) == ["P1"]
    assert spoken.ids("Things", _filter="Datastreams/ObservedProperty/@iot.id eq 'gas'") == ["P1"]
    assert spoken.ids(
        "ObservedProperties", _filter="Datastreams/Thing/Locations/name eq 'P2 处'"
    ) == ["ponding"]
    assert spoken.ids("Things", _filter="not (Datastreams/name eq 's1')") == ["P2", "W", "at,alone"]
    box = (
        "st_within(observedArea,geography'POLYGON((113.25 34,114 34,114 35,113.25 35,113.25 34))')"
    )
    assert spoken.ids("Datastreams", _filter=box) == ["s3"]
    assert spoken.ids("Datastreams", _filter="properties/name_en eq 's2 gauge'") == ["s2"]
    assert spoken.ids("Datastreams", _filter="unitOfMeasurement/symbol eq 'cm'", _orderby="name") == [
        "alone", "s1", "s3", "west",
    ]  # fmt: skip
    assert spoken.ids("HistoricalLocations", _filter="time le now()") == [
        "P1",
        "P2",
        "W",
        "at,alone",
    ]
    there = spoken.get("Observations", _filter="Datastream/Thing/Locations/name eq 'P1 处'")[
        "value"
    ]
    assert len(there) == 2
    west = "st_within(FeatureOfInterest/feature,geography'POLYGON((110 30,111 30,111 31,110 30))')"
    assert spoken.get("Observations", _filter=west)["value"] == []
    assert len(spoken.get("Observations", _filter=f"not {west}")["value"]) == 2
