"""The smallest parts of MQTT's wire form, and why a peer is sent away.

OASIS MQTT 5.0 (2019) section 1.5 and MQTT 3.1.1 (2014) section 1.5.
"""

from __future__ import annotations

from enum import IntEnum

V311, V5 = 4, 5
MOST_REMAINING = 268_435_455
"""The longest packet that the wire form can tell."""


class Reason(IntEnum):
    """Why something was refused or ended, as MQTT 5 numbers it (section 2.4)."""

    SUCCESS = 0x00
    GRANTED_QOS_1 = 0x01
    NO_SUBSCRIPTION = 0x11
    UNSPECIFIED = 0x80
    MALFORMED = 0x81
    PROTOCOL_ERROR = 0x82
    IMPLEMENTATION = 0x83
    VERSION_UNKNOWN = 0x84
    CLIENT_ID_REFUSED = 0x85
    BAD_CREDENTIALS = 0x86
    NOT_AUTHORIZED = 0x87
    UNAVAILABLE = 0x88
    SHUTTING_DOWN = 0x8B
    BAD_METHOD = 0x8C
    KEEP_ALIVE_TIMEOUT = 0x8D
    TAKEN_OVER = 0x8E
    FILTER_INVALID = 0x8F
    TOPIC_INVALID = 0x90
    ID_IN_USE = 0x91
    RECEIVE_MAXIMUM = 0x93
    ALIAS_INVALID = 0x94
    TOO_LARGE = 0x95
    RATE_TOO_HIGH = 0x96
    QUOTA = 0x97
    PAYLOAD_INVALID = 0x99
    QOS_UNSUPPORTED = 0x9B
    SHARED_UNSUPPORTED = 0x9E


# What MQTT 3.1.1 can say in a CONNACK (section 3.2.2.3); everything else is "not authorized".
OLD_CONNACK = {
    Reason.SUCCESS: 0,
    Reason.VERSION_UNKNOWN: 1,
    Reason.CLIENT_ID_REFUSED: 2,
    Reason.UNAVAILABLE: 3,
    Reason.SHUTTING_DOWN: 3,
    Reason.QUOTA: 3,
    Reason.BAD_CREDENTIALS: 4,
}
OF_OLD_CONNACK = {
    0: Reason.SUCCESS,
    1: Reason.VERSION_UNKNOWN,
    2: Reason.CLIENT_ID_REFUSED,
    3: Reason.UNAVAILABLE,
    4: Reason.BAD_CREDENTIALS,
    5: Reason.NOT_AUTHORIZED,
}


class BrokenError(Exception):
    """What a peer sent breaks the protocol, or asks for what is not offered; the line is closed."""

    def __init__(self, reason: Reason, problem: str) -> None:
        self.reason = reason
        self.problem = problem
        super().__init__(reason.name, problem)


def malformed(problem: str) -> BrokenError:
    """Return the error for bytes that are no packet."""
    return BrokenError(Reason.MALFORMED, problem)


class Reader:
    """Reads the fields of one packet, front to back; never beyond its end."""

    __slots__ = ("at", "data", "end")

    def __init__(self, data: bytes, at: int = 0, end: int | None = None) -> None:
        self.data = data
        self.at = at
        self.end = len(data) if end is None else end

    def _take(self, count: int) -> int:
        at = self.at
        if at + count > self.end:
            raise malformed("the packet ends too early")
        self.at = at + count
        return at

    def byte(self) -> int:
        """Return one byte."""
        return self.data[self._take(1)]

    def short(self) -> int:
        """Return two bytes as a number."""
        at = self._take(2)
        return self.data[at] << 8 | self.data[at + 1]

    def long(self) -> int:
        """Return four bytes as a number."""
        at = self._take(4)
        return int.from_bytes(self.data[at : at + 4], "big")

    def binary(self) -> bytes:
        """Return bytes that their length precedes."""
        count = self.short()
        at = self._take(count)
        return self.data[at : at + count]

    def text(self) -> str:
        """Return a string: UTF-8 without surrogates and without NUL."""
        return text_of(self.binary())

    def variable(self) -> int:
        """Return a number of one to four bytes."""
        found = 0
        for shift in (0, 7, 14, 21):
            byte = self.byte()
            found |= (byte & 0x7F) << shift
            if not byte & 0x80:
                if shift and not byte:
                    raise malformed("a number is longer than it must be")
                return found
        raise malformed("a number has more than four bytes")

    def within(self, count: int) -> Reader:
        """Return a reader of the next ``count`` bytes, and pass over them."""
        at = self._take(count)
        return Reader(self.data, at, at + count)

    def rest(self) -> bytes:
        """Return everything that is left."""
        at, self.at = self.at, self.end
        return self.data[at : self.end]

    @property
    def done(self) -> bool:
        """Whether everything was read."""
        return self.at >= self.end

    def finish(self, name: str) -> None:
        """Refuse what stands beyond the end of a packet of this name."""
        if not self.done:
            raise malformed(f"{name}: bytes beyond its end")


def text_of(raw: bytes) -> str:
    """Return bytes as text.

    Raises
    ------
    BrokenError
        When they are no UTF-8, or hold a NUL.
    """
    try:
        found = raw.decode()
    except UnicodeDecodeError:
        raise malformed("a text is no UTF-8") from None
    if "\0" in found:
        raise malformed("a text holds a NUL")
    return found


def variable(value: int) -> bytes:
    """Return a number as one to four bytes."""
    if not 0 <= value <= MOST_REMAINING:
        raise ValueError("beyond what MQTT can tell")
    found = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        if not value:
            found.append(low)
            return bytes(found)
        found.append(low | 0x80)


def text(value: str) -> bytes:
    """Return a string with its length before it."""
    raw = value.encode()
    return len(raw).to_bytes(2, "big") + raw


def packet(kind_and_flags: int, body: bytes) -> bytes:
    """Return a whole packet."""
    return bytes([kind_and_flags]) + variable(len(body)) + body
