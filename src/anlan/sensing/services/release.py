"""Dealing with what was kept aside: try it again, or say that it is worth nothing."""

from __future__ import annotations

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
    actor: Actor,
    quarantine_id: int,
    *,
    outcome: Outcome,
    secret: str,
    now: datetime,
    corrected: bytes | None = None,
) -> Quarantine:
    """Try a kept-aside message again, or discard it; returns its row.

    ``corrected`` is the message as it should have come, tried instead of what
    came, which stays as it is.  ``secret`` follows a report that is accepted.

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
        _retry(actor, row, corrected, secret=secret, now=now)
    row.released_at, row.released_by = now, actor.id
    row.outcome = "accepted" if outcome == "retry" else "discarded"
    event = MessageReleased(row.pk, row.outcome, corrected=corrected is not None)
    journal.record(event, actor=actor, now=now, rows=[row])
    return row


def _retry(
    actor: Actor, row: Quarantine, corrected: bytes | None, *, secret: str, now: datetime
) -> None:
    raw = corrected if corrected is not None else _as_it_came(row)
    try:
        if row.door == "reports":
            report = report_from_json(raw)
            known_at = report.known_at or row.received_at
            keep_report(actor, replace(report, known_at=known_at), secret=secret, now=now)
        elif row.door == "signals":
            access.relay_only(actor)
            take_signal(actor, parse_cap(raw), raw, now=now)
        else:
            as_set_aside = bool(row.rows) and corrected is None
            _retry_observations(actor, raw, as_set_aside=as_set_aside, now=now)
    except SignRefusedError as error:
        if isinstance(error, StillUnreadableError):
            raise
        where = error.params.get("where", "")
        raise StillUnreadableError(reason=f"{error.code} {where}".strip()) from None


def _as_it_came(row: Quarantine) -> bytes:
    raw = contents.get(row.raw_content) if row.raw_content else contents.DESTROYED
    if not isinstance(raw, bytes):
        raise StillUnreadableError(reason="destroyed")
    return raw


def _retry_observations(actor: Actor, raw: bytes, *, as_set_aside: bool, now: datetime) -> None:
    batch = _rows_set_aside(raw) if as_set_aside else batch_from_json(raw)[0]
    receipt = keep_observations(actor, batch, now=now)
    if receipt.kept == 0:
        first = receipt.refused[0].code if receipt.refused else "observation.batch_empty"
        raise StillUnreadableError(reason=first)


def _rows_set_aside(raw: bytes) -> BatchIn:
    lines = [msgspec.json.decode(line, type=_Line) for line in raw.splitlines() if line]
    sent = tuple(line.row.encode() for line in lines)
    unit = lines[0].unit if lines else ""
    return BatchIn(tuple(row_from_json(row) for row in sent), unit, sent)
