"""The shared words: canonical bytes, spans, scales, geometry, actors, events."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.kernel.actor import Actor, Role
from anlan.kernel.canonical import canonical_bytes, digest, instant_text, parse_instant, plain
from anlan.kernel.durations import parse_span, span_text
from anlan.kernel.events import Event
from anlan.kernel.geometry import Point, distance_m, ring_contains
from anlan.kernel.scales import AccidentGrade, ResponseLevel, WarningLevel, at_least, rank

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)  # fmt: skip


@given(json_values)
def test_canonical_bytes_survive_a_json_library(value):
    assert canonical_bytes(json.loads(canonical_bytes(value))) == canonical_bytes(value)


@given(st.dictionaries(st.text(), st.integers(), min_size=2))
def test_order_of_keys_does_not_matter(value):
    assert digest(dict(reversed(list(value.items())))) == digest(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_has_no_single_form_is_refused(value):
    with pytest.raises(ValueError, match="canonical"):
        plain(value)


def test_one_instant_has_one_text():
    here = datetime(2021, 7, 19, 21, 59, tzinfo=timezone(timedelta(hours=8)))
    assert instant_text(here) == "2021-07-19T13:59:00.000000Z"
    assert parse_instant(instant_text(here)) == here
    with pytest.raises(ValueError, match="time zone"):
        instant_text(datetime(2021, 7, 19))  # noqa: DTZ001
    with pytest.raises(ValueError, match="time zone"):
        parse_instant("2021-07-19T21:59:00")


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("5d", 432000), ("1h30m", 5400)]
)
def test_spans_read_as_written(text, seconds):
    assert parse_span(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "5", "h", "5 h", "-5h", "5w", "1h x", "5h,"])
def test_what_is_no_span_is_refused(text):
    with pytest.raises(ValueError, match="span"):
        parse_span(text)


@given(st.integers(0, 10**8))
def test_span_text_is_read_back(seconds):
    span = timedelta(seconds=seconds)
    assert parse_span(span_text(span)) == span


def test_scales_rank_from_the_top_and_do_not_mix():
    assert rank(WarningLevel.RED) == 0
    assert rank(ResponseLevel.IV) == 3
    assert rank(AccidentGrade.ORDINARY) == 3
    assert at_least(WarningLevel.RED, WarningLevel.ORANGE)
    assert not at_least(ResponseLevel.II, ResponseLevel.I)
    assert type(WarningLevel.RED) is not type(ResponseLevel.I)


def test_distance_of_a_known_pair():
    # One degree of latitude on the mean sphere: 111.195 km.
    assert distance_m(Point(34, 113), Point(35, 113)) == pytest.approx(111_195, abs=2)
    assert distance_m(Point(34, 113), Point(34, 113)) == 0


places = st.builds(Point, st.floats(-89, 89), st.floats(-179, 179))


@given(places, places)
def test_distance_is_symmetric_and_bounded(a, b):
    assert distance_m(a, b) == pytest.approx(distance_m(b, a))
    assert 0 <= distance_m(a, b) <= 20_015_200


def test_a_place_off_the_earth_is_refused():
    with pytest.raises(ValueError, match="Earth"):
        Point(91, 0)


def test_ring_contains_its_middle_and_not_its_outside():
    square = ((0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0), (0.0, 0.0))
    assert ring_contains(square, Point(1, 1))
    assert not ring_contains(square, Point(3, 1))
    assert not ring_contains(square, Point(1, -1))


@pytest.mark.parametrize(
    ("areas", "path", "expected"),
    [
        (("410100",), "410100/410102", True),
        (("410100/410102",), "410100/410102", True),
        (("410100/410102",), "410100/4101020", False),
        (("",), "410100", True),
        ((), "410100", False),
    ],
)
def test_an_actor_covers_what_lies_below_its_areas(areas, path, expected):
    assert Actor(id="a", role=Role.DUTY_OFFICER, areas=areas).covers(path) is expected


def test_two_events_may_not_share_a_name():
    @dataclass(frozen=True, slots=True)
    class SomethingOddHappened(Event):
        at: datetime

    try:
        assert SomethingOddHappened(datetime(2026, 1, 1, tzinfo=UTC)).name == "SomethingOddHappened"
        with pytest.raises(TypeError, match="two events"):
            type("SomethingOddHappened", (Event,), {"__module__": "elsewhere"})
    finally:
        Event.registered.pop("SomethingOddHappened", None)
