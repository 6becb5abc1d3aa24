"""What the system knows of its own well-being, measured at its tables."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db.models import QuerySet

from anlan.accountability.domain.wellness import ChannelFacts, Facts, Probes
from anlan.accountability.models import Breach, Checkpoint, WatchRun
from anlan.accountability.selectors.prover import oldest_unheard
from anlan.infra.models import JournalEntry, ParkedEvent
from anlan.notices import public as notices


def facts(probes: Probes, *, now: datetime, listeners: Collection[str] | None) -> Facts:
    """Return everything on which the diagnosis rests."""
    outbox = notices.outbox_state(now=now)
    served = [
        ChannelFacts(name, given_up=state.given_up_24h, failed=state.failed)
        for name, state in sorted(outbox.channels.items())
        if name not in outbox.unserved
    ]
    unserved = [ChannelFacts(name, given_up=0, failed=0, served=False) for name in outbox.unserved]
    return Facts(
        probes=probes,
        newest_entry_at=_entry_at(JournalEntry.objects.order_by("-seq")),
        began_at=_entry_at(JournalEntry.objects.order_by("seq")),
        oldest_unheard=oldest_unheard(listeners),
        parked=ParkedEvent.objects.filter(resolved_at__isnull=True).count(),
        outbox_stuck=outbox.stuck,
        channels=(*served, *unserved),
        watched_at=WatchRun.objects.order_by("-at").values_list("at", flat=True).first(),
        oldest_unsealed_at=_oldest_unsealed_at(),
        open_breaches=Breach.objects.filter(mended_at__isnull=True).count(),
    )


def _entry_at(entries: QuerySet[JournalEntry]) -> datetime | None:
    return entries.values_list("at", flat=True).first()


def _oldest_unsealed_at() -> datetime | None:
    last = Checkpoint.objects.order_by("-size").values_list("size", flat=True).first()
    # Behind each checkpoint stands the entry that tells of it: that one need not be sealed.
    after = 0 if last is None else last + 1
    found = JournalEntry.objects.filter(seq__gt=after).order_by("seq")
    return found.values_list("at", flat=True).first()
