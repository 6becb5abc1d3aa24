"""Which places of rings hold readings: those of a young city are mostly empty, and cost nothing yet."""

from __future__ import annotations

import numpy as np

from anlan.warning.columns.compiled import compiled
from anlan.warning.columns.layout import BUNDLE, I64, RUN_SHIFT, SHIFT, Columns

SAME_PLACES, PACK, UNPACK = 0, 1, 2


def slots_in_use(columns: Columns) -> I64:
    """Return for each bundle how many slots hold anything that still counts."""
    found = np.zeros(len(columns.bundle), np.int64)
    _count_slots(columns, found)
    return found


def are_few(columns: Columns, slots: I64) -> bool:
    """Return whether it pays to leave out the rest: to go through memory in order is quicker."""
    return bool(2 * slots.sum() < columns.bundle["size"].sum())


@compiled
def _count_slots(c: Columns, found: I64) -> None:
    for s in range(len(c.hot)):
        row = c.hot[s].row
        if row >= 0:
            behind = int(c.hot[s].head) + int(c.hot[s].count) + int(c.ahead[s >> RUN_SHIFT])
            slots = min(behind, c.bundle[row >> SHIFT].size)
            found[row >> SHIFT] = max(found[row >> SHIFT], slots)


@compiled
def carry_in_use(c: Columns, slots: I64, source: I64, target: I64, how: int) -> None:
    """Copy what is in use of a column by reading: to the same places, side by side, or back again."""
    packed = 0
    for bundle in range(len(c.bundle)):
        ring = c.bundle[bundle]
        for slot in range(slots[bundle]):
            place = ring.base + slot * ring.step
            a = packed if how == UNPACK else place
            b = packed if how == PACK else place
            target[b : b + BUNDLE] = source[a : a + BUNDLE]
            packed += BUNDLE
