"""What processes say to the one that writes, and what it answers.

A message goes as it is to whoever writes, which makes a frame of it.
"""

from __future__ import annotations

import msgspec
import numpy as np

from anlan.kernel.errors import AnlanError, ConflictError, InvalidInputError, UnavailableError
from anlan.sensing.store.frames import Frame, frame_of


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
    """Keep a message."""

    message: Message


class GiveWay(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A process made for writing has come."""


class Number(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Give streams their numbers before they speak."""

    codes: tuple[str, ...]


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """What became of it; ``refused`` is an error's code."""

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


Asked = Seal | Keep | GiveWay | Retiring | Number
ASKED = msgspec.msgpack.Decoder(Asked)
ANSWERED = msgspec.msgpack.Decoder(Answer)
_REFUSALS: dict[str, type[AnlanError]] = {
    kind.code: kind for kind in (UnavailableError, InvalidInputError, ConflictError)
}


def refusal_of(found: Answer) -> AnlanError:
    """Return the error that an answer tells of."""
    return _REFUSALS.get(found.refused, UnavailableError)(**found.params)


def frame_from(message: Message, numbers: list[int]) -> Frame:
    """Return the frame of a message, given the numbers of its codes."""
    index = np.frombuffer(message.index, np.int32)
    return frame_of(
        np.array(numbers, np.int32)[index],
        np.frombuffer(message.at_us, np.int64),
        np.frombuffer(message.value, np.float64),
        np.frombuffer(message.quality, np.uint8),
        source=message.source,
        key=message.key,
        received_us=message.received_us,
        text=message.text or None,
        result_us=np.frombuffer(message.result_us, np.int64) if message.result_us else None,
        about=np.frombuffer(message.about, np.int64) if message.about else None,
    )
