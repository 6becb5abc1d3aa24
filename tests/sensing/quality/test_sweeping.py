"""What an hour brings: shares, faults at rest, drift against neighbours, each beside a slow twin."""

from __future__ import annotations

from statistics import median

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from anlan.kernel.geometry import Point, distance_m
from anlan.sensing.quality.limits import Limits, table_of
from anlan.sensing.quality.state import DRIFT, FAULTS, GAPS, SPIKE, blank
from anlan.sensing.quality.sweeping import (
    Neighbours,
    nearest,
    no_neighbours,
    overdue,
    shares_of,
    sweep,
)
from anlan.sensing.quality.taking import take
from anlan.sensing.store.frames import Frame
from anlan.sensing.store.latest import NEVER
from tests.sensing.quality.naive import DAY, HOUR

MINUTE = 60_000_000
START = 20_000 * DAY
NOBODY = no_neighbours()


def fold(state, limits, rows, seq=1):
    """Keep (stream, at, value) rows, each a message of its own."""
    which, table = np.arange(len(state), dtype=np.int32), table_of(limits)
    for place, (s, at, x) in enumerate(rows):
        frame = Frame(
            seq + place, at, "", np.array([s], np.int32), np.array([at]), np.array([x], float),
            np.zeros(1, np.uint8),
        )  # fmt: skip
        take(state, which, table, frame)
    return which, table


