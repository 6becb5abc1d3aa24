"""What only time brings: missing readings, faults that came to rest, drift against neighbours.

A sweep looks at every stream once an hour of the city's time, in columns.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anlan.science.compiled import compiled
from anlan.sensing.quality.limits import Table
from anlan.sensing.quality.state import (
    CALIBRATION,
    DAY_US,
    DAYS,
    DRIFT,
    DUPLICATE,
    GAPS,
    HOUR_US,
    HOURS,
    SPIKE,
    WEEK,
    State,
)
from anlan.sensing.quality.taking import CHANGE, Changes, median_of
from anlan.sensing.store.latest import NEVER

FEWEST_NEIGHBOURS = 2
EARTH_M_PER_DEGREE = 111_194.93  # of a great circle, mean radius
RELIEF = 0.05  # of the expected readings: what was missing is back when there are so many more


class Shares(NamedTuple):
    """Readings with a value as a share of those expected, 0 to 1; NaN where none was expected yet."""

    hour: NDArray[np.float64]  # the last whole hour and what has passed of this one
    day: NDArray[np.float64]  # the last 24 whole hours and what has passed of this one
    week: NDArray[np.float64]  # the last 7 whole days (UTC) and what has passed of this one


def shares_of(
    state: State, which: NDArray[np.intp], interval_us: NDArray[np.int64], now_us: int
) -> Shares:
    """Return how complete some streams are, each counted from its first reading on."""
    hours = np.arange(HOURS) + now_us // HOUR_US - (HOURS - 1)
    days = np.arange(DAYS) + now_us // DAY_US - (DAYS - 1)
    by_hour = _counted(state["hours"][which], state["hour"][which], hours)
    by_day = _counted(state["days"][which], state["day"][which], days)
    first = state["first_us"][which]
    since = {
        "hour": (now_us // HOUR_US - 1) * HOUR_US,
        "day": (now_us // HOUR_US - 24) * HOUR_US,
        "week": (now_us // DAY_US - WEEK) * DAY_US,
    }
    counted = {"hour": by_hour[:, -2:].sum(1), "day": by_hour.sum(1), "week": by_day.sum(1)}

    def share(name: str) -> NDArray[np.float64]:
        begun = np.maximum(first, since[name])
        expected = np.floor((now_us - begun) / interval_us)
        expected[first == NEVER] = 0
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(expected > 0, np.minimum(counted[name] / expected, 1.0), np.nan)

    return Shares(share("hour"), share("day"), share("week"))


def _counted(
    counts: NDArray[np.uint16] | NDArray[np.uint32],
    newest: NDArray[np.int32],
    wanted: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return the counts of some hours or days; those that are not kept counted nothing."""
    size = counts.shape[1]
    back = newest[:, None] - wanted[None, :]
    there = (back >= 0) & (back < size)
    return np.where(there, counts[:, wanted % size], 0).astype(np.int64)


class Neighbours(NamedTuple):
    """Streams that are compared: those of ``stream[i]`` are ``others[begin[i]:begin[i + 1]]``."""

    stream: NDArray[np.int32]
    begin: NDArray[np.int64]
    others: NDArray[np.int32]


def no_neighbours() -> Neighbours:
    """Return that nothing is compared."""
    return Neighbours(np.zeros(0, np.int32), np.zeros(1, np.int64), np.zeros(0, np.int32))


@compiled
def _nearest(
    lat: NDArray[np.float64], lon: NDArray[np.float64], within_m: float, most: int
) -> NDArray[np.int64]:
    found = np.full((len(lat), most), -1, np.int64)
    reach = within_m / EARTH_M_PER_DEGREE
    first = 0
    for i in range(len(lat)):
        while lat[first] < lat[i] - reach:
            first += 1
        best = np.full(most, np.inf)
        shrink = np.cos(np.radians(lat[i]))
        j = first
        while j < len(lat) and lat[j] <= lat[i] + reach:
            turn = abs(lon[j] - lon[i])
            turn = min(turn, 360.0 - turn)
            away = np.hypot(lat[j] - lat[i], turn * shrink) * EARTH_M_PER_DEGREE
            if j != i and away <= within_m:
                place = most
                while place > 0 and best[place - 1] > away:
                    place -= 1
                if place < most:
                    best[place + 1 :] = best[place:-1].copy()
                    found[i, place + 1 :] = found[i, place:-1].copy()
                    best[place], found[i, place] = away, j
            j += 1
    return found


