"""How unlike anything before: the distance of the last window to its nearest past windows.

The plain left discord (Yeh et al. 2016; Lu et al. 2022 for streams): Euclidean distance, no
normalisation of windows, to the ``KTH`` nearest of the windows that end among the kept values
and do not overlap the last one.

State: count, next place, then a ring of values.  NaN is not kept.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from anlan.science.compiled import compiled

HEAD = 2
WINDOW = 32
KTH = 3


def nearest_width(ring: int) -> int:
    """Return how many floats the state takes; ``ring`` is the number of kept values, 0 for none."""
    return HEAD + ring if ring else 0


@compiled
def _kth_smallest(values: NDArray[np.float64]) -> float:
    best = np.full(KTH, np.inf)
    for value in values:
        if value < best[KTH - 1]:
            k = KTH - 1
            while k > 0 and best[k - 1] > value:
                best[k] = best[k - 1]
                k -= 1
            best[k] = value
    return float(best[KTH - 1])


@compiled
def nearest_step(state: NDArray[np.float64], value: float) -> float:
    """Keep ``value`` and return the distance of the window that it ends, NaN when there are too few."""
    ring = state[HEAD:]
    size = ring.size
    newest = int(state[1])
    ring[newest] = value
    state[1] = (newest + 1) % size
    state[0] += 1.0
    kept = min(int(state[0]), size)
    if kept < WINDOW + WINDOW + KTH - 1:
        return np.nan
    flat = np.empty(kept)  # oldest first, so that the inner loop runs over neighbours in memory
    if kept < size:
        flat[:] = ring[:kept]
    else:
        flat[: size - newest - 1] = ring[newest + 1 :]
        flat[size - newest - 1 :] = ring[: newest + 1]
    squares = np.zeros(kept - 2 * WINDOW + 1)  # one for each past window, by where it ends
    for k in range(WINDOW):
        latest, start = flat[kept - 1 - k], WINDOW - 1 - k
        for end in range(squares.size):
            difference = latest - flat[start + end]
            squares[end] += difference * difference
    return math.sqrt(_kth_smallest(squares))
