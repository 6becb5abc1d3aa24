"""Readings of streams side by side that all go the same way, taken many at once.

That is so of neighbours that speak equally often and are at rest: their readings lie side by side
too.  Loops that only compare, or only copy, are done for several rows by one command.  How far
their rings went on is noted once for all of them, in ``ahead``: while it is not 0, all of a run are
at rest, of one program, and equally far.
"""

from __future__ import annotations

import numpy as np

from anlan.warning.columns.compiled import woven
from anlan.warning.columns.layout import (
    AT_REST,
    BUNDLE,
    LATE,
    RUN,
    RUN_SHIFT,
    SHIFT,
    WITHIN,
    Batch,
    Columns,
    Tables,
)

FURTHEST_AHEAD = 1 << 30  # no sum with it leaves 32 bits


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
def _are_calm(t: Tables, c: Columns, batch: Batch, now: int, j: int, s: int) -> bool:
    """Return whether a run of rows from ``j`` on moves nothing and keeps nobody waiting."""
    program = t.program[np.uint64(c.hot[np.uint64(s)].program)]
    quality = batch.quality[np.uint64(j)]
    if not program.plain or t.unjudged[np.uint64(quality)]:
        return False
    low, high, oldest = program.low, program.high, now - program.wait
    calm = True
    # Each kind of number has a loop of its own: so as many as can be fit into one command.
    for i in range(RUN):
        calm &= batch.quality[np.uint64(j + i)] == quality
    for i in range(RUN):
        value = batch.value[np.uint64(j + i)]
        calm &= (low <= value) & (value <= high)
    for i in range(RUN):
        calm &= batch.at_us[np.uint64(j + i)] >= oldest
    return calm


@woven
def _are_later(c: Columns, batch: Batch, j: int, before: int, by: int) -> bool:
    """Return whether each of a run of rows is at least so much later than what stands ``before``."""
    later = True
    for i in range(RUN):
        later &= batch.at_us[np.uint64(j + i)] >= c.r_at[np.uint64(before + i)] + by
    return later


@woven
def take_run(t: Tables, c: Columns, batch: Batch, now: int, j: int, s: int) -> bool:
    """Take ``RUN`` rows from ``j`` on, of the streams of a run from ``s`` on; or change nothing."""
    run = np.uint64(s >> RUN_SHIFT)
    ahead = int(c.ahead[run])
    if ahead >= FURTHEST_AHEAD or (ahead == 0 and not _stand_alike(c, s)):
        return False
    if not _are_calm(t, c, batch, now, j, s):
        return False
    hot = c.hot[np.uint64(s)]
    ring = c.bundle[np.uint64(hot.row >> SHIFT)]
    size, first = ring.size, ring.base + (hot.row & WITHIN)
    heard = int(hot.count) + ahead
    behind = (int(hot.head) + heard) % size  # the oldest lies there when the ring is full
    before = behind - 1 if behind else size - 1
    following = behind + 1 if behind + 1 < size else 0
    earliest, latest = batch.at_us[np.uint64(j)], batch.at_us[np.uint64(j)]
    for i in range(RUN):
        earliest = min(earliest, batch.at_us[np.uint64(j + i)])
        latest = max(latest, batch.at_us[np.uint64(j + i)])
    # What need not be looked at need not come through memory.
    known_later = ahead > 0 and earliest > c.newest_high[run]
    if not (known_later or _are_later(c, batch, j, first + before * ring.step, 1)):
        return False
    if heard >= size and not _are_later(c, batch, j, first + following * ring.step, LATE):
        return False
    spot = first + behind * ring.step
    c.r_at[spot : spot + RUN] = batch.at_us[j : j + RUN]
    c.r_value[spot : spot + RUN] = batch.value[j : j + RUN]
    c.ahead[run] = ahead + 1
    c.newest_low[run], c.newest_high[run] = earliest, latest
    return True
