"""Neighbours that are taken many at once are judged like any others, whatever comes in between."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anlan.warning.columns import batch_of, load, rings, save
from anlan.warning.columns.layout import ABREAST, BUNDLE
from anlan.warning.columns.programs import readings_needed
from anlan.warning.columns.quick import rises
from anlan.warning.columns.rings import leave, seat
from anlan.warning.columns.runs import RUN, take_run
from anlan.warning.columns.state import ALONE, blank, new_state
from tests.warning.domain.builders import a_rule, a_threshold

from .both import Both, a_stream, us

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
        assert both.state.columns.hot["count"][0] == min(minute + 1, FULL)


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
    both = a_street()
    for minute in range(5):
        a_minute(both, minute)
    assert not takes_run(both, 5, first=BUNDLE - RUN + 1)
    assert takes_run(both, 5, first=BUNDLE - RUN)


def test_a_file_of_before_bundles_lay_abreast_is_read(tmp_path: Path, monkeypatch: Any):
    monkeypatch.setattr(rings, "ABREAST", 1)  # as it was
    both = a_street()
    for minute in range(FULL + 3):
        a_minute(both, minute)
    path = tmp_path / "now.npz"
    save(both.state, path, cursor=7, more={"late": [1]})
    with np.load(path) as kept:
        arrays = dict(kept)
    said = json.loads(arrays["said"].tobytes()) | {"version": ALONE}
    arrays["said"] = np.frombuffer(json.dumps(said).encode(), np.uint8)
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
    state.columns = state.columns._replace(hot=blank("hot", len(numbers)))
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


@pytest.mark.parametrize("size", [0, 1, 2, 1024, 1025, 5000])
def test_rising_is_told_apart_wherever_it_ends(size: int):
    rising = np.arange(size, dtype=np.int32) * 2
    assert rises(rising)
    for at in {1, size // 2, size - 1} - {0, -1}:
        if at < size:
            broken = rising.copy()
            broken[at] = broken[at - 1]
            assert not rises(broken)
