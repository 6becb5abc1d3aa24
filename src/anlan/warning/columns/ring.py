"""The readings of each stream that may still matter, oldest first, in a ring.

The rings of a bundle, and of bundles that were made together, are interleaved: they mostly
advance together, and so a tick runs through memory in order.
"""

from __future__ import annotations

import numpy as np

from anlan.warning.columns.compiled import compiled, woven
from anlan.warning.columns.layout import LATE, NONE, RUN, RUN_SHIFT, SHIFT, WITHIN, Columns


@woven
def size_of(c: Columns, s: int) -> int:
    """Return how many readings the ring of a stream holds."""
    return c.bundle[c.hot[s].row >> SHIFT].size


@compiled
def _let_hot_say(c: Columns, run: int) -> None:
    for s in range(run * RUN, (run + 1) * RUN):
        size = size_of(c, s)
        heard = int(c.hot[s].count) + int(c.ahead[run])
        c.hot[s].count = min(heard, size)
        c.hot[s].head = (c.hot[s].head + max(heard - size, 0)) % size
    c.ahead[run] = 0


@woven
def catch_up(c: Columns, s: int) -> None:
    """Let ``hot`` say what stream ``s`` and its neighbours took together.

    To be done before anything else is done to a stream, and before its readings are looked at.
    """
    if c.ahead[np.uint64(s >> RUN_SHIFT)]:
        _let_hot_say(c, s >> RUN_SHIFT)


@compiled
def catch_all_up(c: Columns) -> None:
    """Let ``hot`` say what every stream took."""
    for run in range(len(c.ahead)):
        if c.ahead[run]:
            _let_hot_say(c, run)


@woven
def place(c: Columns, s: int, i: int) -> int:
    """Return where the ``i``-th oldest reading of stream ``s`` lies."""
    row = c.hot[s].row
    ring = c.bundle[row >> SHIFT]
    slot = c.hot[s].head + i
    if slot >= ring.size:
        slot -= ring.size
    return ring.base + slot * ring.step + (row & WITHIN)


@woven
def after(c: Columns, s: int, at: int, low: int, high: int) -> int:
    """Return the first of the readings ``low`` to ``high`` later than ``at``."""
    while low < high:
        middle = (low + high) // 2
        if c.r_at[place(c, s, middle)] > at:
            high = middle
        else:
            low = middle + 1
    return low


@woven
def newest(c: Columns, s: int) -> int:
    """Return the instant of the newest reading, or NONE."""
    count = int(c.hot[s].count)
    return c.r_at[place(c, s, count - 1)] if count else NONE


@woven
def settled(c: Columns, s: int) -> int:
    """Return the instant up to which readings are final, or NONE."""
    count = int(c.hot[s].count)
    if count == 0:
        return c.cold[s].settled
    line = c.r_at[place(c, s, count - 1)] - LATE
    upto = after(c, s, line, 0, count)
    return max(c.cold[s].settled, c.r_at[place(c, s, upto - 1)]) if upto else c.cold[s].settled


@woven
def append(c: Columns, s: int, at: int, value: float) -> None:
    """Put a reading behind the newest; there is room."""
    spot = place(c, s, int(c.hot[s].count))
    c.r_at[spot] = at
    c.r_value[spot] = value
    c.hot[s].count += 1


@woven
def drop_oldest(c: Columns, s: int) -> None:
    """Forget the oldest reading."""
    head = int(c.hot[s].head) + 1
    c.hot[s].head = 0 if head == size_of(c, s) else head
    c.hot[s].count -= 1


@woven
def trim(c: Columns, s: int, floor: int) -> None:
    """Forget readings before ``floor``."""
    while c.hot[s].count and c.r_at[place(c, s, 0)] < floor:
        drop_oldest(c, s)


@compiled
def move(c: Columns, s: int, source: int, target: int) -> None:
    """Copy one reading over another place of the same ring."""
    a, b = place(c, s, source), place(c, s, target)
    c.r_at[b] = c.r_at[a]
    c.r_value[b] = c.r_value[a]


@compiled
def insert(c: Columns, s: int, i: int, at: int, value: float) -> None:
    """Put a reading before the ``i``-th; a full ring forgets its oldest."""
    if c.hot[s].count == size_of(c, s):
        if i == 0:
            return
        drop_oldest(c, s)
        i -= 1
    append(c, s, at, value)
    for k in range(int(c.hot[s].count) - 1, i, -1):
        move(c, s, k - 1, k)
    spot = place(c, s, i)
    c.r_at[spot] = at
    c.r_value[spot] = value


@compiled
def remove(c: Columns, s: int, i: int) -> None:
    """Take the ``i``-th reading out."""
    for k in range(i, int(c.hot[s].count) - 1):
        move(c, s, k + 1, k)
    c.hot[s].count -= 1
