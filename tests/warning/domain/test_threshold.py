"""Threshold rules: hold, hysteresis, gaps, late readings; a naive twin; laws."""

from __future__ import annotations

import math
import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anlan.registry.domain.rulespecs import RuleSpec, ThresholdRule
from anlan.warning.domain.findings import Phase
from anlan.warning.domain.judge import level_now, phase_of
from anlan.warning.domain.rulebook import RuleBook

from .builders import Room, a_rule, a_stream, a_threshold, a_world, at, reading

STALE = 5  # minutes: three intervals of one minute, but at least five

DEPTH = a_threshold(("orange", 0.27, 0.15), ("red", 0.4, 0.3), hold="2m", clear_hold="3m")


def a_room(*rules: RuleSpec) -> Room:
    return Room(a_world(a_stream()), *(rules or (DEPTH,)))


def test_a_limit_held_long_enough_raises_with_its_evidence_times() -> None:
    room = a_room()
    room.step(0, reading(0, 0.27))
    assert phase_of(room.memory, "rule", "stream:S1") is Phase.PENDING
    room.step(1, reading(1, 0.3))
    assert not room.found
    room.step(2, reading(2, 0.3))
    assert room.told() == [("raised", "orange", 2)]
    found = room.found[0]
    assert found.since == at(0)
    assert found.reason.code == "threshold.beyond"
    assert found.reason.params["limit"] == 0.27
    assert [value for _, _, value in found.evidence.readings] == [0.27, 0.3, 0.3]
    assert phase_of(room.memory, "rule", "stream:S1") is Phase.RAISED


def test_time_alone_completes_a_hold_while_the_reading_is_fresh() -> None:
    room = a_room()
    done = room.step(0, reading(0, 0.3))
    assert done.memory.streams["S1"].next_at is not None
    room.step(2)
    assert room.told() == [("raised", "orange", 2)]


def test_levels_rise_and_fall_as_one_instance_and_clear_after_the_calm() -> None:
    room = a_room()
    for minute, value in enumerate([0.3, 0.3, 0.5, 0.5, 0.5, 0.2, 0.2, 0.2, 0.2, 0.1, 0.1, 0.1]):
        room.step(minute, reading(minute, value))
    assert phase_of(room.memory, "rule", "stream:S1") is Phase.CLEARING
    room.step(12, reading(12, 0.15))
    assert room.told() == [
        ("raised", "orange", 2),
        ("level", "red", 4),
        ("level", "orange", 8),
        ("cleared", "orange", 12),
    ]
    assert phase_of(room.memory, "rule", "stream:S1") is Phase.NORMAL


@pytest.mark.parametrize(
    ("compare", "value", "raises"),
    [
        (">=", 5.0, True),
        (">=", 4.999, False),
        (">", 5.0, False),
        (">", 5.001, True),
        ("<=", 5.0, True),
        ("<=", 5.001, False),
        ("<", 5.0, False),
        ("<", 4.999, True),
    ],
)
def test_the_boundary_belongs_where_the_rule_says(
    compare: str, value: float, *, raises: bool
) -> None:
    room = a_room(a_threshold(("red", 5, 5), compare=compare))
    room.step(0, reading(0, value))
    assert bool(room.found) is raises


def test_clearing_at_the_raising_value_itself_does_not_flap() -> None:
    room = a_room(a_threshold(("red", 5, 5)))
    room.step(0, reading(0, 5), reading(1, 5), reading(2, 4.9), reading(3, 5))
    assert room.told() == [("raised", "red", 0), ("cleared", "red", 2), ("raised", "red", 3)]


@pytest.mark.parametrize("blind", [None, math.nan, math.inf, -math.inf])
def test_no_value_neither_breaks_nor_raises(blind: float | None) -> None:
    room = a_room()
    room.step(2, reading(0, 0.3), reading(1, blind), reading(2, 0.3))
    assert room.told() == [("raised", "orange", 2)]


def test_a_gap_breaks_the_hold_but_clears_nothing() -> None:
    slow = a_threshold(("red", 5, 4), hold="6m")
    room = a_room(slow)
    room.step(7, reading(0, 9), reading(7, 9))
    assert not room.found
    room.step(13, reading(9, 9), reading(12, 9), reading(13, 9))
    assert room.told() == [("raised", "red", 13)]
    room.step(300)
    assert room.told() == [("raised", "red", 13)]
    assert phase_of(room.memory, "rule", "stream:S1") is Phase.LOST
    assert level_now(room.memory, "rule", "stream:S1") == "red"


def test_a_peak_inside_one_batch_is_told_though_it_has_passed() -> None:
    room = a_room(a_threshold(("yellow", 1, 1), ("red", 5, 5)))
    room.step(3, reading(0, 0), reading(1, 9), reading(2, 2), reading(3, 0))
    assert room.told() == [
        ("raised", "red", 1),
        ("level", "yellow", 2),
        ("cleared", "yellow", 3),
    ]


