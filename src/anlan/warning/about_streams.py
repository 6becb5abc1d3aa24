"""Reads: which alerts are open about which streams, and which rules judge them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from anlan.registry import public as registry
from anlan.registry.domain.rulespecs import RuleSpec, SilenceRule, ThresholdRule, WindowRule
from anlan.warning.domain.rulebook import scaled
from anlan.warning.domain.signs import Units
from anlan.warning.models import AlertInstance
from anlan.warning.selectors import LEVELS


def open_on_streams(streams: Iterable[str]) -> list[AlertInstance]:
    """Return the open alerts about some streams (one query); the caller checks areas."""
    subjects = [f"stream:{code}" for code in streams]
    return list(
        AlertInstance.objects.filter(subject__in=subjects, cleared_at__isnull=True).order_by("pk")
    )


def levels_of_streams() -> dict[str, str]:
    """Return the highest level of danger open on each stream, silence apart (one query)."""
    rows = AlertInstance.objects.filter(subject__startswith="stream:", cleared_at__isnull=True)
    found: dict[str, str] = {}
    for subject, level, reason in rows.values_list("subject", "level", "reason"):
        if str(reason.get("code", "")).startswith("silence."):
            continue
        code = subject.removeprefix("stream:")
        found[code] = min(found.get(code, level), level, key=LEVELS.index)
    return found


def subjects_open(rule: str, subjects: list[str], *, raised_since: datetime) -> list[str]:
    """Return which of some subjects an open alert of a rule is about, raised since then (one query)."""
    rows = AlertInstance.objects.filter(
        rule=rule, subject__in=subjects, cleared_at__isnull=True, raised_at__gte=raised_since
    )
    return list(rows.values_list("subject", flat=True))


def streams_held(beside: Iterable[int]) -> frozenset[str]:
    """Return the streams on whose readings open alerts, and those of ``beside``, rest."""
    rows = AlertInstance.objects.filter(Q(cleared_at__isnull=True) | Q(pk__in=list(beside)))
    held: set[str] = set()
    for subject, evidence in rows.values_list("subject", "evidence").iterator(2_000):
        held.add(subject)
        held.update(item["stream"] for item in evidence.get("readings", ()))
    return frozenset(held)


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


def highest_on_streams(*, most: int) -> dict[str, str]:
    """Return the highest level that stands open on each stream, by code (one query).

    Of more than ``most`` open alerts the newest count.
    """
    rows = AlertInstance.objects.filter(subject__startswith="stream:", cleared_at__isnull=True)
    found = dict[str, str]()
    for subject, level in rows.order_by("-pk").values_list("subject", "level")[:most]:
        code = subject.partition(":")[2]
        before = found.get(code)
        found[code] = level if before is None else min(before, level, key=LEVELS.index)
    return found


def open_levels(subjects: Collection[str]) -> dict[str, str]:
    """Return the highest level that stands open on each of some subjects (a query for each 500)."""
    wanted, found = list(subjects), dict[str, str]()
    for start in range(0, len(wanted), 500):
        rows = AlertInstance.objects.filter(
            subject__in=wanted[start : start + 500], cleared_at__isnull=True
        )
        for subject, level in rows.values_list("subject", "level"):
            before = found.get(subject)
            found[subject] = level if before is None else min(before, level, key=LEVELS.index)
    return found
