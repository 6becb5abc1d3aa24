"""Health: what ails the system is kept, told, and taken back when it is well again."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from anlan.accountability.domain.events import SystemSick, SystemWell
from anlan.accountability.domain.standing import SicknessSeen
from anlan.accountability.domain.wellness import Ailment, Facts, Limits, Probes, diagnose
from anlan.accountability.models import Sickness
from anlan.accountability.selectors.standing import sicknesses
from anlan.accountability.selectors.vitals import facts
from anlan.accountability.services.raising import OwnMatter, raise_case
from anlan.infra import journal
from anlan.kernel.actor import Actor, system_actor

HAZARD = "system.sick"


def health(
    *,
    now: datetime,
    probes: Probes,
    limits: Limits | None = None,
    listeners: Collection[str] | None = None,
) -> list[SicknessSeen]:
    """Examine the system once; return what is not well.

    Each sickness raises one case and one red notice to the system's post, however
    long it lasts, and is taken back by itself.
    """
    actor = system_actor("health")
    known = facts(probes, now=now, listeners=listeners)
    _keep(actor, known, limits or Limits(), now=now)
    for row in Sickness.objects.filter(well_at__isnull=True, case__isnull=True).order_by("pk"):
        raise_case(actor, row, _matter(row), now=now)
    return sicknesses()


@transaction.atomic
def _keep(actor: Actor, known: Facts, limits: Limits, *, now: datetime) -> None:
    open_rows = {
        row.part: row for row in Sickness.objects.select_for_update().filter(well_at__isnull=True)
    }
    found = {item.part: item for item in diagnose(known, sick=open_rows, limits=limits, now=now)}
    for part, row in open_rows.items():
        if part not in found or found[part].code != row.ailment:
            row.well_at = now
            journal.record(SystemWell(part=part), actor=actor, now=now, rows=[row])
    for part, item in found.items():
        before = open_rows.get(part)
        if before is None or before.ailment != item.code:
            _note(actor, item, now=now)


def _note(actor: Actor, item: Ailment, *, now: datetime) -> None:
    row = Sickness(part=item.part, ailment=item.code, params=dict(item.params), since=now)
    event = SystemSick(part=item.part, detail=item.code)
    journal.record(event, actor=actor, now=now, rows=[row])


def _matter(row: Sickness) -> OwnMatter:
    return OwnMatter(
        cause=f"sick:{row.part}",
        hazard=HAZARD,
        subject=f"system.sick.{row.ailment}",
        params={"part": row.part, **row.params},
        priority=2,
    )