@given(
    minutes=st.lists(st.integers(0, 9 * 1440), min_size=1, max_size=60, unique=True),
    ahead=st.integers(0, 3 * 1440),
    interval=st.sampled_from([1, 5, 60]),
)
@settings(max_examples=150)
def test_shares_equal_a_count_by_hand(minutes, ahead, interval):
    state = blank(1)
    instants = sorted(START + m * MINUTE for m in minutes)
    fold(state, [Limits(interval * MINUTE)], [(0, at, place) for place, at in enumerate(instants)])
    now = instants[-1] + ahead * MINUTE
    found = shares_of(state, np.array([0]), np.array([interval * MINUTE]), now)
    begins = {
        "hour": (now // HOUR - 1) * HOUR,
        "day": (now // HOUR - 24) * HOUR,
        "week": (now // DAY - 7) * DAY,
    }
    for name, begin in begins.items():
        counted = sum(1 for at in instants if begin <= at <= now)
        expected = (now - max(begin, instants[0])) // (interval * MINUTE)
        share = getattr(found, name)[0]
        assert np.isnan(share) if expected == 0 else share == min(1.0, counted / expected)


def test_missing_readings_are_found_after_a_whole_day_and_taken_back_when_they_are_there():
    limits, state = [Limits(10 * MINUTE, share=0.8)], blank(1)
    half = [(0, START + n * 20 * MINUTE, n) for n in range(3 * 24)]
    which, table = fold(state, limits, half)
    found = sweep(state, which, table, NOBODY, hour=(START + 23 * HOUR) // HOUR)
    assert not len(found)  # not a day yet
    found = sweep(state, which, table, NOBODY, hour=(START + DAY) // HOUR)
    assert [(FAULTS[x["fault"]], x["until_us"] == NEVER) for x in found] == [("gaps", True)]
    assert 0.45 < found["found"][0] < 0.55
    every = [(0, START + DAY + n * 10 * MINUTE, n) for n in range(6 * 26)]
    which, table = fold(state, limits, every, seq=1000)
    found = sweep(state, which, table, NOBODY, hour=(START + 2 * DAY + 2 * HOUR) // HOUR)
    assert [FAULTS[x["fault"]] for x in found] == ["gaps"]
    assert found["until_us"][0] == START + 2 * DAY + 2 * HOUR


def test_a_silent_stream_is_silent_not_full_of_gaps():
    state = blank(1)
    which, table = fold(state, [Limits(10 * MINUTE, share=0.8)], [(0, START, 1.0)])
    assert not len(sweep(state, which, table, NOBODY, hour=(START + 3 * DAY) // HOUR))
    assert state["since"][0, GAPS] == NEVER


def naive_share(instants, now, interval, fresh):
    """Return the share of the hours in which a stream spoke, from the definition."""
    hours = [now // HOUR - 24 + n for n in range(24)]
    counts = [sum(1 for at in instants if at // HOUR == hour) for hour in hours]
    silent = set()
    for first in range(24):
        for last in range(first, 24):
            if not any(counts[first : last + 1]) and (last + 1 - first) * HOUR >= fresh:
                silent.update(range(first, last + 1))
    left = [n for n in range(24) if not {n - 1, n, n + 1} & silent]
    expected = len(left) * HOUR // interval
    if len(left) < 12 or not expected:
        return None
    return min(1.0, sum(counts[n] for n in left) / expected)


@given(
    hours=st.lists(st.integers(0, 8), min_size=25, max_size=25),
    interval=st.sampled_from([10, 60, 90, 240]),
    share=st.sampled_from([0.3, 0.8, 1.0]),
)
@settings(max_examples=200)
def test_missing_readings_are_counted_in_the_hours_in_which_a_stream_spoke(hours, interval, share):
    limits, state = Limits(interval * MINUTE, share=share), blank(1)
    instants = [
        START + n * HOUR + k * 7 * MINUTE for n, many in enumerate(hours) for k in range(many)
    ]
    if not instants:
        return
    now = START + 25 * HOUR
    which, table = fold(state, [limits], [(0, at, place) for place, at in enumerate(instants)])
    found = sweep(state, which, table, NOBODY, hour=now // HOUR)
    wanted = naive_share(instants, now, interval * MINUTE, limits.fresh_us)
    speaks = now - instants[-1] <= limits.fresh_us
    whole = instants[0] <= now - DAY
    if wanted is not None and speaks and whole and wanted < share:
        assert [FAULTS[x["fault"]] for x in found] == ["gaps"]
        assert found["found"][0] == wanted
    else:
        assert not len(found)


def test_who_comes_back_after_a_silence_of_hours_has_no_gaps_beside_it():
    limits, state = [Limits(10 * MINUTE, share=0.8)], blank(1)
    rows = [(0, START + n * 10 * MINUTE, n) for n in range(6 * 40)]
    rows = [
        row for row in rows if not START + 10 * HOUR <= row[1] < START + 20 * HOUR + 30 * MINUTE
    ]
    which, table = fold(state, limits, rows)
    for hour in range(21, 40):
        assert not len(sweep(state, which, table, NOBODY, hour=START // HOUR + hour))


def test_spikes_are_forgotten_after_a_day_without_any():
    limits, state = (
        [Limits(10 * MINUTE, spike_away=5.0, spike_spreads=3.0, spike_times=1)],
        blank(1),
    )
    values = [1.0, 1.1, 1.0, 1.2, 90.0, 1.0, 1.1, 1.0]
    which, table = fold(
        state, limits, [(0, START + n * 10 * MINUTE, x) for n, x in enumerate(values)]
    )
    assert state["since"][0, SPIKE] == START + 40 * MINUTE
    assert not len(sweep(state, which, table, NOBODY, hour=(START + DAY) // HOUR))
    found = sweep(state, which, table, NOBODY, hour=(START + DAY + HOUR) // HOUR)
    assert [FAULTS[x["fault"]] for x in found] == ["spike"]
    assert state["since"][0, SPIKE] == NEVER


def test_a_slow_drift_against_neighbours_is_found_and_a_season_of_all_is_not():
    rng = np.random.default_rng(7)
    limits, state = [Limits(HOUR, drift_away=2.0)] * 4, blank(4)
    everyone = Neighbours(
        np.arange(4, dtype=np.int32), np.arange(0, 13, 3),
        np.array([1, 2, 3, 0, 2, 3, 0, 1, 3, 0, 1, 2], np.int32),
    )  # fmt: skip
    levels = {s: [] for s in range(4)}
    apart, changes = [], []
    for hour in range(24 * 20):
        warm = 10 + 8 * np.sin(hour / 24 * 2 * np.pi) + hour / 40  # all of them, together
        rows = []
        for s in range(4):
            drift = max(0, hour - 240) * 0.02 if s == 2 else 0.0
            x = warm + (s * 1.5) + drift + rng.normal(0, 0.1)
            levels[s].append(x)
            rows.append((s, START + hour * HOUR, x))
        which, table = fold(state, limits, rows, seq=1 + hour * 4)
        at = START + (hour + 1) * HOUR
        now = {s: median(levels[s][-7:]) for s in range(4)}
        apart.append(now[2] - median([now[0], now[1], now[3]]))
        found = sweep(state, which, table, everyone, hour=at // HOUR)
        changes += [(int(x["stream"]), FAULTS[x["fault"]], hour) for x in found]
    week = median(median(apart[d * 24 : d * 24 + 24]) for d in range(7))
    first = next(
        h for h in range(7 * 24, len(apart)) if abs(median(apart[h - 23 : h + 1]) - week) > 2.0
    )
    assert changes == [(2, "drift", first)]
    assert state["since"][2, DRIFT] == START + (first + 1) * HOUR


def test_without_two_fresh_neighbours_nothing_is_compared():
    limits, state = [Limits(HOUR, drift_away=0.1)] * 2, blank(2)
    pair = Neighbours(np.arange(2, dtype=np.int32), np.array([0, 1, 2]), np.array([1, 0], np.int32))
    for hour in range(24 * 9):
        which, table = fold(
            state, limits, [(0, START + hour * HOUR, hour), (1, START + hour * HOUR, 5.0)]
        )
        assert not len(sweep(state, which, table, pair, hour=(START + (hour + 1) * HOUR) // HOUR))
    assert state["apart_count"].sum() == 0


@given(
    points=st.lists(
        st.tuples(st.floats(30.0, 30.05), st.floats(120.0, 120.05)), min_size=1, max_size=30
    ),
    within=st.sampled_from([300.0, 1500.0]),
)
@settings(max_examples=100)
def test_the_nearest_are_those_of_a_look_at_all(points, within):
    lat, lon = (np.array(column) for column in zip(*points, strict=True))
    found = nearest(lat, lon, within_m=within, most=3)
    for i, (a, b) in enumerate(points):
        away = sorted(
            distance_m(Point(lat=a, lon=b), Point(lat=y, lon=x))
            for j, (y, x) in enumerate(points)
            if j != i
        )
        mine = [
            distance_m(Point(lat=a, lon=b), Point(lat=lat[j], lon=lon[j]))
            for j in found[i]
            if j >= 0
        ]
        sure = [d for d in away if d <= within * 0.998][:3]
        assert len(mine) >= len(sure)
        np.testing.assert_allclose(mine[: len(sure)], sure, rtol=2e-3, atol=0.5)


def test_the_day_of_calibration_is_told_once_and_taken_back():
    state, due = blank(3), np.array([NEVER, START, START + DAY])
    found = overdue(state, due, START + HOUR)
    assert [(x["stream"], x["since_us"]) for x in found] == [(1, START)]
    assert not len(overdue(state, due, START + 2 * HOUR))
    due[1] = NEVER
    found = overdue(state, due, START + 3 * HOUR)
    assert [(x["stream"], x["until_us"]) for x in found] == [(1, START + 3 * HOUR)]
