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
    best = np.full(KTH, np.inf)
    # Ages of the last value of a past window: from just before the newest window to the oldest whole one.
    for age in range(WINDOW, kept - WINDOW + 1):
        distance = 0.0
        a, b = newest, newest - age
        if b < 0:
            b += size
        for _ in range(WINDOW):
            difference = ring[a] - ring[b]
            distance += difference * difference
            if distance >= best[KTH - 1]:
                break
            a = a - 1 if a > 0 else size - 1
            b = b - 1 if b > 0 else size - 1
        if distance < best[KTH - 1]:
            k = KTH - 1
            while k > 0 and best[k - 1] > distance:
                best[k] = best[k - 1]
                k -= 1
            best[k] = distance
    return math.sqrt(best[KTH - 1]) if best[KTH - 1] < np.inf else np.nan
