"""Between readings as the rooms know them and frames as the store keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from anlan.sensing.domain.columns import QUALITIES, micros
from anlan.sensing.domain.observations import Batch, LatestReading, Observation
from anlan.sensing.store import Frame, Message, Rows

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NUMBER = {quality: number for number, quality in enumerate(QUALITIES)}


def to_us(at: datetime) -> int:
    """Return an aware instant as whole microseconds since 1970 UTC, exactly."""
    return micros(at)


def from_us(value: int) -> datetime:
    """Return the instant of :func:`to_us`."""
    return _EPOCH + timedelta(microseconds=value)


def message_of(source: str, kept: Sequence[Observation], *, key: str, now: datetime) -> Message:
    """Return readings as a message for the store."""
    codes: dict[str, int] = {}
    index = [codes.setdefault(item.stream, len(codes)) for item in kept]
    values = [np.nan if item.value is None else item.value for item in kept]
    return Message(
        source=source,
        key=key,
        received_us=to_us(now),
        codes=tuple(codes),
        index=np.array(index, np.int32).tobytes(),
        at_us=np.array([to_us(item.at) for item in kept], np.int64).tobytes(),
        value=np.array(values, np.float64).tobytes(),
        quality=np.array([_NUMBER[item.quality] for item in kept], np.uint8).tobytes(),
    )


def batch_of(frame: Frame, codes: Sequence[str]) -> Batch:
    """Return a frame as a batch."""
    columns = (frame.stream, frame.at_us, frame.value, frame.quality)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    observations = (_observation(codes[stream], at, value, q) for stream, at, value, q in rows)
    return Batch(frame.seq, from_us(frame.received_us), tuple(observations))


def observations_of(rows: Rows, codes: Sequence[str]) -> list[Observation]:
    """Return rows of the store as readings, in their order."""
    columns = (rows.stream, rows.at_us, rows.value, rows.quality)
    found = zip(*(column.tolist() for column in columns), strict=True)
    return [_observation(codes[stream], at, value, q) for stream, at, value, q in found]


def _observation(code: str, at_us: int, value: float, quality: int) -> Observation:
    return Observation(code, from_us(at_us), None if np.isnan(value) else value, QUALITIES[quality])


def latest_of(code: str, at_us: int, value: float, quality: int, received_us: int) -> LatestReading:
    """Return the newest reading of a stream."""
    known = None if np.isnan(value) else value
    return LatestReading(code, from_us(at_us), known, QUALITIES[quality], from_us(received_us))
