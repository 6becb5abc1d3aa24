"""What is usual at this hour of this kind of day: plain quantiles of one's own past.

No model and no memory: the median and an inner range of each slot, from readings that all lie
before what they are compared with.  A slot with few readings has none.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SHARES = (0.1, 0.5, 0.9)
FEWEST = 12


class Usual(NamedTuple):
    """By slot; NaN where fewer than :data:`FEWEST` readings are known."""

    low: NDArray[np.float64]
    middle: NDArray[np.float64]
    high: NDArray[np.float64]
    held: NDArray[np.int64]  # readings


def usual_by_slot(slot: NDArray[np.int64], value: NDArray[np.float64], slots: int) -> Usual:
    """Return the 10 %, 50 % and 90 % quantile of the values of each slot.

    Parameters
    ----------
    slot : (n,) int64
        0 <= slot < ``slots``, of each value.
    value : (n,) float64
        NaN and infinities are left out.
    slots : int
        How many there are.

    Returns
    -------
    Usual
        Quantiles between order statistics are interpolated (Hyndman and Fan, type 7).

    References
    ----------
    Hyndman, R. J. and Fan, Y. (1996). Sample quantiles in statistical packages. The American
    Statistician 50.
    """
    fine = np.isfinite(value)
    slot, value = slot[fine], value[fine]
    order = np.lexsort((value, slot))
    value = value[order]
    count = np.bincount(slot, minlength=slots).astype(np.int64)
    starts = np.concatenate(([0], np.cumsum(count)[:-1]))
    known = count >= FEWEST
    found = np.full((len(SHARES), slots), np.nan)
    for place, share in enumerate(SHARES):
        rank = share * (count[known] - 1)
        below = np.floor(rank).astype(np.int64)
        above = np.minimum(below + 1, count[known] - 1)
        low, high = value[starts[known] + below], value[starts[known] + above]
        found[place, known] = low + (high - low) * (rank - below)
    return Usual(found[0], found[1], found[2], count)
