"""Properties of MQTT 5 packets (section 2.2.2): read by their kind, written as they are needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum

from anlan.infra.mqtt.wire import BrokenError, Reader, Reason, malformed, text, variable

Value = int | str | bytes


class Property(IntEnum):
    """The identifiers."""

    PAYLOAD_FORMAT = 0x01
    MESSAGE_EXPIRY = 0x02
    CONTENT_TYPE = 0x03
    RESPONSE_TOPIC = 0x08
    CORRELATION_DATA = 0x09
    SUBSCRIPTION_ID = 0x0B
    SESSION_EXPIRY = 0x11
    ASSIGNED_CLIENT_ID = 0x12
    SERVER_KEEP_ALIVE = 0x13
    AUTH_METHOD = 0x15
    AUTH_DATA = 0x16
    REQUEST_PROBLEM_INFO = 0x17
    WILL_DELAY = 0x18
    REQUEST_RESPONSE_INFO = 0x19
    RESPONSE_INFO = 0x1A
    SERVER_REFERENCE = 0x1C
    REASON_STRING = 0x1F
    RECEIVE_MAXIMUM = 0x21
    TOPIC_ALIAS_MAXIMUM = 0x22
    TOPIC_ALIAS = 0x23
    MAXIMUM_QOS = 0x24
    RETAIN_AVAILABLE = 0x25
    USER = 0x26
    MAXIMUM_PACKET_SIZE = 0x27
    WILDCARD_AVAILABLE = 0x28
    SUBSCRIPTION_IDS_AVAILABLE = 0x29
    SHARED_AVAILABLE = 0x2A


_READ: dict[str, Callable[[Reader], Value]] = {
    "byte": Reader.byte,
    "short": Reader.short,
    "long": Reader.long,
    "text": Reader.text,
    "binary": Reader.binary,
    "variable": Reader.variable,
}
_FLAGS = frozenset(
    {Property.PAYLOAD_FORMAT, Property.REQUEST_PROBLEM_INFO, Property.REQUEST_RESPONSE_INFO}
)
_NEVER_ZERO = frozenset(
    {Property.SUBSCRIPTION_ID, Property.RECEIVE_MAXIMUM, Property.MAXIMUM_PACKET_SIZE}
)
_KINDS: dict[str, tuple[Property, ...]] = {
    "byte": (
        *_FLAGS,
        Property.MAXIMUM_QOS,
        Property.RETAIN_AVAILABLE,
        Property.WILDCARD_AVAILABLE,
        Property.SUBSCRIPTION_IDS_AVAILABLE,
        Property.SHARED_AVAILABLE,
    ),
    "short": (
        Property.SERVER_KEEP_ALIVE,
        Property.RECEIVE_MAXIMUM,
        Property.TOPIC_ALIAS_MAXIMUM,
        Property.TOPIC_ALIAS,
    ),
    "long": (
        Property.MESSAGE_EXPIRY,
        Property.SESSION_EXPIRY,
        Property.WILL_DELAY,
        Property.MAXIMUM_PACKET_SIZE,
    ),
    "text": (
        Property.CONTENT_TYPE,
        Property.RESPONSE_TOPIC,
        Property.ASSIGNED_CLIENT_ID,
        Property.AUTH_METHOD,
        Property.RESPONSE_INFO,
        Property.SERVER_REFERENCE,
        Property.REASON_STRING,
    ),
    "binary": (Property.CORRELATION_DATA, Property.AUTH_DATA),
    "variable": (Property.SUBSCRIPTION_ID,),
}
_KIND_OF = {one: kind for kind, those in _KINDS.items() for one in those}

OF_CONNECT = frozenset(
    {
        Property.SESSION_EXPIRY,
        Property.RECEIVE_MAXIMUM,
        Property.MAXIMUM_PACKET_SIZE,
        Property.TOPIC_ALIAS_MAXIMUM,
        Property.REQUEST_RESPONSE_INFO,
        Property.REQUEST_PROBLEM_INFO,
        Property.AUTH_METHOD,
        Property.AUTH_DATA,
        Property.USER,
    }
)
OF_CONNACK = frozenset(
    {
        Property.SESSION_EXPIRY,
        Property.RECEIVE_MAXIMUM,
        Property.MAXIMUM_QOS,
        Property.RETAIN_AVAILABLE,
        Property.MAXIMUM_PACKET_SIZE,
        Property.ASSIGNED_CLIENT_ID,
        Property.TOPIC_ALIAS_MAXIMUM,
        Property.REASON_STRING,
        Property.USER,
        Property.WILDCARD_AVAILABLE,
        Property.SUBSCRIPTION_IDS_AVAILABLE,
        Property.SHARED_AVAILABLE,
        Property.SERVER_KEEP_ALIVE,
        Property.RESPONSE_INFO,
        Property.SERVER_REFERENCE,
        Property.AUTH_METHOD,
        Property.AUTH_DATA,
    }
)
OF_PUBLISH = frozenset(
    {
        Property.PAYLOAD_FORMAT,
        Property.MESSAGE_EXPIRY,
        Property.TOPIC_ALIAS,
        Property.RESPONSE_TOPIC,
        Property.CORRELATION_DATA,
        Property.CONTENT_TYPE,
        Property.USER,
    }
)
OF_WILL = (OF_PUBLISH - {Property.TOPIC_ALIAS}) | {Property.WILL_DELAY}
OF_ACK = frozenset({Property.REASON_STRING, Property.USER})
OF_SUBSCRIBE = frozenset({Property.SUBSCRIPTION_ID, Property.USER})
OF_UNSUBSCRIBE = frozenset({Property.USER})
OF_DISCONNECT = frozenset({Property.SESSION_EXPIRY, Property.REASON_STRING, Property.USER})

Properties = Mapping[Property, Value]
NONE: Properties = {}


def read(reader: Reader, allowed: frozenset[Property]) -> Properties:
    """Return the properties of a packet; user properties are passed over.

    Raises
    ------
    BrokenError
        When one does not belong here, comes twice, or is none.
    """
    count = reader.variable()
    if not count:
        return NONE
    inside = reader.within(count)
    found: dict[Property, Value] = {}
    while not inside.done:
        number = inside.variable()
        if number == Property.USER:
            inside.text(), inside.text()
            continue
        try:
            name = Property(number)
        except ValueError:
            raise malformed(f"no property has the number {number}") from None
        if name not in allowed or name in found:
            raise BrokenError(Reason.PROTOCOL_ERROR, f"{name.name} does not belong here, or twice")
        value = _READ[_KIND_OF[name]](inside)
        if (name in _FLAGS and value not in {0, 1}) or (name in _NEVER_ZERO and value == 0):
            raise BrokenError(Reason.PROTOCOL_ERROR, f"{name.name} is out of its range")
        found[name] = value
    return found


def write(properties: Properties) -> bytes:
    """Return properties as they stand in a packet, their length first."""
    inside = b"".join(bytes([name]) + _written(name, value) for name, value in properties.items())
    return variable(len(inside)) + inside


def _written(name: Property, value: Value) -> bytes:
    kind = _KIND_OF[name]
    if isinstance(value, str):
        return text(value)
    if isinstance(value, bytes):
        return len(value).to_bytes(2, "big") + value
    if kind == "variable":
        return variable(value)
    return value.to_bytes({"byte": 1, "short": 2, "long": 4}[kind], "big")
