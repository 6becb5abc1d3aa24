"""Room for readings: rings of one size lie in bundles, in one long column.

A stream that needs a larger ring moves to another; no other stream moves.
"""

from __future__ import annotations

import numpy as np

from anlan.warning.columns.bare import bare_columns
from anlan.warning.columns.compiled import compiled
from anlan.warning.columns.layout import BUNDLE, I64, SHIFT, WITHIN, Columns
from anlan.warning.columns.one import MOST_KEPT
from anlan.warning.columns.ring import place
from anlan.warning.columns.state import BY_READING, KINDS, State, blank

SLACK = 0.5  # of all readings, kept free for further rings; what is not used is no memory yet


def seat(state: State, streams: I64, sizes: I64) -> None:
    """Give each of the streams a ring of its size, and carry its readings over."""
    sizes = np.minimum(sizes, MOST_KEPT)
    rows = np.empty(len(streams), np.int64)
    for size in np.unique(sizes).tolist():
        members = np.flatnonzero(sizes == size)
        free = _free(state.columns, size)
        if len(free) < len(members):
            _add_bundles(state, size, -(-(len(members) - len(free)) // BUNDLE))
            free = _free(state.columns, size)
        rows[members] = free[: len(members)]
        state.columns.owner[rows[members]] = streams[members]
    _carry(state.columns, streams, rows)


def leave(state: State, streams: I64) -> None:
    """Free the rings of streams that are no more."""
    rows = state.columns.hot["row"][streams]
    state.columns.owner[rows[rows >= 0]] = -1
    state.columns.hot["row"][streams] = -1


def _free(columns: Columns, size: int) -> I64:
    fitting = np.repeat(columns.bundle["size"] == size, BUNDLE)
    return np.flatnonzero(fitting & (columns.owner < 0))


def _add_bundles(state: State, size: int, count: int) -> None:
    columns = state.columns
    bundles = blank("bundle", count)
    bundles["size"] = size
    bundles["base"] = state.used + np.arange(count) * (size * BUNDLE)
    state.used += count * size * BUNDLE
    longer = {
        "bundle": np.concatenate([columns.bundle, bundles]),
        "owner": np.concatenate([columns.owner, blank("owner", count * BUNDLE)]),
    }
    if state.used > len(columns.r_at):
        room = state.used + int(state.used * SLACK)
        for name in BY_READING:
            old = getattr(columns, name)
            longer[name] = np.empty(room, KINDS[name])
            longer[name][: len(old)] = old
    state.columns = columns._replace(**longer)


@compiled
def _carry(c: Columns, streams: I64, rows: I64) -> None:
    """Copy the readings of streams to their new rows, and leave the old ones."""
    c = bare_columns(c)
    for x in range(len(streams)):
        s, row = streams[x], rows[x]
        base = c.bundle[row >> SHIFT].base + (row & WITHIN)
        for i in range(c.hot[s].count):
            a, b = place(c, s, i), base + (i << SHIFT)
            c.r_at[b] = c.r_at[a]
            c.r_value[b] = c.r_value[a]
            c.r_arrival[b] = c.r_arrival[a]
        if c.hot[s].row >= 0:
            c.owner[c.hot[s].row] = -1
        c.hot[s].row = row
        c.hot[s].head = 0
