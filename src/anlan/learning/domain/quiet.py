"""Which streams of a week cannot raise a red or an orange alert, whatever the judge does.

Most sensors of an ordinary week never come near a limit, and judging them takes most
of the time.  The bounds here only ever err towards judging: a stream is left out when
no reading and no window of it can reach a counted limit of any rule that judges it.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from anlan.kernel.durations import parse_span
from anlan.learning.domain.ordinary import Floats, OrdinaryWeek, Series
from anlan.learning.domain.packworld import PackWorld
from anlan.registry.domain.rulespecs import ThresholdRule, WindowLimit, WindowRule
from anlan.warning.domain.rulebook import StreamRule, factor_of, scaled

HOUR_S = 3600.0
# What rounding may add to a sum of floats: limits are compared with this much to spare.
SPARE = 1e-6


def loud_streams(week: OrdinaryWeek, packs: PackWorld, levels: Collection[str]) -> set[str]:
    """Return the streams that may raise an alert of one of ``levels``."""
    asked = {
        rule.reading.quantity for rule in packs.rules.conjunctions() if rule.reading is not None
    }
    found = set()
    for code, series in week.series.items():
        stream = packs.world.streams[code]
        rules = packs.rules.for_stream(stream)
        if stream.quantity in asked or any(
            _may_raise(rule, series, packs, levels) for rule in rules
        ):
            found.add(code)
    return found


def _may_raise(rule: StreamRule, series: Series, packs: PackWorld, levels: Collection[str]) -> bool:
    factor = factor_of(rule, packs.world.units)
    if factor is None or not series.values.size:
        return False  # a rule without a usable unit does not judge
    upwards = rule.compare in {">=", ">"}
    for limit in rule.limits:
        if limit.level.value not in levels:
            continue
        extreme = _extreme(rule, limit, series) if upwards else _least(rule, limit, series)
        raise_at = scaled(limit.raise_at, factor)
        if (extreme + SPARE >= raise_at) if upwards else (extreme - SPARE <= raise_at):
            return True
    return False


def _extreme(rule: StreamRule, limit: object, series: Series) -> float:
    """Return a value that no reading or window of the series exceeds."""
    values = series.values
    if isinstance(rule, ThresholdRule) or not isinstance(limit, WindowLimit):
        return float(values.max())
    if rule.function == "mean":
        return float(values.max())
    if rule.function == "sum":
        return float(_sums(np.maximum(values, 0.0), series.at_s, _seconds(limit)).max())
    return _widest(rule, limit, float(values.max() - values.min()))


def _least(rule: StreamRule, limit: object, series: Series) -> float:
    """Return a value below which no reading or window of the series lies."""
    values = series.values
    if isinstance(rule, ThresholdRule) or not isinstance(limit, WindowLimit):
        return float(values.min())
    if rule.function == "mean":
        return float(values.min())
    if rule.function == "sum":
        # A sum of few readings may be as low as the lowest of them.
        low = np.minimum(values, 0.0)
        return min(float(values.min()), float(_sums(low, series.at_s, _seconds(limit)).min()))
    return -_widest(rule, limit, float(values.max() - values.min()))


def _widest(rule: WindowRule, limit: WindowLimit, swing: float) -> float:
    """Return the greatest change, or rate per hour, that a swing allows."""
    if rule.function == "change":
        return swing
    return swing / (rule.min_coverage * _seconds(limit) / HOUR_S)


def _seconds(limit: WindowLimit) -> float:
    return parse_span(limit.window).total_seconds()


def _sums(values: Floats, at_s: Floats, window_s: float) -> Floats:
    """Return the sum over ``(t - window, t]`` at each reading."""
    total = np.concatenate(([0.0], np.cumsum(values)))
    first = np.searchsorted(at_s, at_s - window_s, side="right")
    return total[1:] - total[first]
