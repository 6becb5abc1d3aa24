"""Readings of many senders, gathered into one commit: what the edge process keeps readings with."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import msgspec
import numpy as np
from django.db import close_old_connections
from numpy.typing import NDArray

from anlan.infra.asking import AskingThreads
from anlan.kernel.actor import Actor, system_actor
from anlan.kernel.errors import AnlanError, UnavailableError
from anlan.sensing.domain.columns import (
    CheckedColumns,
    Columns,
    StreamTable,
    check_columns,
    table_of,
)
from anlan.sensing.domain.columnwire import columns_from
from anlan.sensing.domain.errors import BatchTooLargeError, IntakeFullError, KeyReusedError
from anlan.sensing.domain.observations import BatchReceipt, StreamFacts
from anlan.sensing.domain.wire import row_to_json
from anlan.sensing.services.framing import to_us
from anlan.sensing.services.known import stream_table
from anlan.sensing.services.observations import Sorted, refused_lines, settle
from anlan.sensing.services.once import Once, earlier_answer
from anlan.sensing.services.quarantine import keep_aside
from anlan.sensing.store import Frame, Kept, frame_of
from anlan.sensing.store.commit import Ticket
from anlan.sensing.store.hand import Writing
from anlan.sensing.store.keys import body_of, keyed
from anlan.sensing.store.latest import Latest

MOST_WAITING = 2_000_000
"""Readings that may wait for the disk: about 50 MB."""
MOST_ROWS = 500_000
"""Readings of one message."""
APART = 2
"""Threads for messages that need the business database: refused rows, repeated keys."""
MOST_APART = 256
T = TypeVar("T")


@dataclass(slots=True)
class _Known:
    """The streams in force, and the store's number of each; -1 where it has none yet."""

    table: StreamTable
    numbers: NDArray[np.int32]


@dataclass(slots=True)
class _Waiting:
    """Readings that were checked and wait for the next commit."""

    ticket: Ticket
    rows: int
    future: Future[Kept]


