"""Anlan as a client of one broker: one connection, from the first byte until it is over."""

from __future__ import annotations

import asyncio
import os
import secrets
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, cast

from anlan.entrypoints.mqtt.settings import BrokerPart, client_tls, secret_in
from anlan.infra.mqtt import ClientConnection, Connect, Disconnect, Publish, client, packets
from anlan.infra.mqtt.client import REFUSED, ConnAck, SubAck, Told, reason_text
from anlan.infra.mqtt.properties import NONE, Properties, Property
from anlan.infra.mqtt.wire import V5, V311
from anlan.kernel.errors import AnlanError

ANSWERED_S = 10.0
"""How long a broker may take to be reached, to let in, and to answer a subscription."""
MOST_UNACKED = 20_000
SESSION_KEPT_S = 7 * 86_400
"""For how long a broker of MQTT 5 is asked to keep what comes while Anlan is away."""
NEW_ONES_ONLY = 1 << 4
"""Of MQTT 5: retained messages come with a new subscription only, not with each connection."""
SUBSCRIBED_AS = 1


class Caller(Protocol):
    """Whoever has called a broker."""

    def subscribed(self, call: Call, problem: str) -> None:
        """Hear that the broker sends from now on; ``problem`` names the filters it refused."""

    def came(self, call: Call, messages: Sequence[Publish]) -> None:
        """Take messages."""


