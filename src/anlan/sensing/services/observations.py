"""Keeping readings: the good rows of a batch are durable before the sender is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from anlan.infra import contents
from anlan.kernel.actor import Actor
from anlan.sensing.domain.errors import BatchTooLargeError, KeyReusedError
from anlan.sensing.domain.observations import (
    MAX_ROWS,
    BatchIn,
    BatchReceipt,
    RefusedRow,
    check_rows,
)
from anlan.sensing.domain.wire import row_to_json
from anlan.sensing.services.framing import message_of
from anlan.sensing.services.hands import hand
from anlan.sensing.services.known import stream_facts
from anlan.sensing.services.once import Answer, Once, earlier_answer, run_once
from anlan.sensing.services.quarantine import MAX_KEPT_BYTES, record_aside, store_raw
from anlan.sensing.store import Kept
from anlan.sensing.store.keys import keyed


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

    def keep() -> Kept:
        key = keyed(once.key, once.request_sha256) if once else ""
        return hand().keep(message_of(actor.id, checked.kept, key=key, now=now))

    found = Sorted(len(checked.kept), checked.refused, raw)
    return settle(actor, found, keep, once=once, now=now)


@dataclass(frozen=True, slots=True)
class Sorted:
    """A batch that was looked at: how many rows are to be kept, and what is refused.

    ``raw`` are the refused rows as they were sent, to be set aside; empty: they are only named.
    """

    kept: int
    refused: tuple[RefusedRow, ...]
    raw: bytes


def settle(
    actor: Actor, found: Sorted, keep: Callable[[], Kept], *, once: Once | None, now: datetime
) -> BatchReceipt:
    """Keep the good rows with ``keep``, set the others aside; return what the sender is told.

    Readings are in the store before anything else says so.  The sender's key goes with them: after a
    crash between the two, sending again keeps nothing twice.
    """
    ref = store_raw(found.raw, now=now) if found.raw else None
    number = None
    if found.kept:
        kept = keep()
        if kept.other:
            raise KeyReusedError(what="idempotency key")
        number = kept.seq
    if once is None and ref is None:
        return BatchReceipt(number, found.kept, found.refused)

    def commit() -> Answer:
        aside = _set_aside(actor, found, ref, now=now)
        receipt = BatchReceipt(number, found.kept, found.refused, aside)
        answer: Answer = msgspec.to_builtins(receipt)
        return answer

    answer, ran = run_once(actor, once, commit, now=now)
    if not ran and ref is not None:
        contents.destroy([ref.id], reason="sent twice at once", now=now)
    return msgspec.convert(answer, BatchReceipt)


def _set_aside(
    actor: Actor, found: Sorted, ref: contents.ContentRef | None, *, now: datetime
) -> int | None:
    if ref is None:
        return None
    return record_aside(
        actor,
        "observations",
        ref,
        error="observation.rows_refused",
        rows=found.refused,
        size_bytes=len(found.raw),
        now=now,
    ).pk


def _sent(batch: BatchIn, index: int) -> str:
    if batch.originals:
        return batch.originals[index].decode(errors="replace")
    row = batch.rows[index]
    return row_to_json(row).decode() if row is not None else ""


def _refused_rows(batch: BatchIn, refused: Sequence[RefusedRow]) -> bytes:
    rows = (_sent(batch, item.index) for item in refused)
    return refused_lines(refused, rows, unit=batch.unit)


def refused_lines(refused: Sequence[RefusedRow], rows: Iterable[str], *, unit: str) -> bytes:
    """Return refused rows as JSON lines: index, code, unit of the batch, row as sent.

    What would be cut off is not made: a unit or a stream's code is repeated in each line.
    """
    found = bytearray()
    for item, row in zip(refused, rows, strict=True):
        line = {"index": item.index, "code": item.code, "unit": unit, "row": row}
        found += msgspec.json.encode(line) + b"\n"
        if len(found) > MAX_KEPT_BYTES:
            break
    return bytes(found)
