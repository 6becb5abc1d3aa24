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
"""Tokens that may wait to be looked up: few enough that the next look is not late."""
T = TypeVar("T")


class Credentials:
    """One thread asks the database, one question at a time."""

    def __init__(self, senders: Senders) -> None:
        self._senders = senders
        self._thread = AskingThreads(1, "anlan-credentials")
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
        return await self._ask(lambda: self._senders.find(token, now=now))

    async def look(self) -> None:
        """Forget whoever has changed."""
        if self._look_on_its_way is None:
            self._look_on_its_way = asyncio.ensure_future(self._run(self._senders.look))
            self._look_on_its_way.add_done_callback(self._looked_at)
        await asyncio.shield(self._look_on_its_way)

    def _looked_at(self, _look: object) -> None:
        self._look_on_its_way = None

    async def _ask(self, question: Callable[[], T]) -> T:
        if self._asking >= MOST_ASKING:
            raise UnavailableError(what="accounts")
        self._asking += 1
        try:
            return await self._run(question)
        finally:
            self._asking -= 1

    async def _run(self, question: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, question)

    def close(self) -> None:
        """Let the thread and its connection go."""
        self._thread.shutdown()
