"""The hand through which a process keeps readings: its own, or that of the process that writes.

Whoever comes first takes the lock and writes; it listens on a port of this machine and keeps what others
hand over.  When it ends, the next that has something to keep takes its place.  A process made for
writing (the edge) asks the one that writes to give way, and gives way to nobody.  What is handed
over and not acknowledged is for its sender to send again.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import AuthenticationError
from multiprocessing.connection import (
    Client,
    Connection,
    Listener,
    answer_challenge,
    deliver_challenge,
)
from pathlib import Path

import msgspec
import numpy as np

from anlan.kernel.errors import AnlanError, ConflictError, UnavailableError
from anlan.sensing.store.asking import (
    ANSWERED,
    ASKED,
    Answer,
    Asked,
    GiveWay,
    Keep,
    Message,
    Number,
    Retiring,
    Seal,
    Where,
    refusal,
)
from anlan.sensing.store.commit import Committer, CommitterClosedError, Heard
from anlan.sensing.store.frames import Frame, frame_of
from anlan.sensing.store.manifest import Manifest
from anlan.sensing.store.names import StreamNames
from anlan.sensing.store.places import Places
from anlan.sensing.store.retiring import Going
from anlan.sensing.store.writer import Kept, Known, StoreWriter, alone, is_free, nothing_known

ANOTHER = "another edge process writes the observations of this workspace"
PATIENCE_S = 10.0
"""How long a process waits for the one that writes: it may be starting, or dying."""
LONG_S = 600.0
"""How long it waits while readings are sealed, or let go: a day may hold very many."""
CONNECTIONS_KEPT = 16


class Writing:
    """A process that writes: one writer, one committer for all who wait, and a door for others."""

    def __init__(
        self,
        root: Path,
        give_way: Callable[[], None],
        heard: Heard | None = None,
        known: Callable[[], Known] = nothing_known,
    ) -> None:
        """Begin to write; ``give_way`` ends it when a process made for writing has come."""
        self.writer = StoreWriter(root, known)
        self._give_way: Callable[[], None] | None = give_way
        self.committer = Committer(self.writer, heard)
        self._sealing = threading.RLock()
        self._word = secrets.token_bytes(32)
        self._door = Listener(("127.0.0.1", 0), backlog=64)
        self._open = True
        self._where = Places(root).root / "writer.json"
        where = Where(port=self._door.address[1], word=self._word.hex())
        self._where.touch(mode=0o600)
        self._where.write_bytes(msgspec.json.encode(where))
        threading.Thread(target=self._listen, daemon=True, name="observations door").start()

    def keep(self, message: Message) -> Kept:
        """Keep a message durably; what becomes of it is known when this returns."""
        return self.committer.keep(message.codes, lambda numbers: _frame_of(message, numbers))

    def seal(self, now_us: int) -> Manifest:
        """Close what the log holds into segments."""
        with self._sealing:
            if not self._open:
                raise CommitterClosedError(what="observation store")
            return self.writer.seal(now_us=now_us)

    def stay(self) -> None:
        """Give way to nobody from now on."""
        self._give_way = None

    def retire(self, asked: Retiring) -> Manifest:
        """Let go of readings of a day."""
        going = [
            Going(one.class_id, np.frombuffer(one.streams, np.int32), one.span_us)
            for one in asked.classes
        ]
        with self._sealing:
            if not self._open:
                raise CommitterClosedError(what="observation store")
            return self.writer.retire(
                asked.day, going, worthless=asked.worthless, told=frozenset(asked.told)
            )

    def _listen(self) -> None:
        while self._open:
            try:
                visitor = self._door.accept()
            except OSError:
                continue  # closed, or a visitor that went
            threading.Thread(target=self._serve, args=[visitor], daemon=True).start()

    def _serve(self, visitor: Connection) -> None:
        with contextlib.suppress(EOFError, OSError, AuthenticationError), visitor:
            # Here and not at the door: who says nothing must not keep others waiting.
            deliver_challenge(visitor, self._word)
            answer_challenge(visitor, self._word)
            while True:
                asked = ASKED.decode(visitor.recv_bytes())
                visitor.send_bytes(msgspec.msgpack.encode(self._answer(asked)))

    def _answer(self, asked: Asked) -> Answer:
        try:
            if isinstance(asked, GiveWay):
                if self._give_way is None:
                    raise ConflictError(what=ANOTHER)
                with self._sealing:  # until that ends, this process goes on keeping
                    self._give_way()
                return Answer()
            if isinstance(asked, Seal):
                return Answer(seq=self.seal(asked.now_us).sealed)
            if isinstance(asked, Retiring):
                return Answer(seq=self.retire(asked).sealed)
            if isinstance(asked, Number):
                self.committer.number(asked.codes)
                return Answer()
            return Answer(*self.keep(asked.message))
        except AnlanError as error:
            if not self._open:
                raise EOFError from error  # another process writes next: it is to be asked
            return Answer(refused=error.code, params={k: str(v) for k, v in error.params.items()})

    def close(self) -> None:
        """End writing, and let another process."""
        self._open = False
        self._where.unlink(missing_ok=True)
        # A thread that waits in accept is woken by a visitor only.
        with contextlib.suppress(OSError):
            Client(self._door.address).close()
        self._door.close()
        with self._sealing:
            self.committer.close()


class Hand:
    """Keeps readings of one workspace from this process, whoever writes.

    ``known`` is asked, when this process is to write, what others know of the store.
    """

    def __init__(self, root: Path, known: Callable[[], Known] = nothing_known) -> None:
        self.root = root
        self._known = known
        self.writing: Writing | None = None
        self._heard: Heard | None = None
        self._turn = threading.Lock()
        self._free: list[Connection] = []

    def keep(self, message: Message) -> Kept:
        """Keep a message durably.

        Raises
        ------
        UnavailableError
            When it could not be kept: nothing of it is promised.
        InvalidInputError
            When a stream's code is no line of text.
        """
        while True:
            found = self._ask(Keep(message))
            if isinstance(found, Answer):
                return Kept(found.seq, found.rows, found.repeated, found.other)
            # It may have given way since.
            with contextlib.suppress(CommitterClosedError):
                return found.keep(message)

    def seal(self, now_us: int) -> None:
        """Close what the log holds into segments."""
        while isinstance(found := self._ask(Seal(now_us), patience_s=LONG_S), Writing):
            with contextlib.suppress(CommitterClosedError):
                found.seal(now_us)
                return

    def take_up(self, *, patience_s: float = 60.0) -> Writing:
        """Write from now on, in this process, and give way to nobody.

        Raises
        ------
        ConflictError
            When another process made for writing writes.
        UnavailableError
            When who writes does not give way.
        """
        end = time.monotonic() + patience_s
        while time.monotonic() < end:
            if (mine := self._take_over()) is not None:
                mine.stay()
                return mine
            found = self._asked_of_others(GiveWay())
            if found is not None and found.refused:
                raise refusal(found)
            time.sleep(0.02)
        raise UnavailableError(what="observation store", problem="who writes it does not give way")

    def retire(self, asked: Retiring) -> None:
        """Let go of readings of a day; may take minutes."""
        while isinstance(found := self._ask(asked, patience_s=LONG_S), Writing):
            with contextlib.suppress(CommitterClosedError):
                found.retire(asked)
                return

    def hear(self, heard: Heard | None) -> None:
        """Let ``heard`` have the frames that this process keeps, from its next commit on.

        Called after they are durable and before their senders are answered; see
        :class:`~anlan.sensing.store.commit.Committer`.
        """
        with self._turn:
            self._heard = heard
            if self.writing is not None:
                self.writing.committer.heard = heard

    def number(self, codes: Sequence[str]) -> None:
        """Give streams their numbers before they speak; for that nobody becomes the one that writes.

        Raises
        ------
        UnavailableError
            When the disk does not take them.
        """
        asked = Number(tuple(codes))
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if (mine := self.writing) is not None:
                with contextlib.suppress(CommitterClosedError):
                    mine.committer.number(codes)
                    return
            found = self._asked_of_others(asked)
            if found is not None and found.refused:
                raise refusal(found)
            if found is not None or self._numbered(codes):
                return
            time.sleep(0.02)
        raise UnavailableError(what="observation store", problem="nobody answers who writes it")

    def _numbered(self, codes: Sequence[str]) -> bool:
        """Write the numbers down while nobody writes; return whether that was so."""
        places = Places(self.root)
        places.make()
        try:
            lock = alone(places.lock)
        except ConflictError:
            return False
        try:
            StreamNames(places.names, writing=True).number_all(codes)
        except OSError as error:
            raise UnavailableError(what="observation store", problem=error.strerror) from error
        finally:
            os.close(lock)
        return True

    def _ask(self, asked: Asked, *, patience_s: float = PATIENCE_S) -> Answer | Writing:
        """Return what the writing process answers, or the writing when it is this process's.

        A broken line leaves open whether it was kept: it is asked once more, and the same
        readings count once.
        """
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if (mine := self.writing) is not None:
                return mine
            found = self._asked_of_others(asked, patience_s=patience_s)
            if found is not None:
                if found.refused:
                    raise refusal(found)
                return found
            if (mine := self._take_over()) is not None:
                return mine
            time.sleep(0.02)
        raise UnavailableError(what="observation store", problem="nobody answers who writes it")

    def _asked_of_others(self, asked: Asked, *, patience_s: float = PATIENCE_S) -> Answer | None:
        """Return what the process answers that writes; None when none does."""
        data = msgspec.msgpack.encode(asked)
        with contextlib.suppress(OSError, EOFError, AuthenticationError):
            for connection in self._connections():
                connection.send_bytes(data)
                found = ANSWERED.decode(_heard(connection, patience_s))
                self._give_back(connection)
                return found
        return None

    def _connections(self) -> Iterator[Connection]:
        with self._turn:
            free, self._free = self._free, []
        for connection in free[1:]:
            self._give_back(connection)
        if free:
            with contextlib.suppress(OSError, EOFError):
                yield free[0]
        found = self.root / "writer.json"
        if found.exists():
            with contextlib.suppress(msgspec.DecodeError):
                where = msgspec.json.decode(found.read_bytes(), type=Where)
                connection = Client(("127.0.0.1", where.port))
                if not connection.poll(PATIENCE_S):
                    raise EOFError
                answer_challenge(connection, bytes.fromhex(where.word))
                deliver_challenge(connection, bytes.fromhex(where.word))
                yield connection

    def _give_back(self, connection: Connection) -> None:
        with self._turn:
            if len(self._free) < CONNECTIONS_KEPT:
                self._free.append(connection)
                return
        connection.close()

    def _take_over(self) -> Writing | None:
        # Asked before the turn is taken: a database that does not answer keeps no other waiting.
        known = self._known() if self.writing is None and is_free(self.root) else None
        with self._turn:
            if self.writing is None and known is not None:
                with contextlib.suppress(ConflictError):
                    self.writing = Writing(self.root, self._give_way, self._heard, lambda: known)
            return self.writing

    def _give_way(self) -> None:
        """Let another process write; what comes here from now on is handed to it."""
        with self._turn:
            writing, self.writing = self.writing, None
        if writing is not None:
            writing.close()

    def drop(self) -> None:
        """In a forked child: let the parent alone hold the lock."""
        if self.writing is not None:
            self.writing.writer.drop()

    def close(self) -> None:
        """Let go of the lock and of all connections."""
        with self._turn:
            free, self._free = self._free, []
            writing, self.writing = self.writing, None
        for connection in free:
            connection.close()
        if writing is not None:
            writing.close()


def _heard(connection: Connection, patience_s: float) -> bytes:
    if not connection.poll(patience_s):
        connection.close()
        raise EOFError
    return connection.recv_bytes()


def _frame_of(message: Message, numbers: list[int]) -> Frame:
    index = np.frombuffer(message.index, np.int32)
    return frame_of(
        np.array(numbers, np.int32)[index],
        np.frombuffer(message.at_us, np.int64),
        np.frombuffer(message.value, np.float64),
        np.frombuffer(message.quality, np.uint8),
        source=message.source,
        key=message.key,
        received_us=message.received_us,
        text=message.text or None,
        result_us=np.frombuffer(message.result_us, np.int64) if message.result_us else None,
        about=np.frombuffer(message.about, np.int64) if message.about else None,
    )
