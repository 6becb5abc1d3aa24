"""Sums that are rounded once, like :func:`math.fsum`: ten times 0.1 is 1."""

from __future__ import annotations

import numpy as np

from anlan.warning.columns.compiled import compiled
from anlan.warning.columns.layout import F64, Columns
from anlan.warning.columns.ring import place

MOST_PARTIALS = 64  # doubles span 2,098 bits, 53 to each part


@compiled
def _rounded(parts: F64, size: int) -> float:
    if size == 0:
        return 0.0
    size -= 1
    high, low = parts[size], 0.0
    while size > 0:
        x = high
        size -= 1
        y = parts[size]
        high = x + y
        low = y - (high - x)
        if low != 0.0:
            break
    same_side = size > 0 and (
        (low < 0 and parts[size - 1] < 0) or (low > 0 and parts[size - 1] > 0)
    )
    if same_side:
        y = low * 2.0
        x = high + y
        if y == x - high:
            high = x
    return high


@compiled
def exact_sum(values: F64) -> float:
    """Return the sum rounded once, half to even (Shewchuk's expansion)."""
    parts = np.empty(MOST_PARTIALS)
    size = 0
    for value in values:
        x = value
        kept = 0
        for j in range(size):
            y = parts[j]
            if abs(x) < abs(y):
                x, y = y, x
            high = x + y
            low = y - (high - x)
            if low != 0.0:
                parts[kept] = low
                kept += 1
            x = high
        parts[kept] = x
        size = kept + 1
    return _rounded(parts, size)


@compiled
def ring_sum(c: Columns, s: int, first: int, end: int) -> float:
    """Return the exactly rounded sum of the readings ``first`` to ``end`` of a stream.

    Two numbers carry the sum without loss nearly always (106 bits); where they
    do not, it is summed again in as many parts as it needs.
    """
    high, low = 0.0, 0.0
    exact = True
    for i in range(first, end):
        value = c.r_value[place(c, s, i)]
        total = high + value
        part = total - high
        error = (high - (total - part)) + (value - part)
        rest = low + error
        part = rest - low
        exact = exact and (low - (rest - part)) + (error - part) == 0.0
        high = total + rest
        part = high - total
        low = (total - (high - part)) + (rest - part)
    if exact:
        return high
    values = np.empty(end - first)
    for i in range(first, end):
        values[i - first] = c.r_value[place(c, s, i)]
    return exact_sum(values)
