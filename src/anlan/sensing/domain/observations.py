"""Readings: which of a batch are kept, converted and flagged, and why the others are not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

FUTURE_TOLERANCE = timedelta(minutes=10)
"""A sensor's clock may be ahead by this much; beyond, the reading's time cannot be trusted."""
EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
"""A device whose clock was never set sends its zero."""
MAX_ROWS = 20_000
"""Rows of one batch; a gateway that has more sends several."""


class Quality(StrEnum):
    """What is known of a reading's worth (质量)."""

    GOOD = "good"
    SUSPECT = "suspect"  # the sender doubts it
    BAD = "bad"  # the sender knows that it is wrong
    OUT_OF_RANGE = "out_of_range"  # beyond what the quantity can physically be
    MISSING = "missing"  # the sender says that there is no value


@dataclass(frozen=True, slots=True)
class Observation:
    """One reading (观测值): ``value`` in the unit of the stream's quantity, or None.

    A time with no value is a fact ("nothing was measured"), not a zero.
    """

    stream: str
    at: datetime
    value: float | None
    quality: Quality = Quality.GOOD


@dataclass(frozen=True, slots=True)
class LatestReading:
    """The newest reading of a stream by the time it was measured."""

    stream: str
    at: datetime
    value: float | None
    quality: Quality
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Batch:
    """Readings that were acknowledged together; ids rise in the order of commits."""

    id: int
    received_at: datetime
    observations: tuple[Observation, ...]


@dataclass(frozen=True, slots=True)
class RowIn:
    """One row as sent; ``unit`` empty: the batch's unit, or the stream's own."""

    stream: str
    at: datetime | None
    value: float | None
    quality: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class BatchIn:
    """A batch as it came through a door; ``originals`` are its rows as sent, where it has them.

    ``unread`` says by index why a row could not be read, where that is known.
    """

    rows: tuple[RowIn | None, ...]
    unit: str = ""
    originals: tuple[bytes, ...] = ()
    unread: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """What a row of one stream is checked against.

    ``unit`` is the quantity's, in which values are kept; ``own_unit`` is what
    the sensor sends when a row names none.
    """

    code: str
    unit: str
    own_unit: str = ""
    accepts: Mapping[str, float] = field(default_factory=dict)
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that was not kept as a reading: its index in the batch and an error code."""

    index: int
    code: str


@dataclass(frozen=True, slots=True)
class Checked:
    """The outcome for a whole batch: every index is in exactly one of the two."""

    kept: tuple[Observation, ...]
    refused: tuple[RefusedRow, ...]


def check_rows(
    rows: Sequence[RowIn | None],
    streams: Mapping[str, StreamFacts],
    *,
    unit: str,
    now: datetime,
    unread: Mapping[int, str] | None = None,
) -> Checked:
    """Judge each row on its own; ``unit`` applies to rows that name none.

    None stands for a row that could not be read at all; ``unread`` says why.  A row is refused when
    its stream is unknown, its unit cannot be converted, its time is missing,
    has no zone or lies more than :data:`FUTURE_TOLERANCE`
    ahead of ``now``, or its value is NaN or infinite.  A value beyond the
    quantity's range is kept and marked ``out_of_range``.
    """
    kept: list[Observation] = []
    refused: list[RefusedRow] = []
    for index, row in enumerate(rows):
        outcome = (
            (unread or {}).get(index, "observation.row_malformed")
            if row is None
            else _check_row(row, streams.get(row.stream), unit=unit, now=now)
        )
        if isinstance(outcome, str):
            refused.append(RefusedRow(index, outcome))
        else:
            kept.append(outcome)
    return Checked(tuple(kept), tuple(refused))


def _check_row(
    row: RowIn, facts: StreamFacts | None, *, unit: str, now: datetime
) -> Observation | str:
    if facts is None:
        return "observation.stream_unknown"
    factor = _factor(row.unit or unit or facts.own_unit, facts)
    quality = _stated_quality(row.quality)
    if row.at is None or row.at.tzinfo is None:
        return "observation.time_missing"
    if row.at > now + FUTURE_TOLERANCE or row.at < EARLIEST:
        return "observation.time_ahead" if row.at > now else "observation.time_absurd"
    if factor is None or quality is None:
        return "observation.unit_refused" if factor is None else "observation.quality_unknown"
    return _reading(row, row.at, factor, quality, facts)


def _reading(
    row: RowIn, at: datetime, factor: float, quality: Quality, facts: StreamFacts
) -> Observation | str:
    if row.value is None or quality is Quality.MISSING:
        # A filler such as -999 beside "missing" is no value either.
        return Observation(row.stream, at, None, Quality.MISSING)
    value = row.value * factor
    if not math.isfinite(value):
        return "observation.not_a_number"
    if not (_floor(facts.low) <= value <= _ceiling(facts.high)):
        quality = Quality.OUT_OF_RANGE
    return Observation(row.stream, at, value, quality)


def _factor(unit: str, facts: StreamFacts) -> float | None:
    if unit in {"", facts.unit}:
        return 1.0
    return facts.accepts.get(unit)


def _stated_quality(text: str) -> Quality | None:
    if not text:
        return Quality.GOOD
    try:
        return Quality(text)
    except ValueError:
        return None


def _floor(low: float | None) -> float:
    return -math.inf if low is None else low


def _ceiling(high: float | None) -> float:
    return math.inf if high is None else high


@dataclass(frozen=True, slots=True)
class BatchReceipt:
    """What the sender is told: every row is either kept or named in ``refused``."""

    batch: int | None  # None when no row was kept
    kept: int
    refused: tuple[RefusedRow, ...] = ()
    quarantine: int | None = None  # where the refused rows are kept aside
