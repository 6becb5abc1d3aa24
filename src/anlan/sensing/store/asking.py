"""What a process asks of the one that writes, and what that answers."""

from __future__ import annotations

import msgspec

from anlan.kernel.errors import AnlanError, ConflictError, InvalidInputError, UnavailableError


class Message(msgspec.Struct, frozen=True, array_like=True):
    """Readings of one sender by the codes of their streams: what a frame is made of."""

    source: str
    key: str
    received_us: int
    codes: tuple[str, ...]
    index: bytes  # i32: place in ``codes``, for each reading
    at_us: bytes  # i64
    value: bytes  # f64
    quality: bytes  # u8
    result_us: bytes = b""  # i64, or empty
    about: bytes = b""  # i64, or empty
    text: tuple[bytes, ...] = ()


class Seal(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Close what the log holds into segments."""

    now_us: int


class RetiredClass(msgspec.Struct, frozen=True, array_like=True):
    """What is to go by one class: the numbers of its streams, and the span of what stays."""

    class_id: str
    streams: bytes  # i32
    span_us: int


class Retiring(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Readings of one day that are to go."""

    day: str
    classes: tuple[RetiredClass, ...]
    worthless: tuple[int, ...]
    told: tuple[str, ...]


class Keep(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Keep a message durably."""

    message: Message


class GiveWay(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A process made for writing has come."""


class Number(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Give streams their numbers before they speak."""

    codes: tuple[str, ...]


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """What the writing process answers."""

    seq: int = 0
    rows: int = 0
    repeated: bool = False
    other: bool = False
    refused: str = ""
    params: dict[str, str] = {}


class Where(msgspec.Struct, frozen=True):
    """Where the writing process listens, and the word that opens it."""

    port: int
    word: str


Asked = Seal | Keep | GiveWay | Number | Retiring
ASKED = msgspec.msgpack.Decoder(Asked)
ANSWERED = msgspec.msgpack.Decoder(Answer)
REFUSALS: dict[str, type[AnlanError]] = {
    kind.code: kind for kind in (UnavailableError, InvalidInputError, ConflictError)
}


def refusal(found: Answer) -> AnlanError:
    """Return the error that an answer tells."""
    return REFUSALS.get(found.refused, UnavailableError)(**found.params)
