"""Rules and streams: what can never speak, what nobody judges, what contradicts itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

from anlan.kernel.durations import parse_span
from anlan.kernel.scales import WarningLevel, rank
from anlan.registry.domain.checkspecs import Battery, CheckSpec
from anlan.registry.domain.findings import Finding
from anlan.registry.domain.lint_facts import Packs, Sourced, is_over
from anlan.registry.domain.rulespecs import (
    LATENESS,
    MOST_KEPT,
    SPARE_READINGS,
    ClusterRule,
    ConjunctionRule,
    LagRule,
    Limit,
    RuleSpec,
    SilenceRule,
    ThresholdRule,
    WindowLimit,
    WindowRule,
)

Measured = ThresholdRule | WindowRule


def check_rules(packs: Packs) -> Iterator[Finding]:
    """Yield rules that contradict themselves or have nothing to judge, and unjudged streams."""
    # Also those that take effect later: by then nobody looks again.
    for at in packs.grounded():
        rule = at.entry
        if at.section != "rules" or is_over(rule, packs.today):
            continue
        if isinstance(rule, ThresholdRule | WindowRule):
            yield from _limits(packs, at, rule)
            yield from _unit(packs, at, rule)
            if isinstance(rule, WindowRule):
                yield from _budget(packs, at, rule)
        elif isinstance(rule, ClusterRule):
            yield from _cluster(packs, at, rule)
    for at in packs.grounded():
        if at.section == "checks" and not is_over(at.entry, packs.today):
            yield from _check(packs, at, at.entry)
    for rule, in_city in packs.rules:
        if isinstance(rule, LagRule):
            yield from _lag(packs, Sourced("rules", rule, in_city), rule)
    yield from _sensors(packs)
    yield from _idle_rules(packs)


def _limits(packs: Packs, at: Sourced, rule: Measured) -> Iterator[Finding]:
    """Yield levels that stand twice, are out of order, or clear on the wrong side."""
    upward = rule.compare in (">=", ">")
    for limit in rule.limits:
        is_safe = limit.clear_at < limit.raise_at if upward else limit.clear_at > limit.raise_at
        if not is_safe:
            yield packs.found_at("rule.hysteresis", at, id=rule.id, level=limit.level.value)
    seen: dict[WarningLevel, Limit] = {}
    for limit in rule.limits:
        if limit.level in seen:
            yield packs.found_at("rule.level_twice", at, id=rule.id, level=limit.level.value)
        seen[limit.level] = limit
    ordered = sorted(seen.values(), key=lambda limit: rank(limit.level))
    for higher, lower in pairwise(ordered):
        if not _is_stricter(higher, lower, upward=upward):
            yield packs.found_at(
                "rule.levels", at, id=rule.id, level=higher.level.value, lower=lower.level.value
            )


def _is_stricter(higher: Limit, lower: Limit, *, upward: bool) -> bool:
    beyond = higher.raise_at > lower.raise_at if upward else higher.raise_at < lower.raise_at
    # The same amount in a shorter window is the greater danger, as in the rainstorm table.
    other_window = (
        isinstance(higher, WindowLimit)
        and isinstance(lower, WindowLimit)
        and higher.window != lower.window
    )
    return beyond or (other_window and higher.raise_at == lower.raise_at)


def readings_of(window: timedelta, interval: timedelta) -> int:
    """Return how many readings of a stream the judge keeps for a window."""
    return -(-(window + LATENESS) // interval) + SPARE_READINGS


def _budget(packs: Packs, at: Sourced, rule: WindowRule) -> Iterator[Finding]:
    """Yield the longest window when it holds more readings of some stream than the judge keeps."""
    window = max((limit.window for limit in rule.limits), key=parse_span)
    mine = [
        sensor for sensor in packs.measuring.get(rule.quantity, ()) if _judges(packs, rule, sensor)
    ]
    fastest = min(mine, key=lambda sensor: parse_span(sensor.interval), default=None)
    if fastest is None:
        return
    count = readings_of(parse_span(window), parse_span(fastest.interval))
    if count > MOST_KEPT:
        yield packs.found_at(
            "rule.window_budget", at, id=rule.id, window=window, sensor=fastest.code,
            readings=count, most=MOST_KEPT,
        )  # fmt: skip


def _unit(packs: Packs, at: Sourced, rule: Measured) -> Iterator[Finding]:
    quantity = packs.quantities.get(rule.quantity)
    if quantity is None:
        return
    per_hour = isinstance(rule, WindowRule) and rule.function == "rate"
    expected = f"{quantity.unit}/h" if per_hour else quantity.unit
    if rule.unit != expected:
        yield packs.found_at(
            "unit.rule",
            at,
            id=rule.id,
            unit=rule.unit,
            quantity=rule.quantity,
            expected=expected,
        )


def _check(packs: Packs, at: Sourced, check: CheckSpec) -> Iterator[Finding]:
    """Yield a check whose figures are not in the unit of its quantity."""
    quantity = packs.quantities.get(check.quantity)
    if quantity is not None and check.has_figures and check.unit != quantity.unit:
        yield packs.found_at(
            "unit.rule",
            at,
            id=check.id,
            unit=check.unit or "–",
            quantity=check.quantity,
            expected=quantity.unit,
        )


def _cluster(packs: Packs, at: Sourced, rule: ClusterRule) -> Iterator[Finding]:
    if rule.hazard not in {words.hazard for words in packs.law.lexicon}:
        yield packs.found_at("rule.no_words", at, id=rule.id, hazard=rule.hazard)
    for limit in rule.limits:
        if limit.strong > limit.reports:
            yield packs.found_at("rule.strong", at, id=rule.id)


def _lag(packs: Packs, at: Sourced, rule: LagRule) -> Iterator[Finding]:
    """Yield that no plan asks for a response at the level the rule begins with."""
    asked = [
        line
        for plan in packs.plans.values()
        for line in plan.response_asked
        if line.hazard == rule.signal.hazard and rank(line.warning) >= rank(rule.signal.at_least)
    ]
    if not asked:
        yield packs.found_at(
            "lag.no_plan",
            at,
            id=rule.id,
            hazard=rule.signal.hazard,
            level=rule.signal.at_least.value,
        )


def _sensors(packs: Packs) -> Iterator[Finding]:
    """Yield streams in a unit that cannot be converted, and streams that no rule judges."""
    # Of a supply nobody is in danger: the checks look after it.
    supplies = {at.entry.quantity for at in packs.grounded() if _is_of_supply(at.entry)}
    judged: dict[tuple[str, str | None], bool] = {}  # a rule asks no more of a stream than this
    for sensor in packs.standing_sensors:
        quantity = packs.quantities.get(sensor.quantity)
        if quantity is None:
            continue
        if sensor.unit != quantity.unit and sensor.unit not in quantity.accepts:
            yield packs.found(
                "unit.sensor",
                "sensors",
                sensor,
                sensor=sensor.code,
                unit=sensor.unit,
                expected=quantity.unit,
            )
        if sensor.quantity in supplies:
            continue
        alike = (sensor.quantity, packs.kinds_at.get(sensor.risk_point))
        if alike not in judged:
            judged[alike] = any(_judges(packs, rule, sensor) for rule, _ in packs.rules)
        if not judged[alike]:
            yield packs.found(
                "sensor.no_rule", "sensors", sensor, sensor=sensor.code, quantity=sensor.quantity
            )


def _is_of_supply(entry: object) -> bool:
    return isinstance(entry, CheckSpec) and isinstance(entry.test, Battery)


def _judges(packs: Packs, rule: RuleSpec, sensor: Any) -> bool:
    if isinstance(rule, ConjunctionRule):
        return rule.reading is not None and rule.reading.quantity == sensor.quantity
    if not isinstance(rule, ThresholdRule | WindowRule) or rule.quantity != sensor.quantity:
        return False
    if not rule.only_place_kinds:
        return True
    return packs.kinds_at.get(sensor.risk_point) in rule.only_place_kinds


def _idle_rules(packs: Packs) -> Iterator[Finding]:
    measured = set(packs.measuring)
    kinds = {point.kind for point in packs.standing_points}
    for rule, in_city in packs.rules:
        reason = _idle_reason(rule, measured, kinds)
        if reason is None:
            continue
        at = Sourced("rules", rule, in_city)
        if in_city and isinstance(rule, ThresholdRule | WindowRule):
            yield packs.found_at("rule.no_sensor", at, id=rule.id, quantity=rule.quantity)
        else:
            yield packs.found_at("rule.unused", at, id=rule.id, reason=reason)


def _idle_reason(rule: RuleSpec, measured: set[str], kinds: set[str]) -> str | None:
    if isinstance(rule, SilenceRule):
        is_idle = not measured if rule.quantity == "*" else rule.quantity not in measured
        return "没有传感器 no sensor" if is_idle else None
    if isinstance(rule, ThresholdRule | WindowRule) and rule.quantity not in measured:
        return f"没有 {rule.quantity} 传感器 no sensor of {rule.quantity}"
    if isinstance(rule, ConjunctionRule) and not kinds.intersection(rule.place_kinds):
        return "没有这类风险点 no risk point of these kinds"
    return None
