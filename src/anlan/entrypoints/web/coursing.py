"""From the course of a stream to what a page draws and says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from anlan.entrypoints.web.charts import share_of
from anlan.entrypoints.web.flagplot import FlagMark, FlagStretch
from anlan.entrypoints.web.streamplot import Lane, Mark, Plotted, Stretch, runs_of
from anlan.entrypoints.web.watching.streams import MISSED
from anlan.entrypoints.web.wording import say
from anlan.kernel.errors import InvalidInputError
from anlan.registry.domain.facts import KnownSensor
from anlan.registry.public import Names
from anlan.response.public import Case
from anlan.science.thin import NEVER, silences
from anlan.sensing.public import Course, Quality, UsualCourse
from anlan.warning.public import AlertInstance, LimitLine

#: Spans that one link leads to, ending now.
RANGES = {
    "hour": timedelta(hours=1),
    "six": timedelta(hours=6),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
    "quarter": timedelta(days=91),
    "year": timedelta(days=365),
}
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=3660)
EARLIEST = datetime(1971, 1, 1, tzinfo=UTC)
#: By the hour nothing can be told apart on a longer span.
USUAL_WITHIN = timedelta(days=31)
COLUMNS = 600
ROWS = 48  # of the table beside the drawing
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Span:
    """The stretch of time that is looked at; ``name`` where it is one of :data:`RANGES`."""

    start: datetime
    end: datetime
    name: str = ""

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.end - self.start

    def moved(self, by: float, *, now: datetime) -> Span:
        """Return the span moved by a share of its length, no further than now."""
        end = min(self.end + by * self.length, now)
        return self.within(end - self.length, end)

    def zoomed(self, factor: float, *, now: datetime) -> Span:
        """Return a span around the same middle, ``factor`` times as long."""
        half = min(max(self.length * factor, SHORTEST), LONGEST) / 2
        middle = self.start + self.length / 2
        end = min(middle + half, max(now, self.end))
        return self.within(end - 2 * half, end)

    @staticmethod
    def within(start: datetime, end: datetime) -> Span:
        """Return a span of whole seconds that can be looked at."""
        start, end = start.replace(microsecond=0), end.replace(microsecond=0)
        start = max(start, EARLIEST)
        return Span(start, max(end, start + SHORTEST))


def asked_span(given: dict[str, str], *, now: datetime, otherwise: str = "day") -> Span:
    """Return the span that an address asks for.

    Raises
    ------
    InvalidInputError
        For what is no span: no instants with an offset, too short or too long.
    """
    if "from" not in given and "to" not in given:
        name = given.get("range", otherwise)
        if name not in RANGES:
            raise InvalidInputError(where="range", problem=", ".join(RANGES))
        return Span(now - RANGES[name], now, name)
    start, end = (_instant(given.get(part, ""), part) for part in ("from", "to"))
    if not SHORTEST <= end - start <= LONGEST or start < EARLIEST:
        raise InvalidInputError(where="from, to", problem="1 minute to 10 years, since 1971")
    return Span(start, end)


def _instant(text: str, where: str) -> datetime:
    try:
        found = datetime.fromisoformat(text.replace(" ", "+"))  # a plus sign that was not escaped
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise InvalidInputError(where=where, problem="no date and time with an offset")


def silences_of(
    course: Course, sensor: KnownSensor, row: int, *, now: datetime
) -> list[tuple[datetime, datetime]]:
    """Return when a stream had no value for longer than :data:`MISSED` intervals, up to now."""
    until = min(course.end, now)
    begin = course.looked_from
    if until <= begin:
        return []
    found = silences(
        course.thin.first_us[row],
        course.thin.last_us[row],
        from_us=_us(begin),
        until_us=_us(until),
        longest_us=MISSED * sensor.interval // timedelta(microseconds=1),
    )
    return [(_at(begins), _at(ends)) for begins, ends in found]


def _us(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def _at(value: int) -> datetime:
    return _EPOCH + timedelta(microseconds=value)


def points_of(course: Course, row: int = 0) -> list[tuple[datetime, float, float, float]]:
    """Return (instant, least, mean, greatest) of each reading, or of each column that holds any."""
    if course.readings is not None:
        code = course.streams[row]
        return [
            (item.at, item.value, item.value, item.value)
            for item in course.readings
            if item.stream == code and item.value is not None
        ]
    thin = course.thin
    held = np.flatnonzero(thin.last_us[row] != NEVER)
    middles = (thin.first_us[row, held] + thin.last_us[row, held]) // 2
    columns = (one[row, held].tolist() for one in (thin.least, thin.mean, thin.greatest))
    return [(_at(at), *rest) for at, *rest in zip(middles.tolist(), *columns, strict=True)]


def plotted(
    course: Course,
    sensor: KnownSensor,
    *,
    usual: UsualCourse | None,
    limits: Sequence[Mark],
    lanes: Sequence[Lane],
    flags: tuple[Sequence[FlagMark], Sequence[FlagStretch]],
    language: str,
    now: datetime,
) -> Plotted:
    """Return everything that is drawn of one stream."""
    silent = silences_of(course, sensor, 0, now=now)
    return Plotted(
        runs=runs_of(points_of(course), silent, course.start, course.end),
        silences=[
            (share_of(a, course.start, course.end), share_of(b, course.start, course.end))
            for a, b in silent
        ],
        usual=_usual_runs(course, usual) if usual is not None else (),
        limits=limits,
        odd=_odd(course, language),
        lanes=lanes,
        exact=course.readings is not None,
        flags=flags[0],
        stuck=flags[1],
    )


def _usual_runs(
    course: Course, usual: UsualCourse
) -> list[list[tuple[float, float, float, float]]]:
    """Return the usual range as steps of an hour."""
    found: list[list[tuple[float, float, float, float]]] = [[]]
    at = course.start
    while at < course.end:
        hour = at.astimezone(usual.until.tzinfo).replace(minute=0, second=0, microsecond=0)
        after = min(hour.astimezone(UTC) + timedelta(hours=1), course.end)
        known = usual.at(at)
        if known is None:
            found.append([])
        else:
            found[-1] += [
                (share_of(edge, course.start, course.end), *known) for edge in (at, after)
            ]
        at = max(after, at + timedelta(seconds=1))
    return [run for run in found if run]


def _odd(course: Course, language: str) -> list[tuple[float, str]]:
    """Return where a reading has no value or is doubted, and what is said of it."""
    if course.readings is not None:
        return [
            (
                share_of(item.at, course.start, course.end),
                say(f"quality.{item.quality.value}", language),
            )
            for item in course.readings
            if item.quality is not Quality.GOOD or item.value is None
        ]
    thin = course.thin
    counts = np.maximum(thin.odd[0], thin.missing[0])
    held = np.flatnonzero(counts)
    return [
        (
            share_of(course.start + (place + 0.5) * course.step, course.start, course.end),
            say("stream.odd_n", language, n=int(counts[place])),
        )
        for place in held.tolist()
    ]


def marks_of(limits: Sequence[LimitLine], names: Names, unit: str, language: str) -> list[Mark]:
    """Return the limits in force as marks; those of one value and level are one."""
    found: dict[tuple[float, str], Mark] = {}
    for one in limits:
        sign = {">=": "≥", "<=": "≤"}.get(one.compare, one.compare)
        text = f"{names.warning_level(one.level, language)} {sign} {one.raise_at:g} {unit}"
        found.setdefault((one.raise_at, one.level), Mark(one.raise_at, one.level, text))
    return [found[key] for key in sorted(found)]


def lanes_of(
    course: Course,
    alerts: Sequence[AlertInstance],
    cases: Sequence[Case],
    titles: dict[int, str],
    faults: Sequence[tuple[datetime, datetime | None, str]],
    language: str,
) -> list[Lane]:
    """Return the lanes of alerts, cases and faults; what still lasts ends with the span.

    A fault is (since, until, what it is called).
    """
    start, end = course.start, course.end

    def stretch(begin: datetime, until: datetime | None, kind: str, title: str) -> Stretch:
        return Stretch(
            share_of(max(begin, start), start, end),
            share_of(min(until or end, end), start, end),
            kind,
            title,
        )

    found = []
    if alerts:
        rows = [stretch(x.raised_at, x.cleared_at, x.peak_level, titles[x.pk]) for x in alerts]
        found.append(Lane(say("stream.alerts", language), rows[::-1]))
    if cases:
        rows = [stretch(x.opened_at, x.closed_at, "case", x.number or "") for x in cases]
        found.append(Lane(say("stream.cases", language), rows))
    if faults:
        rows = [stretch(since, until, "fault", name) for since, until, name in faults]
        found.append(Lane(say("stream.faults", language), rows))
    return found


def table_of(
    course: Course,
) -> list[tuple[datetime, int, float | None, float | None, float | None]]:
    """Return the same as a table of at most :data:`ROWS` rows: (from, readings, least, mean, greatest)."""
    thin = course.thin
    columns = thin.valued.shape[1]
    each = -(-columns // ROWS)
    found: list[tuple[datetime, int, float | None, float | None, float | None]] = []
    for first in range(0, columns, each):
        part = slice(first, first + each)
        count = thin.valued[0, part]
        n = int(count.sum())
        at = course.start + first * course.step
        if not n:
            found.append((at, 0, None, None, None))
            continue
        mean = float(np.nansum(thin.mean[0, part] * count) / n)
        least, greatest = np.nanmin(thin.least[0, part]), np.nanmax(thin.greatest[0, part])
        found.append((at, n, float(least), mean, float(greatest)))
    return found


def completeness(course: Course, sensor: KnownSensor, *, now: datetime) -> int | None:
    """Return the share of expected readings that came with a value, in per cent; None of no time."""
    looked = min(course.end, now) - course.looked_from
    expected = looked / sensor.interval
    if expected < 1:
        return None
    return min(100, round(100 * int(course.thin.valued[0].sum()) / expected))
