"""Storms on the demo city: findings as the judge gives them, heard as the clockwork lets them be."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from anlan import flow
from anlan.infra import delivery
from anlan.registry import public as registry
from anlan.warning.domain.findings import Finding, Reason, What
from anlan.warning.services.findings import keep_findings
from tests.response.builders import NOW

RULE = "water.ponding"
STREET, COMMUNITY, OTHER = "410102002", "410102002001", "410105001"
SECOND = timedelta(seconds=1)
CALM = "threshold.calm"
SILENCE = "device.silence"


def finding(
    number: int,
    what: What = What.RAISED,
    *,
    at: datetime = NOW,
    level: str = "yellow",
    area: str = COMMUNITY,
    place: str = "",
    rule: str = RULE,
    reason: str = CALM,
    carrier: str = "",
) -> Finding:
    """Return what the judge finds of the sensor of that number."""
    known = next(item for item in registry.rules_in_force(at=NOW) if item.id == rule)
    return Finding(
        what=what,
        rule=rule,
        version=known.version,
        subject=f"stream:T{number}",
        hazard=known.hazard,
        level=level,
        area=area,
        place=place,
        carrier=carrier,
        since=at,
        at=at,
        reason=Reason(reason),
    )


def silent(number: int, what: What = What.RAISED, **said: object) -> Finding:
    """Return what the judge finds of the sensor of that number that says nothing, or speaks again."""
    why = {What.RAISED: "nothing_heard", What.LEVEL: "last_level", What.CLEARED: "heard_again"}
    return finding(number, what, rule=SILENCE, reason=f"silence.{why[what]}", **said)  # type: ignore[arg-type]


def kept(*findings: Finding, now: datetime = NOW) -> int:
    """Write findings of one tick."""
    codes = {item.area for item in findings if item.area}
    with transaction.atomic():
        return keep_findings(
            findings,
            root=registry.city().root_area,
            area_paths={code: registry.area_path(code) for code in codes},
            now=now,
        )


def heard(*, now: datetime = NOW, most: int | None = None) -> None:
    """Let everybody hear what is new."""
    delivery.settle(flow.REACTIONS, now=now, most=most, rounds=10_000)


def storm(count: int, *, first: int = 1, now: datetime = NOW, **said: object) -> list[Finding]:
    """Return alarms of so many sensors, a second apart."""
    return [
        finding(first + n, at=now + n * SECOND, **said)  # type: ignore[arg-type]
        for n in range(count)
    ]
