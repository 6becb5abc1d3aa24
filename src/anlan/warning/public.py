"""What other rooms may call of the warning room."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from anlan.infra.here import workspace
from anlan.kernel.actor import Actor
from anlan.registry import public as registry
from anlan.registry.domain.facts import KnownSensor
from anlan.registry.domain.packwords import Text
from anlan.registry.domain.rulespecs import RuleSpec
from anlan.registry.public import Names
from anlan.warning import limits
from anlan.warning.domain.ruletext import describe
from anlan.warning.domain.signs import Units
from anlan.warning.limits import LimitLine
from anlan.warning.models import AlertInstance, Incident, ResponseInForce, WarningInForce
from anlan.warning.selectors import alerts as of_alerts
from anlan.warning.selectors import in_force
from anlan.warning.selectors import streams as of_streams
from anlan.warning.selectors.alerts import AlertFilters, Crowded, Members, crowded
from anlan.warning.selectors.streams import RaisedAlert
from anlan.warning.services import judging as _judging
from anlan.warning.services import responses as _responses
from anlan.warning.services import trying as _trying
from anlan.warning.services.judging import Judged
from anlan.warning.services.responses import ResponseDeclaration
from anlan.warning.services.streams.claims import Claims
from anlan.warning.services.trying import Compared, Looked, Tried

if TYPE_CHECKING:
    from anlan.warning.services.streams.judge import StreamJudge


def judge(*, now: datetime) -> Judged:
    """Run one tick of the judge; an idle one costs a few small queries."""
    return _judging.judge(now=now)


def is_judged_elsewhere() -> bool:
    """Whether another process judges the streams of this workspace, so that the clockwork does not."""
    return Claims(workspace().judge).is_wanted()


def stream_judge() -> StreamJudge:
    """Return the judge of streams of this process's workspace, for a process that takes readings in.

    Loads its kernels: a second or two, and a minute the first time on a machine.
    """
    from anlan.warning.services.streams.here import stream_judge as here

    return here()


def stop_judging() -> None:
    """Save what this process remembers of the streams, and let another one judge them."""
    here = sys.modules.get("anlan.warning.services.streams.here")
    if here is not None:
        here.stop()


def declare_response(
    actor: Actor, declaration: ResponseDeclaration, *, now: datetime
) -> ResponseInForce:
    """Put a response level in force (I8: matter, level, expected end, measures)."""
    return _responses.declare_response(actor, declaration, now=now)


def end_response(actor: Actor, response_id: int, *, now: datetime) -> ResponseInForce:
    """Declare the end of a response."""
    return _responses.end_response(actor, response_id, now=now)


def reason_text(reason: Mapping[str, Any], names: Names, language: str) -> str:
    """Return why an alert was raised, changed or cleared, in "zh" or "en"."""
    return in_force.reason_text(reason["code"], reason["params"], names, language)


def response_in_force(hazard: str, area: str) -> ResponseInForce | None:
    """Return the highest response in force for ``hazard`` that covers ``area``."""
    return in_force.response_in_force(hazard, area)


def warnings_in_force(*, at: datetime) -> list[WarningInForce]:
    """Return the relayed warnings in force at ``at``, highest level first."""
    return in_force.warnings_in_force(at=at)


def is_read(hazard: str, level: str, *, at: datetime) -> bool:
    """Return whether a rule in force reads a relayed warning of that hazard and level."""
    return in_force.is_read(hazard, level, at=at)


def alert(alert_id: int) -> AlertInstance | None:
    """Return one alert instance, or None; the caller checks areas."""
    return AlertInstance.objects.filter(pk=alert_id).first()


def alerts_named(alert_ids: Iterable[int]) -> dict[int, AlertInstance]:
    """Return the alert instances of some keys (one query); the caller checks areas."""
    return AlertInstance.objects.in_bulk(list(alert_ids))


def open_on_streams(streams: Iterable[str]) -> list[AlertInstance]:
    """Return the open alerts about some streams (one query); the caller checks areas."""
    return of_streams.open_on_streams(streams)


def silences() -> frozenset[tuple[str, int]]:
    """Return rule and version of all that tell of streams which say nothing, of old ones too."""
    return of_streams.silences()


def levels_of_streams() -> dict[str, str]:
    """Return the highest level of danger open on each stream, silence apart (one query)."""
    return of_streams.levels_of_streams()


def incident(incident_id: int) -> Incident:
    """Return an incident by its key; whoever heard of it knows that it is there."""
    return Incident.objects.get(pk=incident_id)


def standing_in(incident_id: int) -> int:
    """Return how many alerts of an incident are open (one query)."""
    return AlertInstance.objects.filter(incident=incident_id, cleared_at__isnull=True).count()


def members(
    incidents: Collection[int], *, page: int, size: int, areas: int, open_only: bool = False
) -> Members:
    """Return a page of the alerts of incidents, the worst first, and how all of them stand."""
    return of_alerts.members(incidents, page=page, size=size, areas=areas, open_only=open_only)


def still_silent(alerts: Collection[int]) -> int:
    """Return how many of some alerts say that a stream is silent still (one query)."""
    return of_streams.still_silent(alerts)


def streams_held(beside: Iterable[int]) -> frozenset[str]:
    """Return the streams on whose readings open alerts rest, and those of alerts in ``beside``.

    A rule's subject is held too: it is the stream's own code where a rule looks at one stream.
    """
    return of_streams.streams_held(beside)


def clusters_of_report(report: int, hazard: str) -> list[int]:
    """Return the open alerts that rest on a report among others; the caller checks areas."""
    return of_alerts.clusters_of_report(report, hazard)


def alerts(actor: Actor, filters: AlertFilters) -> list[AlertInstance]:
    """Return alerts inside the actor's areas, newest first (one query)."""
    return of_alerts.alerts(actor, filters)


