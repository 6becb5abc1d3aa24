"""What a storm, a restart, a harmed file, a long silence and a rate beyond the ring come to."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from benchmarks import judged_city
from benchmarks.judged_city import MINUTE, START, Ticks
from hypothesis import given
from hypothesis import strategies as st

from anlan.kernel.errors import IntegrityBreachError
from anlan.registry.domain import rulespecs
from anlan.warning.columns import (
    NO_READINGS,
    batch_of,
    bytes_of,
    copied,
    load,
    new_state,
    one,
    programs,
    save,
    spare_for,
    step,
)
from anlan.warning.columns.resuming import readings_of
from anlan.warning.columns.state import BY_READING
from anlan.warning.columns.sums import exact_sum
from tests.warning.domain.builders import a_rule, a_threshold, a_window

from .both import Both, a_stream, caught_up, readings, us

STREAMS = 30_000


def founded(*rules: Any) -> Any:
    state = new_state()
    step(state, NO_READINGS, now=START, city=judged_city.city(STREAMS, *rules))
    return state


def columns_of(done: Any) -> tuple[Any, ...]:
    return tuple(done.findings.row[name].tolist() for name in ("stream", "what", "at", "height"))


def test_a_storm_comes_out_as_columns_on_one_thread_as_on_two():
    found = []
    with ThreadPoolExecutor(2) as two:
        for hands in (None, two):
            state, ticks = founded(judged_city.threshold()), Ticks(STREAMS, late=0.02)
            said = []
            for tick in range(8):
                ticks.hot = 10_000 if tick > 2 else 0
                batch, now = ticks.next(shuffled=tick % 2 == 1)
                done = step(state, batch, now=now, hands=hands)
                said.append(columns_of(done))
            found.append(said)
            raised = {s for streams, *_ in said for s in streams}
            assert set(range(9_900)) <= raised | set(range(10_000))
            assert sum(len(streams) for streams, *_ in said) >= 9_900
    assert found[0] == found[1]


def test_a_restarted_judge_finds_again_what_it_found(tmp_path: Path):
    state, ticks = founded(judged_city.threshold(), judged_city.silence()), Ticks(STREAMS)
    for _ in range(3):
        batch, now = ticks.next()
        step(state, batch, now=now)
    save(state, tmp_path / "judge.npz", cursor=3, more={"at": 5})
    ticks.hot = 500
    rest = [ticks.next() for _ in range(4)]
    first = [columns_of(step(state, batch, now=now)) for batch, now in rest]
    again, cursor, more = load(tmp_path / "judge.npz")
    assert (cursor, more) == (3, {"at": 5})
    assert [columns_of(step(again, batch, now=now)) for batch, now in rest] == first
    assert sum(len(streams) for streams, *_ in first) >= 490


def test_a_copy_stays_as_it_was_also_where_its_room_has_become_too_small():
    state, ticks = founded(judged_city.threshold()), Ticks(STREAMS)
    small = spare_for(new_state())
    batch, now = ticks.next()
    step(state, batch, now=now)
    kept = [copied(state), copied(state, spare_for(state)), copied(state, small)]
    before = all_that_counts(kept[0])
    batch, now = ticks.next()
    step(state, batch, now=now)
    for one_of_them in kept:
        assert all_that_counts(one_of_them) == before
        assert one_of_them.used == kept[0].used
    assert all_that_counts(copied(state)) != before


def all_that_counts(state):
    """Return what a state holds, but for places of rings that hold nothing."""
    columns = state.columns._asdict()
    held = [columns[name].tolist() for name in columns if name not in BY_READING]
    kept = [readings_of(state, number) for number in range(0, STREAMS, 7)]
    return held, [(at.tolist(), value.tolist()) for at, value in kept]


def test_rings_that_are_mostly_empty_are_copied_and_kept_by_what_they_hold(tmp_path):
    state, ticks = founded(judged_city.threshold()), Ticks(STREAMS)
    sizes = []
    for _ in range(30):
        batch, now = ticks.next()
        step(state, batch, now=now)
        copy = copied(state, spare_for(state))
        save(copy, tmp_path / "judge.npz")
        sizes.append((tmp_path / "judge.npz").stat().st_size)
        again = load(tmp_path / "judge.npz").state
        for other in (copy, again):
            for number in (0, 1, 63, 64, STREAMS - 1):
                for kept, found in zip(
                    readings_of(state, number), readings_of(other, number), strict=True
                ):
                    assert kept.tolist() == found.tolist()
    assert sizes[0] + 16 * STREAMS < sizes[5] < sizes[-1] - 8 * 16 * STREAMS


@pytest.mark.parametrize("harm", ["cut", "empty", "other"])
def test_a_harmed_file_is_refused(tmp_path: Path, harm: str):
    path = tmp_path / "judge.npz"
    save(founded(), path)
    whole = path.read_bytes()
    path.write_bytes({"cut": whole[: len(whole) // 2], "empty": b"", "other": b"x" * 100}[harm])
    with pytest.raises(IntegrityBreachError):
        load(path)


@pytest.mark.parametrize(
    "name", ["slots", "row", "head", "count", "base", "step", "size", "r_at", "owner"]
)
def test_a_file_whose_rings_do_not_fit_is_refused(tmp_path: Path, name: str):
    state, ticks = founded(judged_city.threshold()), Ticks(STREAMS)
    for _ in range(3):
        batch, now = ticks.next()
        step(state, batch, now=now)
    path = tmp_path / "judge.npz"
    save(state, path)
    with np.load(path) as kept:
        arrays = dict(kept)
    arrays = {key: value.copy() for key, value in arrays.items()}
    assert "c.slots" in arrays
    if name in {"row", "head", "count"}:
        arrays["c.hot"][name][5] = 30_000
    elif name in {"base", "step", "size"}:
        arrays["c.bundle"][name][0] = {"base": 1 << 40, "step": 0, "size": 1 << 20}[name]
    elif name == "slots":
        arrays["c.slots"][0] -= 1
    else:
        arrays[f"c.{name}"] = arrays[f"c.{name}"][:-1]
    np.savez(path, **arrays)
    with pytest.raises(IntegrityBreachError):
        load(path)


def test_rings_that_went_round_and_young_ones_are_kept_side_by_side(tmp_path: Path):
    slow, quick = timedelta(minutes=5), timedelta(seconds=10)
    streams = {
        number: a_stream(number, interval=slow if number % 3 else quick) for number in range(300)
    }
    both = Both(streams, a_threshold(("yellow", 4, 3)), a_rule("silence", hazard="system.device"))
    for minute in range(0, 200, 5):
        if minute == 100:
            both.set_streams({number: x for number, x in both.streams.items() if number % 7})
        spoken = [number for number in both.streams if number % 3 or minute > 150]
        both.step(minute * 60 + 5, *((number, minute * 60, 1.0) for number in spoken))
        kept = caught_up(both.state)
        save(both.state, tmp_path / "judge.npz")
        again = caught_up(load(tmp_path / "judge.npz").state)
        for number in both.streams:
            assert readings(again, number) == readings(kept, number)


def test_memory_does_not_grow_with_time():
    state, ticks = founded(judged_city.threshold()), Ticks(STREAMS, late=0.05)
    sizes = []
    for _ in range(60):
        batch, now = ticks.next()
        step(state, batch, now=now)
        sizes.append(bytes_of(state)["all"])
    assert sizes[-1] == sizes[20]
    assert sizes[-1] / STREAMS < 1_000


def test_all_fall_silent_at_once_and_come_back():
    state, ticks = founded(judged_city.silence()), Ticks(STREAMS)
    batch, now = ticks.next()
    step(state, batch, now=now)
    assert state.next_at is not None
    assert now < state.next_at <= now + 6 * MINUTE
    done = step(state, NO_READINGS, now=now + 10 * MINUTE)
    assert done.findings.size[0] == STREAMS
    assert step(state, NO_READINGS, now=now + 11 * MINUTE).findings.size[0] == 0
    ticks.tick += 10
    batch, now = ticks.next()
    assert step(state, batch, now=now).findings.size[0] == STREAMS


def test_readings_of_unknown_streams_are_counted_and_ignored():
    state = founded(judged_city.threshold())
    batch = batch_of([STREAMS + 5, -1, 3], [START, START, START], [9.0, 9.0, 9.0], arrival=1)
    done = step(state, batch, now=START)
    assert done.unknown == 2


def test_a_bad_reading_counts_as_none():
    state = founded(judged_city.threshold())
    batch = batch_of([3] * 4, [START + i for i in range(4)], [9.0] * 4, quality=[2, 3, 4, 255])
    step(state, batch, now=START + 10)
    assert state.columns.hot["count"][3] == 0


def test_a_fast_stream_outgrows_its_ring_and_stays_exact():
    both = Both(
        {0: a_stream(0), 1: a_stream(1)},
        a_threshold(("yellow", 2, 1), ("red", 4, 3), hold="2m", clear_hold="2m"),
        msgspec.structs.replace(a_window("mean", ("orange", 3, 1, "10m")), id="w"),
    )
    both.step(0)
    rows = [(0, i * 3, float(i // 40 % 6)) for i in range(900)]
    for first in range(0, 900, 150):
        both.step(first * 3 + 450, *rows[first : first + 150])
    assert len(both.found) > 4


def test_a_stream_that_speaks_beyond_all_bounds_makes_no_news_of_what_it_loses():
    """Its oldest readings go at each step, and with them what was told of them."""
    state = new_state()
    rule = a_threshold(("yellow", 2, 1))
    step(state, NO_READINGS, now=START, city=judged_city.city(3, rule))
    many = START + np.arange(one.MOST_KEPT + 10) * 1_000
    at = np.concatenate([many, many[-1] + (1 + np.arange(5)) * 1_000_000])
    found = []
    for part in np.array_split(at[: len(many)], 4) + list(at[len(many) :, None]):
        batch = batch_of(np.zeros(len(part), np.int32), part, np.full(len(part), 3.0))
        found.append(step(state, batch, now=int(part[-1])))
    assert state.columns.hot["count"][0] == one.MOST_KEPT
    assert [len(done.findings.row) for done in found] == [1] + [0] * 8
    assert sum(done.otherwise for done in found) == 0


def test_kept_versions_and_rules_gone():
    rule = a_threshold(("yellow", 2, 1))
    both = Both({0: a_stream(0)}, rule, msgspec.structs.replace(a_rule("silence"), id="z"))
    both.step(0)
    both.step(60, (0, 60, 3.0))
    second = a_threshold(("yellow", 5, 4), version=2)
    both.set_rules(second, older={("rule", 1): rule})
    assert both.step(120, (0, 120, 3.0)) == []
    found = both.step(180, (0, 180, 0.5))
    assert [(item.what.value, item.version) for item in found] == [("cleared", 1)]
    both.step(240, (0, 240, 6.0))
    both.set_rules()
    found = both.step(300)
    assert [(item.what.value, item.reason.code) for item in found] == [("cleared", "rule.gone")]


def test_a_clock_set_back_takes_nothing_back():
    both = Both({0: a_stream(0)}, a_threshold(("yellow", 2, 1), hold="2m"))
    both.step(0)
    both.step(30, (0, 30, 3.0))
    assert len(both.step(160)) == 1
    assert both.step(40) == []
    found = both.step(170, (0, 60, 0.0))
    assert [item.reason.code for item in found] == ["reading.corrected"]


@given(st.lists(st.floats(-1e15, 1e15), max_size=60))
def test_sums_are_rounded_once(values: list[float]):
    assert exact_sum(np.array(values, np.float64)) == math.fsum(values)


def test_instants_of_the_harness_are_whole():
    assert us(1) - us(0) == timedelta(seconds=1) // timedelta(microseconds=1)


def test_both_judges_keep_as_many_readings_as_the_linter_counts_on() -> None:
    assert one.MOST_KEPT == rulespecs.MOST_KEPT
    assert programs.SPARE == rulespecs.SPARE_READINGS
