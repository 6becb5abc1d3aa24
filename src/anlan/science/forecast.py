"""The next value, from five simple forecasts weighed by how well each has done of late.

Last value; two exponential means (of about 3 and 33 values); the usual value of the time of
day; the same, shifted by what the day has been off so far.  Weights are the inverse squares of
their running absolute errors, errors limited to ``CLIP`` times the usual (Bates and Granger 1969).

State: count, last value, quick mean, slow mean, how far the day is off, five errors.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from anlan.science.compiled import compiled

WIDTH = 10
QUICK, SLOW, DAY = 0.3, 0.03, 0.2
FORGET = 0.01
CLIP = 10.0
WARM = 50
LEAST = 1e-6  # of the spread: no forecast counts as better than this


@compiled
def forecast_parts(state: NDArray[np.float64], usual: float, parts: NDArray[np.float64]) -> None:
    """Write the five forecasts into ``parts``; ``usual`` is NaN when the time of day is new."""
    parts[0], parts[1], parts[2] = state[1], state[2], state[3]
    known = not math.isnan(usual)
    parts[3] = usual + state[4] if known else state[3]
    parts[4] = usual if known else state[3]


@compiled
def forecast_of(state: NDArray[np.float64], parts: NDArray[np.float64], spread: float) -> float:
    """Return the weighed forecast."""
    if spread == 0.0:
        return float(parts[0])
    mass, total = 0.0, 0.0
    for k in range(5):
        error = max(state[5 + k] / spread, LEAST)
        weight = 1.0 / (error * error)
        mass += weight
        total += weight * (parts[k] - parts[0])
    return float(parts[0] + total / mass)


@compiled
def forecast_learn(
    state: NDArray[np.float64], parts: NDArray[np.float64], usual: float, value: float
) -> None:
    """Learn one value, ``parts`` being what was forecast for it."""
    count = state[0]
    rate = max(FORGET, 1.0 / (count + 1.0))
    for k in range(5):
        error = abs(value - parts[k])
        if count >= WARM:
            error = min(error, CLIP * state[5 + k])
        state[5 + k] += rate * (error - state[5 + k])
    if not math.isnan(usual):
        state[4] += DAY * (value - usual - state[4])
    if count == 0.0:
        state[2], state[3] = value, value
    state[1] = value
    state[2] += QUICK * (value - state[2])
    state[3] += SLOW * (value - state[3])
    state[0] = count + 1.0
