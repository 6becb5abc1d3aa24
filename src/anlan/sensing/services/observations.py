"""Keeping readings: the good rows of a batch are durable before the sender is told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from anlan.infra import contents
from anlan.kernel.actor import Actor
from anlan.sensing.domain.errors import BatchTooLargeError
from anlan.sensing.domain.observations import (
    MAX_ROWS,
    BatchIn,
    BatchReceipt,
    Checked,
    Observation,
    RefusedRow,
    check_rows,
)
from anlan.sensing.domain.wire import row_to_json
from anlan.sensing.services.framing import message_of
from anlan.sensing.services.hands import hand
from anlan.sensing.services.known import stream_facts
from anlan.sensing.services.once import Answer, Once, earlier_answer, run_once
from anlan.sensing.services.quarantine import record_aside, store_raw


def keep_observations(
    actor: Actor,
    batch: BatchIn,
    *,
    now: datetime,
    once: Once | None = None,
    set_aside: bool = True,
) -> BatchReceipt:
    """Keep the good rows of a batch, set the others aside, and say which is which.

    A stream outside the actor's areas counts as unknown.  With ``set_aside``
    false refused rows are only named: the caller has the originals.

    Raises
    ------
    BatchTooLargeError
        When it has more than ``MAX_ROWS`` rows; nothing is kept then.
    KeyReusedError
        When the key was used for another batch.
    """
    earlier = earlier_answer(actor, once, now=now)
    if earlier is not None:
        return msgspec.convert(earlier, BatchReceipt)
    if len(batch.rows) > MAX_ROWS:
        raise BatchTooLargeError(rows=len(batch.rows), limit=MAX_ROWS)
    codes = {row.stream for row in batch.rows if row is not None}
    known = stream_facts(actor, codes, at=now)
    checked = check_rows(batch.rows, known, unit=batch.unit, now=now, unread=batch.unread)
    raw = _refused_rows(batch, checked.refused) if checked.refused and set_aside else b""
    ref = store_raw(raw, now=now) if raw else None
    number = _keep(actor, checked.kept, once, now=now) if checked.kept else None
    if once is None and ref is None:
        return BatchReceipt(number, len(checked.kept), checked.refused)

    def commit() -> Answer:
        aside = _set_aside(actor, checked, ref, size_bytes=len(raw), now=now)
        receipt = BatchReceipt(number, len(checked.kept), checked.refused, aside)
        answer: Answer = msgspec.to_builtins(receipt)
        return answer

    answer, ran = run_once(actor, once, commit, now=now)
    if not ran and ref is not None:
        contents.destroy([ref.id], reason="sent twice at once", now=now)
    return msgspec.convert(answer, BatchReceipt)


def _keep(actor: Actor, kept: Sequence[Observation], once: Once | None, *, now: datetime) -> int:
    """Keep readings in the store, before anything else says so; return their batch's number.

    The sender's key goes with them: after a crash between the two, sending again keeps nothing twice.
    """
    return hand().keep(message_of(actor.id, kept, key=once.key if once else "", now=now)).seq


def _set_aside(
    actor: Actor,
    checked: Checked,
    ref: contents.ContentRef | None,
    *,
    size_bytes: int,
    now: datetime,
) -> int | None:
    if ref is None:
        return None
    return record_aside(
        actor,
        "observations",
        ref,
        error="observation.rows_refused",
        rows=checked.refused,
        size_bytes=size_bytes,
        now=now,
    ).pk


def _sent(batch: BatchIn, index: int) -> str:
    if batch.originals:
        return batch.originals[index].decode(errors="replace")
    row = batch.rows[index]
    return row_to_json(row).decode() if row is not None else ""


def _refused_rows(batch: BatchIn, refused: Sequence[RefusedRow]) -> bytes:
    """Return the refused rows as JSON lines: index, code, unit of the batch, row as sent."""
    lines = [
        {
            "index": item.index,
            "code": item.code,
            "unit": batch.unit,
            "row": _sent(batch, item.index),
        }
        for item in refused
    ]
    return msgspec.json.Encoder().encode_lines(lines)
