"""Keeping readings: the good rows of a batch are durable before the sender is told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from anlan.infra import contents
from anlan.kernel.actor import Actor
from anlan.sensing.domain.columns import pack
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
from anlan.sensing.models import LatestReading, ObservationBatch
from anlan.sensing.services.known import stream_facts
from anlan.sensing.services.numbering import take_number
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
    checked = check_rows(batch.rows, stream_facts(actor, codes, at=now), unit=batch.unit, now=now)
    raw = _refused_rows(batch, checked.refused) if checked.refused and set_aside else b""
    ref = store_raw(raw, now=now) if raw else None

    def commit() -> Answer:
        receipt = _commit(actor, checked, ref, size_bytes=len(raw), now=now)
        answer: Answer = msgspec.to_builtins(receipt)
        return answer

    answer, ran = run_once(actor, once, commit, now=now)
    if not ran and ref is not None:
        contents.destroy([ref.id], reason="sent twice at once", now=now)
    return msgspec.convert(answer, BatchReceipt)


def _commit(
    actor: Actor,
    checked: Checked,
    ref: contents.ContentRef | None,
    *,
    size_bytes: int,
    now: datetime,
) -> BatchReceipt:
    batch_id = _write_batch(actor, checked.kept, now=now) if checked.kept else None
    quarantine_id = None
    if ref is not None:
        quarantine_id = record_aside(
            actor,
            "observations",
            ref,
            error="observation.rows_refused",
            rows=checked.refused,
            size_bytes=size_bytes,
            now=now,
        ).pk
    return BatchReceipt(batch_id, len(checked.kept), checked.refused, quarantine_id)


def _write_batch(actor: Actor, kept: Sequence[Observation], *, now: datetime) -> int:
    row = ObservationBatch(
        id=take_number("batch"),
        received_at=now,
        source=actor.id,
        rows=len(kept),
        first_at=min(item.at for item in kept),
        last_at=max(item.at for item in kept),
        data=pack(kept),
    )
    row.save(force_insert=True)
    _note_latest(kept, now=now)
    return row.id


def _note_latest(kept: Iterable[Observation], *, now: datetime) -> None:
    """Move each stream's newest reading on; a late one changes nothing."""
    newest: dict[str, Observation] = {}
    for item in kept:
        if item.stream not in newest or item.at >= newest[item.stream].at:
            newest[item.stream] = item
    known: dict[str, datetime] = {}
    codes = list(newest)
    for start in range(0, len(codes), 500):
        part = LatestReading.objects.filter(stream__in=codes[start : start + 500])
        known.update(part.values_list("stream", "at"))
    moved = [
        LatestReading(
            stream=code, at=item.at, value=item.value, quality=item.quality.value, received_at=now
        )
        for code, item in newest.items()
        if code not in known or item.at >= known[code]
    ]
    LatestReading.objects.bulk_create(
        moved,
        batch_size=500,
        update_conflicts=True,
        unique_fields=["stream"],
        update_fields=["at", "value", "quality", "received_at"],
    )


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
