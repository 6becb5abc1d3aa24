"""What could not be read is kept as it came, numbered, and waits for a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from anlan.infra import contents, journal
from anlan.kernel.actor import Actor
from anlan.sensing.domain.events import MessageKeptAside
from anlan.sensing.domain.observations import RefusedRow
from anlan.sensing.models import Quarantine
from anlan.sensing.services.known import city_facts
from anlan.sensing.services.numbering import take_number
from anlan.sensing.services.retention import QUARANTINE

MAX_KEPT_BYTES = 12 * 1024 * 1024


def store_raw(raw: bytes, *, now: datetime) -> contents.ContentRef:
    """Put the bytes of an unreadable message into the content store; the rest is cut off."""
    return contents.put(
        "quarantine",
        raw[:MAX_KEPT_BYTES],
        purpose=QUARANTINE.from_day(city_facts().local_day(now)),
        now=now,
    )


def record_aside(
    actor: Actor,
    door: str,
    ref: contents.ContentRef,
    *,
    error: str,
    place: str = "",
    rows: Sequence[RefusedRow] = (),
    size_bytes: int,
    now: datetime,
) -> Quarantine:
    """Write the row and its event; needs the caller's transaction."""
    row = Quarantine(
        id=take_number("quarantine"),
        door=door,
        error=error,
        place=place[:200],
        rows=[[item.index, item.code] for item in rows],
        received_at=now,
        source=actor.id,
        size_bytes=size_bytes,
        raw_content=ref.id,
        raw_digest=ref.digest,
    )
    journal.record(MessageKeptAside(row.id, door, error), actor=actor, now=now, rows=[row])
    return row


def keep_aside(
    actor: Actor, door: str, raw: bytes, *, error: str, place: str = "", now: datetime
) -> Quarantine:
    """Keep a message that cannot be read; returns the row whose id the sender is told."""
    ref = store_raw(raw, now=now)
    with transaction.atomic():
        return record_aside(
            actor, door, ref, error=error, place=place, size_bytes=len(raw), now=now
        )
