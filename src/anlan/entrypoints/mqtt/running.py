"""MQTT of one workspace, put together: door, brokers, intake, and what is told of how they do."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from anlan.entrypoints.mqtt.broker import BrokerLine
from anlan.entrypoints.mqtt.door import Door, server_tls
from anlan.entrypoints.mqtt.intake import Intake
from anlan.entrypoints.mqtt.settings import DoorPart, MqttSettings, load, rules_of
from anlan.entrypoints.mqtt.state import note
from anlan.entrypoints.mqtt.topics import Topics
from anlan.entrypoints.senders import LOOK_S, Senders
from anlan.infra.asking import asking
from anlan.kernel.errors import AnlanError
from anlan.sensing import public as sensing

log = logging.getLogger(__name__)

NOTED_EVERY = 20
"""So many times it is asked for whom the tokens of brokers stand until it is noted how all does."""


class DoorThread:
    """A door in a thread of its own."""

    def __init__(
        self,
        part: DoorPart,
        root: Path,
        intake: Intake,
        senders: Senders,
        *,
        clock: Callable[[], datetime],
        base: str = "",
    ) -> None:
        self.door: Door | None = None
        self.port = 0
        self._part, self._root = part, root
        self._intake, self._senders = intake, senders
        self._clock, self._base = clock, base
        self._loop = asyncio.new_event_loop()
        self._opened = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="mqtt door", daemon=True)
        self._thread.start()
        self._opened.wait()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._open())
        except Exception as error:  # noqa: BLE001  told to whoever opens it
            self._error = error
            self._opened.set()
            return
        self._opened.set()
        self._loop.run_forever()
        self._loop.close()

    async def _open(self) -> None:
        part = self._part
        tls = (
            server_tls(str(self._root / part.certificate), str(self._root / part.key))
            if part.certificate
            else None
        )
        self.door = Door(self._intake, self._senders, part, clock=self._clock, base=self._base)
        self.port = await self.door.open(part.listen, part.port, tls)

    def close(self) -> None:
        """Send everybody away and end."""
        if self.door is not None:
            asyncio.run_coroutine_threadsafe(self.door.close(), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)


class Mqtt:
    """Everything of MQTT that a workspace's file asks for; begins at once, ends with :meth:`close`."""

    def __init__(
        self,
        settings: MqttSettings,
        root: Path,
        *,
        clock: Callable[[], datetime],
        base: str = "",
        gatherer: sensing.Gatherer | None = None,
        senders: Senders | None = None,
    ) -> None:
        """``gatherer`` and ``senders`` are those of the process that writes the store, within it."""
        self._root, self._clock, self._gatherer = root, clock, gatherer
        self._stop = threading.Event()
        self.most_lines = len(settings.broker) + (settings.door.clients if settings.door else 0)
        senders = senders or Senders()
        self.door: DoorThread | None = None
        self.intakes: list[Intake] = []
        self.brokers: list[BrokerLine] = []
        if settings.door is not None:
            intake = self._intake(Topics(rules_of(settings.door.topics)))
            self.door = DoorThread(settings.door, root, intake, senders, clock=clock, base=base)
        for part in settings.broker:
            intake = self._intake(Topics(rules_of(part.topics)))
            self.brokers.append(BrokerLine(part, root, intake, senders, clock=clock))
        self._noting = threading.Thread(target=asking(self._tend), name="mqtt state", daemon=True)
        self._noting.start()

    def _intake(self, topics: Topics) -> Intake:
        found = Intake(topics, clock=self._clock, gatherer=self._gatherer)
        self.intakes.append(found)
        return found

    def _tend(self) -> None:
        turn = 0
        while not self._stop.is_set():
            for line in self.brokers:
                _whatever_happens(line.tend)
            if turn % NOTED_EVERY == 0:
                _whatever_happens(self._note)
            turn += 1
            self._stop.wait(LOOK_S)

    def _note(self) -> None:
        door = self.door.door if self.door is not None else None
        note(self._root, self._clock(), self.brokers, self.intakes, door)

    def close(self) -> None:
        """Read no more, keep what waits, and end; what was not told is sent again."""
        self._stop.set()
        self._noting.join(timeout=30)
        for line in self.brokers:
            line.stop_reading()
        for intake in self.intakes:
            intake.close()
        for line in self.brokers:
            line.begin_to_end()
        for line in self.brokers:
            line.close()
        if self.door is not None:
            self.door.close()


def _whatever_happens(call: Callable[[], None]) -> None:
    """Log an error that nobody expected; else no broker's token would be asked for ever after."""
    try:
        call()
    except Exception:
        log.exception("cannot tend the lines to brokers")


def begin_within(
    root: Path,
    *,
    clock: Callable[[], datetime],
    base: str,
    gatherer: sensing.Gatherer,
    senders: Senders,
) -> Mqtt | None:
    """Begin MQTT within the process that writes the store; None where nothing asks for it.

    What is wrong with it is logged, and noticed by its missing beat: other doors go on.
    """
    try:
        settings = load(root)
        if settings is None:
            return None
        return Mqtt(settings, root, clock=clock, base=base, gatherer=gatherer, senders=senders)
    except (AnlanError, OSError):
        log.exception("MQTT cannot begin")
        return None
