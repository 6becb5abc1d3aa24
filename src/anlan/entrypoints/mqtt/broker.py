"""A client of the city's own broker: a message is acknowledged when its readings are durable."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from anlan.entrypoints.mqtt.calling import MOST_UNACKED, Call, call, problem_of
from anlan.entrypoints.mqtt.letters import Letter, Settled, Taker
from anlan.entrypoints.mqtt.settings import BrokerPart, secret_in
from anlan.entrypoints.senders import WRITES, Senders, may_send
from anlan.infra.mqtt import Publish
from anlan.kernel.actor import Actor
from anlan.kernel.errors import AnlanError, NotAllowedError

log = logging.getLogger(__name__)

ROOM_CHECKED_S = 0.05
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
ENDING_S = 5.0


@dataclass(frozen=True, slots=True)
class LineState:
    """How a line to a broker does: ``problem`` is empty where it stands."""

    since: datetime
    problem: str


class BrokerLine:
    """One line to one broker, in a thread of its own, with a session that outlives it."""

    def __init__(
        self,
        part: BrokerPart,
        root: Path,
        taker: Taker,
        senders: Senders,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self.part = part
        self.heard = 0
        self.state = LineState(clock(), "mqtt.not_connected_yet")
        self._root, self._taker, self._senders, self._clock = root, taker, senders, clock
        self._actor: Actor | None = None
        self._call: Call | None = None
        self._unacked = 0
        self._reading = True
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ending = asyncio.Event()

    def tend(self) -> None:
        """Ask again for whom the token stands; begin when it is known, end when it is revoked."""
        try:
            token = secret_in(self._root, self.part.token_file)
            actor = self._senders.actor_of(token, now=self._clock())
            if not may_send(actor):
                raise NotAllowedError(permission=WRITES)
        except AnlanError as error:
            if error.http_status >= 500:
                return  # nobody can be asked: who was known is known
            self._note(f"{error.code}: {self.part.token_file}")
            self._actor = None
            self._end()
            return
        self._actor = actor
        if self._thread is None and self._reading:
            self._begin()

    # The thread

    def _begin(self) -> None:
        self._ending = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        name = f"mqtt {self.part.name}"
        self._thread = threading.Thread(target=self._run, args=[self._loop], name=name, daemon=True)
        self._thread.start()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(self._stay())

    async def _stay(self) -> None:
        """Call the broker again and again, until told to end."""
        pause = FIRST_PAUSE_S
        while not self._ending.is_set():
            was_let_in = await self._one_call()
            pause = FIRST_PAUSE_S if was_let_in else pause
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    async def _one_call(self) -> bool:
        """Stay with the broker as long as the line holds; return whether it ever let us in."""
        self._unacked = 0
        name = self.part.client_id or f"anlan-{self._root.name}-{self.part.name}"
        calling = asyncio.ensure_future(call(self.part, self._root, self, name=name))
        if not await self._first(calling):
            calling.cancel()
            return False
        error = calling.exception()
        if error is not None:
            if not isinstance(error, AnlanError | OSError):
                log.error("a broker cannot be called", exc_info=error)
            self._note(problem_of(error))
            return False
        self._call = this = calling.result()
        if not await self._first(this.over):
            this.hang_up()
            await asyncio.wait([this.over], timeout=ENDING_S)
        elif self._reading and (not self.state.problem or not this.was_let_in):
            self._note(this.over.result())  # else what went wrong first says more
        self._call = None
        return this.was_let_in

    async def _first(self, what: asyncio.Future[Any]) -> bool:
        """Wait for something; return whether it came before the end did."""
        ending = asyncio.ensure_future(self._ending.wait())
        await asyncio.wait([what, ending], return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        return what.done()

    # What the broker says, in that thread

    def subscribed(self, _call: Call, problem: str) -> None:
        """Hear that the broker sends from now on."""
        self._note(problem)

    def came(self, call: Call, messages: Sequence[Publish]) -> None:
        """Hand messages on; while too much waits, read no more: the broker keeps it."""
        actor = self._actor
        if not self._reading or actor is None:
            return  # not acknowledged: they come again
        self.heard += len(messages)
        self._unacked += len(messages)
        self._taker.take(
            [
                Letter(
                    self, actor, one.topic, one.payload,
                    retained=one.retain, mark=(call, one.packet_id),
                )
                for one in messages
            ]
        )  # fmt: skip
        self._wait_for_room(call)

    @property
    def _has_room(self) -> bool:
        return not self._taker.is_full and self._unacked < MOST_UNACKED

    def _wait_for_room(self, call: Call) -> None:
        """Others fill the room too, and nobody says when it is there again."""
        if self._has_room:
            call.go_on()
        else:
            call.hold()
            asyncio.get_running_loop().call_later(ROOM_CHECKED_S, self._wait_for_room, call)

    def settled(self, letters: Settled) -> None:
        """Acknowledge what is durable now, in the order in which it came; called by another thread."""
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended: the broker sends them again
                loop.call_soon_threadsafe(self._acknowledge, letters)

    def _acknowledge(self, letters: Settled) -> None:
        this = self._call
        if this is None:
            return
        # What came by an earlier line is not acknowledged on this one: its number means another there.
        numbers = [letter.mark[1] for letter, _fate in letters if letter.mark[0] is this]
        self._unacked -= len(numbers)
        this.acknowledge([number for number in numbers if number])
        if self._has_room:
            this.go_on()

    # The end

    def stop_reading(self) -> None:
        """Take no more; what comes still is not acknowledged."""
        self._reading = False

    def close(self) -> None:
        """End the line; its session waits at the broker."""
        self._reading = False
        self._end()

    def _end(self) -> None:
        thread, self._thread = self._thread, None
        if thread is None or self._loop is None:
            return
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._ending.set)
        thread.join(timeout=2 * ENDING_S)

    def _note(self, problem: str) -> None:
        if problem == self.state.problem:
            return
        # Since when it does not stand, whatever the reason is by now.
        is_new = not problem or not self.state.problem
        self.state = LineState(self._clock() if is_new else self.state.since, problem)
        level = logging.WARNING if problem else logging.INFO
        log.log(level, "line to a broker", extra={"broker": self.part.name, "problem": problem})
