"""Keeping what comes in by MQTT: all that waits while a commit is under way is the next commit."""

from __future__ import annotations

import hashlib
import logging
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import accumulate
from typing import NamedTuple, Self, TypeVar

from django.db import InterfaceError, OperationalError, close_old_connections

from anlan.entrypoints.mqtt.letters import Fate, Home, Letter, Settled
from anlan.entrypoints.mqtt.topics import NOTHING, Heard, Topics
from anlan.infra.asking import asking
from anlan.kernel.actor import Actor
from anlan.kernel.errors import AnlanError, UnavailableError
from anlan.sensing import public as sensing
from anlan.sensing.domain.columns import Columns
from anlan.sensing.domain.columnwire import columns_of
from anlan.sensing.domain.joining import joined
from anlan.sensing.domain.observations import MAX_ROWS, BatchIn
from anlan.sensing.sta import taking
from anlan.sensing.sta.sending import AnySent

log = logging.getLogger(__name__)

MOST_WAITING = 100_000
MOST_BYTES = 64 << 20
AT_ONCE = 20_000
PASSING = (UnavailableError, OperationalError, InterfaceError, OSError)
"""What is not the message's fault: it is tried again."""
GATHER_S = 0.01
"""So long the first letter waits for company: many small commits cost more than they hasten."""
PAUSE_S, LONGEST_PAUSE_S = 0.25, 5.0


class Intake:
    """Keeps letters in a thread of its own, in the order in which they came.

    A disk or database that refuses leaves them waiting and is asked again: nobody was told, and
    as nothing more is read once enough waits, memory stays bounded.
    """

    def __init__(
        self,
        topics: Topics,
        *,
        clock: Callable[[], datetime],
        gatherer: sensing.Gatherer | None = None,
    ) -> None:
        """``gatherer`` is that of a process which writes the store; without it each sender is kept apart."""
        self.topics = topics
        self.gatherer = gatherer
        self.allowance = sensing.Allowance()
        self.trouble: tuple[datetime, str] | None = None
        self.kept = 0
        self.kept_at: datetime | None = None
        self._clock = clock
        self._waiting: list[Letter] = []
        self._count = self._bytes = 0  # with those that are being kept just now
        self._news = threading.Condition()
        self._open = True
        self._thread = threading.Thread(target=asking(self._run), name="mqtt intake", daemon=True)
        self._thread.start()

    @property
    def is_full(self) -> bool:
        """Whether so much waits that no more should be read from any line."""
        return self._count >= MOST_WAITING or self._bytes >= MOST_BYTES

    def take(self, letters: Sequence[Letter]) -> None:
        """Take letters; their homes hear when they are kept."""
        size = sum(len(letter.payload) for letter in letters)
        with self._news:
            is_first = not self._waiting
            self._waiting += letters
            self._count += len(letters)
            self._bytes += size
            if is_first:
                self._news.notify()

    def close(self, *, patience_s: float = 10.0) -> None:
        """Keep what waits, as far as that is possible, and end."""
        with self._news:
            self._open = False
            self._news.notify()
        self._thread.join(timeout=patience_s)

    def _run(self) -> None:
        while (letters := self._next()) is not None:
            self._keep(letters)
            with self._news:
                self._count -= len(letters)
                self._bytes -= sum(len(letter.payload) for letter in letters)
            close_old_connections()

    def _next(self) -> list[Letter] | None:
        with self._news:
            while self._open and not self._waiting:
                self._news.wait()
            if self._open:
                self._news.wait(GATHER_S)
            taken = self._waiting[:AT_ONCE]
            self._waiting = self._waiting[AT_ONCE:]
        return taken or None

    def _keep(self, letters: list[Letter]) -> None:
        """Keep letters, those of one sender together, and tell their homes."""
        fates: dict[int, Fate] = {}
        groups: dict[int, list[Letter]] = {}  # lines of one sender share the actor itself
        for letter in letters:
            groups.setdefault(id(letter.actor), []).append(letter)
        # Not the time of another try: what is tried again is the same reading.
        now = self._clock()
        begun = [(those, self._begun(those, now)) for those in groups.values()]
        for those, this in begun:
            if not self._patiently(those, fates, now, this):
                return  # told to end meanwhile: their senders send them again
        homes: dict[Home, Settled] = {}
        for letter in letters:
            homes.setdefault(letter.home, []).append((letter, fates[id(letter)]))
        self.kept += len(letters)
        self.kept_at = self._clock()
        for home, settled in homes.items():
            try:
                home.settled(settled)
            except Exception:  # they are kept; who was not told sends them again
                log.exception("who sent messages could not be told")

    def _begun(self, letters: list[Letter], now: datetime) -> Round | None:
        """Hand the letters of one sender on; all senders' letters are kept in one commit."""
        this = Round(self, letters[0].actor, now)
        try:
            this.begin(letters)
        except Exception:
            log.exception("messages could not be handed on; they are tried again")
            return None
        return this

    def _patiently(
        self, letters: list[Letter], fates: dict[int, Fate], now: datetime, begun: Round | None
    ) -> bool:
        """Keep the letters of one sender, however long that takes; False when told to end."""
        pause = PAUSE_S
        while True:
            try:
                fates.update(self._keep_of_one(letters, now, begun))
            except Exception as error:  # what it was is told to whoever looks at the state
                code = error.code if isinstance(error, AnlanError) else type(error).__name__
                if self.trouble is None:
                    log.exception("readings wait")
                    self.trouble = (self._clock(), code)
            else:
                self.trouble = None
                return True
            begun = None
            with self._news:
                if not self._open:
                    return False
                self._news.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    def _keep_of_one(
        self, letters: list[Letter], now: datetime, begun: Round | None
    ) -> dict[int, Fate]:
        actor = letters[0].actor
        try:
            return (begun or Round(self, actor, now).begin(letters)).finish()
        except PASSING:
            raise
        except Exception:
            # One of them may be what breaks it: it must not hold up the others.
            log.exception("messages broke what reads them; each is kept alone")
        fates: dict[int, Fate] = {}
        for letter in letters:
            fates.update(self._keep_alone(actor, letter, now))
        return fates

    def _keep_alone(self, actor: Actor, letter: Letter, now: datetime) -> dict[int, Fate]:
        this = Round(self, actor, now)
        try:
            return this.begin([letter]).finish()
        except PASSING:
            raise
        except Exception:
            log.exception("a message broke what reads it; it is kept aside")
            return {id(letter): this.aside(letter, "internal")}


