"""Who may send over HTTP: asks :class:`~anlan.entrypoints.senders.Senders` without holding up the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from anlan.entrypoints.senders import Senders
from anlan.infra.asking import AskingThreads
from anlan.kernel.actor import Actor
from anlan.kernel.errors import UnavailableError

MOST_ASKING = 100
"""Tokens that may wait to be looked up."""
WAITED_S = 5.0
"""So long a sender waits for a database that does not answer, then it is told to try again later."""
T = TypeVar("T")


class Credentials:
    """One thread asks who tokens stand for, one at a time; another looks who has changed."""

    def __init__(self, senders: Senders) -> None:
        self._senders = senders
        self._thread = AskingThreads(1, "anlan-credentials")
        self._looking = AskingThreads(1, "anlan-accounts")  # who guesses tokens does not hold it up
        self._asking = 0
        self._look_on_its_way: asyncio.Future[None] | None = None

    async def actor_of(self, token: str, *, now: datetime) -> Actor:
        """Return who a token stands for.

        Raises
        ------
        NotAuthenticatedError
            For a token that is unknown, over or taken back.
        UnavailableError
            When more ask than can be answered, or the database does not answer.
        """
        if not self._senders.is_fresh:
            await self.look()
        found = self._senders.known(token, now=now)
        if found is not None:
            return found
        self._senders.check_not_refused(token, now=now)
        return await self._ask(lambda: self._senders.find(token, now=now))

    async def look(self) -> None:
        """Forget whoever has changed.

        Raises
        ------
        UnavailableError
            When the database does not answer.
        """
        if self._look_on_its_way is None:
            self._look_on_its_way = _run(self._looking, self._senders.look)
            self._look_on_its_way.add_done_callback(self._looked_at)
        await _within_time(self._look_on_its_way)

    def _looked_at(self, look: asyncio.Future[None]) -> None:
        self._look_on_its_way = None
        _heard(look)

    async def _ask(self, question: Callable[[], T]) -> T:
        if self._asking >= MOST_ASKING:
            raise UnavailableError(what="accounts")
        self._asking += 1
        asked = _run(self._thread, question)
        asked.add_done_callback(self._asked)
        return await _within_time(asked)

    def _asked(self, asked: asyncio.Future[T]) -> None:
        self._asking -= 1  # and not when nobody waits any more: the thread is still held up
        _heard(asked)

    def close(self) -> None:
        """Let the threads and their connections go."""
        self._thread.shutdown()
        self._looking.shutdown()


def _run(threads: AskingThreads, question: Callable[[], T]) -> asyncio.Future[T]:
    return asyncio.get_running_loop().run_in_executor(threads, question)


async def _within_time(asked: asyncio.Future[T]) -> T:
    try:
        return await asyncio.wait_for(asyncio.shield(asked), WAITED_S)
    except TimeoutError as error:
        raise UnavailableError(what="accounts") from error


def _heard(asked: asyncio.Future[T]) -> None:
    """Take note of an error that nobody waits for any more; else Python logs that it was lost."""
    if not asked.cancelled():
        asked.exception()
