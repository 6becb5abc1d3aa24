"""Maintenance: who works on which streams, from when to when, and why.

Meanwhile silence and faults of the device open no case; they are shown all the same, and readings
are judged all the same: a danger does not wait for a mechanic.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.db import transaction

from anlan.infra import journal
from anlan.infra import rows as rows_of
from anlan.kernel.actor import Actor
from anlan.registry import public as registry
from anlan.registry.domain.errors import SensorUnknownError
from anlan.registry.domain.reasons import names_somebody
from anlan.sensing.domain.errors import (
    MaintenanceSpanError,
    MaintenanceUnknownError,
    MaintenanceWhyError,
)
from anlan.sensing.domain.events import MaintenanceEnded, MaintenanceSet
from anlan.sensing.models import Maintenance

LONGEST = timedelta(days=31)
AHEAD = timedelta(days=366)
MOST_LETTERS = 300
MOST_CODES = 5_000  # named in one question


def set_maintenance(
    actor: Actor, stream: str, *, starts_at: datetime, ends_at: datetime, why: str, now: datetime
) -> Maintenance:
    """Say that a stream's device is worked on; the end may come earlier (:func:`end_maintenance`).

    Raises
    ------
    MaintenanceSpanError
        When it ends before it starts or now, lasts longer than 31 days, or lies a year ahead.
    MaintenanceWhyError
        When no reason is given, or one that names somebody.
    SensorUnknownError
        When no such stream is in force in the actor's areas.
    """
    sensor = registry.sensor(stream, at=now)
    if not actor.covers(sensor.area_path):
        raise SensorUnknownError(code=stream)
    starts_at = max(starts_at, now)
    if not starts_at < ends_at <= starts_at + LONGEST or starts_at > now + AHEAD:
        raise MaintenanceSpanError(days=LONGEST.days)
    words = " ".join(why.split())
    if not words or len(words) > MOST_LETTERS or names_somebody(words):
        raise MaintenanceWhyError(most=MOST_LETTERS)
    row = Maintenance(
        stream=stream,
        area_path=sensor.area_path,
        starts_at=starts_at,
        ends_at=ends_at,
        why=words,
        set_by=actor.post or actor.id,
        set_at=now,
    )
    with transaction.atomic():
        rows_of.insert(row)
        event = MaintenanceSet(
            maintenance=row.pk, stream=stream, starts_at=starts_at, ends_at=ends_at, why=words
        )
        journal.record(event, actor=actor, now=now, rows=[row], made=[row])
    return row


@transaction.atomic
def end_maintenance(actor: Actor, number: int, *, now: datetime) -> Maintenance:
    """End a maintenance now, or call it off before it began.

    Raises
    ------
    MaintenanceUnknownError
        When there is none of that number in the actor's areas that still lasts.
    """
    row = Maintenance.objects.select_for_update().filter(pk=number, ends_at__gt=now).first()
    if row is None or not actor.covers(row.area_path):
        raise MaintenanceUnknownError(number=number)
    row.ends_at = max(now, row.starts_at)
    event = MaintenanceEnded(maintenance=row.pk, stream=row.stream, at=now)
    journal.record(event, actor=actor, now=now, rows=[row])
    return row


def in_maintenance(streams: Collection[str] | None = None, *, at: datetime) -> set[str]:
    """Return which streams, of some or of all, are worked on at an instant: one query."""
    rows = Maintenance.objects.filter(starts_at__lte=at, ends_at__gt=at)
    if streams is not None and len(streams) <= MOST_CODES:
        rows = rows.filter(stream__in=streams)
    return set(rows.values_list("stream", flat=True))


def maintenance_of(stream: str, *, after: datetime) -> Sequence[Maintenance]:
    """Return the maintenance of a stream that ends after an instant, earliest first."""
    return list(Maintenance.objects.filter(stream=stream, ends_at__gt=after).order_by("starts_at"))
