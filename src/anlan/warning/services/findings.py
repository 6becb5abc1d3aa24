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
    findings: Iterable[Finding],
    *,
    root: str,
    area_paths: Mapping[str, str],
    now: datetime,
    told_once: bool = False,
) -> int:
    """Write each finding with its event, in the caller's transaction; return how many changed.

    A finding that says what is so already changes nothing.  Unless the caller tells each finding
    only once (``told_once``), nor does one that tells again of an instance that was raised at the
    same instant: a judge which lost its memory raises nothing twice.  What lies in no known
    area belongs to the whole city.
    """
    desk = _Desk(list(findings), root=root, area_paths=area_paths, now=now, told_once=told_once)
    return sum(desk.keep(item) for item in desk.findings)


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

    It never was open in the database, so another one of its rule and subject may be.
    """
    desk = _Desk([], root=root, area_paths=area_paths, now=now, told_once=True)
    row = desk.row_of(raised)
    row.level = row.peak_level = peak.level
    row.level_at, row.evidence = peak.at, evidence_data(peak.evidence)
    row.reason = _reason(peak)
    row.cleared_at, row.cleared_reason = max(cleared.at, raised.at), cleared.reason.code
    _tell_raised(row, now=now)
    _tell_cleared(row, cleared, now=now)


class _Desk:
    """The findings of one tick beside the rows that they may change."""

    def __init__(
        self,
        findings: list[Finding],
        *,
        root: str,
        area_paths: Mapping[str, str],
        now: datetime,
        told_once: bool,
    ) -> None:
        self.findings, self.root, self.area_paths, self.now = findings, root, area_paths, now
        rows = AlertInstance.objects.select_for_update().filter(
            subject__in={item.subject for item in findings}
        )
        open_rows = rows.filter(cleared_at__isnull=True) if findings else ()
        self.open: dict[Key, AlertInstance] = {(row.rule, row.subject): row for row in open_rows}
        raised = [item for item in findings if item.what is What.RAISED]
        asked = raised and not told_once
        past = rows.filter(raised_at__in={item.at for item in raised}) if asked else rows.none()
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
        row = self.row_of(item)
        _tell_raised(row, now=self.now)
        return row

    def row_of(self, item: Finding) -> AlertInstance:
        """Return the row that a raising makes, not written yet."""
        area = item.area if self.area_paths.get(item.area) else self.root
        return _row_of(item, area=area, path=self.area_paths.get(area, area), now=self.now)


def _row_of(item: Finding, *, area: str, path: str, now: datetime) -> AlertInstance:
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
        active_at=min(item.since, item.at),
        raised_at=item.at,
        level_at=item.at,
        reason=_reason(item),
        evidence=evidence_data(item.evidence),
        recorded_at=now,
    )


def _tell_raised(row: AlertInstance, *, now: datetime) -> None:
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
    _tell_cleared(row, item, now=now)


def _tell_cleared(row: AlertInstance, item: Finding, *, now: datetime) -> None:
    assert row.cleared_at is not None  # noqa: S101  it has just been cleared
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
