"""The course of streams over any span: each reading when there are few, else columns of them.

Read by parts of whole columns, the newest first: what is held at once is one part, and a span
that holds too many readings is told from when on it was looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from anlan.science.thin import Thin, Thinner
from anlan.sensing.domain.columns import QUALITIES
from anlan.sensing.domain.observations import Observation, Quality
from anlan.sensing.services.framing import from_us as from_us_at
from anlan.sensing.services.framing import observations_of, to_us
from anlan.sensing.services.hands import reader
from anlan.sensing.store.rows import REMOVED, Rows, joined, standing

MOST_COLUMNS = 1000
MOST_STREAMS = 200
#: Readings that are looked through for one answer.
MOST_READ = 8_000_000
MOST_CORRECTIONS = 50
PART = timedelta(days=8)
FEW, LONGEST = 100_000, 16
"""A part with so few readings is followed by one twice as long, up to so many times the first."""
GOOD = QUALITIES.index(Quality.GOOD)


@dataclass(frozen=True, slots=True)
class Correction:
    """A reading that was corrected or removed (更正): what was received, and what stands for it."""

    at: datetime
    received: float | None
    stands: float | None
    removed: bool


@dataclass(frozen=True, slots=True)
class Course:
    """What streams measured with ``start`` <= time < ``end``, in columns of ``step`` each.

    ``readings`` holds each reading where there are no more than the columns asked for, else None.
    Before ``looked_from`` there was too much to look through: there the columns are empty.
    """

    streams: tuple[str, ...]
    start: datetime
    end: datetime
    step: timedelta
    thin: Thin
    readings: tuple[Observation, ...] | None
    rows: int
    looked_from: datetime
    thinned: int = 0  # readings of which only columns are kept
    corrections: tuple[Correction, ...] = ()
    corrected: int = 0
    #: The readings themselves, part by part in order, where the caller asked for so many.
    kept: Sequence[Rows] | None = None


@dataclass(slots=True)
class _Looked:
    """What was gathered while looking, beside the columns."""

    most: int
    keep: int = 0
    rows: int = 0
    parts: list[Rows] = field(default_factory=list)
    corrections: list[Correction] = field(default_factory=list)
    corrected: int = 0

    def take(self, rows: Rows) -> Rows:
        """Note a part with its history; return what stands, one reading for each instant."""
        stands = last_of_each_instant(standing(rows))
        self.rows += stands.size
        if self.rows <= max(self.most, self.keep):
            self.parts.append(stands)
        amending = np.flatnonzero(rows.about != 0)
        self.corrected += len(amending)
        for place in amending[::-1][: MOST_CORRECTIONS - len(self.corrections)].tolist():
            self.corrections.append(_correction(rows, place))
        return stands


def courses(
    streams: Sequence[str], start: datetime, end: datetime, *, columns: int, keep: int = 0
) -> Course:
    """Return the course of at most :data:`MOST_STREAMS` streams, in their order.

    The columns are as many as asked for or a few less, never more than :data:`MOST_COLUMNS`.
    Up to ``keep`` readings are handed back as they were read, too.
    """
    wanted = tuple(streams[:MOST_STREAMS])
    columns = max(1, min(columns, MOST_COLUMNS))
    from_us, until_us = to_us(start), max(to_us(end), to_us(start) + 1)
    step_us = -(-(until_us - from_us) // columns)
    columns = -(-(until_us - from_us) // step_us)
    store = reader()
    numbers = store.numbers(list(wanted))
    known = store.know(wanted)
    series = np.full(int(numbers.max(initial=-1)) + 1, -1, np.int64)
    for place, code in enumerate(wanted):
        if code in known:
            series[known[code]] = place
    thinner = Thinner(len(wanted), columns, from_us=from_us, step_us=step_us)
    looked, looked_from = _Looked(columns, keep), until_us
    parts = Parts(from_us, until_us, step_us, len(wanted))
    for begin, finish in parts:
        if looked.rows > MOST_READ:
            break
        looked_from = begin
        if len(numbers):
            rows = looked.take(store.read(numbers, begin, finish, history=True))
            thinner.add(series[rows.stream], rows.at_us, rows.value, rows.quality != GOOD)
            parts.held(rows.size)
    thinned = _add_thinned(thinner, numbers, series, from_us, until_us)
    return Course(
        streams=wanted,
        start=start,
        end=end,
        step=timedelta(microseconds=step_us),
        thin=thinner.thin(),
        # What stays of thinned readings is no reading: then columns are drawn.
        readings=None if thinned else _readings(looked, store.codes(int(numbers.max(initial=-1)))),
        rows=looked.rows + thinned,
        thinned=thinned,
        looked_from=start if looked_from <= from_us else from_us_at(looked_from),
        corrections=tuple(looked.corrections),
        corrected=looked.corrected,
        kept=looked.parts[::-1] if looked.rows <= keep else None,
    )


def _add_thinned(
    thinner: Thinner,
    numbers: NDArray[np.int32],
    series: NDArray[np.int64],
    from_us: int,
    until_us: int,
) -> int:
    """Take in what stays of readings that were thinned; return how many these were."""
    lines = reader().thinned(numbers, from_us, until_us)
    if lines.size:
        thinner.add_lines(
            series[lines.stream],
            lines.at_us,
            lines.at_us + lines.span_us,
            lines.counted,
            lines.missing,
            (lines.least, lines.mean, lines.most),
        )
    return int(lines.counted.sum() + lines.missing.sum())


class Parts:
    """Stretches of whole columns, the newest first: shorter ones for many streams, longer for few readings.

    What is read at once is held at once, and each reading of the store has its own cost.
    """

    def __init__(self, from_us: int, until_us: int, step_us: int, streams: int) -> None:
        self._from, self._until, self._step = from_us, until_us, step_us
        part_us = PART // timedelta(microseconds=1) // max(1, -(-streams // 8))
        self._columns = max(1, part_us // step_us)
        self._longest = self._columns * LONGEST

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Yield the beginning and the end of each, in µs."""
        left = -(-(self._until - self._from) // self._step)
        while left:
            first = max(0, left - self._columns)
            begin, end = (self._from + column * self._step for column in (first, left))
            left = first
            yield begin, min(end, self._until)

    def held(self, rows: int) -> None:
        """Note how many readings the last part held."""
        if rows <= FEW:
            self._columns = min(2 * self._columns, self._longest)


def last_of_each_instant(rows: Rows) -> Rows:
    """Return one reading for each instant: of rows in order, the one received last."""
    last = np.ones(rows.size, bool)
    last[:-1] = (rows.stream[1:] != rows.stream[:-1]) | (rows.at_us[1:] != rows.at_us[:-1])
    return rows if last.all() else rows.take(last)


def _readings(looked: _Looked, codes: Sequence[str]) -> tuple[Observation, ...] | None:
    if looked.rows > looked.most:
        return None
    rows = joined(looked.parts[::-1])
    return tuple(observations_of(rows.take(np.lexsort((rows.at_us, rows.stream))), codes))


def _correction(rows: Rows, place: int) -> Correction:
    about, at = rows.about[place], from_us_at(int(rows.at_us[place]))
    before = np.flatnonzero(rows.id == about)
    removed = bool(rows.quality[place] == REMOVED)
    received = float(rows.value[before[0]]) if len(before) else np.nan
    stands = np.nan if removed else float(rows.value[place])
    return Correction(at, _known(received), _known(stands), removed)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value
