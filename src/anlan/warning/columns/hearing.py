"""New readings of a stream find their places among those that are kept.

Of several for one instant the message that came last stands, and of one message the greatest.  A
reading without a value takes away what an earlier message said of its instant.
"""

from __future__ import annotations

import math

import numpy as np

from anlan.warning.columns.compiled import compiled, woven
from anlan.warning.columns.layout import (
    I64,
    MISSED,
    NEVER,
    NONE,
    Batch,
    Columns,
    Out,
    Room,
    Tables,
)
from anlan.warning.columns.ring import after, insert, place, remove, size_of
from anlan.warning.columns.telling import note

MANY = 16  # rows of one stream; more of them are sorted first, else all kept might move for each


@woven
def is_valued(t: Tables, batch: Batch, j: int) -> bool:
    """Return whether a reading has a value that counts."""
    return not t.unjudged[batch.quality[j]] and math.isfinite(batch.value[j])


@compiled
def _differs(c: Columns, s: int, at: int, value: float, valued: bool) -> bool:
    """Return whether a reading that came too late says something new."""
    i = after(c, s, at, 0, int(c.hot[s].count))
    if i and c.r_at[place(c, s, i - 1)] == at:
        return not valued or c.r_value[place(c, s, i - 1)] != value
    return valued


@woven
def _note_too_late(
    t: Tables, c: Columns, s: int, batch: Batch, rows: I64, room: Room, out: Out
) -> None:  # fmt: skip
    """Say since when something new came for what is settled already, if it did."""
    settled = c.cold[s].settled
    earliest = NEVER
    for j in rows:
        at = batch.at_us[j]
        late = settled != NONE and at <= settled
        if late and _differs(c, s, at, batch.value[j], is_valued(t, batch, j)):
            room.tally[0] += 1
            earliest = min(earliest, at)
    if earliest != NEVER:
        note(out, s, 0, MISSED, 0, 0, 0, earliest, earliest)


@woven
def _said_before(t: Tables, batch: Batch, rows: I64, x: int) -> bool:
    """Return whether the message of row ``x`` gave its instant a value before."""
    for y in range(x - 1, -1, -1):
        if batch.arrival[rows[y]] != batch.arrival[rows[x]]:
            return False
        if batch.at_us[rows[y]] == batch.at_us[rows[x]] and is_valued(t, batch, rows[y]):
            return True
    return False


@woven
def _hear(t: Tables, c: Columns, s: int, batch: Batch, rows: I64, x: int) -> None:
    """Give one of a few unsettled readings its place."""
    at, value, valued = batch.at_us[rows[x]], batch.value[rows[x]], is_valued(t, batch, rows[x])
    i = after(c, s, at, 0, int(c.hot[s].count))
    if i == 0 or c.r_at[place(c, s, i - 1)] != at:
        if valued:
            insert(c, s, i, at, value)
    elif not valued:
        if not _said_before(t, batch, rows, x):
            remove(c, s, i - 1)
    elif value > c.r_value[place(c, s, i - 1)] or not _said_before(t, batch, rows, x):
        c.r_value[place(c, s, i - 1)] = value


@woven
def _what_stands(
    t: Tables, batch: Batch, rows: I64, there: bool, before: float
) -> tuple[bool, float]:  # fmt: skip
    """Return what stands of one instant, of which ``rows`` tell: whether there is a value, and which."""
    value, said = before, -1  # the message that gave the instant a value
    for j in rows:
        arrival = int(batch.arrival[j])
        if is_valued(t, batch, j):
            if not there or said != arrival or batch.value[j] > value:
                value = batch.value[j]
            there, said = True, arrival
        elif said != arrival:
            there = False
    return there, value


@compiled
def _hear_many(t: Tables, c: Columns, s: int, batch: Batch, rows: I64) -> None:
    """Give many unsettled readings their places: kept and new ones, both in order, become one line."""
    rows = rows[np.argsort(batch.at_us[rows], kind="mergesort")]  # of one instant as they came
    count = int(c.hot[s].count)
    at, value = np.empty(count + len(rows), np.int64), np.empty(count + len(rows), np.float64)
    n, i, x = 0, 0, 0
    while i < count or x < len(rows):
        there = i < count and (x == len(rows) or c.r_at[place(c, s, i)] <= batch.at_us[rows[x]])
        at[n] = c.r_at[place(c, s, i)] if there else batch.at_us[rows[x]]
        value[n] = c.r_value[place(c, s, i)] if there else 0.0
        i += there
        end = x
        while end < len(rows) and batch.at_us[rows[end]] == at[n]:
            end += 1
        if end > x:
            there, value[n] = _what_stands(t, batch, rows[x:end], there, value[n])
            x = end
        n += there
    size = size_of(c, s)
    first = max(n - size, 0)  # the oldest go
    c.hot[s].head, c.hot[s].count = 0, n - first
    for i in range(first, n):
        spot = place(c, s, i - first)
        c.r_at[spot], c.r_value[spot] = at[i], value[i]


@woven
def hear_all(
    t: Tables, c: Columns, s: int, batch: Batch, rows: I64, room: Room, out: Out
) -> None:  # fmt: skip
    """Give readings their places, and note what is too late for that."""
    _note_too_late(t, c, s, batch, rows, room, out)
    settled = c.cold[s].settled
    if len(rows) > MANY:
        _hear_many(t, c, s, batch, rows[batch.at_us[rows] > settled])
        return
    for x in range(len(rows)):
        if batch.at_us[rows[x]] > settled:
            _hear(t, c, s, batch, rows, x)