class Call(asyncio.Protocol):
    """One connection: comes in, subscribes, hands on, and says in the end why it is over.

    With a ``session`` the broker keeps what comes while nobody is connected.
    """

    def __init__(
        self, part: BrokerPart, connect: Connect, caller: Caller, *, session: bool
    ) -> None:
        self._part, self._connect, self._caller, self._session = part, connect, caller, session
        self._loop = asyncio.get_running_loop()
        self._line = ClientConnection(connect.level)
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._held = self._leaving = False
        self._heard_at = self._loop.time()
        self._problem = ""
        self.was_let_in = False
        self.over: asyncio.Future[str] = self._loop.create_future()
        """Why the connection is over; empty where it was ended here."""

    # The line itself

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say who calls."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(client.connect(self._connect))
        self._timer = self._loop.call_later(ANSWERED_S, self._end, "no answer")

    def data_received(self, data: bytes) -> None:
        """Take what came: messages that came together are handed on together."""
        self._heard_at = self._loop.time()
        messages: list[Publish] = []
        for packet in self._line.receive(data):
            if type(packet) is Publish:
                messages.append(packet)
            else:
                self._answer(packet)
        if messages and not self._problem:
            self._caller.came(self, messages)
        if self._line.broken is not None:
            self._end(f"it breaks the protocol: {self._line.broken.problem}")

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell why it is over."""
        if self._timer is not None:
            self._timer.cancel()
        self._transport = None
        if not self.over.done():
            lost = "" if self._leaving else f"line lost: {exc or 'closed by the broker'}"
            self.over.set_result(self._problem or lost)

    def _end(self, problem: str) -> None:
        if self._transport is not None:
            self._problem = self._problem or problem
            self._transport.abort()

    # What the broker says

    def _answer(self, packet: Told) -> None:
        if isinstance(packet, ConnAck):
            self._let_in(packet)
        elif isinstance(packet, SubAck):
            self._subscribed(packet)
        elif isinstance(packet, Disconnect):
            self._end(f"line lost: {reason_text(packet.reason)}")

    def _let_in(self, told: ConnAck) -> None:
        if told.reason:
            self._end(f"refused: {reason_text(told.reason)}")
            return
        if self._transport is None:
            return
        self.was_let_in = True
        how = (1 if self._session else 0) | (NEW_ONES_ONLY if self._connect.level == V5 else 0)
        asked = [(topic.filter, how) for topic in self._part.topics]
        self._transport.write(client.subscribe(self._connect.level, SUBSCRIBED_AS, asked))
        wanted = told.properties.get(Property.SERVER_KEEP_ALIVE, self._connect.keep_alive_s)
        if self._timer is not None:
            self._timer.cancel()
        if wanted:
            self._timer = self._loop.call_later(int(wanted) / 2, self._beat, int(wanted))

    def _subscribed(self, told: SubAck) -> None:
        topics = [topic.filter for topic in self._part.topics]
        if len(told.reasons) != len(topics):
            self._end("it answers other filters than were asked for")
            return
        refused = [one for one, how in zip(topics, told.reasons, strict=True) if how >= REFUSED]
        said = f"subscription refused: {', '.join(refused)}" if refused else ""
        self._caller.subscribed(self, said)

    def _beat(self, keep_alive_s: int) -> None:
        """Say that we are there before the broker misses us; end a line at which nobody is."""
        if self._transport is None:
            return
        silent_s = self._loop.time() - self._heard_at
        if silent_s > 1.5 * keep_alive_s and not self._held:
            self._end("line lost: the broker is silent")
            return
        self._transport.write(client.PING)
        self._timer = self._loop.call_later(keep_alive_s / 2, self._beat, keep_alive_s)

    # What is said to it

    def hold(self) -> None:
        """Read no more: what comes stays with the broker."""
        if not self._held and self._transport is not None:
            self._held = True
            self._transport.pause_reading()

    def go_on(self) -> None:
        """Read again."""
        if self._held and self._transport is not None:
            self._held = False
            self._heard_at = self._loop.time()
            self._transport.resume_reading()

    def acknowledge(self, numbers: Sequence[int]) -> None:
        """Let the broker forget messages."""
        if self._transport is not None and not self._transport.is_closing():
            told = packets.pubacks([(number, 0) for number in numbers], self._connect.level)
            self._transport.write(told)

    def hang_up(self) -> None:
        """Leave; what was said before goes out first."""
        if self._transport is not None:
            self._leaving = True
            self._transport.write(client.FAREWELL)
            self._transport.close()


def asked_of(part: BrokerPart, root: Path, name: str) -> Connect:
    """Return who asks to come in; without a ``name`` nothing is kept of it afterwards.

    Raises
    ------
    MqttSettingsError
        When the file with the password cannot be read.
    """
    level = V5 if part.version == "5" else V311
    said: Properties = NONE
    if name and level == V5:
        said = {Property.SESSION_EXPIRY: SESSION_KEPT_S, Property.RECEIVE_MAXIMUM: MOST_UNACKED}
    password = secret_in(root, part.password_file).encode() if part.user else None
    return Connect(
        level, name or f"anlan-trial-{secrets.token_hex(4)}", not name, part.keep_alive,
        part.user or None, password, said,
    )  # fmt: skip


async def call(part: BrokerPart, root: Path, caller: Caller, *, name: str) -> Call:
    """Call a broker; with a ``name`` it knows us again, and has kept what came meanwhile.

    Raises
    ------
    OSError
        When nobody is there, or shows a certificate that is not trusted.
    MqttSettingsError
        When a file that the part names cannot be read.
    """
    connect = asked_of(part, root, name)
    tls: ssl.SSLContext | None = client_tls(part, root) if part.tls else None
    made: Callable[[], Call] = lambda: Call(part, connect, caller, session=bool(name))  # noqa: E731
    async with asyncio.timeout(ANSWERED_S):
        _, found = await asyncio.get_running_loop().create_connection(
            made, part.host, part.at, ssl=tls
        )
    return found


def problem_of(error: BaseException) -> str:
    """Return in a few words why a broker could not be called."""
    if isinstance(error, AnlanError):
        return error.code
    if isinstance(error, TimeoutError):
        return "no answer"
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):
        number = error.errno or 0  # below 0 it comes from the search for the name
        if number > 0:
            return ": ".join(filter(None, [os.strerror(number), error.filename]))
    return str(error) or type(error).__name__
