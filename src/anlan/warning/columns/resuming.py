"""A state that begins from what is known otherwise: what is open, and readings of the past.

For a judge whose own state is lost, and for a stream of which something was heard too late.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from anlan.warning.columns.layout import (
    BLOCK,
    DEAD,
    F64,
    I64,
    MOVING,
    NONE,
    SHIFT,
    WITHIN,
    Columns,
)
from anlan.warning.columns.programs import Named
from anlan.warning.columns.ring import catch_all_up
from anlan.warning.columns.rings import seat
from anlan.warning.columns.state import State


class Standing(NamedTuple):
    """What is open on a stream: which version of which rule, and how high.

    ``since`` and ``at`` (µs) count for silence alone: when the stream was last heard, and when
    that had lasted too long.
    """

    stream: int
    named: Named
    height: int
    silent: bool = False
    since: int = NONE
    at: int = NONE


def newest_instants(columns: Columns, streams: I64) -> I64:
    """Return the instant of the newest reading that each stream keeps; NONE without any."""
    catch_all_up(columns)
    hot = columns.hot[streams]
    found = np.full(len(streams), NONE, np.int64)
    full = np.flatnonzero((hot["count"] > 0) & (hot["row"] >= 0))
    row = hot["row"][full].astype(np.int64)
    ring = columns.bundle[row >> SHIFT]
    slot = hot["head"][full].astype(np.int64) + hot["count"][full] - 1
    slot -= np.where(slot >= ring["size"], ring["size"], 0)
    found[full] = columns.r_at[ring["base"] + slot * ring["step"] + (row & WITHIN)]
    return found


def stand_still(state: State) -> None:
    """Let nothing be on, and every reading so far be final: what follows is judged from here."""
    c = state.columns
    there = np.flatnonzero(c.hot["program"] >= 0)
    c.on[:] = 0
    c.begun[:] = NONE
    c.lane["told"] = c.lane["height"] = 0
    c.lane["flags"] &= DEAD
    newest = newest_instants(c, there)
    c.cold["settled"][there] = np.maximum(newest, c.cold["settled"][there])
    c.cold["moved"][there], c.cold["s_height"][there] = NONE, 0
    c.hot["state"][there] = MOVING
    c.look_at[:] = NONE


def hold_open(state: State, items: Iterable[Standing]) -> list[Standing]:
    """Let instances be open as they are known to be; return those that find no place here.

    To be called where a state stands still.  Latches up to an instance's level are on.
    """
    left = []
    catch_all_up(state.columns)
    for item in items:
        taken = _take_silence(state, item) if item.silent else _take_lane(state, item)
        if taken:
            state.columns.hot["state"][item.stream] = MOVING
            state.columns.look_at[item.stream // BLOCK] = NONE
        else:
            left.append(item)
    return left


def _take_silence(state: State, item: Standing) -> bool:
    there = item.stream < len(state.columns.hot) and state.columns.hot["program"][item.stream] >= 0
    if not there or item.named not in state.silences:
        return False
    cold = state.columns.cold[item.stream]
    index = state.silences.index(item.named)
    cold["s_height"], cold["s_rule"], cold["s_named"] = item.height, index, index
    cold["s_last"], cold["s_wait"] = item.since, item.at - item.since
    cold["since"] = item.since  # where no reading is known
    return True


def _take_lane(state: State, item: Standing) -> bool:
    c, t = state.columns, state.tables
    for lane in lanes_of(state, item.stream):
        rule = int(c.lane["rule"][lane])
        if state.rules[rule] != item.named:
            continue
        first, limits = int(t.rule["first"][rule]), int(t.rule["limits"][rule])
        heights = t.limit["height"][first : first + limits]
        c.on[lane, :, :limits] = (heights <= item.height).astype(np.int8)
        c.lane["told"][lane] = c.lane["height"][lane] = item.height
        return True
    return False


def lanes_of(state: State, stream: int) -> Iterator[int]:
    """Yield the lanes of a stream on which something is judged."""
    if not 0 <= stream < len(state.columns.cold) or state.columns.hot["program"][stream] < 0:
        return
    cold = state.columns.cold[stream]
    for lane in range(int(cold["lane0"]), int(cold["lane0"]) + int(cold["lanes"])):
        if not state.columns.lane["flags"][lane] & DEAD:
            yield lane


def standing_in(state: State) -> list[Standing]:
    """Return everything that is open, by stream."""
    c = state.columns
    found = []
    spoken = np.flatnonzero((c.hot["program"] >= 0) & (c.cold["s_height"] > 0))
    for s in spoken.tolist():
        named = state.silences[c.cold["s_named"][s]]
        last = int(c.cold["s_last"][s])
        at = last + int(c.cold["s_wait"][s])
        found.append(Standing(s, named, int(c.cold["s_height"][s]), True, last, at))
    told = np.flatnonzero((c.lane["told"] > 0) & (c.lane["flags"] & DEAD == 0))
    there = np.flatnonzero((c.hot["program"] >= 0) & (c.cold["lanes"] > 0))
    # The lanes of a stream lie side by side, those of streams in rising order of streams.
    first = c.cold["lane0"][there].astype(np.int64)
    which = np.searchsorted(first, told, side="right") - 1
    for lane, spot in zip(told.tolist(), which.tolist(), strict=True):
        s = int(there[spot])
        if lane < int(first[spot]) + int(c.cold["lanes"][s]):
            named = state.rules[c.lane["rule"][lane]]
            found.append(Standing(s, named, int(c.lane["told"][lane])))
    return sorted(found, key=lambda item: (item.stream, item.named))


def standing_of(state: State, stream: int) -> list[Standing]:
    """Return what thresholds and windows have open on one stream."""
    lane = state.columns.lane
    return [
        Standing(stream, state.rules[lane["rule"][x]], int(lane["told"][x]))
        for x in lanes_of(state, stream)
        if lane["told"][x]
    ]


def put_stream(state: State, stream: int, other: State, source: int) -> None:
    """Let a stream stand as it does in another state: its readings, and the lanes of the same rules.

    Its silence stays as it is: nothing that comes too late was heard since.
    """
    into, of = state.columns, other.columns
    at, value = readings_of(other, source)
    count = len(at)
    catch_all_up(into)
    seat(state, np.array([stream]), np.array([max(count + 1, _size(into, stream))]))
    into = state.columns
    row = int(into.hot["row"][stream])
    ring = into.bundle[row >> SHIFT]
    spots = ring["base"] + np.arange(count) * ring["step"] + (row & WITHIN)
    into.r_at[spots], into.r_value[spots] = at, value
    into.hot["head"][stream], into.hot["count"][stream] = 0, count
    into.hot["state"][stream] = MOVING
    for name in ("settled", "due", "moved"):
        into.cold[name][stream] = of.cold[name][source]
    lanes = {other.rules[of.lane["rule"][lane]]: lane for lane in lanes_of(other, source)}
    for lane in lanes_of(state, stream):
        found = lanes.get(state.rules[into.lane["rule"][lane]])
        if found is None:
            continue
        both = min(into.on.shape[2], of.on.shape[2])
        into.on[lane, :, :both] = of.on[found, :, :both]
        into.begun[lane, :, :both] = of.begun[found, :, :both]
        for name in ("until", "height", "told"):
            into.lane[name][lane] = of.lane[name][found]
        into.lane["flags"][lane] = of.lane["flags"][found]
    into.look_at[stream // BLOCK] = NONE


def _size(columns: Columns, stream: int) -> int:
    row = int(columns.hot["row"][stream])
    return int(columns.bundle["size"][row >> SHIFT]) if row >= 0 else 0


def readings_of(state: State, stream: int) -> tuple[I64, F64]:
    """Return instants and values of the readings that a stream keeps, oldest first."""
    c = state.columns
    catch_all_up(c)
    row = int(c.hot["row"][stream])
    if row < 0:
        return np.zeros(0, np.int64), np.zeros(0)
    ring = c.bundle[row >> SHIFT]
    slots = (int(c.hot["head"][stream]) + np.arange(int(c.hot["count"][stream]))) % ring["size"]
    spots = ring["base"] + slots * ring["step"] + (row & WITHIN)
    return c.r_at[spots], c.r_value[spots]
