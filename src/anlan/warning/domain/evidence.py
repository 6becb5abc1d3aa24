"""Findings of stream rules, with the readings they rest on and a reason in numbers."""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime

from anlan.registry.domain.rulespecs import ThresholdRule
from anlan.warning.domain.bench import Bench
from anlan.warning.domain.findings import Evidence, Finding, Reason, What
from anlan.warning.domain.instants import instant
from anlan.warning.domain.memory import RuleOnStream
from anlan.warning.domain.signs import Stream
from anlan.warning.domain.telling import Told

MOST_READINGS = 12
DIGITS = 6


def subject_of(stream: Stream) -> str:
    """Return the subject of everything that is said about a stream."""
    return f"stream:{stream.code}"


def finding_of_turn(bench: Bench, told: Told) -> Finding:
    """Return the finding that tells one turn of a rule on a stream."""
    turn, rule, stream = told.turn, bench.rule, bench.stream
    what = What.CLEARED if not turn.level else What.LEVEL if told.before else What.RAISED
    upto = bisect_right(bench.times, turn.at)
    first = max(0, upto - MOST_READINGS)
    readings = tuple(
        (stream.code, instant(bench.times[i]), bench.values[i]) for i in range(first, upto)
    )
    return Finding(
        what=what,
        rule=rule.id,
        version=rule.version,
        subject=subject_of(stream),
        hazard=rule.hazard,
        level=turn.level or told.before,
        before=told.before,
        area=stream.area,
        place=stream.place,
        since=instant(turn.since),
        at=instant(turn.at),
        reason=_reason(bench, told, upto),
        evidence=Evidence(readings=readings),
    )


def _reason(bench: Bench, told: Told, upto: int) -> Reason:
    rule, turn = bench.rule, told.turn
    kind = "threshold" if isinstance(rule, ThresholdRule) else "window"
    code = f"{kind}.{'beyond' if turn.level else 'calm'}"
    if told.late and not turn.level:
        code = "reading.corrected"
    level = turn.level or told.before
    number = next((i for i, x in enumerate(rule.limits) if x.level.value == level), 0)
    limit = rule.limits[number]
    params: dict[str, str | int | float] = {
        "quantity": rule.quantity,
        "unit": rule.unit,
        "compare": rule.compare,
        "limit": limit.raise_at if turn.level else limit.clear_at,
    }
    if upto:
        found = bench.value_at(upto - 1, number)
        if found.value is not None:
            params["value"] = round(found.value / bench.factor, DIGITS)
        if not isinstance(rule, ThresholdRule):
            params |= {
                "function": rule.function,
                "window": rule.limits[number].window,
                "coverage": round(found.coverage, 3),
            }
    return Reason(code, params)


def without_rule(stream: Stream, item: RuleOnStream, *, now: datetime) -> Finding:
    """Return the finding that ends an instance whose rule exists no more in any version."""
    return ended(stream, item.rule, item.version, item.told, code="rule.gone", now=now)


def ended(
    stream: Stream, rule: str, version: int, level: str, *, code: str, now: datetime
) -> Finding:
    """Return the finding that ends an instance for a reason outside the readings."""
    return Finding(
        what=What.CLEARED,
        rule=rule,
        version=version,
        subject=subject_of(stream),
        hazard="",
        level=level,
        before=level,
        area=stream.area,
        place=stream.place,
        since=now,
        at=now,
        reason=Reason(code),
    )
