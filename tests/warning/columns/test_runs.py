"""Neighbours that are taken many at once are judged like any others, whatever comes in between."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anlan.warning.columns import (
    Standing,
    batch_of,
    copied,
    hold_open,
    load,
    put_stream,
    rings,
    save,
)
from anlan.warning.columns.adopting import widen
from anlan.warning.columns.layout import ABREAST, BUNDLE, RUN
from anlan.warning.columns.programs import readings_needed
from anlan.warning.columns.ring import catch_all_up
from anlan.warning.columns.rings import leave, seat
from anlan.warning.columns.runs import take_run
from anlan.warning.columns.sharing import all_rise
from anlan.warning.columns.state import ABREAST_ALREADY, ALONE, BY_RUN, new_state
from tests.warning.domain.builders import a_rule, a_threshold

from .both import Both, a_stream, caught_up, readings, us

FULL = 19  # readings of a threshold and a stream that speaks every minute
NUMBERS = range(2 * RUN + 20)  # two runs, and some of the next bundle
SELDOM = 2 * RUN + 5  # speaks seldom: another program, and another ring, among the others


def a_street() -> Both:
    streams = {number: a_stream(number) for number in NUMBERS}
    slow = a_stream(SELDOM).interval * 5
    streams[SELDOM] = a_stream(SELDOM, interval=slow)
    rules = (
        a_threshold(("yellow", 4, 3), ("red", 6, 5), hold="20s", clear_hold="20s"),
        a_rule("silence", hazard="system.device"),
    )
    return Both(streams, *rules)


def a_minute(both: Both, minute: int, *, changes: dict[int, Any] | None = None) -> None:
    """Let all speak once; ``changes``: another value, or None to say nothing, by stream."""
    said = {number: (minute * 60 + number % 7, 1.0 + number % 3 / 2) for number in NUMBERS}
    for number, change in (changes or {}).items():
        if change is None:
            del said[number]
        else:
            said[number] = change
    both.step(minute * 60 + 10, *((number, *said[number]) for number in sorted(said)))


def takes_run(both: Both, minute: int, first: int = 0) -> bool:
    """Return whether the next reading of a run of neighbours is taken at once; take it if so."""
    batch = batch_of(
        list(range(first, first + RUN)), [us(minute * 60 + x % 7) for x in range(RUN)], [1.0] * RUN
    )
    return bool(
        take_run(both.state.tables, both.state.columns, batch, us(minute * 60 + 10), 0, first)
    )


def test_neighbours_at_rest_are_taken_at_once_before_and_after_their_rings_are_full():
    both = a_street()
    a_minute(both, 0)
    assert readings_needed(both.state.tables).max() == FULL
    a_minute(both, 1)
    for minute in range(2, 3 * FULL):
        assert takes_run(both, minute)
        assert caught_up(both.state).columns.hot["count"][0] == min(minute + 1, FULL)
    assert both.state.columns.ahead[0] == 3 * FULL - 1


@pytest.mark.parametrize("seed", range(3))
def test_what_comes_in_between_is_judged_as_by_the_slow_judge(seed: int):
    random = np.random.default_rng(seed)
    both = a_street()
    for minute in range(70):
        changes: dict[int, Any] = {}
        at, value = minute * 60, 1.0
        for number in random.choice(len(NUMBERS), random.integers(0, 4), replace=False).tolist():
            changes[number] = [
                None, (at, math.nan), (at, math.inf), (at, 4.5), (at, 7.0), (at - 90, value),
                (at - 20 * 60, value), (at - 200, 9.0), (at + 30, value), (at - 60, value),
            ][random.integers(10)]  # fmt: skip
        a_minute(both, minute, changes=changes)
    assert any(finding.what == "raised" for finding in both.found)


def test_one_that_is_not_like_its_neighbours_ends_the_run():
    for change in (None, (30 * 60, 7.0)):
        both = a_street()
        for minute in range(30):
            a_minute(both, minute)
        a_minute(both, 30, changes={RUN - 1: change})
        assert not takes_run(both, 31)
        assert takes_run(both, 31, first=RUN)


def test_a_run_does_not_leave_its_bundle():
    numbers = range(3 * RUN)
    # The first has a smaller ring, elsewhere: those of the others lie one row before their numbers.
    slow = a_stream(0).interval * 5
    streams = {number: a_stream(number) for number in numbers}
    both = Both(streams | {0: a_stream(0, interval=slow)}, a_threshold(("yellow", 4, 3)))
    for minute in range(5):
        both.step(minute * 60 + 10, *((number, minute * 60, 1.0) for number in numbers))
    rows = both.state.columns.hot["row"]
    assert rows[2 * RUN] % BUNDLE == BUNDLE - 1
    assert (both.state.columns.ahead > 0).tolist() == [False, True, False]


def ahead(both: Both) -> list[int]:
    return list(both.state.columns.ahead.tolist())


def _other_rules(both: Both, minute: int) -> None:
    both.set_rules(a_threshold(("yellow", 2, 1), hold="0s"), a_rule("silence"))


def _one_less(both: Both, minute: int) -> None:
    both.set_streams({k: v for k, v in both.streams.items() if k != RUN + 1})


def _one_more(both: Both, minute: int) -> None:
    both.set_streams(both.streams | {len(NUMBERS): a_stream(len(NUMBERS))})


def _restart(both: Both, minute: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        both.restart(Path(folder))
    assert min(ahead(both)[:2]) > FULL


def _silence(both: Both, minute: int) -> None:
    assert len(both.step((minute + 9) * 60)) == len(NUMBERS) - 1  # one may be silent for longer


def _two_at_once(both: Both, minute: int) -> None:
    calm = [(number, minute * 60 + 7, 1.0) for number in NUMBERS]
    both.step(minute * 60 + 55, *calm, *((s, at + 30, value) for s, at, value in calm))


def _shuffled(both: Both, minute: int) -> None:
    both.step(minute * 60 + 10, *((number, minute * 60 + 7, 1.0) for number in reversed(NUMBERS)))


def _one_late(both: Both, minute: int) -> None:
    both.step(minute * 60 + 10, (3, minute * 60 - 650, 9.0))


def _one_high(both: Both, minute: int) -> None:
    both.step(minute * 60 + 10, (3, minute * 60 + 7, 9.0))


def _one_alone(both: Both, minute: int) -> None:
    both.step(minute * 60 + 10, (3, minute * 60 + 7, 1.0))


@pytest.mark.parametrize(
    "happens",
    [_other_rules, _one_less, _one_more, _restart, _silence, _two_at_once, _shuffled, _one_late,
     _one_high, _one_alone],
)  # fmt: skip
def test_a_run_that_is_ahead_is_found_as_it_is(happens: Callable[[Both, int], None]):
    both = a_street()
    for minute in range(FULL + 6):
        a_minute(both, minute)
    assert min(ahead(both)[:2]) > FULL
    happens(both, FULL + 6)
    for minute in range(FULL + 16, 2 * FULL + 18):
        hot = (minute * 60, 7.0 if minute % 9 < 3 else 1.0)
        a_minute(both, minute, changes={2: hot, RUN + 3: hot} if minute % 9 > 1 else None)
    assert any(finding.what == "raised" for finding in both.found)


def test_what_is_put_or_held_open_finds_a_run_as_it_is():
    both = a_street()
    for minute in range(FULL + 6):
        a_minute(both, minute)
    kept = readings(caught_up(both.state), 3)
    other = copied(both.state)
    assert ahead(both)[0] > 1
    put_stream(both.state, 3, other, 3)
    assert readings(both.state, 3) == kept
    assert readings(both.state, 4) == readings(caught_up(other), 4)
    both.state = other
    named = both.state.rules[0]
    assert hold_open(both.state, [Standing(5, named, 2)]) == []
    # It is in motion now: a run with it must not go on as one.
    assert ahead(both)[0] == 0
    assert not takes_run(both, FULL + 6)


@pytest.mark.parametrize("version", [ALONE, ABREAST_ALREADY])
def test_a_file_of_before_is_read(version: int, tmp_path: Path, monkeypatch: Any):
    if version == ALONE:
        monkeypatch.setattr(rings, "ABREAST", 1)  # as it was
    both = a_street()
    for minute in range(FULL + 3):
        a_minute(both, minute)
    path = tmp_path / "now.npz"
    catch_all_up(both.state.columns)  # as it always was
    save(both.state, path, cursor=7, more={"late": [1]})
    with np.load(path) as kept:
        arrays = dict(kept)
    said = json.loads(arrays["said"].tobytes()) | {"version": version}
    arrays["said"] = np.frombuffer(json.dumps(said).encode(), np.uint8)
    for name in BY_RUN:
        del arrays[f"c.{name}"]
    arrays["c.r_arrival"] = np.zeros(len(arrays["c.r_at"]), np.uint32)
    if version == ALONE:
        arrays["c.bundle"] = arrays["c.bundle"][["base", "size"]]
    before = tmp_path / "before.npz"
    np.savez(before, **arrays)
    found = load(before)
    assert (found.cursor, found.more) == (7, {"late": [1]})
    both.state = found.state
    for minute in range(FULL + 3, FULL + 8):
        a_minute(both, minute, changes={5: (minute * 60, 7.0)})
    assert any(finding.what == "raised" for finding in both.found)


def test_no_place_belongs_to_two_rings():
    state = new_state()
    numbers = np.arange((2 * ABREAST + 3) * BUNDLE + 7)
    widen(state, len(numbers))
    seat(state, numbers[:300], np.full(300, 4))
    leave(state, numbers[:100])
    sizes = np.where(numbers % 5 == 0, 16, 4)
    seat(state, numbers, sizes)
    rows = state.columns.hot["row"].astype(np.int64)
    ring = state.columns.bundle[rows // BUNDLE]
    assert (ring["size"] == sizes).all()
    first = ring["base"] + rows % BUNDLE
    spots = np.concatenate([first[sizes > i] + i * ring["step"][sizes > i] for i in range(16)])
    assert len(np.unique(spots)) == len(spots) == sizes.sum()
    assert 0 <= spots.min() <= spots.max() < state.used <= len(state.columns.r_at)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 1024, 1025, 5000])
def test_rising_is_told_apart_wherever_it_ends(size: int):
    rising = np.arange(size, dtype=np.int32) * 2
    with ThreadPoolExecutor(1) as hands:
        for parts in (1, 2):
            assert all_rise(rising, parts, hands)
            for at in {1, size // 2, size // 2 + 1, size - 1} - {0, -1}:
                if at < size:
                    broken = rising.copy()
                    broken[at] = broken[at - 1]
                    assert not all_rise(broken, parts, hands)
