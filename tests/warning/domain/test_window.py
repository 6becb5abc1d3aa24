"""Window rules: sum, mean, change, rate; coverage; a naive twin."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anlan.warning.domain.judge import level_now

from .builders import Room, a_stream, a_window, a_world, reading


def a_room(*rules: object, interval: int = 1) -> Room:
    return Room(a_world(a_stream(interval=timedelta(minutes=interval))), *rules)  # type: ignore[arg-type]


def test_a_sum_over_hours_raises_at_the_bound_and_clears_below() -> None:
    rain = a_window("sum", ("orange", 50, 40, "3h"), ("red", 100, 80, "3h"))
    room = a_room(rain, interval=60)
    for hour, mm in enumerate([10, 20, 19.9, 10.1, 70, 5, 5, 5]):
        room.step(hour * 60, reading(hour * 60, mm))
    assert room.told() == [
        ("raised", "orange", 180),
        ("level", "red", 240),
        ("level", "orange", 360),
        ("cleared", "orange", 420),
    ]
    assert room.found[0].reason.params["value"] == 50
    assert room.found[0].reason.params["window"] == "3h"


def test_tenths_add_up_exactly() -> None:
    room = a_room(a_window("sum", ("red", 1.0, 0.5, "10m")))
    room.step(9, *(reading(minute, 0.1) for minute in range(10)))
    assert room.told() == [("raised", "red", 9)]


def test_with_a_hold_one_wild_reading_raises_nothing_and_a_real_rise_is_a_little_later() -> None:
    rise = a_window("change", ("red", 15, 0, "10m"), hold="2m")
    room = a_room(rise)
    for minute in range(30):
        room.step(minute, reading(minute, 60 if minute == 12 else 0))
    assert not room.found
    for minute in range(30, 36):
        room.step(minute, reading(minute, 20))
    assert room.told() == [("raised", "red", 32)]


def test_with_a_clear_hold_calm_must_last() -> None:
    rise = a_window("change", ("red", 15, 5, "3m"), clear_hold="5m")
    room = a_room(rise)
    for minute in range(15):
        room.step(minute, reading(minute, 20 if minute >= 4 else 0))
    assert room.told() == [("raised", "red", 4), ("cleared", "red", 12)]


def test_with_too_few_readings_nothing_is_cleared() -> None:
    room = a_room(a_window("sum", ("red", 10, 5, "10m"), min_coverage=0.8))
    room.step(10, *(reading(minute, 2) for minute in range(5)))
    assert room.told() == [("raised", "red", 4)]
    room.step(20, reading(20, 0))
    assert level_now(room.memory, "rule", "stream:S1") == "red"
    room.step(28, *(reading(minute, 0) for minute in range(21, 29)))
    assert room.told()[1:] == [("cleared", "red", 27)]


def test_a_mean_of_too_few_readings_raises_nothing() -> None:
    room = a_room(a_window("mean", ("red", 10, 5, "10m"), min_coverage=0.5))
    room.step(3, *(reading(minute, 20) for minute in range(4)))
    assert not room.found
    room.step(4, reading(4, 20))
    assert room.told() == [("raised", "red", 4)]


def test_a_rise_raises_whatever_the_level() -> None:
    room = a_room(a_window("change", ("red", 1, 0.2, "10m")))
    room.step(4, *(reading(minute, 30 + minute * 0.25) for minute in range(5)))
    assert room.told() == [("raised", "red", 4)]


def test_a_rate_is_per_hour_in_its_own_unit() -> None:
    room = a_room(a_window("rate", ("red", 60, 10, "10m"), unit="cm/h"))
    room.step(10, *(reading(minute, minute * 0.01) for minute in range(11)))
    assert room.told() == [("raised", "red", 5)]
    assert room.found[0].reason.params["value"] == pytest.approx(60)


def test_one_reading_has_neither_change_nor_rate() -> None:
    for function in ("change", "rate"):
        room = a_room(a_window(function, ("red", 0, -1, "10m")))
        room.step(0, reading(0, 5))
        assert not room.found


def naive(
    function: str, readings: dict[int, int], window: int, share: float
) -> dict[int, tuple[Fraction | None, bool]]:
    """Return value and "enough readings" at each reading, with exact fractions."""
    found: dict[int, tuple[Fraction | None, bool]] = {}
    for end in sorted(readings):
        if function in {"sum", "mean"}:
            part = [v for t, v in readings.items() if end - window < t <= end]
            total = Fraction(sum(part))
            value = total if function == "sum" else total / len(part)
            found[end] = (value, len(part) / window >= share)
            continue
        part = sorted((t, v) for t, v in readings.items() if end - window <= t <= end)
        first = part[0]
        enough = (end - first[0]) / window >= share
        if first[0] == end:
            found[end] = (None, enough)
            continue
        change = Fraction(readings[end] - first[1])
        hours = Fraction(end - first[0], 60)
        found[end] = (change if function == "change" else change / hours, enough)
    return found


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["sum", "mean", "change", "rate"]),
    st.dictionaries(st.integers(0, 60), st.integers(0, 8), max_size=30),
    st.integers(1, 12),
    st.sampled_from([0.25, 0.5, 1.0]),
    st.integers(1, 20),
)
def test_matches_the_definition(
    function: str, readings: dict[int, int], window: int, share: float, limit: int
) -> None:
    rule = a_window(function, ("red", limit, limit / 2, f"{window}m"), min_coverage=share)
    room = a_room(rule)
    room.step(60, *(reading(t, float(v)) for t, v in readings.items()))
    expected, on = [], False
    for t, (value, enough) in naive(function, readings, window, share).items():
        if value is None:
            continue
        beyond = value >= limit and (enough or function in {"sum", "change"})
        calm = value <= Fraction(limit, 2) and value < limit and enough
        if beyond and not on:
            expected.append(("raised", "red", t))
        elif calm and on:
            expected.append(("cleared", "red", t))
        on = beyond or (on and not calm)
    assert room.told() == expected


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(["sum", "mean", "change", "rate"]),
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 8)), max_size=30),
    st.integers(0, 50),
)
def test_splitting_a_batch_changes_nothing(
    function: str, rows: list[tuple[int, int]], cut: int
) -> None:
    readings = dict(sorted(rows))
    rule = a_window(function, ("orange", 4, 2, "8m"), ("red", 9, 6, "20m"))
    whole, parts = a_room(rule), a_room(rule)
    for room in (whole, parts):
        room.step(0)
    signs = [reading(t, float(v)) for t, v in readings.items()]
    whole.step(50, *signs)
    parts.step(cut, *(s for s in signs if s.at <= signs[0].at.replace(hour=0, minute=cut)))
    parts.step(50, *signs)
    assert parts.memory == whole.memory
