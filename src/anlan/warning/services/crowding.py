"""Alerts that crowd in one small area become members of an incident before they are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import NamedTuple

from django.db.models import Q

from anlan.infra import rows as rows_of
from anlan.kernel.durations import parse_span
from anlan.kernel.errors import NotFoundError
from anlan.registry import public as registry
from anlan.registry.domain.jurisdiction import IncidentRule
from anlan.warning.domain import incidents
from anlan.warning.domain.events import IncidentGrew
from anlan.warning.domain.findings import HIGHEST_FIRST, higher
from anlan.warning.domain.incidents import Mark
from anlan.warning.models import AlertInstance, Incident

LOWEST = HIGHEST_FIRST[-1]
GATEWAY = "gateway:"


class Group(NamedTuple):
    """What alerts of one incident have in common.

    What is behind one gateway is one wherever it lies: its ``area_path`` is empty here.
    """

    hazard: str
    case: str
    area_path: str
    carrier: str | None  # None: whatever it is; empty: what has none


class Ahead(NamedTuple):
    """As much of an alert as says which incident it may belong to."""

    rule: str
    rule_version: int
    subject: str
    hazard: str
    area_path: str
    carrier: str
    raised_at: datetime


@dataclass(slots=True)
class Growth:
    """An incident that was found or grew in this tick."""

    incident: Incident
    drawn: list[AlertInstance] = field(default_factory=list)  # had come alone before

    def event(self) -> IncidentGrew:
        """Return what is told of it."""
        row = self.incident
        return IncidentGrew(
            incident=row.pk,
            rule=row.rule,
            rule_version=row.rule_version,
            hazard=row.hazard,
            case=row.case,
            area=row.area,
            level=row.level,
            members=row.members,
            drawn=tuple(alert.pk for alert in self.drawn),
            at=row.last_at,
        )


def crowd(
    raised: Iterable[AlertInstance],
    *,
    held: Mapping[int, AlertInstance],
    ahead: Iterable[Ahead] = (),
    now: datetime,
) -> list[Growth]:
    """Find the incidents of alerts that are about to be written, and set theirs on them.

    In the caller's transaction; rows of incidents that are new are made, everything else is
    left to the caller to write.  ``held`` are written rows that the caller changes as well,
    ``ahead`` alerts that it writes next: they count for who is crowded, and join in their turn.
    """
    groups: dict[Group, list[AlertInstance]] = {}
    rules: dict[Group, IncidentRule] = {}
    known = _Known(now)
    for row in raised:
        found = known.group_of(row)
        if found is not None:
            group, rule = found
            groups.setdefault(group, []).append(row)
            rules[group] = rule
    coming: dict[Group, list[_Near]] = {}
    for one in ahead:
        found = known.group_of(one)
        if found is not None and found[0] in groups:
            near = _Near(Mark(one.raised_at, one.subject), None, None, None)
            coming.setdefault(found[0], []).append(near)
    before = _written(groups, rules, known)
    grown: list[Growth] = []
    for group, rows in groups.items():
        beside = [*before.get(group, ()), *coming.get(group, ())]
        grown += _crowd(group, rules[group], rows, beside, held=held, now=now)
    return grown


class _Known:
    """What the packs say of alerts, asked once: a storm is of few rules and few areas."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.group_of_kind = cache(self._group)
        self.kind_of = cache(_kind_of)

    def group_of(self, row: AlertInstance | Ahead) -> tuple[Group, IncidentRule] | None:
        """Return the group of an alert and the rule that counts there; None where it stands alone."""
        if not incidents.is_of_sensors(row.subject):
            return None
        return self.group_of_kind(
            row.rule, row.rule_version, row.hazard, row.area_path, row.carrier
        )

    def _group(
        self, rule: str, version: int, hazard: str, path: str, carrier: str
    ) -> tuple[Group, IncidentRule] | None:
        case = _case_of(rule, version)
        counting = registry.incident_rule(case, hazard, at=self.now) if case else None
        if counting is None:
            return None
        shared = carrier if counting.by == "carrier" else None
        if shared and shared.startswith(GATEWAY):
            return Group(hazard, case, "", shared), counting
        kinds = {code: self.kind_of(code) for code in path.split("/")}
        small = incidents.small_area(path, kinds, counting.area)
        return Group(hazard, case, small, shared), counting


def _kind_of(code: str) -> str:
    try:
        return registry.area(code).kind
    except NotFoundError:
        return ""


class _Near(NamedTuple):
    """An alert near a new one in time: written already, or about to be."""

    mark: Mark
    incident: int | None
    key: int | None  # of a written one
    row: AlertInstance | None  # one that is about to be written

    @property
    def is_there(self) -> bool:
        """Whether it is written, or is now; else it comes next."""
        return self.key is not None or self.row is not None


