"""Packets that a client sends, decoded; packets that a server sends, encoded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from anlan.infra.mqtt import properties
from anlan.infra.mqtt.properties import NONE, Properties, Property
from anlan.infra.mqtt.topics import LONGEST, is_filter, is_topic
from anlan.infra.mqtt.wire import (
    OLD_CONNACK,
    V5,
    V311,
    BrokenError,
    Reader,
    Reason,
    malformed,
    packet,
    text,
    text_of,
    variable,
)


class Connect(NamedTuple):
    """A client asks to come in."""

    level: int
    client_id: str
    clean: bool
    keep_alive_s: int
    user: str | None
    password: bytes | None
    properties: Properties = NONE

    @property
    def session_expiry_s(self) -> int:
        """For how long the session is wanted after the line ends."""
        if self.level == V311:
            return 0 if self.clean else 0xFFFFFFFF
        return int(self.properties.get(Property.SESSION_EXPIRY, 0))

    @property
    def receive_maximum(self) -> int:
        """How many messages with QoS 1 the client takes before it acknowledges one."""
        return int(self.properties.get(Property.RECEIVE_MAXIMUM, 0xFFFF))

    @property
    def largest_packet(self) -> int:
        """The largest packet that the client takes."""
        return int(self.properties.get(Property.MAXIMUM_PACKET_SIZE, 0xFFFFFFFF))


class Publish(NamedTuple):
    """A message; ``packet_id`` is 0 with QoS 0.

    Where ``too_long`` says of how many bytes the packet was, nothing of the payload was read.
    """

    topic: str
    payload: bytes
    packet_id: int
    retain: bool
    dup: bool
    too_long: int = 0

    @property
    def qos(self) -> int:
        """0 or 1."""
        return 1 if self.packet_id else 0


class PubAck(NamedTuple):
    """A client has a message."""

    packet_id: int
    reason: int


class Asked(NamedTuple):
    """One filter of a SUBSCRIBE."""

    pattern: str
    qos: int
    valid: bool


class Subscribe(NamedTuple):
    """A client asks for topics."""

    packet_id: int
    asked: tuple[Asked, ...]
    subscription_id: int = 0


class Unsubscribe(NamedTuple):
    """A client asks for topics no more."""

    packet_id: int
    patterns: tuple[str, ...]


class PingReq(NamedTuple):
    """A client says that it is there."""


class Disconnect(NamedTuple):
    """A client goes; ``session_expiry_s`` where it says anew for how long its session is wanted."""

    reason: int
    session_expiry_s: int | None = None


Packet = Connect | Publish | PubAck | Subscribe | Unsubscribe | PingReq | Disconnect

CONNECT, CONNACK, PUBLISH, PUBACK = 0x10, 0x20, 0x30, 0x40
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK = 0x82, 0x90, 0xA2, 0xB0
PINGREQ, PINGRESP, DISCONNECT = 0xC0, 0xD0, 0xE0
PONG = bytes([PINGRESP, 0])
MOST_FILTERS = 100


def connect(body: bytes) -> Connect:
    """Decode a CONNECT.

    Raises
    ------
    BrokenError
        When it is none, or of a version that is not spoken.
    """
    reader = Reader(body)
    name, level = reader.text(), reader.byte()
    if (name, level) not in {("MQTT", V311), ("MQTT", V5)}:
        raise BrokenError(Reason.VERSION_UNKNOWN, f"{name[:10]!r} {level} is not spoken here")
    flags, keep_alive = reader.byte(), reader.short()
    said = properties.read(reader, properties.OF_CONNECT) if level == V5 else NONE
    client_id = reader.text()
    _pass_will(reader, flags, level)
    user = reader.text() if flags & 0x80 else None
    password = reader.binary() if flags & 0x40 else None
    if not reader.done or flags & 0x01 or (level == V311 and flags & 0xC0 == 0x40):
        raise malformed("CONNECT: flags and fields do not agree")
    if Property.AUTH_METHOD in said or Property.AUTH_DATA in said:
        raise BrokenError(Reason.BAD_METHOD, "enhanced authentication is not offered")
    clean = bool(flags & 0x02)
    if not client_id and not clean and level == V311:
        raise BrokenError(Reason.CLIENT_ID_REFUSED, "a session needs a client identifier")
    return Connect(level, client_id, clean, keep_alive, user, password, said)


def _pass_will(reader: Reader, flags: int, level: int) -> None:
    """Read the will and leave it: what a device did not measure is no reading."""
    qos, there = flags >> 3 & 0x03, bool(flags & 0x04)
    if qos == 3 or (not there and flags & 0x38):
        raise malformed("CONNECT: flags of a will that is not there")
    if there:
        if level == V5:
            properties.read(reader, properties.OF_WILL)
        reader.text()
        reader.binary()


def topic_of(raw: bytes) -> str:
    """Return the topic name of a PUBLISH.

    Raises
    ------
    BrokenError
        When it is none.
    """
    if len(raw) > LONGEST:
        raise BrokenError(Reason.TOPIC_INVALID, f"a topic is longer than {LONGEST} bytes")
    found = text_of(raw)
    if not is_topic(found):
        raise BrokenError(Reason.TOPIC_INVALID, "a topic is empty or holds a wildcard")
    return found


def pass_publish_properties(reader: Reader) -> None:
    """Read the properties of a PUBLISH; none of them changes what a reading is."""
    if Property.TOPIC_ALIAS in properties.read(reader, properties.OF_PUBLISH):
        raise BrokenError(Reason.ALIAS_INVALID, "topic aliases are not offered")


def puback(body: bytes, level: int) -> PubAck:
    """Decode a PUBACK."""
    reader = Reader(body)
    number, reason = reader.short(), 0
    if level == V5 and not reader.done:
        reason = reader.byte()
        if not reader.done:
            properties.read(reader, properties.OF_ACK)
    reader.finish("PUBACK")
    return PubAck(number, reason)


def subscribe(body: bytes, level: int) -> Subscribe:
    """Decode a SUBSCRIBE."""
    reader = Reader(body)
    number = _numbered(reader)
    said = properties.read(reader, properties.OF_SUBSCRIBE) if level == V5 else NONE
    asked: list[Asked] = []
    while not reader.done:
        pattern, options = reader.text(), reader.byte()
        if (
            options & 0x03 == 3
            or options & (0xC0 if level == V5 else 0xFC)
            or options & 0x30 == 0x30
        ):
            raise malformed("SUBSCRIBE: options")
        valid = len(pattern) <= LONGEST and is_filter(pattern)
        asked.append(Asked(pattern, options & 0x03, valid))
        if len(asked) > MOST_FILTERS:
            raise BrokenError(Reason.QUOTA, f"more than {MOST_FILTERS} filters at once")
    if not asked:
        raise BrokenError(Reason.PROTOCOL_ERROR, "SUBSCRIBE without a filter")
    return Subscribe(number, tuple(asked), int(said.get(Property.SUBSCRIPTION_ID, 0)))


def unsubscribe(body: bytes, level: int) -> Unsubscribe:
    """Decode an UNSUBSCRIBE."""
    reader = Reader(body)
    number = _numbered(reader)
    if level == V5:
        properties.read(reader, properties.OF_UNSUBSCRIBE)
    patterns: list[str] = []
    while not reader.done:
        patterns.append(reader.text())
    if not patterns:
        raise BrokenError(Reason.PROTOCOL_ERROR, "UNSUBSCRIBE without a filter")
    return Unsubscribe(number, tuple(patterns))


def disconnect(body: bytes, level: int) -> Disconnect:
    """Decode a DISCONNECT."""
    reader = Reader(body)
    reason, expiry = 0, None
    if level == V5 and not reader.done:
        reason = reader.byte()
        if not reader.done:
            found = properties.read(reader, properties.OF_DISCONNECT)
            given = found.get(Property.SESSION_EXPIRY)
            expiry = None if given is None else int(given)
    reader.finish("DISCONNECT")
    return Disconnect(reason, expiry)


def _numbered(reader: Reader) -> int:
    number = reader.short()
    if not number:
        raise malformed("a packet identifier is 0")
    return number


# What a server sends.


def connack(level: int, reason: Reason, *, present: bool = False, said: Properties = NONE) -> bytes:
    """Encode a CONNACK."""
    flags = 1 if present and reason is Reason.SUCCESS else 0
    if level != V5:
        return bytes([CONNACK, 2, flags, OLD_CONNACK.get(reason, 5)])
    return packet(CONNACK, bytes([flags, reason]) + properties.write(said))


def pubacks(answered: Iterable[tuple[int, int]], level: int) -> bytes:
    """Encode PUBACKs; each is a packet identifier and a reason, which 3.1.1 cannot tell."""
    return b"".join(
        b"\x40\x03" + number.to_bytes(2, "big") + bytes([reason])
        if reason and level == V5
        else b"\x40\x02" + number.to_bytes(2, "big")
        for number, reason in answered
    )


def suback(level: int, packet_id: int, reasons: Sequence[int]) -> bytes:
    """Encode a SUBACK; 3.1.1 knows one refusal only."""
    told = reasons if level == V5 else [min(128, one) for one in reasons]
    head = packet_id.to_bytes(2, "big") + (b"\x00" if level == V5 else b"")
    return packet(SUBACK, head + bytes(told))


def unsuback(level: int, packet_id: int, reasons: Sequence[int]) -> bytes:
    """Encode an UNSUBACK."""
    head = packet_id.to_bytes(2, "big")
    return packet(UNSUBACK, head + b"\x00" + bytes(reasons) if level == V5 else head)


def publish(
    level: int,
    topic: str,
    payload: bytes,
    *,
    packet_id: int = 0,
    dup: bool = False,
    ids: Sequence[int] = (),
) -> bytes:
    """Encode a PUBLISH of QoS 1, or of QoS 0 where ``packet_id`` is 0."""
    flags = (0x02 if packet_id else 0) | (0x08 if dup and packet_id else 0)
    head = text(topic) + (packet_id.to_bytes(2, "big") if packet_id else b"")
    if level == V5:
        # The one property that may come several times: each subscription that took it in.
        inside = [properties.write({Property.SUBSCRIPTION_ID: one})[1:] for one in ids]
        head += variable(sum(map(len, inside))) + b"".join(inside)
    return packet(PUBLISH | flags, head + payload)


def goodbye(level: int, reason: Reason) -> bytes:
    """Encode a DISCONNECT; 3.1.1 has none of a server's."""
    return packet(DISCONNECT, bytes([reason])) if level == V5 else b""
