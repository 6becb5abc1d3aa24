"""The other direction: packets that a client sends, encoded; packets that a server sends, decoded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from anlan.infra.mqtt import properties
from anlan.infra.mqtt.packets import (
    CONNECT,
    DISCONNECT,
    PINGREQ,
    SUBSCRIBE,
    Connect,
    Disconnect,
    Publish,
)
from anlan.infra.mqtt.properties import NONE, Properties
from anlan.infra.mqtt.wire import OF_OLD_CONNACK, V5, Reader, Reason, malformed, packet, text

PING = bytes([PINGREQ, 0])
FAREWELL = bytes([DISCONNECT, 0])
REFUSED = 0x80
"""What is told with a number from here on is a refusal."""


class ConnAck(NamedTuple):
    """The server lets in, or refuses with a reason as MQTT 5 numbers it."""

    reason: int
    present: bool
    properties: Properties = NONE


class SubAck(NamedTuple):
    """What became of each filter of a SUBSCRIBE."""

    packet_id: int
    reasons: tuple[int, ...]


class PingResp(NamedTuple):
    """The server is there."""


Told = ConnAck | SubAck | PingResp | Disconnect | Publish


def reason_text(number: int) -> str:
    """Return a reason in words, as the standard calls it; what has no name there keeps its number."""
    try:
        return Reason(number).name.lower().replace("_", " ")
    except ValueError:
        return f"reason {number:#04x}"


def connack(body: bytes, level: int) -> ConnAck:
    """Decode a CONNACK; of a server that does not know MQTT 5, in its own form too.

    Raises
    ------
    BrokenError
        When it is none.
    """
    reader = Reader(body)
    flags, reason = reader.byte(), reader.byte()
    if flags & 0xFE:
        raise malformed("CONNACK: flags")
    if level != V5 or (reader.done and reason < REFUSED):
        reader.finish("CONNACK")
        return ConnAck(OF_OLD_CONNACK.get(reason, Reason.UNSPECIFIED), bool(flags))
    said = properties.read(reader, properties.OF_CONNACK) if not reader.done else NONE
    reader.finish("CONNACK")
    return ConnAck(reason, bool(flags), said)


def suback(body: bytes, level: int) -> SubAck:
    """Decode a SUBACK."""
    reader = Reader(body)
    number = reader.short()
    if level == V5:
        properties.read(reader, properties.OF_ACK)
    return SubAck(number, tuple(reader.rest()))


def goodbye(body: bytes, _level: int) -> Disconnect:
    """Decode a DISCONNECT of MQTT 5; as the line is over, only its reason matters."""
    return Disconnect(body[0] if body else 0)


def connect(asked: Connect) -> bytes:
    """Encode a CONNECT."""
    flags = 0x02 if asked.clean else 0
    rest = text(asked.client_id)
    if asked.user is not None:
        flags |= 0x80
        rest += text(asked.user)
    if asked.password is not None:
        flags |= 0x40
        rest += len(asked.password).to_bytes(2, "big") + asked.password
    head = text("MQTT") + bytes([asked.level, flags]) + asked.keep_alive_s.to_bytes(2, "big")
    said = properties.write(asked.properties) if asked.level == V5 else b""
    return packet(CONNECT, head + said + rest)


def subscribe(level: int, packet_id: int, asked: Sequence[tuple[str, int]]) -> bytes:
    """Encode a SUBSCRIBE; each is a filter and its options."""
    head = packet_id.to_bytes(2, "big") + (b"\0" if level == V5 else b"")
    return packet(SUBSCRIBE, head + b"".join(text(one) + bytes([how]) for one, how in asked))
