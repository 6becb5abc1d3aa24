"""The watcher: proves the invariants independently, and raises its own case on a breach."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction

from anlan.accountability.domain.events import BreachFound, BreachMended
from anlan.accountability.domain.places import LedgerPlaces
from anlan.accountability.domain.standing import BreachSeen
from anlan.accountability.models import Breach, WatchRun
from anlan.accountability.selectors import prover
from anlan.accountability.selectors.standing import breaches
from anlan.accountability.services.raising import OwnMatter, raise_case
from anlan.infra import journal
from anlan.kernel.actor import Actor, system_actor

RUNS_KEPT = timedelta(days=7)
DETAIL_LETTERS = 200


def watch(
    places: LedgerPlaces | None,
    *,
    now: datetime,
    listeners: Collection[str] | None = None,
) -> list[BreachSeen]:
    """Look at everything once; keep what is newly broken or mended; return what is open.

    A breach is raised once and stays open until a round no longer finds it.
    """
    actor = system_actor("watcher")
    found = prover.prove(places, now=now, listeners=listeners)
    _keep(actor, found, now=now)
    own = {(item.invariant, item.subject) for item in found.broken if item.own}
    for row in Breach.objects.filter(mended_at__isnull=True, case__isnull=True).order_by("pk"):
        if (row.invariant, row.subject) not in own:
            raise_case(actor, row, _matter(row), now=now)
    return breaches()


@transaction.atomic
def _keep(actor: Actor, found: prover.Round, *, now: datetime) -> None:
    known = {
        (row.invariant, row.subject): row
        for row in Breach.objects.select_for_update().filter(mended_at__isnull=True)
    }
    seen = set()
    for item in found.broken:
        key = (item.invariant, item.subject)
        seen.add(key)
        if key not in known:
            _note(actor, item, now=now)
    for key, row in known.items():
        if key not in seen and row.invariant not in found.cut:
            row.mended_at = now
            event = BreachMended(invariant=row.invariant, subject=row.subject)
            journal.record(event, actor=actor, now=now, rows=[row])
    WatchRun.objects.filter(at__lt=now - RUNS_KEPT).delete()
    WatchRun.objects.create(
        at=now, cases=found.cases, breaches=len(seen), journal_seq=found.journal_seq
    )


def _note(actor: Actor, item: prover.Broken, *, now: datetime) -> None:
    row = Breach(
        invariant=item.invariant,
        subject=item.subject,
        detail=item.detail[:DETAIL_LETTERS],
        found_at=now,
    )
    event = BreachFound(invariant=item.invariant, subject=item.subject, detail=row.detail)
    journal.record(event, actor=actor, now=now, rows=[row])


def _matter(row: Breach) -> OwnMatter:
    return OwnMatter(
        cause=f"breach:{row.invariant}:{row.subject}",
        hazard=prover.OWN_HAZARD,
        subject="system.breach",
        params={"invariant": row.invariant, "subject": row.subject, "detail": row.detail},
        priority=1,
    )
