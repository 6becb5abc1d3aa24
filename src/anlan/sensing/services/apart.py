"""What of a message needs the business database: done in threads of its own, and bounded."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from typing import TypeVar

from django.db import close_old_connections

from anlan.infra.asking import AskingThreads
from anlan.kernel.actor import Actor
from anlan.kernel.errors import AnlanError, UnavailableError
from anlan.sensing.domain.errors import AsideFullError, IntakeFullError
from anlan.sensing.services.allowance import Allowance
from anlan.sensing.services.once import Once
from anlan.sensing.services.quarantine import keep_aside

THREADS = 2
MOST_WAITING = 256
T = TypeVar("T")


class Apart:
    """Threads for refused rows, repeated keys and messages that cannot be read."""

    def __init__(self) -> None:
        self.allowance = Allowance()
        self._threads = AskingThreads(THREADS, "anlan-apart")
        self._turn = threading.Lock()
        self._waiting = 0

    def do(self, work: Callable[[], T]) -> Future[T]:
        """Do some work here; the future brings what comes of it.

        Raises
        ------
        IntakeFullError
            When too much waits already.
        UnavailableError
            When the process ends.
        """
        with self._turn:
            if self._waiting >= MOST_WAITING:
                raise IntakeFullError(rows=self._waiting, limit=MOST_WAITING)
            self._waiting += 1

        def whole() -> T:
            close_old_connections()
            try:
                return work()
            finally:
                self._less()

        try:
            return self._threads.submit(whole)
        except RuntimeError:  # closed meanwhile
            self._less()
            raise UnavailableError(what="observation store", problem="ending") from None

    def _less(self) -> None:
        with self._turn:
            self._waiting -= 1

    def keep_aside(
        self, actor: Actor, body: bytes, error: AnlanError, *, once: Once | None, now: datetime
    ) -> int:
        """Keep a message that cannot be read, as it came; return its number.

        Raises
        ------
        AsideFullError
            When too much of its sender lies aside already.
        """
        self.count(actor, len(body), now=now, rows=1, first=error.code)
        return keep_aside(
            actor, "observations", body, error=error.code, place="body", now=now, once=once
        ).pk

    def count(self, actor: Actor, size: int, *, now: datetime, rows: int, first: str) -> None:
        """Count so many bytes that are about to be kept aside.

        Raises
        ------
        AsideFullError
            When no more may be; it names the rows and what the first of them is refused for.
        """
        with self._turn:
            allowed = self.allowance.has_room(actor.id, now)
            self.allowance.note(actor.id, size, now, kept=allowed)
        if not allowed:
            raise AsideFullError(rows=rows, first=first)

    def close(self) -> None:
        """End what is under way, and take nothing more."""
        self._threads.shutdown(wait=True)
