"""From findings to alert instances: one row for each rule and subject at a time.

What one tick found is written in few statements, in *waves*: of what happened to one alert in
the tick, one thing after another, each wave holds one.  Alerts that come alone go first, those
of an incident after them, the worst first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from anlan.infra import journal
from anlan.infra import rows as rows_of
from anlan.kernel.actor import system_actor
from anlan.kernel.canonical import plain
from anlan.kernel.events import Event
from anlan.warning.domain.events import AlertCleared, AlertLevelChanged, AlertRaised
from anlan.warning.domain.findings import Evidence, Finding, What, higher, rank_of
from anlan.warning.models import AlertInstance
from anlan.warning.services.crowding import Ahead, Growth, crowd

ACTOR = system_actor("judge")
AT_ONCE = 500  # rows in one go: what is held in memory twice

Key = tuple[str, str]


@dataclass(slots=True)
class _Act:
    """One thing that happens to one alert."""

    what: What
    item: Finding
    row: AlertInstance
    before: str = ""  # its level before a change


@dataclass(slots=True)
class _Standing:
    """An alert that is open by now, and at what level."""

    row: AlertInstance
    level: str


@dataclass(slots=True)
class _Waves:
    """What is to be written, wave by wave."""

    acts: list[list[_Act]] = field(default_factory=list)
    passed: dict[Key, int] = field(default_factory=dict)

    def add(self, act: _Act) -> None:
        key = (act.row.rule, act.row.subject)
        wave = self.passed.get(key, 0)
        self.passed[key] = wave + 1
        if wave == len(self.acts):
            self.acts.append([])
        self.acts[wave].append(act)


def keep_findings(
    findings: Iterable[Finding],
    *,
    root: str,
    area_paths: Mapping[str, str],
    now: datetime,
    told_once: bool = False,
    new_rules: bool = False,
    coming: Iterable[Finding] = (),
) -> int:
    """Write each finding with its event, in the caller's transaction; return how many changed.

    A finding that says what is so already changes nothing.  Unless the caller tells each finding
    only once (``told_once``), nor does one that tells again of an instance that was raised at the
    same instant: a judge which lost its memory raises nothing twice.  What lies in no known
    area belongs to the whole city.  Alerts that crowd in one small area become one incident;
    ``coming`` are findings of the same step that the caller writes next.  With ``new_rules`` a rule
    may have judged the same readings before, and gone: what begins while an instance of it was open
    and is over in these findings was told by that one.
    """
    desk = _Desk(list(findings), root=root, area_paths=area_paths, now=now, told_once=told_once)
    if new_rules:
        desk.leave_out_what_was_told()
    for item in desk.findings:
        desk.take(item)
    acts = [act for wave in desk.waves.acts for act in wave]
    raised = [act.row for act in acts if act.what is What.RAISED]
    held = {act.row.pk: act.row for act in acts if act.row.pk is not None}
    grown: list[Growth] = []
    if raised:
        ahead = [desk.ahead(item) for item in coming if item.what is What.RAISED]
        grown = crowd(raised, held=held, ahead=ahead, now=now)
    for wave in desk.waves.acts:
        wave.sort(key=_alone_then_worst)
        for begin in range(0, len(wave), AT_ONCE):
            _write(wave[begin : begin + AT_ONCE], now=now)
    _tell_of(grown, now=now)
    return len(acts)


def keep_over(
    raised: Finding,
    peak: Finding,
    cleared: Finding,
    *,
    root: str,
    area_paths: Mapping[str, str],
    now: datetime,
) -> None:
    """Write an instance that was found only when it was over, in the caller's transaction.

    It never was open in the database, so another one of its rule and subject may be.  It is of no
    incident: whoever would be told of one can do nothing about it any more.
    """
    desk = _Desk([], root=root, area_paths=area_paths, now=now, told_once=True)
    row = desk.drafted(raised)
    row.level = row.peak_level = peak.level
    row.level_at, row.evidence = peak.at, evidence_data(peak.evidence)
    row.reason = _reason(peak)
    row.cleared_at, row.cleared_reason = max(cleared.at, raised.at), cleared.reason.code
    rows_of.insert_many([row])
    acts = (_Act(What.RAISED, raised, row), _Act(What.CLEARED, cleared, row))
    journal.record_each([(_event(act), row) for act in acts], actor=ACTOR, now=now)


def _alone_then_worst(act: _Act) -> tuple[int, int]:
    incident = act.row.incident_id
    return (incident, rank_of(act.item.level)) if incident is not None else (0, 0)


class _Desk:
    """The findings of one tick beside the rows that they may change; nothing is written yet."""

    def __init__(
        self,
        findings: list[Finding],
        *,
        root: str,
        area_paths: Mapping[str, str],
        now: datetime,
        told_once: bool,
    ) -> None:
        self.told_once = told_once
        self.findings, self.root, self.area_paths, self.now = findings, root, area_paths, now
        self.waves = _Waves()
        self.open: dict[Key, _Standing] = {}
        self.past: set[tuple[str, str, datetime]] = set()
        self.retold: set[Key] = set()
        by_subject: dict[str, list[Finding]] = {}
        for item in findings:
            by_subject.setdefault(item.subject, []).append(item)
        subjects = list(by_subject)
        for begin in range(0, len(subjects), AT_ONCE):
            some = subjects[begin : begin + AT_ONCE]
            self._look_up(some, [item for subject in some for item in by_subject[subject]])

    def _look_up(self, subjects: Sequence[str], findings: Sequence[Finding]) -> None:
        rows = AlertInstance.objects.select_for_update().filter(subject__in=subjects)
        for row in rows.filter(cleared_at__isnull=True):
            self.open[row.rule, row.subject] = _Standing(row, row.level)
        instants = {item.at for item in findings if item.what is What.RAISED}
        if instants and not self.told_once:
            past = rows.filter(raised_at__in=instants)
            self.past.update(past.values_list("rule", "subject", "raised_at"))

    def leave_out_what_was_told(self) -> None:
        """Drop each instance that is over in the findings, if one in the database was open when it began.

        That one was raised by the rule before it went, and told the same readings; see the test.
        """
        spans = _whole_spans(self.findings)
        told = self._over({span[0].subject for span in spans}) if spans else {}
        dropped = {
            id(item)
            for span in spans
            if any(
                began <= span[0].at <= ended
                for began, ended in told.get((span[0].rule, span[0].subject), ())
            )
            for item in span
        }
        self.findings = [item for item in self.findings if id(item) not in dropped]

    def _over(self, subjects: Collection[str]) -> dict[Key, list[tuple[datetime, datetime]]]:
        """Return from when to when instances that are over were open, by rule and subject."""
        earliest = min(item.at for item in self.findings)
        found: dict[Key, list[tuple[datetime, datetime]]] = {}
        asked = sorted(subjects)
        for begin in range(0, len(asked), AT_ONCE):
            rows = AlertInstance.objects.filter(
                subject__in=asked[begin : begin + AT_ONCE], cleared_at__gte=earliest
            )
            columns = ("rule", "subject", "active_at", "cleared_at")
            for rule, subject, began, ended in rows.values_list(*columns):
                found.setdefault((rule, subject), []).append((began, ended))
        return found

    def take(self, item: Finding) -> None:
        """Note what a finding changes, if anything."""
        key = (item.rule, item.subject)
        standing = self.open.get(key)
        if item.what is What.RAISED and (*key, item.at) in self.past:
            if standing is None or standing.row.raised_at != item.at:
                self.retold.add(key)
        elif key in self.retold:
            if item.what is What.CLEARED:
                self.retold.discard(key)
        elif item.what is What.CLEARED:
            if standing is not None:
                self.waves.add(_Act(What.CLEARED, item, standing.row))
                del self.open[key]
        elif standing is None:
            row = self.drafted(item)
            self.waves.add(_Act(What.RAISED, item, row))
            self.open[key] = _Standing(row, item.level)
        elif standing.level != item.level:
            self.waves.add(_Act(What.LEVEL, item, standing.row, standing.level))
            standing.level = item.level

    def _area_of(self, item: Finding) -> tuple[str, str]:
        """Return the area of a finding and its path; what lies in none belongs to the whole city."""
        area = item.area if self.area_paths.get(item.area) else self.root
        return area, self.area_paths.get(area, area)

    def ahead(self, item: Finding) -> Ahead:
        """Return a raising that is written later: in a storm thousands come with each hundred."""
        _, path = self._area_of(item)
        return Ahead(
            item.rule, item.version, item.subject, item.hazard, path, item.carrier, item.at
        )

    def drafted(self, item: Finding) -> AlertInstance:
        """Return the row that a raising makes, not written yet."""
        area, path = self._area_of(item)
        return AlertInstance(
            rule=item.rule,
            rule_version=item.version,
            subject=item.subject,
            hazard=item.hazard,
            level=item.level,
            peak_level=item.level,
            area=area,
            area_path=path,
            place=item.place,
            carrier=item.carrier,
            active_at=min(item.since, item.at),
            raised_at=item.at,
            level_at=item.at,
            reason=_reason(item),
            evidence=evidence_data(item.evidence),
            recorded_at=self.now,
        )


def _whole_spans(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Return what findings say of each instance that they raise and clear, from the one to the other."""
    begun: dict[Key, list[Finding]] = {}
    whole: list[list[Finding]] = []
    for item in findings:
        key = (item.rule, item.subject)
        if item.what is What.RAISED:
            begun[key] = [item]
        elif key in begun:
            begun[key].append(item)
            if item.what is What.CLEARED:
                whole.append(begun.pop(key))
    return whole


