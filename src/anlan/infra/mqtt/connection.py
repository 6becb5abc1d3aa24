"""One line, from its bytes to packets, at either end: what may come when, and how much of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic, TypeVar

from anlan.infra.mqtt import client, packets
from anlan.infra.mqtt.client import PingResp, Told
from anlan.infra.mqtt.packets import Connect, Packet, PingReq, Publish
from anlan.infra.mqtt.topics import LONGEST
from anlan.infra.mqtt.wire import MOST_REMAINING, V5, V311, BrokenError, Reader, Reason, malformed

MOST_CONNECT = 16 * 1024
"""Bytes of a CONNECT: before it nobody is known, and memory is for those who are."""
TOPICS_REMEMBERED = 512
NO_TOPIC = "\N{REPLACEMENT CHARACTER}"
"""Stands for a topic that is no text, of which no rule takes it in, and for a NUL in one."""

Heard = TypeVar("Heard")


class Connection(ABC, Generic[Heard]):
    """One end of a line; bytes go in, packets come out (no input or output of its own)."""

    def __init__(self, level: int, largest: int) -> None:
        self.level = level
        self.connected = False
        self.broken: BrokenError | None = None
        self._largest = largest
        self._waiting = bytearray()
        self._need = 2
        self._skip = 0  # bytes still to come of a packet that is passed over
        self._topics: dict[bytes, str] = {}

    @property
    def held_bytes(self) -> int:
        """How many bytes wait for the rest of their packet."""
        return len(self._waiting)

    def receive(self, data: bytes) -> list[Heard]:
        """Return the packets that are whole now, in their order.

        When the other end breaks the protocol, what came before is returned and ``broken`` says
        why the line is to be closed; nothing is read from it any more.
        """
        if self._skip:
            passed = min(self._skip, len(data))
            self._skip -= passed
            data = data[passed:]
        if self.broken is not None or not data:
            return []
        if self._waiting or len(data) < self._need:
            self._waiting += data
            if len(self._waiting) < self._need:
                return []
            data = bytes(self._waiting)
            self._waiting.clear()
        found: list[Heard] = []
        try:
            self._read(data, found)
        except BrokenError as error:
            self.broken = error
            self._waiting.clear()
        return found

    def _read(self, data: bytes, found: list[Heard]) -> None:
        at, end = 0, len(data)
        while at < end:
            if not self.connected:
                self._first(data[at])
            body = _body_of(data, at, end)
            if body is None:
                break
            start, after = body
            limit = self._largest if self.connected else MOST_CONNECT
            if after - at > limit:
                beginning = self._too_long(data[at], data, start, after)
                if beginning is None:
                    break
                found.append(beginning)
                self._skip = max(0, after - end)
            elif after > end:
                self._need = after - at
                self._waiting += data[at:]
                return
            else:
                found.append(self._decode(data[at], data, start, after))
            at = min(after, end)
        self._need = max(2, end - at + 1)
        self._waiting += data[at:]

    @abstractmethod
    def _first(self, head: int) -> None:
        """Refuse what may not begin a line."""

    @abstractmethod
    def _decode(self, head: int, data: bytes, start: int, after: int) -> Heard:
        """Return the packet whose body lies between ``start`` and ``after``."""

    def _too_long(self, head: int, data: bytes, start: int, after: int) -> Heard | None:  # noqa: ARG002
        """Refuse a packet that is longer than may be, or return what stands for it; None until that is known."""
        raise BrokenError(Reason.TOO_LARGE, f"a packet of {after - start} bytes")

    @abstractmethod
    def _named(self, raw: bytes) -> str:
        """Return the name of a topic."""

    @abstractmethod
    def _pass_properties(self, reader: Reader) -> None:
        """Pass over the properties of a PUBLISH; none of them changes what a reading is."""

    def _publish(self, head: int, data: bytes, start: int, after: int) -> Publish:
        topic, number, at = self._beginning(head, data, start, after)
        if self.level == V5:
            if at < after and not data[at]:
                at += 1  # no properties, as nearly always
            else:
                reader = Reader(data, at, after)
                self._pass_properties(reader)
                at = reader.at
        return Publish(topic, data[at:after], number, bool(head & 0x01), bool(head & 0x08))

    def _beginning(self, head: int, data: bytes, start: int, after: int) -> tuple[str, int, int]:
        """Return topic and number of a PUBLISH, and where they end."""
        qos = head >> 1 & 0x03
        if qos > 1:
            if qos == 2:
                raise BrokenError(Reason.QOS_UNSUPPORTED, "QoS 2 is not offered")
            raise malformed("PUBLISH: QoS 3")
        if start + 2 > after:
            raise malformed("PUBLISH: no topic")
        at = start + 2 + (data[start] << 8 | data[start + 1])
        number = 0
        if at + 2 * qos > after:
            raise malformed("PUBLISH: the topic is longer than the packet")
        topic = self._topic(data[start + 2 : at])
        if qos:
            number = data[at] << 8 | data[at + 1]
            if not number:
                raise malformed("PUBLISH: packet identifier 0")
            at += 2
        return topic, number, at

    def _topic(self, raw: bytes) -> str:
        found = self._topics.get(raw)
        if found is None:
            found = self._named(raw)
            if len(self._topics) >= TOPICS_REMEMBERED:
                self._topics.clear()
            self._topics[raw] = found
        return found


class ServerConnection(Connection[Packet]):
    """The server's end.

    ``largest`` is the largest packet in bytes, its head included, once the client is in.
    """

    def __init__(self, *, largest: int) -> None:
        super().__init__(V311, largest)

    def _first(self, head: int) -> None:
        if head != packets.CONNECT:
            raise BrokenError(Reason.PROTOCOL_ERROR, "the first packet is no CONNECT")

    def _named(self, raw: bytes) -> str:
        return packets.topic_of(raw)

    def _pass_properties(self, reader: Reader) -> None:
        packets.pass_publish_properties(reader)

    def _decode(self, head: int, data: bytes, start: int, after: int) -> Packet:
        if head & 0xF0 == packets.PUBLISH and self.connected:
            if head & 0x0E == 0x08:
                raise malformed("PUBLISH: a repetition with QoS 0")
            return self._publish(head, data, start, after)
        body = data[start:after]
        if not self.connected:
            return self._connect(body)
        decode = _DECODE.get(head)
        if decode is None:
            raise _unexpected(head)
        return decode(body, self.level)

    def _connect(self, body: bytes) -> Connect:
        # Known before it is decoded whole, so that a refusal can be told in the client's version.
        if body[:7] == b"\x00\x04MQTT\x05":
            self.level = V5
        found = packets.connect(body)
        self.level = found.level
        self.connected = True
        return found


class ClientConnection(Connection[Told]):
    """The client's end, of a line to a broker.

    What a *device* chose never breaks the line, for the broker would send it again, and nothing behind it
    would ever come: properties are passed over by their length, a topic that is none is ``NO_TOPIC``, and of a
    message beyond ``largest`` bytes only topic and number are read.
    """

    def __init__(self, level: int, *, largest: int = MOST_REMAINING) -> None:
        super().__init__(level, largest)

    def _first(self, head: int) -> None:
        if head != packets.CONNACK:
            raise BrokenError(Reason.PROTOCOL_ERROR, "the first packet is no CONNACK")

    def _too_long(self, head: int, data: bytes, start: int, after: int) -> Told | None:
        if not self.connected or head & 0xF0 != packets.PUBLISH:
            return super()._too_long(head, data, start, after)
        if len(data) < start + 2:
            return None
        enough = start + 4 + (data[start] << 8 | data[start + 1])
        if enough > after:
            raise malformed("PUBLISH: the topic is longer than the packet")
        if len(data) < enough:
            return None
        topic, number, _ = self._beginning(head, data, start, enough)
        return Publish(topic, b"", number, bool(head & 0x01), bool(head & 0x08), after - start)

    def _named(self, raw: bytes) -> str:
        if len(raw) > LONGEST:
            return NO_TOPIC
        try:
            return raw.decode().replace("\0", NO_TOPIC)  # no column of PostgreSQL holds one
        except UnicodeDecodeError:
            return NO_TOPIC

    def _pass_properties(self, reader: Reader) -> None:
        reader.within(reader.variable())

    def _decode(self, head: int, data: bytes, start: int, after: int) -> Told:
        if head & 0xF0 == packets.PUBLISH and self.connected:
            return self._publish(head, data, start, after)
        body = data[start:after]
        if not self.connected:
            self.connected = True
            return client.connack(body, self.level)
        decode = _DECODE_TOLD.get(head)
        if decode is None:
            raise malformed(f"no server sends a packet that begins with {head:#04x}")
        return decode(body, self.level)


def _body_of(data: bytes, at: int, end: int) -> tuple[int, int] | None:
    """Return where the body of the packet at ``at`` begins and ends; None when that has not come."""
    length, shift, place = 0, 0, at + 1
    while place < end:
        byte = data[place]
        length |= (byte & 0x7F) << shift
        place += 1
        if not byte & 0x80:
            if shift and not byte:
                raise malformed("a length is longer than it must be")
            return place, place + length
        shift += 7
        if shift > 21:
            raise malformed("a length has more than four bytes")
    return None


Ping = TypeVar("Ping", PingReq, PingResp)


def _no_body(kind: type[Ping]) -> Callable[[bytes, int], Ping]:
    def decode(body: bytes, _level: int) -> Ping:
        if body:
            raise malformed(f"{kind.__name__}: bytes beyond its end")
        return kind()

    return decode


_DECODE: dict[int, Callable[[bytes, int], Packet]] = {
    packets.PUBACK: packets.puback,
    packets.SUBSCRIBE: packets.subscribe,
    packets.UNSUBSCRIBE: packets.unsubscribe,
    packets.PINGREQ: _no_body(PingReq),
    packets.DISCONNECT: packets.disconnect,
}
_DECODE_TOLD: dict[int, Callable[[bytes, int], Told]] = {
    packets.SUBACK: client.suback,
    packets.PINGRESP: _no_body(PingResp),
    packets.DISCONNECT: client.goodbye,
}
_QOS_2 = frozenset({0x50, 0x62, 0x70})


def _unexpected(head: int) -> BrokenError:
    if head == packets.CONNECT:
        return BrokenError(Reason.PROTOCOL_ERROR, "a second CONNECT")
    if head in _QOS_2:
        return BrokenError(Reason.PROTOCOL_ERROR, "a packet of QoS 2")
    return malformed(f"no client sends a packet that begins with {head:#04x}")