def nearest(
    lat: NDArray[np.float64], lon: NDArray[np.float64], *, within_m: float, most: int
) -> NDArray[np.int64]:
    """Return the ``most`` nearest other points within so many metres, -1 where there are fewer.

    Distances on the plane that touches the earth there: good to a metre in ten kilometres.
    """
    order = np.argsort(lat, kind="stable")
    found = _nearest(lat[order], lon[order], within_m, most)
    out = np.full_like(found, -1)
    out[order] = np.where(found >= 0, order[found], -1)
    return out


def sweep(
    state: State,
    which: NDArray[np.int32],
    table: Table,
    neighbours: Neighbours,
    *,
    hour: int,
) -> Changes:
    """Do what an hour brings, at its beginning (``hour`` since 1970)."""
    now_us = hour * HOUR_US
    spoke = np.flatnonzero((which >= 0) & (state["first_us"][: len(which)] != NEVER))
    k = which[spoke]
    parts = [
        _rested(state, spoke, table["spike_times"][k], SPIKE, hour),
        _rested(state, spoke, table["repeat_times"][k], DUPLICATE, hour),
        _missing(state, spoke, table, k, now_us),
        _drifting(state, which, table, neighbours, now_us),
    ]
    return np.concatenate(parts)


def _rested(
    state: State, spoke: NDArray[np.intp], limit: NDArray[np.int64], fault: int, hour: int
) -> Changes:
    """End what has not happened for a whole day."""
    open_ones = state["since"][spoke, fault] != NEVER
    s = spoke[open_ones]
    counts = state["spikes"] if fault == SPIKE else state["repeats"]
    wanted = np.arange(HOURS) + hour - (HOURS - 1)
    left = _counted(counts[s].astype(np.uint16), state["hour"][s], wanted).sum(1)
    ended = left == 0
    return _ended(state, s[ended], fault, hour * HOUR_US, left[ended], limit[open_ones][ended])


def _ended(
    state: State,
    s: NDArray[np.intp],
    fault: int,
    at_us: int,
    found: NDArray[np.int64] | NDArray[np.float64],
    limit: NDArray[np.int64] | NDArray[np.float64],
) -> Changes:
    out = np.zeros(len(s), CHANGE)
    out["stream"], out["fault"] = s, fault
    out["since_us"], out["until_us"] = state["since"][s, fault], at_us
    out["found"], out["limit"] = found, limit
    state["since"][s, fault] = NEVER
    return out


def _begun(
    state: State,
    s: NDArray[np.intp],
    fault: int,
    since_us: NDArray[np.int64] | int,
    found: NDArray[np.float64],
    limit: NDArray[np.float64],
) -> Changes:
    out = np.zeros(len(s), CHANGE)
    out["stream"], out["fault"] = s, fault
    out["since_us"], out["until_us"] = since_us, NEVER
    out["found"], out["limit"] = found, limit
    state["since"][s, fault] = out["since_us"]
    return out


def _missing(
    state: State, spoke: NDArray[np.intp], table: Table, k: NDArray[np.int32], now_us: int
) -> Changes:
    """Find streams of which too few readings of a day came; silence has a duty of its own."""
    share = _spoken_share(state, spoke, table[["interval_us", "fresh_us"]][k], now_us)
    limit = table["share"][k]
    known = ~np.isnan(share)
    is_open = state["since"][spoke, GAPS] != NEVER
    whole_day = state["first_us"][spoke] <= now_us - DAY_US
    speaks = now_us - state["last_us"][spoke] <= table["fresh_us"][k]
    on = known & ~is_open & whole_day & speaks & (share < limit)
    # Who fell silent meanwhile has not mended it.
    off = is_open & speaks & (~known | (share >= np.minimum(limit + RELIEF, 1.0)))
    ended = _ended(state, spoke[off], GAPS, now_us, share[off], limit[off])
    return np.concatenate([_begun(state, spoke[on], GAPS, now_us, share[on], limit[on]), ended])