def alerts_during(
    actor: Actor, subjects: Collection[str], *, start: datetime, end: datetime, limit: int
) -> list[AlertInstance]:
    """Return the actor's alerts of some subjects that stood in a period (one query)."""
    return of_streams.alerts_during(actor, subjects, start=start, end=end, limit=limit)


def open_levels(subjects: Collection[str]) -> dict[str, str]:
    """Return the highest level that stands open on each of some subjects; the caller checks areas."""
    return of_streams.open_levels(subjects)


def highest_on_streams(*, most: int) -> dict[str, str]:
    """Return the highest level that stands open on each stream, by its code (one query)."""
    return of_streams.highest_on_streams(most=most)


def raised_between(
    since: datetime, until: datetime, *, rules: Collection[str], at_once: int
) -> Iterator[list[RaisedAlert]]:
    """Yield the alerts of some rules raised in a period, by parts; for counting, not for showing."""
    return of_streams.raised_between(since, until, rules=rules, at_once=at_once)


def rules_on(sensor: KnownSensor, *, at: datetime) -> list[RuleSpec]:
    """Return the rules in force that judge the readings of a stream, or its silence."""
    return limits.rules_on(sensor.quantity, sensor.place_kind, at=at)


def limit_lines(sensor: KnownSensor, rules: Iterable[RuleSpec]) -> list[LimitLine]:
    """Return the limits of rules that lie on the scale of a stream's readings."""
    quantity = registry.quantity(sensor.quantity)
    return limits.limit_lines(rules, unit=Units(quantity.unit, quantity.accepts))


def told_of(rules: Iterable[RuleSpec]) -> dict[tuple[str, int], Text]:
    """Return what each version of a rule does, in plain words made from the rule itself."""
    words = in_force.rule_words()
    return {(rule.id, rule.version): describe(rule, words) for rule in rules}


def try_rule(actor: Actor, rule: RuleSpec, *, start: datetime, end: datetime) -> Tried:
    """Run a rule over a past period, beside what was raised then; writes nothing."""
    return _trying.try_rule(actor, rule, start=start, end=end)


def warnings_as_of(*, at: datetime) -> list[WarningInForce]:
    """Return the relayed warnings in force at ``at`` as they stood then, from the journal."""
    return in_force.warnings_as_of(at=at)


def risen(actor: Actor, *, since: datetime, limit: int) -> list[AlertInstance]:
    """Return open alerts of the actor's areas that were raised or changed level after ``since``."""
    return of_alerts.risen(actor, since=since, limit=limit)


def risen_as_of(actor: Actor, *, since: datetime, at: datetime, limit: int) -> list[AlertInstance]:
    """Return what :func:`risen` would have returned at ``at``."""
    return of_alerts.risen_as_of(actor, since=since, at=at, limit=limit)


def open_clusters(actor: Actor, *, limit: int) -> list[AlertInstance]:
    """Return the open clusters of reports inside the actor's areas, the newest first."""
    return of_alerts.open_clusters(actor, limit=limit)


def clusters_as_of(actor: Actor, *, at: datetime, limit: int) -> list[AlertInstance]:
    """Return what :func:`open_clusters` would have returned at ``at``."""
    return of_alerts.clusters_as_of(actor, at=at, limit=limit)


__all__ = [
    "AlertFilters",
    "AlertInstance",
    "Compared",
    "Crowded",
    "Incident",
    "Judged",
    "LimitLine",
    "Looked",
    "Members",
    "RaisedAlert",
    "ResponseDeclaration",
    "ResponseInForce",
    "Tried",
    "WarningInForce",
    "alert",
    "alerts",
    "alerts_during",
    "alerts_named",
    "clusters_as_of",
    "clusters_of_report",
    "crowded",
    "declare_response",
    "end_response",
    "highest_on_streams",
    "incident",
    "is_judged_elsewhere",
    "is_read",
    "judge",
    "levels_of_streams",
    "limit_lines",
    "members",
    "open_clusters",
    "open_levels",
    "open_on_streams",
    "raised_between",
    "reason_text",
    "response_in_force",
    "risen",
    "risen_as_of",
    "rules_on",
    "silences",
    "standing_in",
    "still_silent",
    "stop_judging",
    "stream_judge",
    "told_of",
    "try_rule",
    "warnings_as_of",
    "warnings_in_force",
]
