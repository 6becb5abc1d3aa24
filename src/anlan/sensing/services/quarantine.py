"""What could not be read is kept as it came, numbered, and waits for a person."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from anlan.infra import contents, journal
from anlan.kernel.actor import Actor
from anlan.sensing.domain.events import MessageKeptAside
from anlan.sensing.domain.observations import RefusedRow
from anlan.sensing.models import Quarantine
from anlan.sensing.services.known import city_facts
from anlan.sensing.services.numbering import take_number
from anlan.sensing.services.once import Answer, Once, earlier_answer, run_once
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
    actor: Actor,
    door: str,
    raw: bytes,
    *,
    error: str,
    place: str = "",
    now: datetime,
    once: Once | None = None,
) -> Quarantine:
    """Keep a message that cannot be read; returns the row whose id the sender is told.

    With ``once`` the same bytes under the same key are kept aside once.
    """
    once = _aside(once)
    earlier = earlier_answer(actor, once, now=now)
    if earlier is not None:
        return Quarantine.objects.get(pk=earlier["quarantine"])
    ref = store_raw(raw, now=now)

    def commit() -> Answer:
        row = record_aside(actor, door, ref, error=error, place=place, size_bytes=len(raw), now=now)
        return {"quarantine": row.pk}

    answer, ran = run_once(actor, once, commit, now=now)
    if not ran:
        contents.destroy([ref.id], reason="sent twice at once", now=now)
    return Quarantine.objects.get(pk=answer["quarantine"])


def _aside(once: Once | None) -> Once | None:
    """Return a key of its own: the sender's stays free for the message put right."""
    if once is None:
        return None
    digest = hashlib.sha256(f"{once.key}\n{once.request_sha256}".encode()).hexdigest()
    return Once(f"aside:{digest}", once.request_sha256)
