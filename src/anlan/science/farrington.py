"""Too many in one week or day: Farrington's method for counts, in its flexible form.

Farrington et al. (1996), J. R. Stat. Soc. A 159; Noufaily et al. (2013), Stat. Med. 32.  A
quasi-Poisson model with log link, linear trend and a factor for parts of the cycle is fitted to
the past, high past counts are weighed down by their Anscombe residuals, and the count of today is
compared with a quantile of the negative binomial law of that mean and overdispersion.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anlan.science.countlaws import quantile_of_count, upper_tail_of_count

OUTLYING = 2.58  # Anscombe residuals beyond this are weighed down
ROUNDS = 50
CLOSE = 1e-8
FARTHEST = 30.0  # largest exponent of the linear predictor


@dataclass(frozen=True, slots=True)
class Cycle:
    """How the past is cut: length of a cycle, how many, half window, parts, last counts left out.

    The default is the published one for weekly counts.  For daily counts with a week as
    cycle use ``DAILY``: each day of the week is a part of its own.
    """

    length: int = 52
    cycles: int = 5
    half_window: int = 3
    parts: int = 10
    left_out: int = 26

    def __post_init__(self) -> None:
        if (
            min(self.length, self.cycles, self.parts) < 1
            or min(self.half_window, self.left_out) < 0
        ):
            raise ValueError("lengths must be positive")
        rest = self.length - 2 * self.half_window - 1
        if rest < self.parts - 1:
            raise ValueError("more parts than counts in a cycle")
        if self.left_out >= self.length * self.cycles:
            raise ValueError("nothing of the past is left")

    @property
    def history(self) -> int:
        """How many counts before the one that is judged are needed."""
        return self.length * self.cycles + self.half_window


WEEKLY = Cycle()
DAILY = Cycle(length=7, cycles=13, half_window=0, parts=7, left_out=7)


@dataclass(frozen=True, slots=True)
class CountScores:
    """One entry per count; NaN where there is too little past."""

    expected: NDArray[np.float64]
    upper: NDArray[np.float64]
    exceedance: NDArray[np.float64]  # (count - expected) / (upper - expected): above 1 is too many
    p_value: NDArray[np.float64]


def parts_of(cycle: Cycle) -> NDArray[np.int64]:
    """Return the part of the cycle of each past count (-1: not used), oldest first, the present last.

    Part 0 is the window around the same place of each cycle; what lies between two windows is
    cut into blocks as equal as can be, the first ones longer.
    """
    part = np.full(cycle.history + 1, -1, dtype=np.int64)
    now, w = cycle.history, cycle.half_window
    between = cycle.length - 2 * w - 1
    if cycle.parts == 1:
        blocks = np.full(between, -1, dtype=np.int64)
    else:
        size, longer = divmod(between, cycle.parts - 1)
        sizes = [size + (k < longer) for k in range(cycle.parts - 1)]
        blocks = np.repeat(np.arange(1, cycle.parts), sizes)
    for back in range(1, cycle.cycles + 1):
        centre = now - back * cycle.length
        part[centre - w : centre + w + 1] = 0
        part[centre + w + 1 : centre + w + 1 + between] = blocks
    part[now - w :] = 0
    part[now - cycle.left_out : now] = -1
    part[now] = 0
    return part


def fit(
    design: NDArray[np.float64], counts: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """Return the coefficients of a weighted quasi-Poisson model with log link, None if there are none."""
    mean = counts + 0.1
    eta = np.log(mean)
    deviance = np.inf
    for _ in range(ROUNDS):
        root = np.sqrt(weights * mean)
        target = eta + (counts - mean) / mean
        found, _, rank, _ = np.linalg.lstsq(design * root[:, None], target * root, rcond=None)
        if rank < design.shape[1]:
            return None
        eta = np.clip(design @ found, -FARTHEST, FARTHEST)
        mean = np.exp(eta)
        logs = np.where(counts > 0, counts * np.log(np.where(counts > 0, counts, 1.0) / mean), 0.0)
        before, deviance = deviance, float(2.0 * np.sum(weights * (logs - (counts - mean))))
        if abs(deviance - before) <= CLOSE * (abs(deviance) + 0.1):
            return np.asarray(found, dtype=np.float64)
    return None


def dispersion(
    counts: NDArray[np.float64],
    mean: NDArray[np.float64],
    weights: NDArray[np.float64],
    terms: int,
) -> float:
    """Return the overdispersion, at least 1."""
    free = counts.size - terms
    return (
        max(1.0, float(np.sum(weights * (counts - mean) ** 2 / mean) / free)) if free > 0 else 1.0
    )


def anscombe(
    design: NDArray[np.float64],
    counts: NDArray[np.float64],
    mean: NDArray[np.float64],
    overdispersion: float,
) -> NDArray[np.float64]:
    """Return standardised Anscombe residuals."""
    left, _ = np.linalg.qr(design * np.sqrt(mean)[:, None])
    free = np.maximum(1.0 - np.sum(left**2, axis=1), 1e-6)
    size = 1.5 * (counts ** (2 / 3) * mean ** (-1 / 6) - np.sqrt(mean))
    return np.asarray(size / np.sqrt(overdispersion * free), dtype=np.float64)


def weights_of(residuals: NDArray[np.float64], outlying: float = OUTLYING) -> NDArray[np.float64]:
    """Return weights of mean 1 that shrink with the square of outlying residuals."""
    plain = np.where(residuals > outlying, np.where(residuals > 0, residuals, 1.0) ** -2.0, 1.0)
    return np.asarray(plain * (plain.size / plain.sum()), dtype=np.float64)


def _expectation(
    past: NDArray[np.float64], parts: NDArray[np.int64], *, trend: bool
) -> tuple[float, float] | None:
    """Return mean and overdispersion of the present, whose own count is not looked at."""
    used = np.flatnonzero((parts[:-1] >= 0) & np.isfinite(past))
    now = parts.size - 1
    levels = [level for level in np.unique(parts[used]) if level > 0]
    columns = [np.ones(used.size), *[(parts[used] == level).astype(float) for level in levels]]
    if trend:
        columns.append((used - now) / now)
    design, counts = np.column_stack(columns), past[used]
    if counts.size <= design.shape[1]:
        return None
    found = fit(design, counts, np.ones(counts.size))
    if found is None:
        return None
    mean = np.exp(np.clip(design @ found, -FARTHEST, FARTHEST))
    weights = weights_of(
        anscombe(
            design, counts, mean, dispersion(counts, mean, np.ones(counts.size), design.shape[1])
        )
    )
    found = fit(design, counts, weights)
    if found is None:
        return None
    mean = np.exp(np.clip(design @ found, -FARTHEST, FARTHEST))
    # The present is in part 0 and at time 0, so that its linear predictor is the first coefficient.
    return float(np.exp(min(found[0], FARTHEST))), dispersion(
        counts, mean, weights, design.shape[1]
    )


def expect(past: NDArray[np.float64], cycle: Cycle = WEEKLY) -> tuple[float, float]:
    """Return expected count and overdispersion after ``past`` (``cycle.history`` counts, NaN missing).

    The trend is dropped when it would carry the expectation beyond every count of the past.
    """
    if past.shape != (cycle.history,):
        raise ValueError(f"past must hold {cycle.history} counts, got {past.shape}")
    parts = parts_of(cycle)
    used = past[(parts[:-1] >= 0) & np.isfinite(past)]
    if used.size == 0:
        return float("nan"), float("nan")
    if used.max() == 0.0:
        return 0.0, 1.0
    found = _expectation(past, parts, trend=True)
    if found is None or found[0] > used.max():
        found = _expectation(past, parts, trend=False)
    return found if found is not None else (float(used.mean()), 1.0)


def exceedance_of(count: float, expected: float, upper: float) -> float:
    """Return how far ``count`` is on the way from the expected count (0) to the upper one (1).

    Where the bound is not above the expectation (small ones, such as 0.3 and 0), the way is that
    to the next whole count, so that a count beyond the bound is always above 1.
    """
    way = upper - expected
    return (count - expected) / (way if way > 0.0 else upper + 1.0 - 1e-9 - expected)


def score_counts(
    counts: NDArray[np.float64], *, cycle: Cycle = WEEKLY, alpha: float = 0.005
) -> CountScores:
    """Return for each count whether it is too many after those before it (strictly causal).

    Parameters
    ----------
    counts : (n,) float64
        Whole numbers >= 0, equally spaced, oldest first; NaN is a missing count.
    cycle : Cycle
        How the past is cut.
    alpha : float
        Chance of a false alarm of one count.

    Returns
    -------
    CountScores
        NaN for the first ``cycle.history`` counts.

    Raises
    ------
    ValueError
        On a wrong shape, a negative or infinite count, or an alpha outside of (0, 1).
    """
    if counts.ndim != 1:
        raise ValueError(f"counts must be one-dimensional, got shape {counts.shape}")
    if np.isinf(counts).any() or (counts < 0).any():
        raise ValueError("counts must be >= 0 and finite, or NaN")
    if not 0.0 < alpha < 1.0:
        raise ValueError("alpha must lie between 0 and 1")
    expected, upper, exceedance, p_value = np.full((4, counts.size), np.nan)
    for i in range(cycle.history, counts.size):
        mean, over = expect(counts[i - cycle.history : i], cycle)
        if np.isnan(mean):
            continue
        expected[i] = mean
        upper[i] = quantile_of_count(1.0 - alpha, mean, over)
        if np.isfinite(counts[i]):
            exceedance[i] = exceedance_of(counts[i], mean, upper[i])
            p_value[i] = upper_tail_of_count(counts[i], mean, over)
    return CountScores(expected, upper, exceedance, p_value)
