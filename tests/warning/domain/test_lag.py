"""Lag rules: the response is below what the plan asks for the warning in force."""

from __future__ import annotations

from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from anlan.kernel.scales import ResponseLevel, WarningLevel
from anlan.warning.domain.signs import ResponseStanding, SignalInForce, SignalSign, World

from .builders import Room, a_rule, a_world, at, minutes

ASKED = {
    ("met.rainstorm", "red"): ResponseLevel.I,
    ("met.rainstorm", "orange"): ResponseLevel.II,
}
SAID = {"hazard": "met.rainstorm", "signal": {"hazard": "met.rainstorm", "at_least": "orange"}}
LAG = a_rule("lag", level="red", grace="10m", **SAID)
REPEAT = a_rule(
    "lag",
    level="red",
    repeat={"times": 2, "within": "12h"},
    **(SAID | {"signal": {"hazard": "met.rainstorm", "at_least": "red"}}),
)


def a_signal(level: str = "red", since: float = 0, area: str = "C") -> SignalInForce:
    return SignalInForce(7, "met.rainstorm", WarningLevel(level), at(since), (area,))


def a_response(level: str, ended: datetime | None = None, path: str = "C") -> ResponseStanding:
    return ResponseStanding(3, "met.rainstorm", ResponseLevel(level), path, ended)


def a_city(*standing: object) -> World:
    return a_world(
        signals=tuple(x for x in standing if isinstance(x, SignalInForce)),
        responses=tuple(x for x in standing if isinstance(x, ResponseStanding)),
        asked=ASKED,
        area_paths={"C": "C", "D": "C/D"},
    )


def test_with_an_upper_bound_the_lag_gives_way_to_that_of_the_higher_warning() -> None:
    bounded = {"hazard": "met.rainstorm", "at_least": "orange", "at_most": "orange"}
    lag = a_rule("lag", level="orange", hazard="met.rainstorm", signal=bounded)
    room = Room(a_city(), lag)
    room.step(0, world=a_city(a_signal("orange")))
    assert room.told() == [("raised", "orange", 0)]
    room.step(20, world=a_city(a_signal("orange"), a_signal("red", since=20)))
    assert room.told()[1:] == [("cleared", "orange", 20)]
    assert room.found[-1].reason.code == "lag.signal_rose"


def test_a_repetition_above_the_upper_bound_does_not_count() -> None:
    bounded = {"hazard": "met.rainstorm", "at_least": "orange", "at_most": "orange"}
    rule = a_rule(
        "lag",
        level="red",
        hazard="met.rainstorm",
        signal=bounded,
        repeat={"times": 2, "within": "12h"},
    )
    room = Room(a_city(), rule)
    first = SignalSign(1, at(1), "met.rainstorm", "orange", ("C",))
    red = SignalSign(2, at(2), "met.rainstorm", "red", ("C",))
    room.step(3, first, red, world=a_city(a_signal("orange")))
    assert not room.found
    again = SignalSign(4, at(4), "met.rainstorm", "orange", ("C",))
    room.step(5, again, world=a_city(a_signal("orange")))
    assert room.told() == [("raised", "red", 4)]


def test_a_response_too_low_is_told_after_the_grace_and_cleared_when_reached() -> None:
    room = Room(a_city(), LAG)
    behind = a_city(a_signal(), a_response("II"))
    room.step(0, world=behind)
    assert not room.found
    assert room.memory.city.next_at is not None
    room.step(11, world=behind)
    assert room.told() == [("raised", "red", 10)]
    assert room.found[0].subject == "area:C"
    assert room.found[0].reason.params == {"asked": "I", "in_force": "II"}
    room.step(30, world=behind)
    room.step(60, world=a_city(a_signal(), a_response("I")))
    assert room.told()[1:] == [("cleared", "red", 60)]
    assert room.found[-1].reason.code == "lag.response_reached"


def test_in_time_or_higher_than_asked_is_no_lag() -> None:
    room = Room(a_city(), LAG)
    room.step(0, world=a_city(a_signal()))
    room.step(9, world=a_city(a_signal(), a_response("I")))
    room.step(60, world=a_city(a_signal("orange"), a_response("I")))
    assert not room.found


def test_the_end_of_the_warning_clears() -> None:
    room = Room(a_city(), LAG)
    room.step(10, world=a_city(a_signal()))
    room.step(20, world=a_city())
    assert room.told() == [("raised", "red", 10), ("cleared", "red", 20)]
    assert room.found[-1].reason.code == "lag.warning_ended"


def test_a_response_that_ended_begins_the_lag_anew() -> None:
    room = Room(a_city(), LAG)
    ended = a_city(a_signal(), a_response("I", ended=at(100)))
    room.step(105, world=ended)
    assert not room.found
    room.step(110, world=ended)
    assert room.told() == [("raised", "red", 110)]
    assert minutes(room.found[0].since) == 100


def test_a_response_of_one_district_does_not_cover_the_city() -> None:
    room = Room(a_city(), LAG)
    room.step(20, world=a_city(a_signal(), a_response("I", path="C/D")))
    assert [item.subject for item in room.found] == ["area:C"]
    there = Room(a_city(), LAG)
    there.step(20, world=a_city(a_signal(area="D"), a_response("I", path="C")))
    assert not there.found


def test_a_level_for_which_the_plan_asks_nothing_is_no_lag() -> None:
    yellow = a_rule(
        "lag", level="red", **(SAID | {"signal": {"hazard": "met.rainstorm", "at_least": "blue"}})
    )
    room = Room(a_city(), yellow)
    room.step(20, world=a_city(a_signal("yellow")))
    assert not room.found


def heard(number: int, minute: float, level: str = "red") -> SignalSign:
    return SignalSign(number, at(minute), "met.rainstorm", level, ("C",))


def test_a_repeated_signal_is_told_at_its_second_time() -> None:
    room = Room(a_city(), REPEAT)
    behind = a_city(a_signal(), a_response("II"))
    room.step(0, heard(1, 0), world=behind)
    room.step(200, heard(2, 200, "orange"), world=behind)
    assert not room.found
    room.step(300, heard(3, 300), world=behind)
    room.step(300, heard(3, 300), world=behind)
    assert room.told() == [("raised", "red", 300)]
    assert room.found[0].reason.code == "lag.repeated"


def test_repetitions_too_far_apart_do_not_count() -> None:
    room = Room(a_city(), REPEAT)
    behind = a_city(a_signal())
    room.step(0, heard(1, 0), world=behind)
    room.step(721, heard(2, 721), world=behind)
    assert not room.found


LEVELS = [None, "IV", "III", "II", "I"]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([None, "yellow", "orange", "red"]),
            st.sampled_from(LEVELS),
            st.integers(0, 30),
        ),
        max_size=10,
    )
)
def test_open_means_behind_for_the_whole_grace(
    steps: list[tuple[str | None, str | None, int]],
) -> None:
    """The twin: below what is asked, for at least the grace since the warning's level began."""
    room = Room(a_city(), LAG)
    minute, level_before, since, expected = 0, None, 0, False
    for level, response, gap in steps:
        minute += gap
        if level != level_before:
            level_before, since = level, minute
        standing = [a_signal(level, since)] if level else []
        room.step(minute, world=a_city(*standing, *([a_response(response)] if response else [])))
        asked = {"orange": 3, "red": 4}.get(level or "", 0)
        behind = LEVELS.index(response) < asked
        expected = behind and (expected or minute - since >= 10)
        open_ones = [x for x in room.memory.city.standing if x.phase.value == "raised"]
        assert bool(open_ones) is expected
