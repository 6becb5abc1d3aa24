"""Many wait, one writes: what gathers while a commit is under way is the next commit."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from anlan.kernel.errors import UnavailableError
from anlan.sensing.store.frames import Frame
from anlan.sensing.store.writer import Kept, StoreWriter

log = logging.getLogger(__name__)


class CommitterClosedError(UnavailableError):
    """The process no longer writes: nothing was kept, and another one is to be asked."""


class Ticket:
    """One message that waits: ``make`` gives its frame for the numbers of ``codes``."""

    def __init__(self, codes: Sequence[str], make: Callable[[list[int]], Frame]) -> None:
        self.codes = codes
        self.make = make
        self.kept: Kept | None = None
        self.error: Exception | None = None

    @property
    def done(self) -> bool:
        return self.kept is not None or self.error is not None


Heard = Callable[[Sequence[Frame]], None]
"""Is called with frames that have just been kept, before their senders are answered."""


class Committer:
    """Lets the threads of a process keep messages together.

    ``heard`` gets what each commit has kept.  It decides nothing: when it fails, that is logged,
    and the frames are kept all the same.
    """

    def __init__(self, writer: StoreWriter, heard: Heard | None = None) -> None:
        self.writer = writer
        self.heard = heard
        self._waiting: list[Ticket] = []
        self._gather = threading.Lock()
        self._turn = threading.Lock()
        self._open = True

    def keep(self, codes: Sequence[str], make: Callable[[list[int]], Frame]) -> Kept:
        """Keep the frame that ``make`` gives for the numbers of ``codes``.

        Raises
        ------
        UnavailableError
            When the disk does not take it; then nothing is kept.
        """
        mine = Ticket(codes, make)
        self.keep_all([mine])
        if mine.kept is None:
            raise mine.error or UnavailableError(what="observation store")
        return mine.kept

    def keep_all(self, tickets: Sequence[Ticket]) -> None:
        """Keep many messages in one commit; each ticket says then what became of it."""
        with self._gather:
            self._waiting.extend(tickets)
        with self._turn:
            if not all(ticket.done for ticket in tickets):
                self._commit()

    def _commit(self) -> None:
        with self._gather:
            taken, self._waiting = self._waiting, []
        try:
            frames = self._frames(taken)
            done = self.writer.keep([frame for _, frame in frames])
        except Exception as error:  # noqa: BLE001  each of those who wait is told
            for ticket in taken:
                ticket.error = ticket.error or _told(error)
            return
        for (ticket, _), kept in zip(frames, done.answers, strict=True):
            ticket.kept = kept
        if done.frames:
            self._tell(done.frames)

    def _tell(self, frames: Sequence[Frame]) -> None:
        if self.heard is None:
            return
        try:
            self.heard(frames)
        except Exception:
            log.exception("readings are kept, but who listens to them failed")

    def _frames(self, taken: list[Ticket]) -> list[tuple[Ticket, Frame]]:
        """Return a frame for each message; one that has none must not cost the others theirs."""
        if not self._open:
            raise CommitterClosedError(what="observation store")
        found = []
        for ticket in taken:
            try:
                found.append((ticket, ticket.make(self.writer.names.number_all(ticket.codes))))
            except Exception as error:  # noqa: BLE001  told to its sender
                ticket.error = _told(error)
        return found

    def number(self, codes: Sequence[str]) -> None:
        """Give streams their numbers before they speak."""
        with self._turn:
            if not self._open:
                raise CommitterClosedError(what="observation store")
            try:
                self.writer.names.number_all(codes)
            except OSError as error:
                problem = error.strerror
                raise UnavailableError(what="observation store", problem=problem) from error

    def close(self) -> None:
        """Close the writer when nobody commits."""
        with self._turn:
            self._open = False
            self.writer.close()


def _told(error: Exception) -> Exception:
    """Return what a sender is told: whatever a disk refuses, it may be sent again."""
    if not isinstance(error, OSError):
        return error
    told = UnavailableError(what="observation store", problem=error.strerror)
    told.__cause__ = error
    return told
