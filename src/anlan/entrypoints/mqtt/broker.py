"""A client of the city's own broker: a message is acknowledged when its readings are durable."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from anlan.entrypoints.mqtt.letters import Letter, Settled, Taker
from anlan.entrypoints.mqtt.settings import BrokerPart, client_tls, secret_in
from anlan.entrypoints.senders import WRITES, Senders, may_send
from anlan.kernel.actor import Actor
from anlan.kernel.errors import AnlanError, NotAllowedError

log = logging.getLogger(__name__)

MOST_UNACKED = 20_000
ROOM_CHECKED_S = 0.05
LONGEST_PAUSE_S = 30
NO_TOPIC = "\N{REPLACEMENT CHARACTER}"
"""Stands for a topic that is no text, of which no rule takes it in, and for a NUL in one."""
SESSION_KEPT_S = 7 * 86_400
"""For how long a broker of MQTT 5 is asked to keep what comes while Anlan is away."""


@dataclass(frozen=True, slots=True)
class LineState:
    """How a line to a broker does: ``problem`` is empty where it stands."""

    since: datetime
    problem: str


class BrokerLine:
    """One line to one broker, with a session that outlives it."""

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
        self._turn = threading.Lock()
        self._line = 0  # counts lines: what came by an earlier one is not acknowledged on this one
        self._unacked = 0
        self._reading = True
        self._client: paho.Client | None = None

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
        if self._client is None and self._reading:
            self._begin()

    def _begin(self) -> None:
        part = self.part
        try:
            client = self._made()
        except (AnlanError, OSError) as error:
            self._note(error.code if isinstance(error, AnlanError) else str(error))
            return
        said: dict[str, Any] = {}
        if part.version == "5":
            asked = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            asked.SessionExpiryInterval = SESSION_KEPT_S
            asked.ReceiveMaximum = MOST_UNACKED
            said = {"clean_start": False, "properties": asked}
        self._client = client
        client.connect_async(part.host, part.at, part.keep_alive, **said)
        client.loop_start()

    def _made(self) -> paho.Client:
        part = self.part
        is_new = part.version == "5"
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=part.client_id or f"anlan-{self._root.name}-{part.name}",
            clean_session=None if is_new else False,
            protocol=paho.MQTTv5 if is_new else paho.MQTTv311,
            manual_ack=True,
        )
        if part.user:
            client.username_pw_set(part.user, secret_in(self._root, part.password_file))
        if part.tls:
            client.tls_set_context(client_tls(part, self._root))
        client.reconnect_delay_set(min_delay=1, max_delay=LONGEST_PAUSE_S)
        client.on_connect = self._connected
        client.on_connect_fail = self._not_connected
        client.on_disconnect = self._disconnected
        client.on_subscribe = self._subscribed
        client.on_message = self._came
        return client

    # What paho tells, in its own thread

    def _connected(
        self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _said: Any
    ) -> None:
        if reason.is_failure:
            self._note(f"refused: {reason}")
            return
        if self.part.version == "5":
            # 1: retained messages come with a new subscription only, not with each connection.
            options = SubscribeOptions(qos=1, retainHandling=1)
            client.subscribe([(topic.filter, options) for topic in self.part.topics])
        else:
            client.subscribe([(topic.filter, 1) for topic in self.part.topics])

    def _not_connected(self, _client: paho.Client, _data: Any) -> None:
        self._note(str(sys.exc_info()[1] or "cannot connect"))

    def _disconnected(
        self, _client: paho.Client, _data: Any, _flags: Any, reason: Any, _said: Any
    ) -> None:
        with self._turn:
            self._line += 1
            self._unacked = 0
        if self._reading and not self.state.problem:  # else what went wrong first says more
            self._note(f"line lost: {reason}")

    def _subscribed(
        self, _client: paho.Client, _data: Any, _mid: int, reasons: list[Any], _said: Any
    ) -> None:
        refused = [
            topic.filter
            for topic, reason in zip(self.part.topics, reasons, strict=False)
            if reason.is_failure
        ]
        self._note(f"subscription refused: {', '.join(refused)}" if refused else "")

    def _came(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        """Hand a message on; while too much waits, read nothing: the broker keeps it."""
        line = self._line
        while self._reading and (self._taker.is_full or self._unacked >= MOST_UNACKED):
            threading.Event().wait(ROOM_CHECKED_S)
        actor = self._actor
        if not self._reading or actor is None:
            return  # not acknowledged: it comes again
        self.heard += 1
        try:
            topic = message.topic.replace("\0", NO_TOPIC)  # no column of PostgreSQL holds one
        except UnicodeDecodeError:  # a broker may let it pass; raised here, it would end the line
            topic = NO_TOPIC
        with self._turn:
            self._unacked += 1
        mark = (line, message.mid if message.qos else 0)
        letter = Letter(
            self,
            actor,
            topic,
            bytes(message.payload),
            retained=bool(message.retain),
            mark=mark,
        )
        self._taker.take([letter])

    def settled(self, letters: Settled) -> None:
        """Acknowledge what is durable now, in the order in which it came."""
        client = self._client
        with self._turn:
            for letter, _fate in letters:
                line, mid = letter.mark
                if line != self._line:
                    continue  # the broker sends it again by the new line
                self._unacked -= 1
                if mid and client is not None:
                    client.ack(mid, 1)

    # The end

    def stop_reading(self) -> None:
        """Take no more; what comes still is not acknowledged."""
        self._reading = False

    def close(self) -> None:
        """End the line; its session waits at the broker."""
        self._reading = False
        self._end()

    def _end(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()
            client.loop_stop()

    def _note(self, problem: str) -> None:
        if problem == self.state.problem:
            return
        # Since when it does not stand, whatever the reason is by now.
        is_new = not problem or not self.state.problem
        self.state = LineState(self._clock() if is_new else self.state.since, problem)
        level = logging.WARNING if problem else logging.INFO
        log.log(level, "line to a broker", extra={"broker": self.part.name, "problem": problem})
