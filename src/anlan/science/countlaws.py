"""Tails and quantiles of counts: Poisson, and the negative binomial law of a mean and overdispersion.

The tails are regularised incomplete gamma and beta functions, by series and by Lentz's
continued fractions (Press et al. 2007, chapter 6), so that a million costs as much as ten.
"""

from __future__ import annotations

import math

ROUNDS = 10_000
CLOSE = 1e-15
TINY = 1e-300


def _gamma_upper(shape: float, x: float) -> float:
    """Return the regularised upper incomplete gamma function Q."""
    if x <= 0.0:
        return 1.0
    front = math.exp(shape * math.log(x) - x - math.lgamma(shape))
    if x < shape + 1.0:
        term = total = 1.0 / shape
        at = shape
        for _ in range(ROUNDS):
            at += 1.0
            term *= x / at
            total += term
            if term < total * CLOSE:
                break
        return max(0.0, 1.0 - total * front)
    b = x + 1.0 - shape
    c, d = 1.0 / TINY, 1.0 / b
    found = d
    for k in range(1, ROUNDS):
        a = -k * (k - shape)
        b += 2.0
        d = 1.0 / _away(a * d + b)
        c = _away(b + a / c)
        found *= d * c
        if abs(d * c - 1.0) < CLOSE:
            break
    return front * found


def _away(value: float) -> float:
    """Keep a denominator away from zero."""
    return value if abs(value) > TINY else TINY


def _beta_lower(a: float, b: float, x: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b)."""
    if x <= 0.0 or x >= 1.0:
        return min(1.0, max(0.0, x))
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    if x >= (a + 1.0) / (a + b + 2.0):
        return 1.0 - front * _beta_fraction(b, a, 1.0 - x) / b
    return front * _beta_fraction(a, b, x) / a


def _beta_fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1.0 / _away(1.0 - (a + b) * x / (a + 1.0))
    found = d
    for k in range(1, ROUNDS):
        for part in (
            k * (b - k) * x / ((a + 2 * k - 1.0) * (a + 2 * k)),
            -(a + k) * (a + b + k) * x / ((a + 2 * k) * (a + 2 * k + 1.0)),
        ):
            d = 1.0 / _away(1.0 + part * d)
            c = _away(1.0 + part / c)
            found *= d * c
        if abs(d * c - 1.0) < CLOSE:
            break
    return found


def upper_tail_of_count(count: float, mean: float, overdispersion: float) -> float:
    """Return the probability of ``count`` or more when the variance is ``overdispersion * mean``.

    An overdispersion of 1 is Poisson's law; more is the negative binomial law of size
    mean / (overdispersion - 1) and success probability 1 / overdispersion.
    """
    if count <= 0.0:
        return 1.0
    if mean <= 0.0:
        return 0.0
    if overdispersion <= 1.0 + 1e-9:
        return 1.0 - _gamma_upper(count, mean)
    size = mean / (overdispersion - 1.0)
    return _beta_lower(count, size, 1.0 - 1.0 / overdispersion)


def quantile_of_count(p: float, mean: float, overdispersion: float) -> float:
    """Return the smallest whole count at or below which lies at least the share ``p``."""
    if mean <= 0.0:
        return 0.0
    low, high = -1.0, max(1.0, math.ceil(mean))
    while upper_tail_of_count(high + 1.0, mean, overdispersion) > 1.0 - p:
        low, high = high, high * 2.0
    while high - low > 1.0:
        middle = math.floor((low + high) / 2.0)
        if upper_tail_of_count(middle + 1.0, mean, overdispersion) > 1.0 - p:
            low = middle
        else:
            high = middle
    return high
