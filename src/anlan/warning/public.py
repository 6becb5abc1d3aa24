"""What other rooms may call of the warning room."""

from __future__ import annotations

from datetime import datetime

from anlan.kernel.actor import Actor
from anlan.warning import selectors
from anlan.warning.domain.reasons import reason_text
from anlan.warning.models import AlertInstance, ResponseInForce, WarningInForce
from anlan.warning.selectors import AlertFilters
from anlan.warning.services import judging as _judging
from anlan.warning.services import responses as _responses
from anlan.warning.services.judging import Judged
from anlan.warning.services.responses import ResponseDeclaration


def judge(*, now: datetime) -> Judged:
    """Run one tick of the judge; an idle one costs a few small queries."""
    return _judging.judge(now=now)


def declare_response(
    actor: Actor, declaration: ResponseDeclaration, *, now: datetime
) -> ResponseInForce:
    """Put a response level in force (I8: matter, level, expected end, measures)."""
    return _responses.declare_response(actor, declaration, now=now)


def end_response(actor: Actor, response_id: int, *, now: datetime) -> ResponseInForce:
    """Declare the end of a response."""
    return _responses.end_response(actor, response_id, now=now)


def response_in_force(hazard: str, area: str) -> ResponseInForce | None:
    """Return the highest response in force for ``hazard`` that covers ``area``."""
    return selectors.response_in_force(hazard, area)


def warnings_in_force(*, at: datetime) -> list[WarningInForce]:
    """Return the relayed warnings in force at ``at``, highest level first."""
    return selectors.warnings_in_force(at=at)


def alert(alert_id: int) -> AlertInstance | None:
    """Return one alert instance, or None; the caller checks areas."""
    return AlertInstance.objects.filter(pk=alert_id).first()


def alerts(actor: Actor, filters: AlertFilters) -> list[AlertInstance]:
    """Return alerts inside the actor's areas, newest first (one query)."""
    return selectors.alerts(actor, filters)


def warnings_as_of(*, at: datetime) -> list[WarningInForce]:
    """Return the relayed warnings in force at ``at`` as they stood then, from the journal."""
    return selectors.warnings_as_of(at=at)


def risen(actor: Actor, *, since: datetime, limit: int) -> list[AlertInstance]:
    """Return open alerts of the actor's areas that were raised or changed level after ``since``."""
    return selectors.risen(actor, since=since, limit=limit)


def risen_as_of(actor: Actor, *, since: datetime, at: datetime, limit: int) -> list[AlertInstance]:
    """Return what :func:`risen` would have returned at ``at``."""
    return selectors.risen_as_of(actor, since=since, at=at, limit=limit)


def open_clusters(actor: Actor, *, limit: int) -> list[AlertInstance]:
    """Return the open clusters of reports inside the actor's areas, the newest first."""
    return selectors.open_clusters(actor, limit=limit)


__all__ = [
    "AlertFilters",
    "AlertInstance",
    "Judged",
    "ResponseDeclaration",
    "ResponseInForce",
    "WarningInForce",
    "alert",
    "alerts",
    "declare_response",
    "end_response",
    "judge",
    "open_clusters",
    "reason_text",
    "response_in_force",
    "risen",
    "risen_as_of",
    "warnings_as_of",
    "warnings_in_force",
]
