"""What other rooms may call of the warning room."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from anlan.kernel.actor import Actor
from anlan.registry.domain.packwords import Text
from anlan.registry.domain.rulespecs import RuleSpec
from anlan.warning import selectors
from anlan.warning.domain.reasons import reason_text
from anlan.warning.domain.ruletext import describe
from anlan.warning.models import AlertInstance, Incident, ResponseInForce, WarningInForce
from anlan.warning.selectors import AlertFilters, Members
from anlan.warning.services import judging as _judging
from anlan.warning.services import responses as _responses
from anlan.warning.services import trying as _trying
from anlan.warning.services.judging import Judged
from anlan.warning.services.responses import ResponseDeclaration
from anlan.warning.services.trying import Compared, Looked, Tried


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


def is_read(hazard: str, level: str, *, at: datetime) -> bool:
    """Return whether a rule in force reads a relayed warning of that hazard and level."""
    return selectors.is_read(hazard, level, at=at)


def alert(alert_id: int) -> AlertInstance | None:
    """Return one alert instance, or None; the caller checks areas."""
    return AlertInstance.objects.filter(pk=alert_id).first()


def alerts_named(alert_ids: Iterable[int]) -> dict[int, AlertInstance]:
    """Return the alert instances of some keys (one query); the caller checks areas."""
    return AlertInstance.objects.in_bulk(list(alert_ids))


def incident(incident_id: int) -> Incident:
    """Return an incident by its key; whoever heard of it knows that it is there."""
    return Incident.objects.get(pk=incident_id)


def standing_in(incident_id: int) -> int:
    """Return how many alerts of an incident are open (one query)."""
    return AlertInstance.objects.filter(incident=incident_id, cleared_at__isnull=True).count()


def members(incidents: Collection[int], *, page: int, size: int, areas: int) -> Members:
    """Return a page of the alerts of incidents, the worst first, and how all of them stand."""
    return selectors.members(incidents, page=page, size=size, areas=areas)


def clusters_of_report(report: int, hazard: str) -> list[int]:
    """Return the open alerts that rest on a report among others; the caller checks areas."""
    return selectors.clusters_of_report(report, hazard)


def alerts(actor: Actor, filters: AlertFilters) -> list[AlertInstance]:
    """Return alerts inside the actor's areas, newest first (one query)."""
    return selectors.alerts(actor, filters)


def told_of(rules: Iterable[RuleSpec]) -> dict[tuple[str, int], Text]:
    """Return what each version of a rule does, in plain words made from the rule itself."""
    words = selectors.rule_words()
    return {(rule.id, rule.version): describe(rule, words) for rule in rules}


def try_rule(actor: Actor, rule: RuleSpec, *, start: datetime, end: datetime) -> Tried:
    """Run a rule over a past period, beside what was raised then; writes nothing."""
    return _trying.try_rule(actor, rule, start=start, end=end)


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


def clusters_as_of(actor: Actor, *, at: datetime, limit: int) -> list[AlertInstance]:
    """Return what :func:`open_clusters` would have returned at ``at``."""
    return selectors.clusters_as_of(actor, at=at, limit=limit)


__all__ = [
    "AlertFilters",
    "AlertInstance",
    "Compared",
    "Incident",
    "Judged",
    "Looked",
    "Members",
    "ResponseDeclaration",
    "ResponseInForce",
    "Tried",
    "WarningInForce",
    "alert",
    "alerts",
    "alerts_named",
    "clusters_as_of",
    "clusters_of_report",
    "declare_response",
    "end_response",
    "incident",
    "is_read",
    "judge",
    "members",
    "open_clusters",
    "reason_text",
    "response_in_force",
    "risen",
    "risen_as_of",
    "standing_in",
    "told_of",
    "try_rule",
    "warnings_as_of",
    "warnings_in_force",
]
