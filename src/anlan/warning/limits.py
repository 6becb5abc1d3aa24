"""Which rules look at the readings of a stream, and their limits on its own scale."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from anlan.registry import public as registry
from anlan.registry.domain.rulespecs import RuleSpec, SilenceRule, ThresholdRule, WindowRule
from anlan.warning.domain.rulebook import scaled
from anlan.warning.domain.signs import Units


@dataclass(frozen=True, slots=True)
class LimitLine:
    """A limit of a threshold rule in force, in the unit of the quantity's readings."""

    rule: str
    version: int
    level: str
    compare: str
    raise_at: float
    clear_at: float


def rules_on(quantity: str, place_kind: str | None, *, at: datetime) -> list[RuleSpec]:
    """Return the rules in force that judge readings of a quantity at a kind of place."""
    kinds = {place_kind or ""}
    return [
        rule
        for rule in registry.rules_in_force(at=at)
        if isinstance(rule, ThresholdRule | WindowRule | SilenceRule)
        and rule.quantity in {"*", quantity}
        and (not rule.only_place_kinds or kinds & set(rule.only_place_kinds))
    ]


def limit_lines(rules: Iterable[RuleSpec], *, unit: Units) -> list[LimitLine]:
    """Return the limits that lie on the scale of the readings themselves."""
    found = []
    for rule in rules:
        factor = unit.factor(rule.unit) if isinstance(rule, ThresholdRule) else None
        if factor is None or not isinstance(rule, ThresholdRule):
            continue  # a window's limit is one of sums or rates
        found += [
            LimitLine(
                rule.id,
                rule.version,
                limit.level.value,
                rule.compare,
                scaled(limit.raise_at, factor),
                scaled(limit.clear_at, factor),
            )
            for limit in rule.limits
        ]
    return found
