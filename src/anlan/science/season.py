"""What is usual at this time of day: a profile with its spread, learnt one reading at a time.

Three profiles are kept: all days, workdays, days of rest.  The profile of the kind of day is
used once it has been the better one.  A profile holds, for each slot of the day, a mean, a mean
absolute deviation and a count; steps are limited to ``LIMIT`` deviations (Huber's way), so a
day of alarms does not become the habit.

State: error of all days, error of the kind of day, comparisons, then means, spreads, counts
(each 3 x slots).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anlan.science.compiled import compiled

HEAD = 3
DAYS = 80.0  # readings of a slot over which its mean is taken
LIMIT = 5.0
BETTER = 0.95  # the kind of day must cut the error by this much
TRIED = 3.0  # readings of a slot before its profile is compared
FORGET = 0.002


def season_width(slots: int) -> int:
    """Return how many floats the state takes."""
    return HEAD + 9 * slots


@compiled
def season_choice(state: NDArray[np.float64], slots: int, slot: int, kind: int) -> int:
    """Return where among the means, all profiles one after the other, the usual value stands."""
    own = (1 + kind) * slots + slot
    if state[2] >= slots and state[HEAD + 6 * slots + own] >= TRIED:
        return own if state[1] < BETTER * state[0] else slot
    return slot


@compiled
def season_learn(
    state: NDArray[np.float64], slots: int, slot: int, kind: int, value: float, spread: float
) -> None:
    """Learn one value; ``spread`` is the stream's own mean absolute deviation."""
    means = state[HEAD : HEAD + 3 * slots]
    spreads = state[HEAD + 3 * slots : HEAD + 6 * slots]
    counts = state[HEAD + 6 * slots :]
    own, limit = (1 + kind) * slots + slot, LIMIT * spread
    if counts[own] >= TRIED:  # both profiles are judged on the same values
        state[2] += 1.0
        rate = max(FORGET, 1.0 / state[2])
        state[0] += rate * (min(abs(value - means[slot]), limit) - state[0])
        state[1] += rate * (min(abs(value - means[own]), limit) - state[1])
    for at in (slot, own):
        away = value - means[at]
        counts[at] += 1.0
        if counts[at] == 1.0:
            means[at], spreads[at] = value, spread
            continue
        rate = 1.0 / min(counts[at], DAYS)
        spreads[at] += rate * (min(abs(away), limit) - spreads[at])
        means[at] += rate * max(-limit, min(limit, away))