def test_a_late_reading_that_shows_a_break_takes_the_alert_back() -> None:
    room = a_room()
    room.step(3, reading(0, 0.3), reading(2, 0.3), reading(3, 0.3))
    room.step(3.5, reading(1, 0.0, received=3.5))
    assert room.told() == [("raised", "orange", 2), ("cleared", "orange", 2)]
    assert room.found[-1].reason.code == "reading.corrected"
    room.step(4)
    assert room.told()[2:] == [("raised", "orange", 4)]


def test_a_late_peak_is_told_once() -> None:
    room = a_room(a_threshold(("yellow", 1, 1), ("red", 5, 5)))
    room.step(3, reading(0, 2), reading(3, 2))
    room.step(4, reading(2, 9, received=4))
    assert room.told() == [("raised", "yellow", 0), ("level", "red", 2), ("level", "yellow", 3)]
    room.step(5, reading(2, 9, received=4))
    assert len(room.found) == 3


def test_a_reading_beyond_the_lateness_budget_is_counted_not_judged() -> None:
    room = a_room(a_threshold(("red", 5, 5)))
    room.step(40, reading(0, 0), reading(20, 0), reading(40, 0))
    assert room.step(41, reading(10, 9, received=41)).too_late == 1
    assert not room.found


def test_a_late_peak_that_rewrites_what_was_told_is_told_before_what_stands_now() -> None:
    room = a_room(a_threshold(("yellow", 1, 1), ("orange", 3, 3), ("red", 5, 5)))
    room.step(4, reading(0, 2), reading(4, 4))
    room.step(5, reading(2, 9, received=5))
    assert room.told() == [
        ("raised", "yellow", 0),
        ("level", "orange", 4),
        ("level", "red", 2),
        ("level", "orange", 4),
    ]


def test_of_one_instant_the_reading_received_last_stands_whatever_the_order() -> None:
    for order in ((1, 2), (2, 1)):
        room = a_room(a_threshold(("red", 5, 5)))
        values = {1: 9.0, 2: 0.0}
        for received in order:
            room.step(2, reading(0, values[received], received=received))
        assert room.memory.streams["S1"].readings[0].value == 0
        assert level_now(room.memory, "rule", "stream:S1") == ""


def test_a_correction_of_the_settled_reading_comes_too_late() -> None:
    room = a_room(a_threshold(("red", 5, 5)))
    room.step(20, reading(0, 0), reading(20, 0))
    assert room.step(21, reading(0, 9, received=21)).too_late == 1
    assert not room.found


def test_a_clock_set_back_takes_nothing_back() -> None:
    room = a_room()
    room.step(0, reading(0, 0.3))
    room.step(2)
    room.step(1)
    room.step(1.5)
    assert room.told() == [("raised", "orange", 2)]


def test_the_same_batch_again_finds_nothing() -> None:
    room = a_room()
    batch = [reading(minute, 0.5) for minute in range(4)]
    room.step(3, *batch)
    before = room.memory
    assert not room.step(3, *batch).findings
    assert room.memory == before


def test_what_is_open_keeps_the_version_it_began_with() -> None:
    old = a_threshold(("red", 5, 1))
    new = msgspec.structs.replace(a_threshold(("orange", 8, 6)), version=2)
    room = a_room(old)
    room.step(0, reading(0, 5))
    room.rules = RuleBook(in_force=(new,), older={("rule", 1): old})
    room.step(1, reading(1, 3))
    assert level_now(room.memory, "rule", "stream:S1") == "red"
    room.step(2, reading(2, 1))
    assert room.told() == [("raised", "red", 0), ("cleared", "red", 2)]
    room.rules = RuleBook(in_force=(new,))
    room.step(3, reading(3, 7))
    assert len(room.found) == 2
    room.step(4, reading(4, 8))
    assert room.told()[2:] == [("raised", "orange", 4)]
    assert room.found[-1].version == 2


def test_a_rule_that_is_gone_in_every_version_ends_what_it_raised() -> None:
    room = a_room(a_threshold(("red", 5, 1)))
    room.step(0, reading(0, 5))
    room.rules = RuleBook()
    room.step(1)
    assert room.found[-1].reason.code == "rule.gone"
    assert level_now(room.memory, "rule", "stream:S1") == ""


def test_a_rule_of_certain_places_leaves_the_others_alone() -> None:
    rule = a_threshold(("red", 5, 5), only_place_kinds=["tunnel"])
    here, there = a_stream("S1", place="P1", place_kind="tunnel"), a_stream("S2")
    room = Room(a_world(here, there), rule)
    room.step(0, reading(0, 9), reading(0, 9, stream="S2"))
    assert [item.subject for item in room.found] == ["stream:S1"]
    assert room.found[0].place == "P1"


def test_a_rule_in_an_unknown_unit_is_named_and_judges_nothing() -> None:
    room = a_room(a_threshold(("red", 5, 5), unit="furlong"))
    done = room.step(0, reading(0, 9))
    assert done.unusable == ("rule",)
    assert not room.found


