"""A frame: readings that came together, as columns, with a checksum over all of it.

Layout, little endian: magic (4 bytes), CRC-32 of what follows (u32), length of the body (u32), rows
(u32), sequence number (u64), received at (i64, µs since 1970 UTC), flags (u8) and place within its
commit (u24), length of the source (u32); then the body: the source and the sender's key for the message as
UTF-8 with a line feed between, and the columns.

Columns of every frame: stream number (i32), phenomenon time (i64 µs), value (f64), quality (u8).
Columns behind a flag: result time (i64 µs; else the phenomenon time), the reading that is corrected
or removed (i64; 0 for none), and results that are no numbers (u32 ends, then the bytes: JSON of
each, empty for none).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anlan.kernel.digests import crc32
from anlan.kernel.errors import IntegrityBreachError

MAGIC = b"ANL1"
HEADER = struct.Struct("<4sIIIQqII")
CHECKED_FROM = 8  # the checksum covers everything after itself
MOST_ROWS = 1 << 20
"""Rows of one frame; a reading's number is its frame's times this, plus its place."""
MOST_BYTES = 1 << 28

RESULT_AT, ABOUT, TEXT = 1, 2, 4
FLAG_BITS = 8

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Frame(NamedTuple):
    """Readings of one message (观测帧): arrays of one length.

    ``at_us`` is when the thing was so, ``result_us`` when the result was made,
    both in µs since 1970 UTC.  ``value`` is NaN where the result is no number or
    there is none.  Optional columns are None when no row has them.
    """

    seq: int
    received_us: int
    source: str
    stream: NDArray[np.int32]
    at_us: Ints
    value: Floats
    quality: NDArray[np.uint8]
    result_us: Ints | None = None
    about: Ints | None = None
    text: tuple[bytes, ...] | None = None
    key: str = ""

    @property
    def rows(self) -> int:
        """How many readings it holds."""
        return len(self.stream)

    @property
    def ids(self) -> Ints:
        """The number of each reading, for ever."""
        return np.int64(self.seq * MOST_ROWS) + np.arange(self.rows, dtype=np.int64)


class Header(NamedTuple):
    """What a frame says of itself; ``place`` counts the frames before it in its commit."""

    length: int
    rows: int
    seq: int
    received_us: int
    flags: int
    place: int
    named: int


class Scanned(NamedTuple):
    """What a piece of a log holds: where each whole frame begins and ends, and where that stops."""

    spans: tuple[tuple[int, int], ...]
    end: int


def frame_of(
    stream: Sequence[int] | NDArray[np.int32],
    at_us: Sequence[int] | Ints,
    value: Sequence[float] | Floats,
    quality: Sequence[int] | NDArray[np.uint8] | None = None,
    *,
    source: str = "",
    key: str = "",
    received_us: int = 0,
    text: Sequence[bytes] | None = None,
    **optional: NDArray[np.int64] | None,
) -> Frame:
    """Return a frame without a number yet; ``optional``: result_us, about."""
    streams = np.ascontiguousarray(stream, np.int32)
    result_us, about = optional.get("result_us"), optional.get("about")
    return Frame(
        seq=0,
        received_us=received_us,
        source=source,
        stream=streams,
        at_us=np.ascontiguousarray(at_us, np.int64),
        value=np.ascontiguousarray(value, np.float64),
        quality=np.zeros(len(streams), np.uint8)
        if quality is None
        else np.ascontiguousarray(quality, np.uint8),
        result_us=None if result_us is None else np.ascontiguousarray(result_us, np.int64),
        about=None if about is None else np.ascontiguousarray(about, np.int64),
        text=None if text is None else tuple(text),
        key=key,
    )


def encode(frame: Frame, place: int = 0) -> bytes:
    """Return the bytes of a frame that is number ``place`` in its commit.

    Raises
    ------
    ValueError
        When its columns differ in length or it is too large.
    """
    rows = frame.rows
    named = f"{frame.source}\n{frame.key}".encode()
    parts = [named, frame.stream.tobytes(), frame.at_us.tobytes(), frame.value.tobytes()]
    parts.append(frame.quality.tobytes())
    widths = [len(frame.at_us), len(frame.value), len(frame.quality)]
    flags = 0
    for flag, column in ((RESULT_AT, frame.result_us), (ABOUT, frame.about)):
        if column is not None:
            flags |= flag
            widths.append(len(column))
            parts.append(column.tobytes())
    if frame.text is not None:
        flags |= TEXT
        widths.append(len(frame.text))
        ends = np.cumsum([len(item) for item in frame.text], dtype=np.uint32)
        parts += [ends.tobytes(), *frame.text]
    body = b"".join(parts)
    if any(width != rows for width in widths) or rows >= MOST_ROWS or len(body) > MOST_BYTES:
        raise ValueError("columns of different lengths, or too many rows")
    flags |= place << FLAG_BITS
    header = HEADER.pack(MAGIC, 0, len(body), rows, frame.seq, frame.received_us, flags, len(named))
    checksum = crc32(body, crc32(header[CHECKED_FROM:]))
    return b"".join([MAGIC, struct.pack("<I", checksum), header[CHECKED_FROM:], body])


def decode(data: memoryview) -> Frame:
    """Return the frame whose bytes begin ``data``; its checksum was seen by :func:`scan`."""
    length, rows, seq, received_us, flags, _, named = header_at(data, 0)
    body = data[HEADER.size : HEADER.size + length]
    columns = _Columns(body, named)
    stream = columns.take(np.int32, rows)
    at_us = columns.take(np.int64, rows)
    value = columns.take(np.float64, rows)
    quality = columns.take(np.uint8, rows)
    result_us = columns.take(np.int64, rows) if flags & RESULT_AT else None
    about = columns.take(np.int64, rows) if flags & ABOUT else None
    text = columns.texts(rows) if flags & TEXT else None
    source, _, key = bytes(body[:named]).decode(errors="replace").partition("\n")
    return Frame(
        seq, received_us, source, stream, at_us, value, quality, result_us, about, text, key
    )


class _Columns:
    """Takes one column after another out of a body."""

    def __init__(self, body: memoryview, start: int) -> None:
        self.body = body
        self.place = start

    def take(self, kind: type[np.generic], rows: int) -> NDArray[Any]:
        size = np.dtype(kind).itemsize * rows
        if self.place + size > len(self.body):
            raise IntegrityBreachError(what="a frame of readings is shorter than it says")
        found = np.frombuffer(self.body, kind, rows, self.place)
        self.place += size
        return found

    def texts(self, rows: int) -> tuple[bytes, ...]:
        ends = self.take(np.uint32, rows).astype(np.int64)
        start = self.place
        begins = np.concatenate([[0], ends[:-1]]) if rows else ends
        pieces = zip(begins.tolist(), ends.tolist(), strict=True)
        return tuple(bytes(self.body[start + a : start + b]) for a, b in pieces)


def scan(data: memoryview, start: int = 0) -> Scanned:
    """Return the whole, unharmed frames of ``data`` from ``start`` on, up to the first that is not."""
    spans = []
    place = start
    while (end := _end_of(data, place)) is not None:
        spans.append((place, end))
        place = end
    return Scanned(tuple(spans), place)


def _end_of(data: memoryview, place: int) -> int | None:
    if place + HEADER.size > len(data):
        return None
    magic, checksum, length, rows, *_ = HEADER.unpack_from(data, place)
    end = place + HEADER.size + length
    if magic != MAGIC or length > MOST_BYTES or rows >= MOST_ROWS or end > len(data):
        return None
    return end if crc32(data[place + CHECKED_FROM : end]) == checksum else None


def header_at(data: memoryview, start: int) -> Header:
    """Return what the frame that begins at ``start`` says of itself."""
    _, _, length, rows, seq, received_us, bits, named = HEADER.unpack_from(data, start)
    flags, place = bits & ((1 << FLAG_BITS) - 1), bits >> FLAG_BITS
    return Header(length, rows, seq, received_us, flags, place, named)


def is_torn(data: memoryview, end: int, last: int) -> bool:
    """Return whether what follows the last whole frame is what a crash left of one commit.

    ``end`` is where frame number ``last`` ends.  A commit is written at once, but its pages
    may reach the disk in any order: whole frames behind a hole are of the same commit, of which nobody
    was told.  Whole frames of a later commit mean that a kept one was harmed.
    """
    raw = bytes(data[end:])
    at = raw.find(MAGIC)
    while at >= 0:
        if _end_of(data, end + at) is not None:
            found = header_at(data, end + at)
            if found.seq - found.place > last + 1:
                return False
        at = raw.find(MAGIC, at + 1)
    return True
