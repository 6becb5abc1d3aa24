"""Say a thing once: what has been told raises the bar for what is told next.

After a surprise was told, only a greater one is news; the bar sinks in a straight line to
nothing within ``rest`` seconds, and does not sink while the surprise lasts (stays above half).

State: height of the bar, the instant it was set.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anlan.science.compiled import compiled

WIDTH = 2
LASTING = 0.5
LOUD = 2.0  # -log10 p from which a surprise holds the bar up while it lasts


@compiled
def news_step(state: NDArray[np.float64], at: float, surprise: float, rest: float) -> float:
    """Return ``surprise`` when it is news at the instant ``at`` (seconds), else 0."""
    bar = state[0] * max(0.0, 1.0 - max(0.0, at - state[1]) / rest)
    if surprise > bar:
        state[0], state[1] = surprise, at
        return surprise
    if state[0] >= LOUD and surprise >= LASTING * state[0]:
        state[1] = max(at, state[1])
    return 0.0