def test_a_sensor_that_is_no_more_ends_its_alerts() -> None:
    room = a_room(a_threshold(("red", 5, 5)))
    room.step(0, reading(0, 9))
    room.step(1, world=a_world())
    assert [item.reason.code for item in room.found] == ["threshold.beyond", "subject.ended"]
    assert room.memory.streams == {}


# --- the naive twin ---------------------------------------------------------------------------


def naive_levels(
    rule: ThresholdRule, readings: dict[int, float], until: int
) -> list[tuple[float, str]]:
    """Look at every half minute: a latch turns when all instants of its while agree."""
    hold, clear = (int(span.removesuffix("m")) for span in (rule.hold, rule.clear_hold))
    grid = [step / 2 for step in range(until * 2 + 1)]

    def seen(moment: float) -> float | None:
        last = max((t for t in readings if t <= moment), default=None)
        return None if last is None or moment - last > STALE else readings[last]

    def all_of(moment: float, while_: int, test: object) -> bool:
        part = [seen(x) for x in grid if moment - while_ <= x <= moment]
        if moment - while_ < 0:
            return False
        return all(value is not None and test(value) for value in part)  # type: ignore[operator]

    on = dict.fromkeys(range(len(rule.limits)), False)
    turns, level = [], ""
    for moment in grid:
        for number, limit in enumerate(rule.limits):
            if not on[number]:
                on[number] = all_of(moment, hold, lambda v, x=limit: v >= x.raise_at)
            else:
                calm = all_of(moment, clear, lambda v, x=limit: v <= x.clear_at and v < x.raise_at)
                on[number] = not calm
        ranks = {"red": 0, "orange": 1, "yellow": 2, "blue": 3}
        names = [rule.limits[n].level.value for n in on if on[n]]
        now = min(names, key=ranks.__getitem__, default="")
        if now != level:
            turns.append((moment, now))
            level = now
    return turns


RULES = st.builds(
    lambda hold, clear, low, gap: a_threshold(
        ("yellow", low, low - gap), ("red", low + 2, low), hold=f"{hold}m", clear_hold=f"{clear}m"
    ),
    st.integers(0, 7),
    st.integers(0, 7),
    st.integers(1, 3),
    st.integers(0, 1),
)
READINGS = st.dictionaries(st.integers(0, 40), st.integers(0, 6).map(float), max_size=25)


@settings(max_examples=150, deadline=None)
@given(RULES, READINGS, st.integers(0, 10))
def test_matches_the_definition_at_every_half_minute(
    rule: ThresholdRule, readings: dict[int, float], more: int
) -> None:
    until = 40 + more
    room = a_room(rule)
    room.step(until, *(reading(t, value) for t, value in readings.items()))
    told = [(m, "" if what == "cleared" else level) for what, level, m in room.told()]
    assert told == naive_levels(rule, readings, until)


@settings(max_examples=100, deadline=None)
@given(RULES, READINGS, st.randoms(use_true_random=False))
def test_any_way_of_arriving_in_time_ends_in_the_same_memory(
    rule: ThresholdRule, readings: dict[int, float], chance: random.Random
) -> None:
    whole, parts = a_room(rule), a_room(rule)
    for room in (whole, parts):
        room.step(0)
    signs = [reading(t, value) for t, value in readings.items()]
    whole.step(60, *signs)
    # Each reading arrives up to 14 minutes late, some of them twice, in any order.
    arrivals = [(item, int(chance.random() * 14)) for item in signs]
    arrivals += [(item, late + 3) for item, late in arrivals if chance.random() < 0.2]
    for minute in range(60):
        now = [s for s, late in arrivals if s.at == at(minute - late) and late <= 14]
        chance.shuffle(now)
        if now or chance.random() < 0.3:
            parts.step(minute, *now)
    parts.step(60)
    assert parts.memory == whole.memory


@settings(max_examples=60, deadline=None)
@given(READINGS)
def test_unit_change_moves_nothing(readings: dict[int, float]) -> None:
    metres = a_room(a_threshold(("yellow", 2, 1), ("red", 5, 4), hold="1m"))
    cm = a_room(a_threshold(("yellow", 200, 100), ("red", 500, 400), hold="1m", unit="cm"))
    for room in (metres, cm):
        room.step(50, *(reading(t, value) for t, value in readings.items()))
    assert metres.told() == cm.told()
    assert metres.memory.streams == cm.memory.streams


def test_a_centimetre_limit_is_met_exactly() -> None:
    for cm in range(1, 100):
        room = a_room(a_threshold(("red", cm, cm), unit="cm"))
        room.step(0, reading(0, float(f"0.{cm:02d}")))
        assert room.told() == [("raised", "red", 0)], cm


def test_rules_of_another_kind_do_not_touch_the_stream() -> None:
    lag = a_rule("lag", signal={"hazard": "met.rainstorm", "at_least": "red"}, level="red")
    room = a_room(lag)
    room.step(0, reading(0, 9))
    assert not room.found