class Pending(NamedTuple):
    """Rows on their way, whether what is refused of them lies aside, and what to wait for."""

    those: list[tuple[Letter, int]]  # with the rows of each
    allowed: bool
    wait: Callable[[], sensing.BatchReceipt]


class Round:
    """What one sender's letters of one moment come to."""

    def __init__(self, intake: Intake, actor: Actor, now: datetime) -> None:
        self._intake = intake
        self._actor = actor
        self._now = now
        self._fates: dict[int, Fate] = {}
        self._pending: list[Pending] = []

    def begin(self, letters: Iterable[Letter]) -> Self:
        """Read letters, and hand on what they say."""
        rows: list[tuple[Letter, BatchIn]] = []
        columns: list[tuple[Letter, Columns]] = []
        sent: list[tuple[Letter, AnySent]] = []
        for letter in letters:
            heard = self._read(letter)
            if heard.sent is not None:
                sent.append((letter, heard.sent))
            elif heard.key or (heard.batch is not None and None in heard.batch.rows):
                self._alone(letter, heard)
            elif heard.batch is not None and len(heard.batch.rows) <= MAX_ROWS:
                rows.append((letter, heard.batch))
            elif heard.columns is not None and len(heard.columns) <= MAX_ROWS:
                columns.append((letter, heard.columns))
            elif heard is not NOTHING:
                error = heard.error or "observation.batch_too_large"
                self._fates[id(letter)] = self.aside(letter, error)
            else:
                self._fates[id(letter)] = Fate.PASSED
        for rows_part in _parts([(letter, batch, len(batch.rows)) for letter, batch in rows]):
            self._hand_on(
                [(x, n) for x, _, n in rows_part], _one_batch([y for _, y, _ in rows_part])
            )
        for part in _parts([(letter, found, len(found)) for letter, found in columns]):
            self._hand_on([(x, n) for x, _, n in part], joined([y for _, y, _ in part]))
        if sent:
            self._keep_sent(sent)
        return self

    def _read(self, letter: Letter) -> Heard:
        if letter.error:
            return Heard(error=letter.error)
        return self._intake.topics.read(
            letter.topic, letter.payload, retained=letter.retained, now=self._now
        )

    def _alone(self, letter: Letter, heard: Heard) -> None:
        """Hand a message on by itself: it has a key of its own, or rows that are kept aside as they came."""
        digest = hashlib.sha256(letter.payload).hexdigest()
        try:
            once = sensing.Once(heard.key, digest) if heard.key else None
        except AnlanError as error:  # no key can be so; the others must not wait for it
            self._fates[id(letter)] = self.aside(letter, error.code)
            return
        whole = heard.columns if heard.columns is not None else heard.batch or BatchIn(())
        count = len(whole) if isinstance(whole, Columns) else len(whole.rows)
        self._hand_on([(letter, count)], whole, once)

    def finish(self) -> dict[int, Fate]:
        """Wait until everything is durable; return what became of each letter."""
        for pending in self._pending:
            self._end(pending)
        return self._fates

    def _hand_on(
        self,
        those: list[tuple[Letter, int]],
        whole: BatchIn | Columns,
        once: sensing.Once | None = None,
    ) -> None:
        """Hand readings on as one batch; what cannot be read of them is set aside within the bound."""
        allowed = self._intake.allowance.has_room(self._actor.id, self._now)
        gatherer = self._intake.gatherer
        wait: Callable[[], sensing.BatchReceipt]
        if gatherer is not None and allowed:
            found = columns_of(whole) if isinstance(whole, BatchIn) else whole
            wait = gatherer.take(self._actor, found, once=once, now=self._now).result
        else:
            rows = whole if isinstance(whole, BatchIn) else _rows_of(whole)
            wait = partial(
                sensing.keep_observations,
                self._actor, rows, now=self._now, once=once, set_aside=allowed,
            )  # fmt: skip
        self._pending.append(Pending(those, allowed, wait))

    def _end(self, pending: Pending) -> None:
        those, allowed, wait = pending
        try:
            told = wait()
        except AnlanError as error:
            if len(those) > 1 or isinstance(error, UnavailableError):
                raise
            # A key that was used for something else, for one.
            self._fates[id(those[0][0])] = self.aside(those[0][0], error.code)
            return
        self._fates.update((id(letter), Fate.KEPT) for letter, _ in those)
        if not told.refused:
            return
        ends = list(accumulate(rows for _, rows in those))
        concerned = {bisect_right(ends, item.index) for item in told.refused}
        size = sum(len(those[place][0].payload) for place in concerned)
        self._intake.allowance.note(self._actor.id, size, self._now, kept=allowed)
        if not allowed:
            self._fates.update((id(those[place][0]), Fate.OVER_BOUND) for place in concerned)

    def _keep_sent(self, sent: list[tuple[Letter, AnySent]]) -> None:
        found = taking.keep(self._actor, [one for _, one in sent], now=self._now)
        for (letter, _), told in zip(sent, found, strict=True):
            self._fates[id(letter)] = (
                self.aside(letter, told) if isinstance(told, str) else Fate.KEPT
            )

    def aside(self, letter: Letter, error: str) -> Fate:
        """Keep a message aside as it came, within the bound of its sender."""
        allowance = self._intake.allowance
        allowed = allowance.has_room(self._actor.id, self._now)
        allowance.note(self._actor.id, len(letter.payload), self._now, kept=allowed)
        if not allowed:
            return Fate.OVER_BOUND
        digest = hashlib.sha256(letter.topic.encode() + b"\0" + letter.payload).hexdigest()
        sensing.keep_aside(
            self._actor,
            "observations",
            letter.payload,
            error=error,
            place=letter.topic,
            now=self._now,
            once=sensing.Once(f"mqtt:{digest}", digest),
        )
        return Fate.KEPT


T = TypeVar("T")


def _parts(given: list[tuple[Letter, T, int]]) -> Iterable[list[tuple[Letter, T, int]]]:
    """Return letters in groups whose rows fit into one batch each."""
    part: list[tuple[Letter, T, int]] = []
    count = 0
    for one in given:
        if part and count + one[2] > MAX_ROWS:
            yield part
            part, count = [], 0
        part.append(one)
        count += one[2]
    if part:
        yield part


def _one_batch(batches: list[BatchIn]) -> BatchIn:
    return batches[0] if len(batches) == 1 else BatchIn(tuple(_rows(batches)))


def _rows_of(columns: Columns) -> BatchIn:
    rows = tuple(columns.row(number) for number in range(len(columns)))
    sent = tuple(columns.odd.get(number, "").encode() for number in range(len(columns)))
    return BatchIn(rows, columns.unit, sent if None in rows else ())


def _rows(batches: Iterable[BatchIn]) -> Iterable[sensing.RowIn | None]:
    for batch in batches:
        if not batch.unit:
            yield from batch.rows
            continue
        for row in batch.rows:
            named = row is None or row.unit
            yield row if named or row is None else replace(row, unit=batch.unit)
