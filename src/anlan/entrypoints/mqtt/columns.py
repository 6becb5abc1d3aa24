"""Rows that came in many messages, as the columns in which the gatherer takes them."""

from __future__ import annotations

import math

import numpy as np

from anlan.sensing.domain.columns import (
    NO_QUALITY,
    NO_TIME,
    QUALITIES,
    UNREADABLE,
    Columns,
    micros,
)
from anlan.sensing.domain.observations import BatchIn, RowIn

_NUMBER = {quality.value: number for number, quality in enumerate(QUALITIES)} | {"": 0}
NOWHERE = RowIn("", None, None)


def columns_of(batch: BatchIn) -> Columns:
    """Return rows as columns; what an array cannot hold becomes what is refused in its place."""
    codes: dict[str, int] = {}
    rows = [NOWHERE if row is None else row for row in batch.rows]
    index = [codes.setdefault(row.stream, len(codes)) for row in rows]
    values = np.array([math.nan if row.value is None else row.value for row in rows], np.float64)
    absent = np.array([row.value is None for row in rows], np.bool_)
    units: dict[str, int] = {}
    unit_index = [units.setdefault(row.unit, len(units)) for row in rows]
    quality = [_NUMBER.get(row.quality, NO_QUALITY) for row in rows]
    times = [
        UNREADABLE if sent is None else _time(row)
        for row, sent in zip(rows, batch.rows, strict=True)
    ]
    return Columns(
        codes=tuple(codes),
        index=np.array(index, np.int32),
        at_us=np.array(times, np.int64),
        value=values,
        absent=absent if absent.any() else None,
        quality=np.array(quality, np.uint8) if any(quality) else None,
        unit=batch.unit,
        units=tuple(units) if set(units) != {""} else (),
        unit_index=np.array(unit_index, np.int32) if set(units) != {""} else None,
        odd={n: {"quality": row.quality} for n, row in enumerate(rows) if quality[n] == NO_QUALITY},
    )


def _time(row: RowIn) -> int:
    return NO_TIME if row.at is None or row.at.tzinfo is None else micros(row.at)
