"""Sum, mean, change and rate of rise over the last while, at each reading.

``sum`` and ``mean`` take the readings of the half-open window ``(t - w, t]``:
an accumulated reading stands for the interval that ends at its instant.
``change`` and ``rate`` compare the first and last reading of ``[t - w, t]``;
the rate is per hour.  Coverage is the share of the expected readings.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import msgspec

from anlan.registry.domain.rulespecs import WindowRule

HOUR = 3_600_000_000


class Windowed(msgspec.Struct, frozen=True):
    """The value of a window function (None: too few readings) and its coverage."""

    value: float | None
    coverage: float


class Readings(msgspec.Struct, frozen=True):
    """Readings of one stream, ascending in time."""

    times: Sequence[int]
    values: Sequence[float]
    interval: int


def over_window(function: str, readings: Readings, index: int, *, window: int) -> Windowed:
    """Return the function over the window that ends at reading ``index``."""
    times, values, interval = readings.times, readings.values, readings.interval
    end = times[index]
    if function in {"sum", "mean"}:
        first = bisect_right(times, end - window, 0, index + 1)
        part = values[first : index + 1]
        coverage = min(1.0, len(part) * interval / window)
        total = math.fsum(part)
        return Windowed(total if function == "sum" else total / len(part), coverage)
    first = bisect_left(times, end - window, 0, index + 1)
    coverage = min(1.0, (end - times[first]) / window)
    if first == index:
        return Windowed(None, coverage)
    change = values[index] - values[first]
    if function == "change":
        return Windowed(change, coverage)
    return Windowed(change / ((end - times[first]) / HOUR), coverage)


def may_raise(rule: WindowRule, found: Windowed) -> bool:
    """Return whether the coverage allows raising.

    A sum and a change can only grow with the readings that are missing, so
    they raise whatever is missing; a mean or a rate of a few readings says nothing.
    """
    return rule.function in {"sum", "change"} or found.coverage >= rule.min_coverage
