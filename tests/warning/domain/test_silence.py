"""Silence rules: a lost stream counts at least as its last level (I6)."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from anlan.registry.domain.rulespecs import RuleSpec

from .builders import MORNING, Room, a_rule, a_stream, a_threshold, a_world, minutes, reading

SILENCE = a_rule("silence", id="silence", hazard="system.device", intervals=3, at_least="5m")
DEPTH = a_threshold(("orange", 5, 4), ("red", 8, 7))


def a_room(*rules: RuleSpec, interval: int = 1) -> Room:
    return Room(a_world(a_stream(interval=timedelta(minutes=interval))), *(rules or (SILENCE,)))


def test_silence_is_raised_after_the_wait_and_cleared_when_heard_again() -> None:
    room = a_room()
    room.step(0, reading(0, 0.1))
    room.step(5)
    assert not room.found
    room.step(5.1)
    assert room.told() == [("raised", "yellow", 5)]
    assert minutes(room.found[0].since) == 0
    room.step(9, reading(9, 0.1))
    assert room.told()[1:] == [("cleared", "yellow", 9)]
    assert room.found[1].reason.code == "silence.heard_again"


def test_several_intervals_count_when_they_are_longer() -> None:
    room = a_room(interval=60)
    room.step(0, reading(0, 0.1))
    room.step(180)
    assert not room.found
    room.step(181)
    assert room.told() == [("raised", "yellow", 180)]


def test_a_sensor_that_was_never_heard_is_found_too() -> None:
    room = a_room()
    room.step(0)
    room.step(6)
    assert room.told() == [("raised", "yellow", 5)]


def test_a_lost_stream_keeps_its_last_level() -> None:
    room = a_room(SILENCE, DEPTH)
    room.step(0, reading(0, 9))
    room.step(10)
    assert room.told() == [("raised", "red", 0), ("raised", "red", 5)]
    assert room.found[1].rule == "silence"


def test_no_value_is_not_heard() -> None:
    room = a_room()
    room.step(0, reading(0, 0.1))
    room.step(6, *(reading(minute, None) for minute in range(1, 7)))
    assert room.told() == [("raised", "yellow", 5)]


def test_old_readings_that_come_late_do_not_end_silence() -> None:
    room = a_room()
    room.step(0, reading(0, 0.1))
    room.step(30)
    room.step(31, reading(2, 0.1, received=31))
    assert len(room.found) == 1
    room.step(32, reading(31.5, 0.1, received=32))
    assert room.told()[1:] == [("cleared", "yellow", 31.5)]


def test_a_clock_set_back_clears_nothing() -> None:
    room = a_room()
    room.step(0, reading(0, 0.1))
    room.step(30)
    room.step(3)
    assert room.told() == [("raised", "yellow", 5)]


def test_one_silence_alert_for_a_stream_by_its_own_rule() -> None:
    own = msgspec.structs.replace(SILENCE, id="own", quantity="depth", at_least="20m")  # type: ignore[call-arg]
    room = a_room(SILENCE, own)
    room.step(0, reading(0, 0.1))
    room.step(19)
    assert not room.found
    room.step(30)
    assert [item.rule for item in room.found] == ["own"]


def test_silence_in_maintenance_is_expected() -> None:
    room = Room(a_world(a_stream(in_maintenance=True)), SILENCE)
    room.step(0, reading(0, 0.1))
    room.step(60)
    assert not room.found


def test_the_next_instant_to_look_is_when_silence_begins() -> None:
    room = a_room()
    room.step(0, reading(0, 0.1))
    due = room.memory.streams["S1"].next_at
    assert due is not None
    assert due / 1e6 - MORNING.timestamp() > 5 * 60


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 60), max_size=20), st.lists(st.integers(0, 90), max_size=20))
def test_silent_means_exactly_that_nothing_came_for_the_wait(
    heard: list[int], looks: list[int]
) -> None:
    room = a_room()
    room.step(0)
    for minute in sorted({*heard, *looks}):
        room.step(minute, *([reading(minute, 1.0)] if minute in heard else []))
        last = max((t for t in heard if t <= minute), default=0)
        open_one = room.memory.streams["S1"].silence is not None
        assert open_one == (minute - last > 5)
