"""Counts as they come: each judged by Farrington's method after those before it, bounded memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anlan.science.farrington import WEEKLY, CountScores, Cycle, score_counts


class CountWatch:
    """Judges counts piece by piece; holds ``cycle.history`` counts, however many there were.

    Pieces of any length give what :func:`anlan.science.farrington.score_counts` gives of all at once.
    """

    def __init__(self, cycle: Cycle = WEEKLY, *, alpha: float = 0.005) -> None:
        self.cycle, self.alpha = cycle, alpha
        self._past = np.empty(0)

    def feed(self, counts: NDArray[np.float64]) -> CountScores:
        """Return the scores of the next counts, equally spaced, NaN where one is missing.

        Raises
        ------
        ValueError
            As ``score_counts`` does.
        """
        whole = np.concatenate((self._past, counts))
        found = score_counts(whole, cycle=self.cycle, alpha=self.alpha)
        known = len(self._past)
        self._past = whole[-self.cycle.history :]
        return CountScores(
            found.expected[known:],
            found.upper[known:],
            found.exceedance[known:],
            found.p_value[known:],
        )