def _spoken_share(
    state: State, which: NDArray[np.intp], figures: Table, now_us: int
) -> NDArray[np.float64]:
    """Return how complete streams were in those of the last 24 whole hours in which they spoke.

    Hours in a row without any reading are silence once they last as long as a reading stands; they
    and the two beside them, in which it began and ended, are left out.  NaN where less than half
    of the day is left.
    """
    hours = np.arange(HOURS - 1) + now_us // HOUR_US - (HOURS - 1)
    counted = _counted(state["hours"][which], state["hour"][which], hours)
    empty = counted == 0
    length = empty.astype(np.int64)
    for j in range(1, HOURS - 1):
        length[:, j] += empty[:, j] * length[:, j - 1]
    for j in range(HOURS - 3, -1, -1):
        length[:, j] = np.where(empty[:, j] & empty[:, j + 1], length[:, j + 1], length[:, j])
    silent = empty & (length * HOUR_US >= figures["fresh_us"][:, None])
    out = silent.copy()
    out[:, 1:] |= silent[:, :-1]
    out[:, :-1] |= silent[:, 1:]
    left = (~out).sum(1)
    expected = left * HOUR_US // figures["interval_us"]
    came = np.where(out, 0, counted).sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.minimum(came / expected, 1.0)
    return np.where((expected == 0) | (left * 2 < HOURS - 1), np.nan, share)


@compiled
def _level(state: State, s: int, fresh_us: int, now_us: int) -> float:
    """Return what a stream reads now, whatever one reading says; NaN when it is not fresh."""
    r = state[s]
    if r.ring_count == 0 or now_us - r.last_us > fresh_us:
        return np.nan
    return median_of(r.ring_value[: r.ring_count])


@compiled
def _differences(
    state: State,
    which: NDArray[np.int32],
    fresh_us: NDArray[np.int64],
    neighbours: Neighbours,
    now_us: int,
) -> NDArray[np.float64]:
    found = np.full(len(neighbours.stream), np.nan)
    for i in range(len(neighbours.stream)):
        s = neighbours.stream[i]
        own = _level(state, s, fresh_us[which[s]], now_us)
        begin, end = neighbours.begin[i], neighbours.begin[i + 1]
        levels = np.empty(end - begin)
        have = 0
        for j in range(begin, end):
            other = neighbours.others[j]
            level = _level(state, other, fresh_us[which[other]], now_us)
            if not np.isnan(level):
                levels[have] = level
                have += 1
        if not np.isnan(own) and have >= FEWEST_NEIGHBOURS:
            found[i] = own - median_of(levels[:have])
    return found


def _drifting(
    state: State, which: NDArray[np.int32], table: Table, neighbours: Neighbours, now_us: int
) -> Changes:
    """Compare the differences of the last day with those of the device's first week."""
    apart = _differences(state, which, table["fresh_us"].copy(), neighbours, now_us)
    told = ~np.isnan(apart)
    s = neighbours.stream[told].astype(np.intp)
    size = state["apart"].shape[1]
    state["apart"][s, state["apart_count"][s] % size] = apart[told]
    state["apart_count"][s] += 1
    days = s[state["apart_count"][s] % size == 0]
    early = days[state["apart_count"][days] <= WEEK * size]
    state["week"][early, state["apart_count"][early] // size - 1] = np.median(
        state["apart"][early], axis=1
    )
    known = s[state["apart_count"][s] > WEEK * size]
    moved = np.median(state["apart"][known], axis=1) - np.median(state["week"][known], axis=1)
    moved = moved.astype(np.float64)
    limit = table["drift_away"][which[known]]
    is_open = state["since"][known, DRIFT] != NEVER
    on, off = ~is_open & (np.abs(moved) > limit), is_open & (np.abs(moved) <= limit / 2)
    ended = _ended(state, known[off], DRIFT, now_us, moved[off], limit[off])
    return np.concatenate([_begun(state, known[on], DRIFT, now_us, moved[on], limit[on]), ended])


def overdue(state: State, due_us: NDArray[np.int64], now_us: int) -> Changes:
    """Find devices whose day of calibration has passed; ``due_us`` is by stream, NEVER for none."""
    since = state["since"][: len(due_us), CALIBRATION]
    late = (due_us != NEVER) & (due_us <= now_us)
    on, off = np.flatnonzero(late & (since == NEVER)), np.flatnonzero(~late & (since != NEVER))
    days = (now_us - due_us) / DAY_US
    none = np.zeros(len(due_us))
    ended = _ended(state, off, CALIBRATION, now_us, none[off], none[off])
    return np.concatenate([_begun(state, on, CALIBRATION, due_us[on], days[on], none[on]), ended])
