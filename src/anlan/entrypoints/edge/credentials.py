"""Who may send: tokens that were looked up once, until something about accounts changes.

A token that was taken back must stop within a second.  So the journal is looked at four times a
second, and nobody is answered by memory alone when the last look is older than :data:`LOOKED_S`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from django.db import close_old_connections

from anlan.infra import journal
from anlan.infra.asking import AskingThreads
from anlan.kernel.actor import Actor
from anlan.kernel.errors import UnavailableError
from anlan.registry import public as registry

LOOK_S = 0.25
LOOKED_S = 0.6
LIFE = timedelta(minutes=1)
MOST_HELD = 100_000
MOST_ASKING = 100
"""Tokens that may wait to be looked up: few enough that the next look is not late."""
CHANGES = frozenset({"AccountChanged", "TokenChanged"})
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Held:
    actor: Actor
    until: datetime


class Credentials:
    """Remembers the actors of tokens; one thread asks the database, one question at a time.

    So a token is never remembered after the look that would have forgotten it.
    """

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}
        self._thread = AskingThreads(1, "anlan-credentials")
        self._asking = 0
        self._head = -1
        self._revision = ""
        self._looked = 0.0
        self._look_on_its_way: asyncio.Future[None] | None = None

    async def actor_of(self, token: str, *, now: datetime) -> Actor:
        """Return who a token stands for.

        Raises
        ------
        NotAuthenticatedError
            For a token that is unknown, over or taken back.
        UnavailableError
            When more ask than can be answered.
        """
        if time.monotonic() - self._looked > LOOKED_S:
            await self.look()
        held = self._held.get(token)
        if held is not None and held.until > now:
            return held.actor
        return await self._ask(lambda: self._find(token, now))

    async def look(self) -> None:
        """Forget everybody when an account, a token or the city's areas have changed."""
        if self._look_on_its_way is None:
            self._look_on_its_way = asyncio.ensure_future(self._run(self._look))
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
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, _freshly, question)

    def _look(self) -> None:
        began = time.monotonic()
        head, revision = journal.head(), registry.revision()
        changed = head < self._head or revision != self._revision
        if changed or (head > self._head and journal.happened(CHANGES, after=self._head)):
            self._held.clear()
        self._head, self._revision, self._looked = head, revision, began

    def _find(self, token: str, now: datetime) -> Actor:
        actor, end = registry.credential(token, now=now)
        if len(self._held) >= MOST_HELD:
            self._held.clear()
        self._held[token] = _Held(actor, min(end, now + LIFE))
        return actor

    def close(self) -> None:
        """Let the thread and its connection go."""
        self._thread.shutdown()


def _freshly(question: Callable[[], T]) -> T:
    close_old_connections()  # a broken one is opened anew
    return question()