def _crowd(
    group: Group,
    rule: IncidentRule,
    rows: Sequence[AlertInstance],
    beside: Sequence[_Near],
    *,
    held: Mapping[int, AlertInstance],
    now: datetime,
) -> list[Growth]:
    within = parse_span(rule.within)
    fresh = [_Near(Mark(row.raised_at, row.subject), None, None, row) for row in rows]
    if len({near.mark.subject for near in (*fresh, *beside)}) < rule.at_least:
        return []
    near = sorted((*beside, *fresh), key=lambda one: one.mark.at)
    dense = incidents.crowded([one.mark for one in near], within=within, at_least=rule.at_least)
    members = [one for one, is_dense in zip(near, dense, strict=True) if is_dense or one.incident]
    grown: list[Growth] = []
    for run in incidents.apart([one.mark.at for one in members], within=within):
        of_one = [members[place] for place in run]
        joining = [one for one in of_one if one.incident is None and one.is_there]
        if joining:
            known = min((one.incident for one in of_one if one.incident), default=None)
            drawn = _drawn([one.key for one in joining if one.key is not None], held)
            alerts = [*drawn, *(one.row for one in joining if one.row is not None)]
            incident = _incident(group, rule, known, alerts[0], now=now)
            _join(incident, alerts)
            grown.append(Growth(incident, drawn))
    return grown


def _written(
    groups: Mapping[Group, Sequence[AlertInstance]],
    rules: Mapping[Group, IncidentRule],
    known: _Known,
) -> dict[Group, list[_Near]]:
    """Return what was raised before, so near in time that it may be of one incident with news.

    Twice ``within``: an alert that comes to be crowded only now may itself stand next to one
    that belongs to an incident already.  One query for each hazard, however many groups.
    """
    spans: dict[str, tuple[datetime, datetime]] = {}
    for group, rows in groups.items():
        reach, instants = 2 * parse_span(rules[group].within), [row.raised_at for row in rows]
        first, last = min(instants) - reach, max(instants) + reach
        begin, end = spans.get(group.hazard, (first, last))
        spans[group.hazard] = min(begin, first), max(end, last)
    found: dict[Group, list[_Near]] = {}
    for hazard, (first, last) in spans.items():
        alerts = AlertInstance.objects.filter(
            Q(subject__startswith="stream:") | Q(subject__startswith="place:"),
            hazard=hazard,
            raised_at__gte=first,
            raised_at__lte=last,
        ).order_by("raised_at", "pk")
        columns = ("rule", "rule_version", "hazard", "area_path", "carrier")
        for at, subject, incident, key, *kind in alerts.values_list(
            "raised_at", "subject", "incident", "pk", *columns
        ):
            its = known.group_of_kind(*kind)
            if its is not None and its[0] in groups:
                found.setdefault(its[0], []).append(_Near(Mark(at, subject), incident, key, None))
    return found


def _case_of(rule: str, version: int) -> str:
    try:
        return incidents.case_of(registry.rule(rule, version))
    except NotFoundError:
        return ""


def _drawn(keys: Sequence[int], held: Mapping[int, AlertInstance]) -> list[AlertInstance]:
    """Return the rows of alerts that had come alone; the caller's own where it holds them."""
    rest = [key for key in keys if key not in held]
    rows = AlertInstance.objects.select_for_update().in_bulk(rest) if rest else {}
    return [held.get(key) or rows[key] for key in keys]


def _incident(
    group: Group, rule: IncidentRule, known: int | None, first: AlertInstance, *, now: datetime
) -> Incident:
    """Return the incident of that key, locked, or a new one that begins with ``first``."""
    if known is not None:
        return Incident.objects.select_for_update().get(pk=known)
    path = group.area_path
    if not path:
        gateway = (group.carrier or "").removeprefix(GATEWAY)
        path = registry.area_behind(gateway, at=now) or first.area_path
    incident = Incident(
        rule=rule.id,
        rule_version=rule.version,
        hazard=group.hazard,
        case=group.case,
        area=path.rsplit("/", 1)[-1],
        area_path=path,
        carrier=group.carrier or "",
        level=LOWEST,
        members=0,
        first_at=first.raised_at,
        last_at=first.raised_at,
        recorded_at=now,
    )
    rows_of.insert(incident)  # its alerts name it, so it comes first
    return incident


def _join(incident: Incident, alerts: Sequence[AlertInstance]) -> None:
    for alert in alerts:
        alert.incident = incident
        incident.level = higher(incident.level, alert.peak_level)
        incident.first_at = min(incident.first_at, alert.raised_at)
        incident.last_at = max(incident.last_at, alert.raised_at)
    incident.members += len(alerts)
