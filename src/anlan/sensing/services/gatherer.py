"""Readings of many senders, gathered into one commit: what the edge process keeps readings with."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from anlan.kernel.actor import Actor, system_actor
from anlan.kernel.errors import UnavailableError
from anlan.sensing.domain.columns import (
    CheckedColumns,
    Columns,
    StreamTable,
    check_columns,
    number_rows,
    table_of,
)
from anlan.sensing.domain.columnwire import (
    columns_from,
    columns_quickly,
    refuse_unless_readable,
)
from anlan.sensing.domain.errors import (
    AsideFullError,
    BatchMalformedError,
    BatchTooLargeError,
    IntakeFullError,
    KeyReusedError,
)
from anlan.sensing.domain.observations import BatchReceipt, StreamFacts
from anlan.sensing.domain.wire import row_to_json
from anlan.sensing.services.apart import Apart
from anlan.sensing.services.framing import to_us
from anlan.sensing.services.futures import fail, pass_on, told_to
from anlan.sensing.services.known import stream_table
from anlan.sensing.services.observations import Sorted, refused_lines, settle
from anlan.sensing.services.once import Once, earlier_answer
from anlan.sensing.store import Frame, Kept, frame_of
from anlan.sensing.store.commit import Ticket
from anlan.sensing.store.hand import Writing
from anlan.sensing.store.keys import body_of, keyed
from anlan.sensing.store.latest import Latest

MOST_WAITING = 2_000_000
"""Readings that may wait for the disk: about 50 MB."""
MOST_ROWS = 500_000
"""Readings of one message."""
AT_ONCE = 200_000
"""Readings of one commit: with more, those of the first messages are kept and answered before."""
ROW_BYTES = 6
"""About the least that a reading takes on the wire: many streams, one time for all of them."""
_NO_STREAMS: NDArray[np.int32] = np.zeros(0, np.int32)
T = TypeVar("T")


@dataclass(slots=True)
class _Known:
    """The streams in force, and the store's number of each; -1 where it has none yet."""

    table: StreamTable
    numbers: NDArray[np.int32]


@dataclass(slots=True)
class _Waiting:
    """A message that waits for the next commit; it is read there unless it has a ticket already."""

    rows: int  # of a message that is not read yet: as many as it could hold
    answer: Callable[[Kept], Any]
    future: Future[Any] = field(default_factory=Future)
    ticket: Ticket | None = None
    read: Callable[[_Waiting], Ticket | None] = lambda one: one.ticket


