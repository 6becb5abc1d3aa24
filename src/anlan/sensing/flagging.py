"""Flags of the readings of one stream over a period, for its page and for who takes them away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from anlan.registry import public as registry
from anlan.registry.domain.errors import SensorUnknownError
from anlan.registry.domain.facts import KnownSensor
from anlan.sensing.courses import PART, Course, courses, last_of_each_instant
from anlan.sensing.domain.observations import Observation
from anlan.sensing.quality.flags import Flagged, flagged, names_of
from anlan.sensing.quality.limits import Table
from anlan.sensing.services.checked_city import figures_of
from anlan.sensing.services.framing import from_us, observations_of, to_us
from anlan.sensing.services.hands import reader
from anlan.sensing.store.rows import Rows, joined

MOST_AROUND = timedelta(days=8)
MOST_FLAGGED = 1_000_000
"""Readings of one course that are flagged: of a year at one a minute, each."""
_FIRST = from_us(0)


class FlaggedReading(NamedTuple):
    """A reading with what was found of it: names of :data:`anlan.sensing.quality.flags.FLAGS`."""

    reading: Observation
    flags: tuple[str, ...]


def flags_of(stream: str, start: datetime, end: datetime, *, now: datetime) -> Flagged:
    """Return the readings of a stream with ``start`` <= time < ``end``, in order, with their flags.

    By the checks in force at ``now``; what lies around the period is looked at too, as far as a
    value could stand still.  Of several readings for one instant the last received counts.

    Raises
    ------
    SensorUnknownError
        When the stream is not in force.
    """
    figures = _figures(stream, now)
    return _flagged(stream, start, end, _read(stream, start, end), figures)


def flagged_course(
    sensor: KnownSensor, start: datetime, end: datetime, *, columns: int, now: datetime
) -> tuple[Course, Flagged | None]:
    """Return the course of a stream and the flags of its readings, which are read once for both.

    No flags where there are more than :data:`MOST_FLAGGED` readings.
    """
    course = courses([sensor.code], start, end, columns=columns, keep=MOST_FLAGGED)
    if course.kept is None:
        return course, None
    figures = figures_of(sensor, at=now)
    return course, _flagged(sensor.code, start, end, course.kept, figures)


def flagged_by_parts(
    stream: str, start: datetime, end: datetime, *, now: datetime, part: timedelta = PART
) -> Iterator[tuple[FlaggedReading, ...]]:
    """Yield the readings of a stream with their flags in order of time, a part at once.

    Raises
    ------
    SensorUnknownError
        When the stream is not in force.
    """
    figures = _figures(stream, now)
    codes = reader().codes(int(reader().numbers([stream]).max(initial=-1)))
    at = start
    while at < end:
        until = min(end, at + part)
        rows = _read(stream, at, until)
        if rows.size:
            flags = _flagged(stream, at, until, rows, figures).flags.tolist()
            readings = observations_of(rows, codes)
            yield tuple(
                FlaggedReading(one, names_of(bits))
                for one, bits in zip(readings, flags, strict=True)
            )
        at = until


def _figures(stream: str, now: datetime) -> Table:
    sensor = registry.sensor(stream, at=now)
    if sensor is None:
        raise SensorUnknownError(code=stream)
    return figures_of(sensor, at=now)


def _read(stream: str, start: datetime, end: datetime) -> Rows:
    store = reader()
    rows = store.read(store.numbers([stream]), to_us(max(start, _FIRST)), to_us(max(end, _FIRST)))
    return last_of_each_instant(rows)


def _flagged(stream: str, start: datetime, end: datetime, inside: Rows, figures: Table) -> Flagged:
    """Flag the readings of a period, by what lies before and after it too."""
    reach_us = int(figures["stuck_us"][0] + 8 * figures["fresh_us"][0])
    around = min(timedelta(microseconds=reach_us), MOST_AROUND)
    before, after = _read(stream, start - around, start), _read(stream, end, end + around)
    rows = joined([before, inside, after])
    found = flagged(rows.at_us, rows.value, rows.quality, figures)
    own = slice(before.size, before.size + inside.size)
    return Flagged._make(column[own] for column in found)