class Gatherer:
    """Keeps readings of any number of senders; one thread commits, all that wait are its next commit.

    ``take(actor, columns, once=…, now=…)`` may be called from any thread and returns a
    ``concurrent.futures.Future`` of a :class:`BatchReceipt` (from asyncio: ``asyncio.wrap_future``).
    It never waits for the disk: rows are checked in columns where it is called, and the future is
    resolved after the ``fsync`` (and after what listens in the commit has heard), so whoever answers
    its sender then has promised nothing that can be lost.  Rows are kept or named in the receipt and
    set aside, exactly as :func:`keep_observations` does; ``once`` is the sender's key for the message
    with the SHA-256 of what it sent: the same again has one effect, another body is refused.  The
    future fails with ``KeyReusedError``, ``UnavailableError`` (the disk did not take it, nothing was
    kept); ``take`` itself raises ``IntakeFullError`` when too much waits: send it again later.
    """

    def __init__(
        self, writing: Writing, *, now: datetime, most_waiting: int = MOST_WAITING
    ) -> None:
        """Begin to commit through ``writing``, which belongs to this process."""
        self.writing = writing
        self.most_waiting = most_waiting
        self.waiting_rows = 0
        self.commits = 0
        self.kept_rows = 0
        self._known = _Known(stream_table(at=now), np.zeros(0, np.int32))
        self._waiting: list[_Waiting] = []
        self._changed = threading.Condition()
        self._open = True
        self._apart = AskingThreads(APART, "anlan-apart")
        self._waiting_apart = 0
        self.refresh(now=now)
        warm(system_actor("gatherer"), now=now)
        self._thread = threading.Thread(target=self._commit_on, name="anlan-commit", daemon=True)
        self._thread.start()

    def refresh(self, *, now: datetime) -> None:
        """Look whether the registry has changed (one query); asks the database."""
        table = stream_table(at=now)
        if table is not self._known.table or len(self._known.numbers) != len(table.codes):
            numbers: Mapping[str, int] = self.writing.writer.names.numbers
            found = np.array([numbers.get(code, -1) for code in table.codes], np.int32)
            self._known = _Known(table, found)

    def take(
        self, actor: Actor, sent: Columns, *, once: Once | None = None, now: datetime
    ) -> Future[BatchReceipt]:
        """Take readings in; the future tells what became of them, once that is sure.

        Raises
        ------
        BatchTooLargeError
            When it has more than ``MOST_ROWS`` rows.
        IntakeFullError
            When too much waits already; nothing of it is kept then.
        """
        if len(sent) > MOST_ROWS:
            raise BatchTooLargeError(rows=len(sent), limit=MOST_ROWS)
        known = self._known
        checked = check_columns(sent, known.table, actor, now=now)
        heard = once is not None and self.writing.writer.keys.find(actor.id, once.key) is not None
        if checked.refused or heard:
            return self._take_apart(actor, sent, once=once, now=now)
        receipt: Future[BatchReceipt] = Future()

        def told(kept: Future[Kept]) -> None:
            with _passed_to(receipt):
                receipt.set_result(_receipt(kept.result()))

        self._await_commit(actor, checked, known, once=once, now=now).add_done_callback(told)
        return receipt

    def _await_commit(
        self,
        actor: Actor,
        checked: CheckedColumns,
        known: _Known,
        *,
        once: Once | None,
        now: datetime,
    ) -> Future[Kept]:
        key = keyed(once.key, once.request_sha256) if once else ""
        rows = len(checked.stream)
        new = checked.stream[known.numbers[checked.stream] < 0]
        new = np.unique(new) if len(new) else new

        def make(found: list[int]) -> Frame:
            known.numbers[new] = found
            return frame_of(
                known.numbers[checked.stream], checked.at_us, checked.value, checked.quality,
                source=actor.id, key=key, received_us=to_us(now),
            )  # fmt: skip

        ticket = Ticket([known.table.codes[number] for number in new.tolist()], make)
        mine = _Waiting(ticket, rows, Future())
        with self._changed:
            if not self._open:
                raise UnavailableError(what="observation store", problem="ending")
            if self.waiting_rows + rows > self.most_waiting and self.waiting_rows:
                raise IntakeFullError(rows=self.waiting_rows, limit=self.most_waiting)
            self.waiting_rows += rows
            self._waiting.append(mine)
            self._changed.notify()
        return mine.future

    def _take_apart(
        self, actor: Actor, sent: Columns, *, once: Once | None, now: datetime
    ) -> Future[BatchReceipt]:
        """Take in what needs the business database, in a thread of its own."""
        return self._apart_from_others(
            lambda: self._take_with_database(actor, sent, once=once, now=now)
        )

    def keep_aside(
        self, actor: Actor, body: bytes, error: AnlanError, *, once: Once | None, now: datetime
    ) -> Future[int]:
        """Keep a message that cannot be read, as it came; the future gives its number."""
        return self._apart_from_others(
            lambda: (
                keep_aside(
                    actor, "observations", body, error=error.code, place="body", now=now, once=once
                ).pk
            )
        )

    def _apart_from_others(self, work: Callable[[], T]) -> Future[T]:
        with self._changed:
            if self._waiting_apart >= MOST_APART:
                raise IntakeFullError(rows=self.waiting_rows, limit=self.most_waiting)
            self._waiting_apart += 1

        def whole() -> T:
            close_old_connections()
            try:
                return work()
            finally:
                with self._changed:
                    self._waiting_apart -= 1

        try:
            return self._apart.submit(whole)
        except RuntimeError:  # closed meanwhile
            raise UnavailableError(what="observation store", problem="ending") from None

    def _take_with_database(
        self, actor: Actor, sent: Columns, *, once: Once | None, now: datetime
    ) -> BatchReceipt:
        earlier = earlier_answer(actor, once, now=now)
        if earlier is not None:
            return msgspec.convert(earlier, BatchReceipt)
        if once is not None and (heard := self.writing.writer.keys.find(actor.id, once.key)):
            if not heard.is_of(body_of(keyed(once.key, once.request_sha256))):
                raise KeyReusedError(what="idempotency key")
            if heard.rows == len(sent):
                return BatchReceipt(heard.seq, heard.rows)
            # Else a crash came between its good rows and the others: those are set aside now.
        # A stream may have been registered since the last look.
        self.refresh(now=now)
        known = self._known
        checked = check_columns(sent, known.table, actor, now=now)

        def keep() -> Kept:
            return self._await_commit(actor, checked, known, once=once, now=now).result()

        if not checked.refused:
            return _receipt(keep())
        rows = (_as_sent(sent, item.index) for item in checked.refused)
        raw = refused_lines(checked.refused, rows, unit=sent.unit)
        found = Sorted(len(checked.stream), checked.refused, raw)
        return settle(actor, found, keep, once=once, now=now)

    def _commit_on(self) -> None:
        while True:
            with self._changed:
                while self._open and not self._waiting:
                    self._changed.wait()
                taken, self._waiting = self._waiting, []
                if not taken:
                    return
            self._commit(taken)

    def _commit(self, taken: Sequence[_Waiting]) -> None:
        self.writing.committer.keep_all([one.ticket for one in taken])
        rows = sum(one.rows for one in taken)
        with self._changed:
            self.waiting_rows -= rows
        self.commits += 1
        for one in taken:
            kept, error = one.ticket.kept, one.ticket.error
            if kept is not None:
                self.kept_rows += 0 if kept.repeated else one.rows
                one.future.set_result(kept)
            else:
                one.future.set_exception(error or UnavailableError(what="observation store"))

    def close(self) -> None:
        """Commit what waits, tell its senders, and end; what comes later is refused."""
        self._apart.shutdown(wait=True)
        with self._changed:
            self._open = False
            self._changed.notify()
        self._thread.join()


def warm(actor: Actor, *, now: datetime) -> None:
    """Let everything compile that the first message would wait for."""
    table = table_of([(StreamFacts("warm", "", ""), "")])
    body = b'{"streams":["warm"],"at":"2020-01-01T00:00:00Z","value":[0.5]}'
    checked = check_columns(columns_from(body, "")[0], table, actor, now=now)
    frame = frame_of(checked.stream, checked.at_us, checked.value, checked.quality)
    Latest().note(frame)


def _receipt(kept: Kept) -> BatchReceipt:
    if kept.other:
        raise KeyReusedError(what="idempotency key")
    return BatchReceipt(kept.seq, kept.rows)


@contextlib.contextmanager
def _passed_to(future: Future[BatchReceipt]) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001  told to the sender
        future.set_exception(error)


def _as_sent(sent: Columns, index: int) -> str:
    """Return a refused row as JSON, as it came."""
    row = sent.row(index)
    plain = "" if row is None else row_to_json(row).decode()
    return sent.odd.get(index, plain)
