"""Dealing with what was kept aside: try it again, or say that it is worth nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Literal

import msgspec
from django.db import transaction

from anlan.infra import contents, journal
from anlan.kernel.actor import Actor
from anlan.sensing import access
from anlan.sensing.domain.capparse import parse_cap
from anlan.sensing.domain.errors import (
    AlreadyReleasedError,
    SignRefusedError,
    StillUnreadableError,
)
from anlan.sensing.domain.events import MessageReleased
from anlan.sensing.domain.observations import BatchIn
from anlan.sensing.domain.wire import batch_from_json, report_from_json, row_from_json
from anlan.sensing.models import Quarantine
from anlan.sensing.services.observations import keep_observations
from anlan.sensing.services.reports import keep_report
from anlan.sensing.services.signals import take_signal

Outcome = Literal["retry", "discard"]


class _Line(msgspec.Struct, frozen=True):
    """One refused row as it was set aside."""

    unit: str
    row: str


@transaction.atomic
def release(
    actor: Actor, quarantine_id: int, *, outcome: Outcome, secret: str, now: datetime
) -> Quarantine:
    """Try a kept-aside message again, or discard it; returns its row.

    ``secret`` follows a report that is accepted this way.

    Raises
    ------
    AlreadyReleasedError
        When somebody dealt with it before.
    StillUnreadableError
        When it is tried again in vain; nothing is changed then.
    """
    access.quarantine_for(actor, quarantine_id)
    row = Quarantine.objects.select_for_update().get(pk=quarantine_id)
    if row.released_at is not None:
        raise AlreadyReleasedError(what="released", id=quarantine_id)
    if outcome == "retry":
        _retry(actor, row, secret=secret, now=now)
    row.released_at, row.released_by = now, actor.id
    row.outcome = "accepted" if outcome == "retry" else "discarded"
    event = MessageReleased(quarantine=row.pk, outcome=row.outcome)
    journal.record(event, actor=actor, now=now, rows=[row])
    return row


def _retry(actor: Actor, row: Quarantine, *, secret: str, now: datetime) -> None:
    raw = contents.get(row.raw_content) if row.raw_content else contents.DESTROYED
    if not isinstance(raw, bytes):
        raise StillUnreadableError(reason="destroyed")
    try:
        if row.door == "reports":
            report = report_from_json(raw)
            known_at = report.known_at or row.received_at
            keep_report(actor, replace(report, known_at=known_at), secret=secret, now=now)
        else:
            RETRIES[row.door](actor, raw, row, now)
    except SignRefusedError as error:
        raise StillUnreadableError(reason=error.code) from None


def _retry_signal(actor: Actor, raw: bytes, _row: Quarantine, now: datetime) -> None:
    access.relay_only(actor)
    take_signal(actor, parse_cap(raw), raw, now=now)


def _retry_observations(actor: Actor, raw: bytes, row: Quarantine, now: datetime) -> None:
    batch = _rows_set_aside(raw) if row.rows else batch_from_json(raw)[0]
    if keep_observations(actor, batch, now=now).kept == 0:
        raise StillUnreadableError(reason="observation.rows_refused")


def _rows_set_aside(raw: bytes) -> BatchIn:
    lines = [msgspec.json.decode(line, type=_Line) for line in raw.splitlines() if line]
    sent = tuple(line.row.encode() for line in lines)
    unit = lines[0].unit if lines else ""
    return BatchIn(tuple(row_from_json(row) for row in sent), unit, sent)


RETRIES: dict[str, Callable[[Actor, bytes, Quarantine, datetime], None]] = {
    "signals": _retry_signal,
    "observations": _retry_observations,
}
