"""From findings to alert instances: one row for each rule and subject at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from anlan.infra import journal
from anlan.infra import rows as rows_of
from anlan.kernel.actor import system_actor
from anlan.kernel.canonical import plain
from anlan.warning.domain.events import AlertCleared, AlertLevelChanged, AlertRaised
from anlan.warning.domain.findings import Evidence, Finding, What, higher
from anlan.warning.models import AlertInstance

ACTOR = system_actor("judge")

Key = tuple[str, str]


def keep_findings(
    findings: Iterable[Finding], *, root: str, area_paths: Mapping[str, str], now: datetime
) -> int:
    """Write each finding with its event, in the caller's transaction; return how many changed.

    A finding that says what is so already, or tells again of an instance that
    was raised at the same instant, changes nothing: a judge which lost its
    memory raises nothing twice.  What lies in no known area belongs to the
    whole city.
    """
    desk = _Desk(list(findings), root=root, area_paths=area_paths, now=now)
    return sum(desk.keep(item) for item in desk.findings)


class _Desk:
    """The findings of one tick beside the rows that they may change."""

    def __init__(
        self, findings: list[Finding], *, root: str, area_paths: Mapping[str, str], now: datetime
    ) -> None:
        self.findings, self.root, self.area_paths, self.now = findings, root, area_paths, now
        rows = AlertInstance.objects.select_for_update().filter(
            subject__in={item.subject for item in findings}
        )
        open_rows = rows.filter(cleared_at__isnull=True) if findings else ()
        self.open: dict[Key, AlertInstance] = {(row.rule, row.subject): row for row in open_rows}
        raised = [item for item in findings if item.what is What.RAISED]
        past = rows.filter(raised_at__in={item.at for item in raised}) if raised else rows.none()
        self.past = set(past.values_list("rule", "subject", "raised_at"))
        self.retold: set[Key] = set()

    def keep(self, item: Finding) -> bool:
        """Write one finding; return whether it changed anything."""
        key = (item.rule, item.subject)
        row = self.open.get(key)
        if item.what is What.RAISED and (*key, item.at) in self.past:
            if row is None or row.raised_at != item.at:
                self.retold.add(key)
            return False
        if key in self.retold:
            if item.what is What.CLEARED:
                self.retold.discard(key)
            return False
        if item.what is What.CLEARED:
            if row is not None:
                _clear(row, item, now=self.now)
                del self.open[key]
            return row is not None
        if row is None:
            self.open[key] = self._raise(item)
            return True
        if row.level != item.level:
            _change(row, item, now=self.now)
            return True
        return False

    def _raise(self, item: Finding) -> AlertInstance:
        area = item.area if self.area_paths.get(item.area) else self.root
        return _raise(item, area=area, path=self.area_paths.get(area, area), now=self.now)


def _raise(item: Finding, *, area: str, path: str, now: datetime) -> AlertInstance:
    row = AlertInstance(
        rule=item.rule,
        rule_version=item.version,
        subject=item.subject,
        hazard=item.hazard,
        level=item.level,
        peak_level=item.level,
        area=area,
        area_path=path,
        place=item.place,
        active_at=min(item.since, item.at),
        raised_at=item.at,
        level_at=item.at,
        reason=_reason(item),
        evidence=evidence_data(item.evidence),
        recorded_at=now,
    )
    rows_of.insert(row)  # the event names the row, so the row comes first
    event = AlertRaised(
        alert=row.pk,
        rule=row.rule,
        rule_version=row.rule_version,
        subject=row.subject,
        hazard=row.hazard,
        level=row.level,
        area=row.area,
        place=row.place,
        at=row.raised_at,
    )
    journal.record(event, actor=ACTOR, now=now, rows=[row], made=[row])
    return row


def _change(row: AlertInstance, item: Finding, *, now: datetime) -> None:
    before = row.level
    row.level, row.level_at = item.level, item.at
    row.peak_level = higher(row.peak_level, item.level)
    row.reason, row.evidence = _reason(item), evidence_data(item.evidence)
    event = AlertLevelChanged(
        alert=row.pk,
        rule=row.rule,
        subject=row.subject,
        hazard=row.hazard,
        area=row.area,
        place=row.place,
        before=before,
        level=row.level,
        at=item.at,
    )
    journal.record(event, actor=ACTOR, now=now, rows=[row])


def _clear(row: AlertInstance, item: Finding, *, now: datetime) -> None:
    row.cleared_at = max(item.at, row.raised_at)
    row.cleared_reason = item.reason.code
    event = AlertCleared(
        alert=row.pk,
        rule=row.rule,
        subject=row.subject,
        reason=item.reason.code,
        at=row.cleared_at,
    )
    journal.record(event, actor=ACTOR, now=now, rows=[row])


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
