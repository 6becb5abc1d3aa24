"""What is wrong at the moment: open breaches and sicknesses."""

from __future__ import annotations

from datetime import datetime

from anlan.accountability.domain.standing import BreachSeen, SicknessSeen
from anlan.accountability.domain.wellness import Facts, Limits, Probes, diagnose
from anlan.accountability.domain.wording import title
from anlan.accountability.models import Breach, Sickness


def breaches(*, mended: bool = False, limit: int = 200) -> list[BreachSeen]:
    """Return breaches that are open, or those already mended, the newest first."""
    rows = Breach.objects.filter(mended_at__isnull=not mended).order_by("-found_at", "-pk")
    return [
        BreachSeen(
            id=row.pk,
            invariant=row.invariant,
            subject=row.subject,
            detail=row.detail,
            found_at=row.found_at,
            mended_at=row.mended_at,
            case=row.case,
        )
        for row in rows[:limit]
    ]


def sicknesses(*, healed: bool = False, limit: int = 200) -> list[SicknessSeen]:
    """Return what is not well now, or what was and is again, the newest first."""
    rows = Sickness.objects.filter(well_at__isnull=not healed).order_by("-since", "-pk")
    return [
        SicknessSeen(
            id=row.pk,
            part=row.part,
            ailment=row.ailment,
            params=row.params,
            since=row.since,
            well_at=row.well_at,
            case=row.case,
            texts=title(f"system.sick.{row.ailment}", {"part": row.part, **row.params}),
        )
        for row in rows[:limit]
    ]


def sicknesses_at(*, now: datetime, probes: Probes, limits: Limits) -> list[SicknessSeen]:
    """Return what is noted as not well, and what this process measures itself just now.

    With a full disk or a clockwork that stands nobody can note anything any more: what is
    measured here is shown all the same (``id`` 0, no case).
    """
    noted = sicknesses()
    known = {item.part for item in noted}
    found = diagnose(Facts(probes=probes), sick=known, limits=limits, now=now)
    return noted + [
        SicknessSeen(
            id=0,
            part=item.part,
            ailment=item.code,
            params=item.params,
            since=now,
            well_at=None,
            case=None,
            texts=title(f"system.sick.{item.code}", {"part": item.part, **item.params}),
        )
        for item in found
        if item.part not in known
    ]
