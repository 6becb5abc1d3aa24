"""Readings as binary records; their layout stands in ``docs/how-to/send-signs.md``."""

from __future__ import annotations

import struct
from functools import lru_cache

import numpy as np

from anlan.sensing.domain.columns import UNREADABLE, Columns
from anlan.sensing.domain.errors import BatchMalformedError

BINARY = "application/vnd.anlan.readings"
MAGIC = b"ANR1"
HEADER = struct.Struct("<4sIIHH")
RECORD = np.dtype([("stream", "<u4"), ("at_us", "<i8"), ("value", "<f8"), ("quality", "u1")])
MOST_CODES = 500_000
"""Streams that one message may speak of: as many as readings."""
_LINES_KEPT, _LONGEST_LINES = 128, 16 * 1024


@lru_cache(maxsize=_LINES_KEPT)
def _lines(raw: bytes) -> tuple[str, ...]:
    return tuple(raw.decode().split("\n"))


def columns_from_binary(body: bytes) -> Columns:
    """Return the readings of binary records; their layout stands in ``docs/how-to/send-signs.md``.

    Raises
    ------
    BatchMalformedError
        When its parts do not add up to its length, or its texts are no UTF-8.
    """
    if len(body) < HEADER.size:
        raise BatchMalformedError(where="header")
    magic, rows, code_bytes, unit_bytes, reserved = HEADER.unpack_from(body)
    records = HEADER.size + unit_bytes + code_bytes
    if magic != MAGIC or reserved or len(body) != records + rows * RECORD.itemsize:
        raise BatchMalformedError(where="header")
    try:
        unit = body[HEADER.size : HEADER.size + unit_bytes].decode()
        names = body[HEADER.size + unit_bytes : records]
        if names.count(b"\n") >= MOST_CODES:
            raise BatchMalformedError(where="codes")
        codes = _lines(names) if code_bytes <= _LONGEST_LINES else _lines.__wrapped__(names)
    except UnicodeDecodeError:
        raise BatchMalformedError(where="codes") from None
    found = np.frombuffer(body, RECORD, rows, records)
    stream, at_us = found["stream"], found["at_us"].astype(np.int64)
    nowhere = stream >= len(codes)
    if nowhere.any():
        at_us[nowhere] = UNREADABLE
        stream = np.where(nowhere, 0, stream)
    return Columns(
        codes=codes,
        index=stream.astype(np.int32),
        at_us=at_us,
        value=found["value"].astype(np.float64),
        quality=found["quality"].astype(np.uint8),
        unit=unit,
    )
