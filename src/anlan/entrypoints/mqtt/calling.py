"""Anlan as a client of one broker: one connection, from the first byte until it is over."""

from __future__ import annotations

import asyncio
import os
import secrets
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, cast

from anlan.entrypoints.mqtt.settings import BrokerPart, client_tls, secret_in
from anlan.infra.mqtt import ClientConnection, Connect, Disconnect, Publish, client, packets
from anlan.infra.mqtt.client import REFUSED, ConnAck, SubAck, Told, reason_text
from anlan.infra.mqtt.properties import NONE, Properties, Property
from anlan.infra.mqtt.wire import V5, V311
from anlan.kernel.errors import AnlanError

ANSWERED_S = 10.0
"""How long a broker may take to be reached, and again to let in and to answer the subscription."""
OTHER_ADDRESS_S = 0.25
"""After how long the next address of a host is tried beside one that does not answer."""
ENDING_S = 2.0
MOST_UNACKED = 20_000
LARGEST = 16 << 20
"""Bytes of a message; of a longer one only the topic is read."""
SESSION_KEPT_S = 7 * 86_400
"""For how long a broker of MQTT 5 is asked to keep what comes while Anlan is away."""
NEW_ONES_ONLY = 1 << 4
"""Of MQTT 5: retained messages come with a new subscription only, not with each connection."""
SUBSCRIBED_AS = 1
FAILS = (OSError, ValueError, OverflowError)
"""How a call fails: nobody is there or trusted; there can be no such host; MQTT has no such long words."""


class Caller(Protocol):
    """Whoever has called a broker."""

    def let_in(self, call: Call) -> None:
        """Hear that the broker lets us in."""

    def subscribed(self, call: Call, problem: str) -> None:
        """Hear that the broker sends from now on; ``problem`` names the filters it refused."""

    def came(self, call: Call, messages: Sequence[Publish]) -> None:
        """Take messages."""


class Call(asyncio.Protocol):
    """One connection: comes in, subscribes, hands on, and says in the end why it is over."""

    def __init__(self, part: BrokerPart, asked: Connect, caller: Caller) -> None:
        self._asked, self._caller = asked, caller
        self._filters = [topic.filter for topic in part.topics]
        self._hello = client.connect(asked)
        self._loop = asyncio.get_running_loop()
        self._line = ClientConnection(asked.level, largest=LARGEST)
        self._transport: asyncio.Transport | None = None
        self._answer_by: asyncio.TimerHandle | None = None
        self._beats: asyncio.TimerHandle | None = None
        self._held = self._leaving = False
        self._heard_at = self._message_at = self._loop.time()
        self._problem = ""
        self._open: dict[int, Publish] = {}
        self.was_let_in = self.knew_us = False
        self.over: asyncio.Future[str] = self._loop.create_future()
        """Why the connection is over; empty where it was ended here."""

    # The line itself

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say who calls."""
        self._transport = cast("asyncio.Transport", transport)
        self._answer_by = self._loop.call_later(ANSWERED_S, self._not_answered)
        self._transport.write(self._hello)

    def data_received(self, data: bytes) -> None:
        """Take what came: messages that came together are handed on together."""
        self._heard_at = self._loop.time()
        messages: list[Publish] = []
        for packet in self._line.receive(data):
            if self._problem:
                break
            if type(packet) is not Publish:
                self._answer(packet)
            elif self._take_up(packet):
                messages.append(packet)
        if messages:
            self._message_at = self._heard_at
            self._caller.came(self, messages)
        if self._line.broken is not None:
            self._end(f"it breaks the protocol: {self._line.broken.problem}")

    def _take_up(self, message: Publish) -> bool:
        """Note a message as under way; return whether it was not: some brokers grow impatient and repeat.

        Two acknowledgements of one number could be taken for that of the next message of that number.
        """
        number = message.packet_id
        if message.dup and number in self._open:
            return False
        if number:
            self._open[number] = message
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell why it is over."""
        for timer in (self._answer_by, self._beats):
            if timer is not None:
                timer.cancel()
        self._transport = None
        # Letters may keep this for long: what had begun to come is not kept with them.
        self._line = ClientConnection(self._asked.level)
        if not self.over.done():
            lost = "" if self._leaving else f"line lost: {exc or 'closed by the broker'}"
            self.over.set_result(self._problem or lost)

    def _end(self, problem: str) -> None:
        if self._transport is not None:
            self._problem = self._problem or problem
            self._transport.abort()

    def _not_answered(self) -> None:
        """End a line whose answer is late; it may lie behind messages that come, or are not read at present."""
        if self._held or self._loop.time() - self._message_at < ANSWERED_S:
            self._answer_by = self._loop.call_later(ANSWERED_S, self._not_answered)
        else:
            self._end("no answer")

    # What the broker says

    def _answer(self, packet: Told) -> None:
        if isinstance(packet, ConnAck):
            self._let_in(packet)
        elif isinstance(packet, SubAck):
            self._hear_of_filters(packet)
        elif isinstance(packet, Disconnect):
            self._end(f"line lost: {reason_text(packet.reason)}")

    def _let_in(self, told: ConnAck) -> None:
        if told.reason:
            self._end(f"refused: {reason_text(told.reason)}")
            return
        if self._transport is None:
            return
        self.was_let_in, self.knew_us = True, told.present
        how = 1 | (NEW_ONES_ONLY if self._asked.level == V5 else 0)
        asked = [(one, how) for one in self._filters]
        self._transport.write(client.subscribe(self._asked.level, SUBSCRIBED_AS, asked))
        wanted = told.properties.get(Property.SERVER_KEEP_ALIVE, 0)
        keep_alive_s = int(wanted) or self._asked.keep_alive_s
        self._beats = self._loop.call_later(keep_alive_s / 2, self._beat, keep_alive_s)
        self._caller.let_in(self)

    def _hear_of_filters(self, told: SubAck) -> None:
        if told.packet_id != SUBSCRIBED_AS or len(told.reasons) != len(self._filters):
            self._end("it answers other filters than were asked for")
            return
        if self._answer_by is not None:
            self._answer_by.cancel()
        each = list(zip(self._filters, told.reasons, strict=True))
        refused = [one for one, how in each if how >= REFUSED]
        lower = [one for one, how in each if how == 0]
        if refused:
            self._caller.subscribed(self, f"subscription refused: {', '.join(refused)}")
        elif lower:  # it comes, but nobody waits until it is kept
            self._caller.subscribed(
                self, f"sent without acknowledgement (QoS 0): {', '.join(lower)}"
            )
        else:
            self._caller.subscribed(self, "")

    def _beat(self, keep_alive_s: int) -> None:
        """Say that we are there before the broker misses us; end a line at which nobody is."""
        if self._transport is None:
            return
        silent_s = self._loop.time() - self._heard_at
        if silent_s > 1.5 * keep_alive_s and not self._held:
            self._end("line lost: the broker is silent")
            return
        self._transport.write(client.PING)
        self._beats = self._loop.call_later(keep_alive_s / 2, self._beat, keep_alive_s)

    # What is said to it

    @property
    def unacknowledged(self) -> int:
        """How many messages came and are not acknowledged."""
        return len(self._open)

    @property
    def is_held(self) -> bool:
        """Whether nothing is read at present."""
        return self._held

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

    def acknowledge(self, messages: Sequence[Publish]) -> None:
        """Let the broker forget messages of this connection; of one number only the last that came counts."""
        told = [one.packet_id for one in messages if self._open.get(one.packet_id) is one]
        for number in told:
            del self._open[number]
        if self._transport is not None and not self._transport.is_closing():
            answers = packets.pubacks([(number, 0) for number in told], self._asked.level)
            self._transport.write(answers)

    async def hang_up(self) -> None:
        """Leave; what was said before goes out first, unless nobody takes it."""
        if self._transport is not None:
            self._leaving = True
            self._transport.write(client.FAREWELL)
            self._transport.close()
        await asyncio.wait([self.over], timeout=ENDING_S)
        if self._transport is not None:  # of TLS the other end has to say goodbye too
            self._transport.abort()
            await self.over


