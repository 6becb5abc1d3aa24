"""Reports, signals and responses that wait for the judge, put there by the listeners."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from anlan.kernel.canonical import parse_instant
from anlan.registry import public as registry
from anlan.warning.domain.signs import ReportSign, SignalSign
from anlan.warning.models import JudgeInbox
from anlan.warning.services.surroundings import SMALL, city_at, ground_of, known_area

AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Signs:
    """What one round takes out of the inbox."""

    reports: tuple[ReportSign, ...] = ()
    signals: tuple[SignalSign, ...] = ()
    area_paths: dict[str, str] = field(default_factory=dict)
    seqs: tuple[int, ...] = ()
    cursors: dict[str, int] = field(default_factory=dict)  # newest journal number by kind


def waiting() -> bool:
    """Return whether anything waits."""
    return JudgeInbox.objects.exists()


def take(cursors: dict[str, Any]) -> Signs:
    """Return what waits, without what was judged before (a listener may hear twice)."""
    revision = registry.revision()
    reports: list[ReportSign] = []
    signals: list[SignalSign] = []
    paths: dict[str, str] = {}
    newest: dict[str, int] = {}
    rows = list(JudgeInbox.objects.order_by("seq")[:AT_ONCE])
    for row in rows:
        cursor = f"seq.{row.kind}"
        if row.seq <= cursors.get(cursor, 0):
            continue
        newest[cursor] = row.seq
        if row.kind == "report":
            reports.append(report_sign(row.payload, revision, paths))
        elif row.kind == "signal":
            signals.append(signal_sign(row.payload, revision))
    return Signs(tuple(reports), tuple(signals), paths, tuple(row.seq for row in rows), newest)


def clear(signs: Signs) -> None:
    """Remove what was judged."""
    if signs.seqs:
        JudgeInbox.objects.filter(seq__in=signs.seqs).delete()


def report_sign(payload: dict[str, Any], revision: str, paths: dict[str, str]) -> ReportSign:
    """Return what the judge sees of a report; ``paths`` learns the path of its area."""
    area = known_area(revision, payload["area"]) if payload["area"] else None
    if area is not None:
        paths[area.code] = area.path
    return ReportSign(
        id=payload["report"],
        at=parse_instant(payload["known_at"]),
        hazard=payload["hazard"],
        lat=payload["lat"],
        lon=payload["lon"],
        area=payload["area"],
        spot=area.code if area is not None and area.kind in SMALL else "",
        strong=payload["strong"],
    )


def signal_sign(payload: dict[str, Any], revision: str) -> SignalSign:
    """Return what the judge sees of a message about an outside warning."""
    at = parse_instant(payload["sent_at"])
    ground = ground_of(payload["areas"], payload["polygons"], city_at(revision, at=at), revision)
    return SignalSign(
        id=payload["signal"],
        at=at,
        hazard=payload["hazard"],
        level=payload["level"],
        areas=ground.areas,
    )
