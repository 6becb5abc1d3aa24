"""Which rule in which version judges what, in the unit in which the readings are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from anlan.registry.domain.rulespecs import (
    ClusterRule,
    ConjunctionRule,
    LagRule,
    RuleSpec,
    SilenceRule,
    ThresholdRule,
    WindowRule,
)
from anlan.warning.domain.instants import span_micros
from anlan.warning.domain.latches import BETWEEN, BEYOND, CALM, Holds
from anlan.warning.domain.signs import Stream, Units

StreamRule = ThresholdRule | WindowRule
LIMIT_DIGITS = 12  # 29 cm are 0.29 m, not 0.29000000000000004 m


class RuleBook(msgspec.Struct, frozen=True):
    """The rules in force, and older versions that open instances still keep."""

    in_force: tuple[RuleSpec, ...] = ()
    older: Mapping[tuple[str, int], RuleSpec] = {}

    def current(self, rule: str) -> RuleSpec | None:
        """Return the version in force of a rule."""
        return next((spec for spec in self.in_force if spec.id == rule), None)

    def version(self, rule: str, version: int) -> RuleSpec | None:
        """Return a rule in the version with which an instance began; else the one in force."""
        current = self.current(rule)
        if current is not None and current.version == version:
            return current
        return self.older.get((rule, version), current)

    def for_stream(self, stream: Stream) -> list[StreamRule]:
        """Return the threshold and window rules in force that judge a stream."""
        return [
            rule
            for rule in self.in_force
            if isinstance(rule, ThresholdRule | WindowRule)
            and rule.quantity == stream.quantity
            and (not rule.only_place_kinds or stream.place_kind in rule.only_place_kinds)
        ]

    def silence_for(self, stream: Stream) -> SilenceRule | None:
        """Return the one silence rule for a stream: its own quantity's before the general one."""
        found = [
            rule
            for rule in self.in_force
            if isinstance(rule, SilenceRule)
            and rule.quantity in {"*", stream.quantity}
            and (not rule.only_place_kinds or stream.place_kind in rule.only_place_kinds)
        ]
        return min(found, key=lambda rule: (rule.quantity == "*", rule.id), default=None)

    def clusters(self) -> list[ClusterRule]:
        """Return the cluster rules in force."""
        return [rule for rule in self.in_force if isinstance(rule, ClusterRule)]

    def conjunctions(self) -> list[ConjunctionRule]:
        """Return the conjunction rules in force."""
        return [rule for rule in self.in_force if isinstance(rule, ConjunctionRule)]

    def lags(self) -> list[LagRule]:
        """Return the lag rules in force."""
        return [rule for rule in self.in_force if isinstance(rule, LagRule)]


def factor_of(rule: StreamRule, units: Mapping[str, Units]) -> float | None:
    """Return the factor from the rule's unit into the quantity's; None when there is none."""
    known = units.get(rule.quantity)
    return 1.0 if known is None else known.factor(rule.unit)


def unusable(rules: Sequence[RuleSpec], units: Mapping[str, Units]) -> tuple[str, ...]:
    """Return the rules that cannot judge because their unit is unknown to their quantity."""
    return tuple(
        rule.id
        for rule in rules
        if isinstance(rule, ThresholdRule | WindowRule) and factor_of(rule, units) is None
    )


def holds_of(rule: StreamRule, stale: int) -> Holds:
    """Return the levels and whiles of a rule."""
    return Holds(
        levels=tuple(limit.level.value for limit in rule.limits),
        hold=span_micros(rule.hold),
        clear_hold=span_micros(rule.clear_hold),
        stale=stale,
    )


def lookback_of(rule: StreamRule) -> int:
    """Return how far before a reading the rule looks, in microseconds."""
    if isinstance(rule, WindowRule):
        return max(span_micros(limit.window) for limit in rule.limits)
    return 0


def compares(compare: str, value: float, limit: float) -> bool:
    """Return whether ``value compare limit`` holds."""
    match compare:
        case ">=":
            return value >= limit
        case ">":
            return value > limit
        case "<=":
            return value <= limit
        case _:
            return value < limit


def classify(compare: str, value: float, raise_at: float, clear_at: float) -> int:
    """Return whether a value is beyond the limit, calm, or between the two.

    The clearing value itself is calm, unless it is also beyond the limit.
    """
    if compares(compare, value, raise_at):
        return BEYOND
    calm = value <= clear_at if compare in {">=", ">"} else value >= clear_at
    return CALM if calm else BETWEEN


def scaled(limit: float, factor: float) -> float:
    """Return a limit in the quantity's own unit."""
    return limit if factor == 1.0 else round(limit * factor, LIMIT_DIGITS)
