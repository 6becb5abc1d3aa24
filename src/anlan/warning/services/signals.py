"""Outside warnings as they come into force, change and end: relayed, never originated (I7)."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from anlan.infra import journal
from anlan.kernel.actor import system_actor
from anlan.kernel.canonical import digest
from anlan.sensing.domain.events import SignalReceived
from anlan.warning.domain.events import WarningInForceChanged
from anlan.warning.models import WarningInForce

ACTOR = system_actor("relay")


def extent_of(signal: SignalReceived) -> str:
    """Return the hash that says whether two messages speak of the same ground."""
    return digest({"areas": sorted(signal.areas), "polygons": sorted(signal.polygons)})


def relay(signal: SignalReceived, *, now: datetime) -> list[WarningInForce]:
    """Bring the warnings in force in line with one message; return what changed.

    ``Alert`` begins a warning, or continues the one of the same sender, hazard
    and ground; ``Update`` changes what it refers to; ``Cancel`` ends it.  An
    update of something unknown begins a warning: a message may have been lost.
    A message that a later one overtook on the way changes nothing any more.
    """
    if signal.overtaken:
        return [_noted(row, signal, now=now) for row in _referred(signal) or _same_ground(signal)]
    if signal.msg_type == "Cancel":
        return [_end(row, "cancelled", at=now, now=now) for row in _referred(signal)]
    if signal.msg_type not in {"Alert", "Update"}:
        return []
    if signal.ends_at is not None and signal.ends_at <= now:
        return []
    rows = _referred(signal) or _same_ground(signal)
    if not rows:
        return [_begin(signal, now=now)]
    kept, *others = rows
    ended = [_end(row, "superseded", at=now, now=now) for row in others]
    return [*ended, _change(kept, signal, now=now)]


def end_expired(*, now: datetime) -> list[WarningInForce]:
    """End every warning whose stated expiry has come."""
    rows = WarningInForce.objects.select_for_update().filter(ended_at__isnull=True)
    return [
        _end(row, "expired", at=row.ends_at or now, now=now)
        for row in rows.filter(ends_at__lte=now).order_by("id")
    ]


def _referred(signal: SignalReceived) -> list[WarningInForce]:
    if not signal.references:
        return []
    names = set(signal.references)
    open_rows = WarningInForce.objects.select_for_update().filter(
        ended_at__isnull=True, sender=signal.sender
    )
    return [row for row in open_rows.order_by("id") if names & set(row.identifiers)]


def _same_ground(signal: SignalReceived) -> list[WarningInForce]:
    same = Q(sender=signal.sender, hazard=signal.hazard, extent=extent_of(signal))
    return list(
        WarningInForce.objects.select_for_update()
        .filter(same, ended_at__isnull=True)
        .order_by("id")
    )


def _noted(row: WarningInForce, signal: SignalReceived, *, now: datetime) -> WarningInForce:
    """Remember the name of an overtaken message: a later one may refer to it."""
    if signal.identifier in row.identifiers:
        return row
    row.identifiers = [signal.identifier, *row.identifiers]
    return _told(row, "changed", at=row.level_at, now=now)


def _begin(signal: SignalReceived, *, now: datetime) -> WarningInForce:
    row = WarningInForce(
        sender=signal.sender,
        hazard=signal.hazard,
        level=signal.level,
        areas=list(signal.areas),
        polygons=list(signal.polygons),
        extent=extent_of(signal),
        identifiers=_names([], signal),
        signal=signal.signal,
        began_at=signal.starts_at,
        level_at=signal.starts_at,
        ends_at=signal.ends_at,
    )
    row.save()
    return _told(row, "began", at=signal.starts_at, now=now)


def _names(known: list[str], signal: SignalReceived) -> list[str]:
    """Return all messages of one warning: what a message refers to belongs to it, come or not."""
    return list(dict.fromkeys([*known, *signal.references, signal.identifier]))


def _change(row: WarningInForce, signal: SignalReceived, *, now: datetime) -> WarningInForce:
    if signal.signal <= row.signal:
        return row  # heard before
    clash = (
        WarningInForce.objects.filter(
            sender=signal.sender,
            hazard=signal.hazard,
            extent=extent_of(signal),
            ended_at__isnull=True,
        )
        .exclude(pk=row.pk)
        .first()
    )
    if clash is not None:
        _end(clash, "superseded", at=now, now=now)
    if row.level != signal.level or row.hazard != signal.hazard:
        row.level, row.hazard, row.level_at = signal.level, signal.hazard, signal.starts_at
    row.areas, row.polygons = list(signal.areas), list(signal.polygons)
    row.extent, row.ends_at, row.signal = extent_of(signal), signal.ends_at, signal.signal
    row.began_at = min(row.began_at, signal.starts_at)
    row.identifiers = _names(row.identifiers, signal)
    return _told(row, "changed", at=signal.starts_at, now=now)


def _end(row: WarningInForce, why: str, *, at: datetime, now: datetime) -> WarningInForce:
    row.ended_at, row.ended_why = max(at, row.began_at), why
    return _told(row, "ended", at=row.ended_at, now=now)


def _told(row: WarningInForce, what: str, *, at: datetime, now: datetime) -> WarningInForce:
    event = WarningInForceChanged(
        in_force=row.pk,
        hazard=row.hazard,
        level=row.level,
        areas=tuple(row.areas),
        what=what,
        at=at,
    )
    journal.record(event, actor=ACTOR, now=now, rows=[row])
    return row
