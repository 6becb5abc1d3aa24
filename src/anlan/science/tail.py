"""How surprising is a value, given all that came before: a streaming upper-tail probability.

Past values fall into bins of equal ratio (``PER_OCTAVE`` to a doubling), newer ones weighing
more (``MEMORY`` values).  Where at least a few past values were as large, their share is the
answer (a conformal rank, Vovk et al. 2005); beyond them the upper ``TAIL`` of the bins is
extended by a Pareto law whose index is Hill's (1975) mean excess of logarithms.

State of one tail, a slice of a flat float64 array: mean, count, weight, total, then the bins.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from anlan.science.compiled import compiled

HEAD = 4  # mean, count, weight of one value now, total weight
PER_OCTAVE = 4.0
LOWEST = -6.0  # the first bin: up to 2**-6 of the running mean
TAIL = 0.02  # the share of largest values from which the law of the tail is read
LEAST_SLOPE = 0.1  # octaves: no tail is taken for thinner than this
MEMORY = 4000.0
SCALE_MEMORY = 2000.0
WARM = 50  # values before the first answer
CLIP = 10.0  # of the mean: what one value may add to the mean
HUGE = 1e6  # times a mean of zero


def tail_width(bins: int) -> int:
    """Return how many floats the state of one tail takes."""
    return HEAD + bins


@compiled
def bin_of(ratio: float, bins: int) -> float:
    """Return the place among the bins, whole part and fraction, of a value given as ratio to the mean."""
    if ratio <= 0.0:
        return 0.0
    place = (math.log2(ratio) - LOWEST) * PER_OCTAVE
    return max(0.0, min(bins - 1.0001, place))


@compiled
def surprise(state: NDArray[np.float64], place: float) -> float:
    """Return -log10 of the probability of a value at ``place`` or above."""
    counts = state[HEAD:]
    weight, total = state[2], state[3]
    here = int(place)
    above = 0.0
    for k in range(here + 1, counts.size):
        above += counts[k]
    alike = (above + counts[here]) / weight
    seen = (above + counts[here] * (1.0 - 0.5 * (place - here)) + weight) / (total + weight)
    if seen >= TAIL:
        return -math.log10(seen)
    mass, moment, k = 0.0, 0.0, counts.size - 1
    while k > 0 and mass < TAIL * total:
        mass += counts[k]
        moment += counts[k] * (k + 0.5)
        k -= 1
    start = k + 1.0
    slope = max(moment / mass - start, LEAST_SLOPE * PER_OCTAVE) if mass > 0.0 else 1.0
    beyond = (mass + weight) / (total + weight) * math.exp(-max(0.0, place - start) / slope)
    trust = alike / (alike + 1.0)
    return float(-(trust * math.log10(seen) + (1.0 - trust) * math.log10(min(seen, beyond))))


@compiled
def tail_step(state: NDArray[np.float64], value: float) -> float:
    """Return the surprise of ``value`` against the past, then learn it.

    NaN, infinities and negative numbers are no values.
    """
    if not 0.0 <= value < np.inf:
        return 0.0
    count = state[1]
    if count == 0.0:
        state[2] = 1.0
    rate = 1.0 / min(count + 1.0, SCALE_MEMORY)
    mean = state[0]
    # The mean is taken with the value itself, so that the very first one has a scale.
    taken = value if count < WARM else min(value, CLIP * mean)
    mean += rate * (taken - mean)
    ratio = value / mean if mean > 0.0 else (HUGE if value > 0.0 else 0.0)
    place = bin_of(ratio, state.size - HEAD)
    answer = surprise(state, place) if count >= WARM else 0.0
    state[0] = mean
    state[1] = count + 1.0
    state[2] *= 1.0 + 1.0 / MEMORY
    state[HEAD + int(place)] += state[2]
    state[3] += state[2]
    if state[2] > 1e100:
        state[HEAD:] /= state[2]
        state[3] /= state[2]
        state[2] = 1.0
    return answer


@compiled
def tail_scores(state: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the surprise of each value in turn (n,), learning as it goes; ``state`` is changed."""
    out = np.empty(values.size)
    for i in range(values.size):
        out[i] = tail_step(state, values[i])
    return out
