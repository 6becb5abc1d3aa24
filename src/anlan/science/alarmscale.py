"""One scale for all detectors: 0 is as usual, 1 is never seen, and ``THRESHOLD`` is where it is told.

A tail probability p has the score L / (L + L0) with L = -log10 p and L0 that of ``P_TOLD``; a
probability q of an unusual state has odds / (odds + odds of ``Q_TOLD``).  Both rise steadily, so
nothing is lost.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

THRESHOLD = 0.5
P_TOLD = 0.004  # one reading in 250 is as unlike its past, before repeats are held back
Q_TOLD = 0.9
_L0 = -math.log10(P_TOLD)
_ODDS = Q_TOLD / (1.0 - Q_TOLD)


def score_of_surprise(surprise: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the score of -log10 of tail probabilities."""
    return surprise / (surprise + _L0)


def surprise_of_score(score: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return -log10 of the tail probabilities of scores below 1."""
    return score * _L0 / (1.0 - score)


def score_of_state(unusual: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the score of probabilities of an unusual state, all below 1."""
    odds = unusual / (1.0 - unusual)
    return odds / (odds + _ODDS)