def _write(acts: Sequence[_Act], *, now: datetime) -> None:
    """Write acts on as many alerts with their events."""
    fresh = [act.row for act in acts if act.what is What.RAISED]
    rows_of.insert_many(fresh)  # the events name the rows, so these come first
    for act in acts:
        if act.what is What.LEVEL:
            _change(act.row, act.item)
        elif act.what is What.CLEARED:
            act.row.cleared_at = max(act.item.at, act.row.raised_at)
            act.row.cleared_reason = act.item.reason.code
    rows_of.save_many([act.row for act in acts if act.what is not What.RAISED])
    journal.record_each([(_event(act), act.row) for act in acts], actor=ACTOR, now=now)


def _change(row: AlertInstance, item: Finding) -> None:
    row.level, row.level_at = item.level, item.at
    row.peak_level = higher(row.peak_level, item.level)
    row.reason, row.evidence = _reason(item), evidence_data(item.evidence)


def _event(act: _Act) -> Event:
    row, item = act.row, act.item
    incident = row.incident_id or 0
    if act.what is What.RAISED:
        return AlertRaised(
            alert=row.pk,
            rule=row.rule,
            rule_version=row.rule_version,
            subject=row.subject,
            hazard=row.hazard,
            level=row.level,
            area=row.area,
            place=row.place,
            at=row.raised_at,
            incident=incident,
        )
    if act.what is What.LEVEL:
        return AlertLevelChanged(
            alert=row.pk,
            rule=row.rule,
            subject=row.subject,
            hazard=row.hazard,
            area=row.area,
            place=row.place,
            before=act.before,
            level=row.level,
            at=item.at,
            incident=incident,
        )
    assert row.cleared_at is not None  # noqa: S101  narrows for the type checker
    return AlertCleared(
        alert=row.pk,
        rule=row.rule,
        subject=row.subject,
        reason=item.reason.code,
        at=row.cleared_at,
        incident=incident,
    )


def _tell_of(grown: Sequence[Growth], *, now: datetime) -> None:
    plain_ones = [growth for growth in grown if not growth.drawn]
    rows_of.save_many([growth.incident for growth in plain_ones])
    journal.record_each(
        [(growth.event(), growth.incident) for growth in plain_ones], actor=ACTOR, now=now
    )
    for growth in grown:
        if growth.drawn:
            rows = [growth.incident, *growth.drawn]
            journal.record(growth.event(), actor=ACTOR, now=now, rows=rows)


def _reason(item: Finding) -> dict[str, object]:
    return {"code": item.reason.code, "params": dict(item.reason.params)}


def evidence_data(evidence: Evidence) -> object:
    """Return evidence as it is stored and shown: times as text, ids as numbers."""
    return plain(
        {
            "readings": [
                {"stream": stream, "at": at, "value": value}
                for stream, at, value in evidence.readings
            ],
            "reports": list(evidence.reports),
            "signals": list(evidence.signals),
            "responses": list(evidence.responses),
        }
    )
