"""Room for readings: rings of one size lie in bundles, in one long column.

A stream that needs a larger ring moves to another; no other stream moves.
"""

from __future__ import annotations

import numpy as np

from anlan.warning.columns.bare import bare_columns
from anlan.warning.columns.compiled import compiled
from anlan.warning.columns.layout import ABREAST, BUNDLE, I64, SHIFT, WITHIN, Columns
from anlan.warning.columns.one import MOST_KEPT
from anlan.warning.columns.ring import catch_up, place
from anlan.warning.columns.state import BY_READING, KINDS, State, blank

SLACK, LEAST = 16, 1 << 20
"""A sixteenth of all readings, and so many at least, is kept free for further rings."""
MOST_PIECES = 100


def seat(state: State, streams: I64, sizes: I64) -> None:
    """Give each of the streams a ring of its size, and carry its readings over."""
    sizes = np.minimum(sizes, MOST_KEPT)
    rows = np.empty(len(streams), np.int64)
    before = state.columns.hot["row"][streams]
    for size in np.unique(sizes).tolist():
        members = np.flatnonzero(sizes == size)
        rows[members] = _take(state, size, len(members))
        state.columns.owner[rows[members]] = streams[members]
    _carry(state.columns, streams, rows)
    _give_back(state, before[before >= 0])


def leave(state: State, streams: I64) -> None:
    """Free the rings of streams that are no more."""
    rows = state.columns.hot["row"][streams]
    rows = rows[rows >= 0]
    state.columns.owner[rows] = -1
    state.columns.hot["row"][streams] = -1
    _give_back(state, rows)


def _free(state: State) -> dict[int, list[I64]]:
    """Return the free rows by size: to look through all of them each time would take longer than to judge."""
    if state.free is None:
        size_of, free = np.repeat(state.columns.bundle["size"], BUNDLE), state.columns.owner < 0
        state.free = {
            size: [np.flatnonzero(free & (size_of == size))] for size in np.unique(size_of).tolist()
        }
    return state.free


def _take(state: State, size: int, count: int) -> I64:
    """Return free rows of a size, which are no longer free then."""
    stack = _free(state).setdefault(size, [])
    lacking = count - sum(map(len, stack))
    if lacking > 0:
        stack.append(_add_bundles(state, size, -(-lacking // BUNDLE)))
    found = []
    while count:
        rows = stack.pop()
        found.append(rows[:count])
        if len(rows) > count:
            stack.append(rows[count:])
        count -= len(found[-1])
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def _give_back(state: State, rows: I64) -> None:
    """Let others have rows that nobody owns any more."""
    if state.free is None:
        return  # whoever looks for free rows first finds them
    sizes = state.columns.bundle["size"][rows >> SHIFT]
    free = _free(state)
    for size in np.unique(sizes).tolist():
        stack = free.setdefault(size, [])
        stack.append(rows[sizes == size])
        if len(stack) > MOST_PIECES:
            stack[:] = [np.concatenate(stack)]


def _add_bundles(state: State, size: int, count: int) -> I64:
    """Make further rings of a size; return their rows."""
    columns = state.columns
    bundles = blank("bundle", count)
    bundles["size"] = size
    number = np.arange(count)
    # In groups of ABREAST; the last may be narrower, and so is its step.
    first_abreast = number - number % ABREAST
    abreast = np.minimum(count - first_abreast, ABREAST)
    bundles["step"] = abreast * BUNDLE
    bundles["base"] = state.used + (first_abreast * size + number % ABREAST) * BUNDLE
    first = len(columns.owner)
    state.columns = columns._replace(
        bundle=np.concatenate([columns.bundle, bundles]),
        owner=np.concatenate([columns.owner, blank("owner", count * BUNDLE)]),
    )
    state.used += count * size * BUNDLE
    if state.used > len(columns.r_at):
        _make_room(state, state.used + max(state.used // SLACK, LEAST))
    return np.arange(first, first + count * BUNDLE)


def _make_room(state: State, room: int) -> None:
    """Lengthen the columns of readings, in small steps and where they are.

    To copy gigabytes would hold up whoever waits for the commit; the system moves whole pages
    instead.  Nobody else may look at the columns meanwhile: a step has the state alone.
    """
    for name in BY_READING:
        column = getattr(state.columns, name)
        if column.flags.owndata:
            column.resize(room, refcheck=False)
            continue
        longer = np.empty(room, KINDS[name])  # it came from a file, and lies in what was read
        longer[: len(column)] = column
        state.columns = state.columns._replace(**{name: longer})


@compiled
def _carry(c: Columns, streams: I64, rows: I64) -> None:
    """Copy the readings of streams to their new rows, and leave the old ones."""
    c = bare_columns(c)
    for x in range(len(streams)):
        s, row = streams[x], rows[x]
        catch_up(c, s)
        ring = c.bundle[row >> SHIFT]
        base = ring.base + (row & WITHIN)
        for i in range(c.hot[s].count):
            a, b = place(c, s, i), base + i * ring.step
            c.r_at[b] = c.r_at[a]
            c.r_value[b] = c.r_value[a]
        if c.hot[s].row >= 0:
            c.owner[c.hot[s].row] = -1
        c.hot[s].row = row
        c.hot[s].head = 0
