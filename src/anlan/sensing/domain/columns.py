"""A batch of readings as compact columns: MessagePack, then zlib.

Layout (version 1): ``[1, [stream codes], [code index], [µs since 1970], [value|nil],
[quality index]]``; qualities are numbered in the order of :class:`Quality`.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from anlan.kernel.errors import IntegrityBreachError
from anlan.sensing.domain.observations import Observation, Quality

VERSION = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_QUALITIES = tuple(Quality)
_NUMBER = {quality: number for number, quality in enumerate(_QUALITIES)}


def to_us(at: datetime) -> int:
    """Return an aware instant as whole microseconds since 1970 UTC, exactly."""
    return (at - _EPOCH) // _MICROSECOND


def from_us(value: int) -> datetime:
    """Return the instant of :func:`to_us`."""
    return _EPOCH + timedelta(microseconds=value)


def pack(observations: Sequence[Observation]) -> bytes:
    """Return the bytes that stand for ``observations``, in their order."""
    codes: dict[str, int] = {}
    index = [codes.setdefault(item.stream, len(codes)) for item in observations]
    columns = [
        VERSION,
        list(codes),
        index,
        [to_us(item.at) for item in observations],
        [item.value for item in observations],
        [_NUMBER[item.quality] for item in observations],
    ]
    return zlib.compress(msgspec.msgpack.encode(columns), level=1)


def unpack(data: bytes) -> tuple[Observation, ...]:
    """Return the readings that :func:`pack` wrote.

    Raises
    ------
    IntegrityBreachError
        When the bytes are not such a batch.
    """
    try:
        version, *columns = msgspec.msgpack.decode(zlib.decompress(data))
        codes, index, times, values, qualities = columns if version == VERSION else []
        return tuple(
            Observation(codes[code], from_us(at), value, _QUALITIES[quality])
            for code, at, value, quality in zip(index, times, values, qualities, strict=True)
        )
    except (zlib.error, msgspec.DecodeError, ValueError, TypeError, IndexError) as error:
        raise IntegrityBreachError(what="observation batch") from error