def asked_of(part: BrokerPart, root: Path, name: str) -> Connect:
    """Return who asks to come in; without a ``name`` nothing is kept of it afterwards.

    Raises
    ------
    MqttSettingsError
        When the file with the password cannot be read.
    """
    level = V5 if part.version == "5" else V311
    said: Properties = NONE
    if level == V5:  # no largest packet: the broker would throw away in silence what is larger
        said = {Property.RECEIVE_MAXIMUM: MOST_UNACKED}
        said |= {Property.SESSION_EXPIRY: SESSION_KEPT_S} if name else {}
    password = secret_in(root, part.password_file).encode() if part.user else None
    return Connect(
        level, name or f"anlan-trial-{secrets.token_hex(4)}", not name, part.keep_alive,
        part.user or None, password, said,
    )  # fmt: skip


async def call(part: BrokerPart, root: Path, caller: Caller, *, name: str) -> Call:
    """Call a broker; with a ``name`` it knows us again, and has kept what came meanwhile.

    Raises
    ------
    OSError, ValueError, OverflowError
        See ``FAILS``.
    MqttSettingsError
        When a file that the part names cannot be read.
    """
    this = Call(part, asked_of(part, root, name), caller)
    tls = client_tls(part, root) if part.tls else None
    async with asyncio.timeout(ANSWERED_S):
        await asyncio.get_running_loop().create_connection(
            lambda: this, part.host, part.at, ssl=tls, happy_eyeballs_delay=OTHER_ADDRESS_S
        )
    return this


def problem_of(error: BaseException) -> str:
    """Return in a few words why a broker could not be called."""
    if isinstance(error, AnlanError):
        told = (error.params.get(one, "") for one in ("where", "problem"))
        return ": ".join(filter(None, [error.code, *map(str, told)]))
    if isinstance(error, TimeoutError):
        return "no answer"
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):
        number = error.errno or 0  # below 0 it comes from the search for the name
        if number > 0:
            return ": ".join(filter(None, [os.strerror(number), error.filename]))
    return str(error) or type(error).__name__
