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

from anlan.entrypoints.mqtt.calling import ENDING_S, FAILS, MOST_UNACKED, Call, call, problem_of
from anlan.entrypoints.mqtt.letters import Letter, Settled, Taker
from anlan.entrypoints.mqtt.settings import BrokerPart, secret_in
from anlan.entrypoints.senders import WRITES, Senders, may_send
from anlan.infra.mqtt import Publish
from anlan.kernel.actor import Actor
from anlan.kernel.errors import AnlanError, InvalidInputError, NotAllowedError

log = logging.getLogger(__name__)

ROOM_CHECKED_S = 0.05
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0


class TooLargeError(InvalidInputError):
    """A message is so large that only its topic was read."""

    code = "mqtt.too_large"


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
        self._faulty = False
        self._was_known = False
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
            self._tell_to_end()  # and wait for nothing: other lines are to hear of it as soon
            return
        self._actor = actor
        if self._reading and (self._thread is None or not self._thread.is_alive()):
            self._begin()

    # The thread

    def _begin(self) -> None:
        loop, ending = asyncio.new_event_loop(), asyncio.Event()
        thread = threading.Thread(
            target=self._run, args=[loop, ending], name=f"mqtt {self.part.name}", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:
            loop.close()
            self._note("internal")
            raise
        self._loop, self._ending, self._thread = loop, ending, thread

    def _run(self, loop: asyncio.AbstractEventLoop, ending: asyncio.Event) -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(self._stay(ending))

    async def _stay(self, ending: asyncio.Event) -> None:
        """Call the broker again and again, until told to end."""
        pause = FIRST_PAUSE_S
        while not ending.is_set():
            was_let_in = False
            try:
                was_let_in = await self._one_call(ending)
            except Exception:  # else nobody would call the broker ever after
                log.exception("a line to a broker broke", extra={"broker": self.part.name})
                self._note("internal")
            pause = FIRST_PAUSE_S if was_let_in else pause
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ending.wait(), pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    async def _one_call(self, ending: asyncio.Event) -> bool:
        """Stay with the broker as long as the line holds; return whether it ever let us in."""
        self._faulty = False
        name = self.part.client_id or f"anlan-{self._root.name}-{self.part.name}"
        calling = asyncio.ensure_future(call(self.part, self._root, self, name=name))
        if not await _before(ending, calling):
            calling.cancel()
            return False
        try:
            this = calling.result()
        except (AnlanError, *FAILS) as error:
            self._note(problem_of(error))
            return False
        try:
            # What is wrong with the subscription says more than the end does.
            if await _before(ending, this.over) and self._reading and not self._faulty:
                self._note(this.over.result())
        finally:
            await this.hang_up()
        return this.was_let_in

    # What the broker says, in that thread

    def let_in(self, call: Call) -> None:
        """Begin to read, if there is room; what waits from an earlier line may still fill it."""
        if self._was_known and not call.knew_us:
            log.warning("a broker forgot our session", extra={"broker": self.part.name})
        self._was_known = True
        self._hold_unless_room(call)

    def subscribed(self, _call: Call, problem: str) -> None:
        """Hear that the broker sends from now on."""
        self._faulty = bool(problem)
        self._note(problem)

    def came(self, call: Call, messages: Sequence[Publish]) -> None:
        """Hand messages on; while too much waits, read no more: the broker keeps it."""
        actor = self._actor
        if not self._reading or actor is None:
            return  # the line is about to end: what is not acknowledged comes again
        self.heard += len(messages)
        self._taker.take([self._letter(call, actor, one) for one in messages])
        self._hold_unless_room(call)

    def _letter(self, call: Call, actor: Actor, one: Publish) -> Letter:
        payload, error = one.payload, ""
        if one.too_long:
            payload, error = f"{one.too_long} bytes".encode(), TooLargeError.code
        return Letter(
            self, actor, one.topic, payload, retained=one.retain, mark=(call, one), error=error
        )

    def _hold_unless_room(self, call: Call) -> None:
        """Hold a line, and look again and again; one that is held already is being looked at."""
        if not self._has_room(call) and not call.is_held:
            call.hold()
            asyncio.get_running_loop().call_later(ROOM_CHECKED_S, self._look_for_room, call)

    def _has_room(self, call: Call) -> bool:
        return not self._taker.is_full and call.unacknowledged < MOST_UNACKED

    def _look_for_room(self, call: Call) -> None:
        """Go on as soon as there is room again; of that nobody tells."""
        if self._has_room(call):
            call.go_on()
        elif not call.over.done():
            asyncio.get_running_loop().call_later(ROOM_CHECKED_S, self._look_for_room, call)

    def settled(self, letters: Settled) -> None:
        """Acknowledge what is durable now, in the order in which it came; called by another thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended: the broker sends them again
                self._loop.call_soon_threadsafe(self._acknowledge, letters)

    def _acknowledge(self, letters: Settled) -> None:
        """Tell each connection of its own messages: a number of an earlier one means another on the next."""
        messages: dict[Call, list[Publish]] = {}
        for letter, _fate in letters:
            call, message = letter.mark
            messages.setdefault(call, []).append(message)
        for call, those in messages.items():
            call.acknowledge(those)

    # The end

    def stop_reading(self) -> None:
        """Take no more; what comes still is not acknowledged."""
        self._reading = False

    def begin_to_end(self) -> None:
        """Begin to leave the broker; its session waits there."""
        self._reading = False
        self._tell_to_end()

    def close(self) -> None:
        """Leave the broker, and wait until that is done."""
        self.begin_to_end()
        if self._thread is not None:
            self._thread.join(timeout=3 * ENDING_S)

    def _tell_to_end(self) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._ending.set)

    def _note(self, problem: str) -> None:
        if problem == self.state.problem:
            return
        # Since when it does not stand, whatever the reason is by now.
        is_new = not problem or not self.state.problem
        self.state = LineState(self._clock() if is_new else self.state.since, problem)
        level = logging.WARNING if problem else logging.INFO
        log.log(level, "line to a broker", extra={"broker": self.part.name, "problem": problem})


async def _before(ending: asyncio.Event, what: asyncio.Future[Any]) -> bool:
    """Wait for something or for the end; return whether it is there."""
    end = asyncio.ensure_future(ending.wait())
    await asyncio.wait([what, end], return_when=asyncio.FIRST_COMPLETED)
    end.cancel()
    return what.done()
