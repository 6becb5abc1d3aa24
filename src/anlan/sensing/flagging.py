"""Flags of the readings of one stream over a period, for its page and for who takes them away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np

from anlan.registry import public as registry
from anlan.registry.domain.errors import SensorUnknownError
from anlan.registry.domain.facts import KnownSensor
from anlan.sensing.courses import PART, Course, courses, last_of_each_instant
from anlan.sensing.domain.observations import Observation
from anlan.sensing.quality.flags import Flagged, flagged, names_of
from anlan.sensing.quality.limits import Table
from anlan.sensing.services.checked_city import figures_of, figures_of_each
from anlan.sensing.services.framing import from_us, observations_of, to_us
from anlan.sensing.services.hands import reader
from anlan.sensing.store.rows import Rows

MOST_AROUND = timedelta(days=8)
AROUND_MANY = timedelta(days=1)
MOST_FLAGGED = 1_000_000
"""Readings of one course that are flagged: of a year at one a minute, each."""
_FIRST = from_us(0)
NOBODY = -2  # a number that no stream has


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
    around = _read_around(stream, start, end, figures)
    return _flagged([_read([stream], start, end)], around, figures)


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
    around = _read_around(sensor.code, start, end, figures)
    return course, _flagged(course.kept, around, figures)


def flagged_courses(
    sensors: Sequence[KnownSensor], start: datetime, end: datetime, *, columns: int, now: datetime
) -> tuple[Course, tuple[Flagged, ...] | None]:
    """Return the course of some streams on one axis and the flags of each, in their order.

    Three reads of the store for all.  What lies around the period is looked at for no longer than
    :data:`AROUND_MANY`; no flags where there are more than :data:`MOST_FLAGGED` readings.
    """
    codes = [sensor.code for sensor in sensors]
    course = courses(codes, start, end, columns=columns, keep=MOST_FLAGGED)
    if course.kept is None:
        return course, None
    tables = figures_of_each(sensors, at=now)
    around = min(max(map(_around, tables), default=timedelta(0)), AROUND_MANY)
    before, after = _read(codes, start - around, start), _read(codes, end, end + around)
    numbers = reader().know(codes)
    found = []
    for code, figures in zip(codes, tables, strict=True):
        number = numbers.get(code, NOBODY)
        inside = [_of_stream(rows, number) for rows in course.kept]
        around_it = _of_stream(before, number), _of_stream(after, number)
        found.append(_flagged(inside, around_it, figures))
    return course, tuple(found)


def _of_stream(rows: Rows, number: int) -> Rows:
    """Return the rows of one stream out of rows by stream."""
    first, end = np.searchsorted(rows.stream, (number, number + 1))
    return Rows._make(column[first:end] for column in rows)


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
        rows = _read([stream], at, until)
        if rows.size:
            around = _read_around(stream, at, until, figures)
            flags = _flagged([rows], around, figures).flags.tolist()
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


def _read(streams: list[str], start: datetime, end: datetime) -> Rows:
    store = reader()
    rows = store.read(store.numbers(streams), to_us(max(start, _FIRST)), to_us(max(end, _FIRST)))
    return last_of_each_instant(rows)


def _around(figures: Table) -> timedelta:
    """Return how far around a period lies what decides over the flags inside."""
    reach_us = int(figures["stuck_us"][0] + 8 * figures["fresh_us"][0])
    return min(timedelta(microseconds=reach_us), MOST_AROUND)


def _read_around(stream: str, start: datetime, end: datetime, figures: Table) -> tuple[Rows, Rows]:
    """Return the readings before and after a period that decide over the flags inside."""
    around = _around(figures)
    return _read([stream], start - around, start), _read([stream], end, end + around)


def _flagged(inside: Sequence[Rows], around: tuple[Rows, Rows], figures: Table) -> Flagged:
    """Flag the readings of a period, which are in order, by what lies before and after it too."""
    before, after = around
    # Three columns of a year are put together, not all of them.
    parts = [before, *inside, after]
    at_us = np.concatenate([rows.at_us for rows in parts])
    value = np.concatenate([rows.value for rows in parts])
    found = flagged(at_us, value, np.concatenate([rows.quality for rows in parts]), figures)
    own = slice(before.size, len(found.flags) - after.size)
    return Flagged._make(column[own] for column in found)
