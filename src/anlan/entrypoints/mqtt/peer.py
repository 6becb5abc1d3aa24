"""One device at the door: its line, what it may have under way, and when it is no longer read."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, cast

from anlan.entrypoints.mqtt.letters import Fate, Home, Letter, Settled
from anlan.entrypoints.mqtt.settings import DoorPart
from anlan.entrypoints.mqtt.telling import Session
from anlan.entrypoints.senders import may_read, may_send
from anlan.infra.mqtt import (
    BrokenError,
    Connect,
    Disconnect,
    Packet,
    PingReq,
    PubAck,
    Publish,
    Reason,
    ServerConnection,
    Subscribe,
    Unsubscribe,
    packets,
)
from anlan.infra.mqtt.properties import Properties, Property
from anlan.infra.mqtt.wire import V5
from anlan.kernel.actor import Actor
from anlan.kernel.errors import AnlanError, NotAuthenticatedError

if TYPE_CHECKING:
    from asyncio.trsock import TransportSocket


class TooManyLinesError(AnlanError):
    """A token holds as many lines as one may."""

    code = "mqtt.too_many_lines"
    http_status = 429


ONCE_IN = 10.0
"""Seconds in which a device says who it is, and in which that is found out."""
REFUSAL_S = 1.0
"""Seconds that a refusal takes: whoever guesses, or holds too many lines, shall not come back fast."""
MOST_UNACKED = 4096
MOST_UNACKED_BYTES = 4 << 20
LONGEST_KEEP_ALIVE_S = 3600
WRITE_BUFFER = 256 * 1024
FULL, RATE, ASKING, SLOW, OVERALL = "full", "rate", "asking", "slow", "overall"
SUBSCRIBING = "subscribing"
_REFUSALS = (
    (NotAuthenticatedError, Reason.BAD_CREDENTIALS),
    (TooManyLinesError, Reason.QUOTA),
)
_REASONS = {Fate.KEPT: 0, Fate.PASSED: 0, Fate.OVER_BOUND: int(Reason.QUOTA)}


class Doorkeeper(Home, Protocol):
    """Whoever keeps the lines: what one line asks of it."""

    limits: DoorPart
    loop: asyncio.AbstractEventLoop

    def let_in(self, peer: Peer) -> bool:
        """Take a new line, unless there are too many."""

    def let_go(self, peer: Peer) -> None:
        """Forget a line."""

    def note_broken(self, peer: Peer, error: BrokenError) -> None:
        """Count a device that breaks the protocol."""

    def admit(self, peer: Peer, connect: Connect) -> None:
        """Find out who it is; it is admitted or refused later."""

    def take(self, peer: Peer, letters: Sequence[Letter]) -> None:
        """Take messages; the line hears when they are kept."""

    def subscribe(self, peer: Peer, asked: Subscribe) -> None:
        """Answer a device that asks for topics."""

    def unsubscribe(self, peer: Peer, asked: Unsubscribe) -> None:
        """Answer a device that asks for topics no more."""

    def delivered(self, peer: Peer, packet: PubAck) -> None:
        """Hear that a device has a message."""

    def wake(self, peer: Peer) -> None:
        """Hear that a device takes what is sent again."""


class Peer(asyncio.Protocol):
    """The door's end of one line."""

    def __init__(self, door: Doorkeeper) -> None:
        self.door = door
        self.line = ServerConnection(largest=door.limits.largest_message)
        self.connect: Connect | None = None
        self.token = ""
        self.actor: Actor | None = None
        self.client_id = ""
        self.session: Session | None = None
        self.heard_at = door.loop.time()
        self.unacked = self.unacked_bytes = 0
        self.session_expiry_s = 0
        self._transport: asyncio.Transport | None = None
        self._held: set[str] = set()
        self._waiting: list[Packet] = []
        self._credit = float(door.limits.messages_per_second)
        self._credit_at = self.heard_at
        self._timer: asyncio.TimerHandle | None = None

    # The line itself

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to listen; whoever says nothing is let go."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=WRITE_BUFFER)
        if not self.door.let_in(self):
            self._transport.abort()
            return
        self._timer = self.door.loop.call_later(ONCE_IN, self.abort)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's name
        """Forget the line; what it sent and was not told of is sent again."""
        if self._timer is not None:
            self._timer.cancel()
        self._transport = None
        self.door.let_go(self)

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        self.heard_at = self.door.loop.time()
        found = self.line.receive(data)
        if self._waiting or ASKING in self._held:
            self._waiting += found
        else:
            self._work(found)
        if self.line.broken is not None and not self._waiting:
            self._break(self.line.broken)

    def pause_writing(self) -> None:
        """Read nothing from a device that does not take its answers."""
        self.hold(SLOW)

    def resume_writing(self) -> None:
        """Go on when it has taken them."""
        self.release(SLOW)
        self.door.wake(self)

    @property
    def socket(self) -> TransportSocket | None:
        """The socket of the line."""
        return None if self._transport is None else self._transport.get_extra_info("socket")

    @property
    def is_slow(self) -> bool:
        """Whether the device does not take what is sent."""
        return SLOW in self._held

    @property
    def is_held(self) -> bool:
        """Whether it is not read at present: its silence means nothing."""
        return bool(self._held)

    def hold(self, why: str) -> None:
        """Read no more until every reason is gone."""
        if not self._held and self._transport is not None:
            self._transport.pause_reading()
        self._held.add(why)

    def release(self, why: str) -> None:
        """Take one reason away."""
        if why not in self._held:
            return
        self._held.discard(why)
        if not self._held and self._transport is not None:
            self.heard_at = self.door.loop.time()
            self._transport.resume_reading()

    def send(self, data: bytes) -> None:
        """Send bytes, if the line still stands."""
        if self._transport is not None and data:
            self._transport.write(data)

    def abort(self) -> None:
        """Cut the line."""
        if self._transport is not None:
            self._transport.abort()

    def end(self, reason: Reason) -> None:
        """Say why, and close the line; what was sent before goes out first."""
        if self._transport is None:
            return
        if self.actor is not None:
            self.send(packets.goodbye(self.line.level, reason))
        self._transport.close()
        # Who does not read would keep the line open with what waits for it.
        self.door.loop.call_later(ONCE_IN, self.abort)

    def _break(self, error: BrokenError) -> None:
        self.door.note_broken(self, error)
        if self.actor is None and self._transport is not None:
            self.send(packets.connack(self.line.level, error.reason))
            self._transport.close()
            self.door.loop.call_later(ONCE_IN, self.abort)
            return
        self.end(error.reason)

    # What it says

    def _work(self, found: list[Packet]) -> None:
        """Do what packets ask for; the messages among them go to the store together."""
        letters: list[Letter] = []
        for place, packet in enumerate(found):
            if type(packet) is Publish:
                if not self._take(packet, letters):
                    break
            elif type(packet) is Connect:
                self._waiting = found[place + 1 :]
                self._come_in(packet)
                return
            elif type(packet) is Disconnect:
                self._leave(packet)
                break
            else:
                self._answer(packet)
        if letters:
            self.door.take(self, letters)
            self._hold_if_full(len(letters))

    def _take(self, packet: Publish, letters: list[Letter]) -> bool:
        actor = self.actor
        if actor is None or not may_send(actor):
            # 3.1.1 has no other refusal than the end of the line.
            if self.line.level != V5:
                self.end(Reason.NOT_AUTHORIZED)
                return False
            if packet.packet_id:
                self.send(packets.pubacks([(packet.packet_id, Reason.NOT_AUTHORIZED)], V5))
            return True
        letter = Letter(
            self.door,
            actor,
            packet.topic,
            packet.payload,
            retained=False,
            mark=(self, packet.packet_id),
        )
        letters.append(letter)
        self.unacked += 1
        self.unacked_bytes += len(packet.payload)
        return True

    def _answer(self, packet: Packet) -> None:
        if isinstance(packet, PingReq):
            self.send(packets.PONG)
        elif isinstance(packet, Subscribe):
            self.door.subscribe(self, packet)
        elif isinstance(packet, Unsubscribe):
            self.door.unsubscribe(self, packet)
        elif isinstance(packet, PubAck):
            self.door.delivered(self, packet)

    def _hold_if_full(self, came: int) -> None:
        if self.unacked >= MOST_UNACKED or self.unacked_bytes >= MOST_UNACKED_BYTES:
            self.hold(FULL)
        now, rate = self.door.loop.time(), self.door.limits.messages_per_second
        self._credit = min(rate, self._credit + (now - self._credit_at) * rate) - came
        self._credit_at = now
        if self._credit < 0:
            self.hold(RATE)
            self.door.loop.call_later(-self._credit / rate, self.release, RATE)

    def settled(self, letters: Settled) -> None:
        """Tell the device what is kept now, in the order in which it came."""
        told = [(letter.mark[1], _REASONS[fate]) for letter, fate in letters if letter.mark[1]]
        self.unacked -= len(letters)
        self.unacked_bytes -= sum(len(letter.payload) for letter, _ in letters)
        self.send(packets.pubacks(told, self.line.level))
        if self.unacked < MOST_UNACKED // 2 and self.unacked_bytes < MOST_UNACKED_BYTES // 2:
            self.release(FULL)

    # Coming and going

    def _come_in(self, connect: Connect) -> None:
        self.connect = connect
        self.token = (connect.password or b"").decode(errors="replace")
        self.hold(ASKING)
        self.door.admit(self, connect)

    def admitted(self, actor: Actor, *, present: bool) -> None:
        """Let the device in, and do what it asked for meanwhile."""
        if self._transport is None or self.connect is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        self.actor = actor
        level = self.line.level
        said = self._said(self.connect) if level == V5 else {}
        self.send(packets.connack(level, Reason.SUCCESS, present=present, said=said))
        self.release(ASKING)
        waiting, self._waiting = self._waiting, []
        self._work(waiting)
        if self.line.broken is not None and self._transport is not None:
            self._break(self.line.broken)

    def stands_for(self, actor: Actor) -> None:
        """Go on with what its token allows now."""
        self.actor = actor
        # Else another line has taken it over, and it is that line's token that counts.
        if self.session is not None and self.session.peer is self:
            self.session.stands_for(actor)

    def name(self, connect: Connect) -> str:
        """Return by which name the device is known: its own, or one that is made for it."""
        self.client_id = connect.client_id or f"anlan-{secrets.token_hex(8)}"
        return self.client_id

    @property
    def keep_alive_s(self) -> int:
        """After how many seconds at most it has to say something."""
        asked = self.connect.keep_alive_s if self.connect is not None else 0
        if self.line.level != V5:
            return asked
        return min(asked or LONGEST_KEEP_ALIVE_S, LONGEST_KEEP_ALIVE_S)

    def _said(self, connect: Connect) -> Properties:
        said: dict[Property, int | str | bytes] = {
            Property.RECEIVE_MAXIMUM: MOST_UNACKED,
            Property.MAXIMUM_QOS: 1,
            Property.MAXIMUM_PACKET_SIZE: self.door.limits.largest_message,
            Property.SHARED_AVAILABLE: 0,
        }
        if not connect.client_id:
            said[Property.ASSIGNED_CLIENT_ID] = self.client_id
        if self.keep_alive_s != connect.keep_alive_s:
            said[Property.SERVER_KEEP_ALIVE] = self.keep_alive_s
        if self.session_expiry_s != connect.session_expiry_s:
            said[Property.SESSION_EXPIRY] = self.session_expiry_s
        return said

    def refused(self, error: AnlanError) -> None:
        """Say that the device may not come in; unless it is ours to mend, the line ends after a while."""
        if self._transport is None:
            return
        reason = next((one for kind, one in _REFUSALS if isinstance(error, kind)), None)
        self.send(packets.connack(self.line.level, reason or Reason.UNAVAILABLE))
        self.door.loop.call_later(REFUSAL_S if reason else 0.0, self._close)

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _leave(self, packet: Disconnect) -> None:
        if packet.session_expiry_s is not None:
            self.session_expiry_s = min(self.session_expiry_s, packet.session_expiry_s)
        with contextlib.suppress(OSError):
            self._close()

    @property
    def may_read(self) -> bool:
        """Whether readings are shown to whom the device stands for."""
        return self.actor is not None and may_read(self.actor)

    @property
    def level(self) -> int:
        """The version of MQTT that is spoken."""
        return self.line.level

    @property
    def receive_maximum(self) -> int:
        """How many messages the device lets be on their way."""
        return self.connect.receive_maximum if self.connect is not None else 0

    @property
    def largest_packet(self) -> int:
        """How many bytes a packet to the device may have."""
        return self.connect.largest_packet if self.connect is not None else 0
