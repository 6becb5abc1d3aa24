"""Readings of streams side by side that all go the same way, taken many at once.

That is so of neighbours that speak equally often and are at rest: their readings lie side by side
too.  Loops that only compare, or only copy, are done for several rows by one command.
"""

from __future__ import annotations

import numpy as np

from anlan.warning.columns.compiled import woven
from anlan.warning.columns.layout import (
    AT_REST,
    BUNDLE,
    LATE,
    SHIFT,
    WITHIN,
    Batch,
    Columns,
    Tables,
)

RUN = 64  # rows that are tried at once


@woven
def _stand_alike(c: Columns, s: int) -> bool:
    """Return whether a run of streams from ``s`` on is at rest and has its rings side by side."""
    hot = c.hot[np.uint64(s)]
    count, head, row, program = int(hot.count), int(hot.head), int(hot.row), int(hot.program)
    if hot.state != AT_REST or program < 0 or count < 1 or (row & WITHIN) + RUN > BUNDLE:
        return False
    alike = True
    for i in range(RUN):
        one = c.hot[np.uint64(s + i)]
        alike &= (
            (one.row == row + i) & (one.count == count) & (one.head == head)
            & (one.state == AT_REST) & (one.program == program)
        )  # fmt: skip
    return alike


@woven
def _are_calm(
    t: Tables, c: Columns, batch: Batch, now: int, j: int, s: int, before: int, following: int
) -> bool:
    """Return whether a run of rows from ``j`` on is later than what is kept, and moves nothing.

    ``before`` is the place of the newest reading of the first stream; ``following`` that of its
    second oldest when the oldest has to go, else -1.
    """
    program = t.program[np.uint64(c.hot[np.uint64(s)].program)]
    quality = batch.quality[np.uint64(j)]
    if not program.plain or t.unjudged[np.uint64(quality)]:
        return False
    low, high, oldest = program.low, program.high, now - program.wait
    calm = True
    for i in range(RUN):
        at, value = batch.at_us[np.uint64(j + i)], batch.value[np.uint64(j + i)]
        calm &= (
            (low <= value) & (value <= high) & (at >= oldest) & (at > c.r_at[np.uint64(before + i)])
            & (batch.quality[np.uint64(j + i)] == quality)
        )  # fmt: skip
    if following >= 0:
        for i in range(RUN):
            calm &= c.r_at[np.uint64(following + i)] <= batch.at_us[np.uint64(j + i)] - LATE
    return calm


@woven
def take_run(t: Tables, c: Columns, batch: Batch, now: int, j: int, s: int) -> bool:
    """Take ``RUN`` rows from ``j`` on, of streams from ``s`` on; or change nothing."""
    if not _stand_alike(c, s):
        return False
    hot = c.hot[np.uint64(s)]
    count, head = int(hot.count), int(hot.head)
    ring = c.bundle[np.uint64(hot.row >> SHIFT)]
    size, first = ring.size, ring.base + (hot.row & WITHIN)
    behind = head + count - (size if head + count >= size else 0)
    before = behind - 1 if behind else size - 1
    full = count == size
    second = (head + 1 if head + 1 < size else 0) if full else head
    following = first + second * ring.step if full else -1
    if not _are_calm(t, c, batch, now, j, s, first + before * ring.step, following):
        return False
    spot = first + behind * ring.step
    c.r_at[spot : spot + RUN] = batch.at_us[j : j + RUN]
    c.r_value[spot : spot + RUN] = batch.value[j : j + RUN]
    c.r_arrival[spot : spot + RUN] = batch.arrival[j : j + RUN]
    if full:
        for i in range(RUN):
            c.hot[np.uint64(s + i)].head = second
    else:
        for i in range(RUN):
            c.hot[np.uint64(s + i)].count = count + 1
    return True
