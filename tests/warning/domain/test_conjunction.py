"""Conjunctions: a warning in force × a kind of place × a condition, one instance per place."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anlan.kernel.scales import WarningLevel
from anlan.warning.domain.findings import Phase
from anlan.warning.domain.judge import phase_of
from anlan.warning.domain.signs import Place, SignalInForce, World

from .builders import Room, a_report, a_rule, a_stream, a_world, at, reading

TUNNEL = Place("P1", "road_tunnel", "A1", 34.748, 113.644)
YARD = Place("P2", "rail_yard", "A1", 34.766, 113.595)
SCHOOL = Place("P3", "school", "A2", 34.70, 113.85)
RED = SignalInForce(
    id=7,
    hazard="met.rainstorm",
    level=WarningLevel.RED,
    since=at(10),
    areas=("A1",),
    places=frozenset({"P1", "P2"}),
)
RULE = a_rule(
    "conjunction",
    place_kinds=["road_tunnel", "rail_yard"],
    level="red",
    signal={"hazard": "met.rainstorm", "at_least": "orange"},
)


def a_city(*signals: SignalInForce) -> World:
    stream = a_stream("S1", place="P1", place_kind="road_tunnel", interval=timedelta(minutes=5))
    return a_world(stream, places=(TUNNEL, YARD, SCHOOL), signals=signals)


def test_each_place_of_the_kind_inside_the_ground_has_its_instance() -> None:
    room = Room(a_city(), RULE)
    room.step(9)
    room.step(11, world=a_city(RED))
    assert [item.subject for item in room.found] == ["place:P1", "place:P2"]
    assert room.told() == [("raised", "red", 10)] * 2
    assert room.found[0].evidence.signals == (7,)
    room.step(12, world=a_city(RED))
    assert len(room.found) == 2
    room.step(60, world=a_city())
    assert room.told()[2:] == [("cleared", "red", 60)] * 2
    assert room.found[-1].reason.code == "conjunction.signal_ended"


def test_with_an_upper_bound_a_rule_gives_way_to_a_higher_warning_and_says_so() -> None:
    bounded = {"hazard": "met.rainstorm", "at_least": "orange", "at_most": "orange"}
    rule = a_rule("conjunction", place_kinds=["road_tunnel"], level="yellow", signal=bounded)
    orange = msgspec.structs.replace(RED, id=5, level=WarningLevel.ORANGE)
    elsewhere = msgspec.structs.replace(RED, places=frozenset({"P2"}))
    room = Room(a_city(), rule)
    room.step(11, world=a_city(orange, elsewhere))
    assert room.told() == [("raised", "yellow", 10)]
    room.step(20, world=a_city(orange, RED))
    assert room.told()[1:] == [("cleared", "yellow", 20)]
    assert room.found[-1].reason.code == "conjunction.signal_rose"
    room.step(30, world=a_city(RED))
    room.step(40, world=a_city(orange))
    assert room.told()[2:] == [("raised", "yellow", 10)]


def test_an_upper_bound_below_the_lower_one_is_refused() -> None:
    upside_down = {"hazard": "met.rainstorm", "at_least": "red", "at_most": "orange"}
    with pytest.raises(msgspec.ValidationError, match="never hold"):
        a_rule("conjunction", place_kinds=["school"], level="red", signal=upside_down)


def test_a_lower_level_or_another_hazard_raises_nothing() -> None:
    yellow = msgspec.structs.replace(RED, level=WarningLevel.YELLOW)
    heat = msgspec.structs.replace(RED, hazard="met.heat")
    room = Room(a_city(yellow, heat), RULE)
    room.step(11)
    assert not room.found


def test_a_place_that_is_no_more_ends_its_instance() -> None:
    room = Room(a_city(RED), RULE)
    room.step(11)
    world = msgspec.structs.replace(a_city(RED), places=(YARD,))
    room.step(12, world=world)
    assert [item.reason.code for item in room.found[2:]] == ["subject.ended"]


WET = a_rule(
    "conjunction",
    place_kinds=["road_tunnel"],
    level="red",
    signal={"hazard": "met.rainstorm", "at_least": "red"},
    reading={"quantity": "depth", "compare": ">=", "value": 0.2, "max_age": "30m"},
)


def test_a_reading_decides_only_while_it_is_fresh() -> None:
    room = Room(a_city(RED), WET)
    room.step(10)
    assert not room.found
    room.step(12, reading(12, 0.1))
    assert not room.found
    room.step(15, reading(15, 0.2))
    assert room.told() == [("raised", "red", 15)]
    room.step(50)
    assert len(room.found) == 1
    assert phase_of(room.memory, "rule", "place:P1") is Phase.LOST
    room.step(60, reading(60, 0.1))
    assert room.told()[1:] == [("cleared", "red", 60)]
    assert room.found[-1].reason.code == "conjunction.calm"


GAS = a_rule(
    "conjunction",
    hazard="gas.leak",
    place_kinds=["school"],
    level="orange",
    report={"hazard": "gas.leak", "within_m": 300, "within": "60m"},
)


def test_a_report_near_a_place_holds_for_its_time() -> None:
    room = Room(a_city(), GAS)
    room.step(0, a_report(1, 0, hazard="gas.leak", lat=34.7009, lon=113.85))
    assert room.told() == [("raised", "orange", 0)]
    assert room.found[0].evidence.reports == (1,)
    room.step(60)
    assert len(room.found) == 1
    due = room.memory.city.next_at
    assert due is not None
    room.step(61)
    assert room.told()[1:] == [("cleared", "orange", 61)]


def test_a_report_without_coordinates_counts_in_the_area_of_the_place() -> None:
    room = Room(a_city(), GAS)
    room.step(0, a_report(1, 0, hazard="gas.leak", lat=None, lon=None, area="A2"))
    assert [item.subject for item in room.found] == ["place:P3"]


def test_a_report_far_away_raises_nothing() -> None:
    room = Room(a_city(), GAS)
    room.step(0, a_report(1, 0, hazard="gas.leak", lat=34.71, lon=113.85))
    assert not room.found


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.booleans(), st.one_of(st.none(), st.integers(0, 4)), st.integers(1, 40)),
        max_size=12,
    )
)
def test_open_exactly_by_the_truth_table(
    steps: list[tuple[bool, int | None, int]],
) -> None:
    """The twin: what is known of signal and reading decides, and "unknown" keeps what is."""
    room = Room(a_city(), WET)
    minute, last, expected = 0, (-1000, 0.0), False
    for signal, tenths, gap in steps:
        minute += gap
        if tenths is not None:
            last = (minute, tenths / 10)
        signs = [] if tenths is None else [reading(minute, tenths / 10)]
        since = msgspec.structs.replace(RED, since=at(0))
        room.step(minute, *signs, world=a_city(since) if signal else a_city())
        fresh = minute - last[0] <= 30
        wet = (last[1] >= 0.2) if fresh else None
        if not signal or wet is False:
            expected = False
        elif wet:
            expected = True
        assert bool(room.memory.city.standing) is expected