class Gatherer:
    """Keeps readings of any number of senders; one thread commits, all that wait are its next commit.

    ``take(actor, columns, once=…, now=…)`` may be called from any thread and returns a
    ``concurrent.futures.Future`` of a :class:`BatchReceipt`; nobody may cancel it.
    It never waits for the disk: rows are checked in columns where it is called
    (:meth:`take_body` reads and checks them in the thread that commits), and the future is
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
        self._apart = Apart()
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
        if checked.refused or self._is_heard(actor, once):
            return self._take_apart(actor, sent, once=once, now=now)
        return self._put(self._waiting_for(actor, checked, known, _receipt, once=once, now=now))

    def take_body(
        self,
        actor: Actor,
        body: bytes,
        kind: str,
        *,
        once: Callable[[str], Once | None],
        now: datetime,
        here: bool = False,
    ) -> Future[BatchReceipt]:
        """Take a message as it came; ``once`` gives for the key that stands in it (or "") the one to use.

        It is read where it is committed: whoever answers many senders has no time for that; a large
        one would hold up the others, so it is read ``here``, in the thread that calls.  The future
        fails also with what is wrong with the message; one that cannot be read lies aside then.

        Raises
        ------
        IntakeFullError
            When too much waits already; nothing of it is kept then.
        """

        def read(mine: _Waiting) -> Ticket | None:
            try:
                found = columns_quickly(body, kind)
            except BatchMalformedError:
                found = None  # it is kept aside there
            if found is None:
                slow = partial(self._take_slowly, actor, body, kind, once=once, now=now)
                pass_on(self._apart.do(slow), mine.future)
                return None
            sent, key = found
            _refuse_unless_fit(sent, kind)
            mine.rows = len(sent)
            return self._read(mine, actor, sent, once(key), now)

        mine = _Waiting(len(body) // ROW_BYTES + 1, _receipt, read=read)
        if here:
            ticket = _ticket_of(mine)
            if ticket is None:
                return mine.future
            mine = _Waiting(mine.rows, _receipt, mine.future, ticket)
        return self._put(mine)

    def _read(
        self, mine: _Waiting, actor: Actor, sent: Columns, once: Once | None, now: datetime
    ) -> Ticket | None:
        """Return what is to be committed of a message; None when it needs the business database."""
        known = self._known
        checked = check_columns(sent, known.table, actor, now=now)
        if checked.refused or self._is_heard(actor, once):
            pass_on(self._take_apart(actor, sent, once=once, now=now), mine.future)
            return None
        return self._waiting_for(actor, checked, known, _receipt, once=once, now=now).ticket

    def _is_heard(self, actor: Actor, once: Once | None) -> bool:
        return once is not None and self.writing.writer.keys.find(actor.id, once.key) is not None

    def _waiting_for(
        self,
        actor: Actor,
        checked: CheckedColumns,
        known: _Known,
        answer: Callable[[Kept], Any],
        *,
        once: Once | None,
        now: datetime,
    ) -> _Waiting:
        key = keyed(once.key, once.request_sha256) if once else ""
        numbers = np.empty(len(checked.stream), np.int32)
        new = _NO_STREAMS
        if number_rows(known.numbers, checked.stream, numbers):
            new = np.unique(checked.stream[numbers < 0])

        def make(found: list[int]) -> Frame:
            if found:
                known.numbers[new] = found
                number_rows(known.numbers, checked.stream, numbers)
            return frame_of(
                numbers, checked.at_us, checked.value, checked.quality,
                source=actor.id, key=key, received_us=to_us(now),
            )  # fmt: skip

        ticket = Ticket([known.table.codes[number] for number in new.tolist()], make)
        return _Waiting(len(checked.stream), answer, ticket=ticket)

    def _put(self, mine: _Waiting) -> Future[Any]:
        with self._changed:
            if not self._open:
                raise UnavailableError(what="observation store", problem="ending")
            if self.waiting_rows + mine.rows > self.most_waiting and self.waiting_rows:
                raise IntakeFullError(rows=self.waiting_rows, limit=self.most_waiting)
            self.waiting_rows += mine.rows
            self._waiting.append(mine)
            self._changed.notify()
        return mine.future

    def _take_apart(
        self, actor: Actor, sent: Columns, *, once: Once | None, now: datetime
    ) -> Future[BatchReceipt]:
        """Take in what needs the business database, in a thread of its own."""
        return self._apart.do(lambda: self._take_with_database(actor, sent, once=once, now=now))

    def _take_slowly(
        self,
        actor: Actor,
        body: bytes,
        kind: str,
        *,
        once: Callable[[str], Once | None],
        now: datetime,
    ) -> BatchReceipt:
        """Take in what has to be read value by value, away from those who wait for a commit."""
        try:
            sent, key = columns_from(body, kind)
        except BatchMalformedError as error:
            number = self._apart.keep_aside(actor, body, error, once=once(""), now=now)
            raise BatchMalformedError(where="body", quarantine=number) from None
        _refuse_unless_fit(sent, kind)
        return self._take_with_database(actor, sent, once=once(key), now=now)

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
            mine = self._waiting_for(actor, checked, known, _as_it_is, once=once, now=now)
            kept: Kept = self._put(mine).result()
            return kept

        if not checked.refused:
            return _receipt(keep())
        rows = (_as_sent(sent, item.index) for item in checked.refused)
        raw = refused_lines(checked.refused, rows, unit=sent.unit)
        try:
            first = checked.refused[0].code
            self._apart.count(actor, len(raw), now=now, rows=len(checked.refused), first=first)
        except AsideFullError:
            if not len(checked.stream):
                raise
            raw = b""  # the receipt names them; the good rows are kept all the same
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
        """Read and keep, in one commit or, of very many readings, in several."""
        ready: list[tuple[_Waiting, Ticket]] = []
        waited = rows = 0
        for one in taken:
            waited += one.rows
            if (ticket := _ticket_of(one)) is not None:
                ready.append((one, ticket))
                rows += one.rows
            if rows >= AT_ONCE:
                self._keep(ready, waited)
                ready, waited, rows = [], 0, 0
        self._keep(ready, waited)

    def _keep(self, ready: Sequence[tuple[_Waiting, Ticket]], waited: int) -> None:
        self.writing.committer.keep_all([ticket for _, ticket in ready])
        with self._changed:
            self.waiting_rows -= waited
        self.commits += 1
        for one, ticket in ready:
            kept = ticket.kept
            if kept is None:
                fail(one.future, ticket.error or UnavailableError(what="observation store"))
                continue
            self.kept_rows += 0 if kept.repeated else one.rows
            with told_to(one.future):
                one.future.set_result(one.answer(kept))

    def close(self) -> None:
        """Commit what waits, tell its senders, and end; what comes later is refused.

        So is what turns out only now to need the business database: it is to be sent again.
        """
        self._apart.close()
        with self._changed:
            self._open = False
            self._changed.notify()
        self._thread.join()


def warm(actor: Actor, *, now: datetime) -> None:
    """Let everything compile that the first message would wait for."""
    table = table_of([(StreamFacts("warm", "", ""), "")])
    body = b'[{"stream":"warm","at":"2020-01-01T00:00:00Z","value":0.5}]'
    columns_from(body, "")
    body = b'{"streams":["warm"],"at_ms":[1577836800000],"value":[0.5]}'
    checked = check_columns(columns_from(body, "")[0], table, actor, now=now)
    number_rows(np.zeros(1, np.int32), checked.stream, np.empty(1, np.int32))
    frame = frame_of(checked.stream, checked.at_us, checked.value, checked.quality)
    Latest().note(frame)


def _ticket_of(one: _Waiting) -> Ticket | None:
    """Return what is to be committed of a message; None when its future tells another way."""
    try:
        return one.read(one)
    except Exception as error:  # noqa: BLE001  told to the sender
        fail(one.future, error)
        return None


def _receipt(kept: Kept) -> BatchReceipt:
    if kept.other:
        raise KeyReusedError(what="idempotency key")
    return BatchReceipt(kept.seq, kept.rows)


def _as_it_is(kept: Kept) -> Kept:
    return kept


def _refuse_unless_fit(sent: Columns, kind: str) -> None:
    refuse_unless_readable(sent, kind)
    if len(sent) > MOST_ROWS:
        raise BatchTooLargeError(rows=len(sent), limit=MOST_ROWS)


def _as_sent(sent: Columns, index: int) -> str:
    """Return a refused row as JSON, as it came."""
    row = sent.row(index)
    plain = "" if row is None else row_to_json(row).decode()
    return sent.odd.get(index, plain)
