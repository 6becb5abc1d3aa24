"""Readings at the resolution of their sensor: 12.34 is 1234 hundredths.

A sensor that gives two decimals gives whole hundredths.  As whole numbers a
slow series packs into a byte or two, and nothing is lost: division of whole
numbers below 2**53 by a power of ten up to 10**22 is rounded correctly, so it
gives the very number that the decimal text gives (W. D. Clinger, *How to read
floating point numbers accurately*, PLDI 1990).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anlan.science.compiled import compiled

FINEST = 6
"""Decimals that are looked for; a finer value is kept as it is."""
LARGEST = float(1 << 52)
AS_IT_IS = -1
POWERS: NDArray[np.float64] = np.array([10.0**power for power in range(FINEST + 1)])


class Scaled(NamedTuple):
    """``whole / 10**decimals`` is the value; with ``decimals`` -1 it is none of these."""

    whole: NDArray[np.int64]
    decimals: NDArray[np.int8]


@compiled
def _scale(
    value: NDArray[np.float64],
    run: NDArray[np.int32],
    powers: NDArray[np.float64],
    whole: NDArray[np.int64],
    decimals: NDArray[np.int8],
) -> None:
    count = len(value)
    start = 0
    while start < count:
        end = start
        finest = 0
        while end < count and run[end] == run[start]:
            if finest >= 0:
                finest = _decimals_of(value[end], finest, powers)
            end += 1
        for at in range(start, end):
            # One odd value must not cost the others of its stream their whole numbers.
            own = finest if finest >= 0 else _decimals_of(value[at], 0, powers)
            decimals[at] = own
            whole[at] = np.int64(np.rint(value[at] * powers[own])) if own >= 0 else 0
        start = end


@compiled
def _decimals_of(value: float, least: int, powers: NDArray[np.float64]) -> int:
    if not np.isfinite(value) or (value == 0.0 and np.signbit(value)):
        return AS_IT_IS
    for decimals in range(least, len(powers)):
        scaled = np.rint(value * powers[decimals])
        if abs(scaled) >= LARGEST:
            return AS_IT_IS
        if scaled / powers[decimals] == value:
            return decimals
    return AS_IT_IS


def scale(value: NDArray[np.float64], run: NDArray[np.int32]) -> Scaled:
    """Return values as whole numbers of their stream's smallest decimal.

    ``run`` numbers the stream of each value; values of one stream lie side by side and get the
    same decimals, unless one of them has none: then each gets its own.
    """
    whole = np.zeros(len(value), np.int64)
    decimals = np.zeros(len(value), np.int8)
    _scale(np.ascontiguousarray(value), np.ascontiguousarray(run), POWERS, whole, decimals)
    return Scaled(whole, decimals)


def unscale(whole: NDArray[np.int64], decimals: NDArray[np.int8]) -> NDArray[np.float64]:
    """Return the values of :func:`scale`; NaN where there was none."""
    found = whole / POWERS[np.maximum(decimals, 0)]
    found[decimals < 0] = np.nan
    return found
