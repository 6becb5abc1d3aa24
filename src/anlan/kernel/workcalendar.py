"""Deadlines on three calendars: natural time, working hours, working days.

Conventions, and what they rest on:

* **natural**: the limit runs through nights and holidays, to the second.
* **working_hours**: time runs only inside the office hours of a working day.  A
  limit used up exactly at closing time is due at closing time, not the next morning.
* **working_days**: the day on which time starts does not count; the limit ends on
  its last working day when the office closes, or at 24:00 where no office hours
  are set (民法典 Art 201 and 203, the common reading of Chinese deadlines).

Make-up workdays (调休) are working days whatever their weekday.  Hours are local:
the true length of a stretch on the day a clock changes is what counts.  Beyond the
last year that the calendar knows nothing is guessed: it refuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from anlan.kernel.errors import ConflictError, InvalidInputError

CalendarKind = Literal["natural", "working_hours", "working_days"]

_DAY = timedelta(days=1)
_NONE = timedelta()
_MIDNIGHT = time(0, 0)


class CalendarBeyondEndError(ConflictError):
    """A working-time question reaches a year the calendar says nothing about."""

    code = "calendar.beyond_end"


class LimitNotWholeDaysError(InvalidInputError):
    """A limit in working days is not a whole number of days."""

    code = "calendar.not_whole_days"


@dataclass(frozen=True, slots=True)
class WorkCalendar:
    """Which days and hours are worked, in one time zone (工作日历).

    ``weekend`` holds ISO weekdays (1 is Monday); ``hours`` are stretches of local
    time in ascending order, whose end ``00:00`` means 24:00; ``first_year`` and
    ``last_year`` bound what is known.
    """

    tz: ZoneInfo
    weekend: frozenset[int]
    hours: tuple[tuple[time, time], ...]
    holidays: frozenset[date]
    makeup_workdays: frozenset[date]
    first_year: int
    last_year: int

    def __post_init__(self) -> None:
        previous = _MIDNIGHT
        for index, (start, end) in enumerate(self.hours):
            if (index and start < previous) or (end != _MIDNIGHT and end <= start):
                raise ValueError("office hours must be ascending and must not overlap")
            if end == _MIDNIGHT and index != len(self.hours) - 1:
                raise ValueError("only the last stretch of office hours may end at midnight")
            previous = end
        if not self.hours:
            raise ValueError("a calendar needs office hours; 00:00 to 00:00 is the whole day")
        if self.last_year < self.first_year:
            raise ValueError("a calendar needs at least one year")
        if self.weekend >= set(range(1, 8)) and not self.makeup_workdays:
            raise ValueError("a calendar without a working weekday")

    @classmethod
    def of(
        cls,
        timezone: str,
        *,
        weekend: Iterable[int],
        hours: Iterable[tuple[time, time]],
        holidays: Iterable[tuple[date, date]],
        makeup_workdays: Iterable[date],
        years: Iterable[int],
    ) -> WorkCalendar:
        """Build a calendar from plain data; ``holidays`` are ranges with both ends included."""
        known = sorted(years)
        if not known:
            raise ValueError("a calendar needs at least one year")
        return cls(
            tz=ZoneInfo(timezone),
            weekend=frozenset(weekend),
            hours=tuple(hours),
            holidays=frozenset(day for first, last in holidays for day in _days(first, last)),
            makeup_workdays=frozenset(makeup_workdays),
            first_year=known[0],
            last_year=known[-1],
        )

    def is_working_day(self, day: date) -> bool:
        """Return whether ``day`` is worked.

        Raises
        ------
        CalendarBeyondEndError
            When the calendar does not know that year.
        """
        if not self.first_year <= day.year <= self.last_year:
            raise CalendarBeyondEndError(year=day.year, first=self.first_year, last=self.last_year)
        if day in self.makeup_workdays:
            return True
        return day not in self.holidays and day.isoweekday() not in self.weekend

    def deadline(self, start: datetime, limit: timedelta, kind: CalendarKind) -> datetime:
        """Return the instant (UTC) at which ``limit`` is used up when it starts at ``start``.

        Raises
        ------
        CalendarBeyondEndError
            When a working-time limit ends after the last known year.
        LimitNotWholeDaysError
            When a limit in working days is not a whole number of days.
        """
        start = _utc(start)
        if limit < _NONE:
            raise ValueError("a limit is not negative")
        if kind == "natural":
            return start + limit
        if kind == "working_hours":
            return self._after_hours(start, limit)
        return self._after_days(start, limit)

    def elapsed(self, start: datetime, end: datetime, kind: CalendarKind) -> timedelta:
        """Return how much of a limit is used between two instants.

        In working days this is the number of working days after the local day of
        ``start`` up to and with that of ``end``: the inverse of :meth:`deadline`.
        """
        start, end = _utc(start), _utc(end)
        if end < start:
            raise ValueError("the end lies before the start")
        if kind == "natural":
            return end - start
        first, last = self._local_day(start), self._local_day(end)
        if kind == "working_hours":
            total = _NONE
            for day in _days(first, last):
                for opens, closes in self._stretches(day):
                    total += max(_NONE, min(end, closes) - max(start, opens))
            return total
        return _DAY * sum(self.is_working_day(day) for day in _days(first + _DAY, last))

    def deadline_with_pauses(
        self,
        start: datetime,
        limit: timedelta,
        kind: CalendarKind,
        pauses: Iterable[tuple[datetime, datetime]],
    ) -> datetime:
        """Return the deadline when time stood still during ``pauses`` (ascending, closed).

        A pause that begins at or after the deadline does not move it.
        """
        start = _utc(start)
        due = self.deadline(start, limit, kind)
        for paused_at, resumed_at in pauses:
            begin, end = max(_utc(paused_at), start), _utc(resumed_at)
            if due <= begin:
                break
            if end > begin:
                due = self.deadline(end, self.elapsed(begin, due, kind), kind)
                start = end
        return due

    def _after_hours(self, start: datetime, limit: timedelta) -> datetime:
        if not limit:
            return start
        left = limit
        day = self._local_day(start)
        while True:
            for opens, closes in self._stretches(day):
                begins = max(start, opens)
                if closes <= begins:
                    continue
                if closes - begins >= left:
                    return begins + left
                left -= closes - begins
            day += _DAY

    def _after_days(self, start: datetime, limit: timedelta) -> datetime:
        count, rest = divmod(limit, _DAY)
        if rest:
            raise LimitNotWholeDaysError(limit_s=limit.total_seconds())
        day = self._local_day(start)
        if not count:
            while not self.is_working_day(day) or self._closing(day) < start:
                day += _DAY
            return self._closing(day)
        while count:
            day += _DAY
            count -= self.is_working_day(day)
        return self._closing(day)

    def _stretches(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        if not self.is_working_day(day):
            return
        for opens, closes in self.hours:
            yield self._instant(day, opens), self._end_instant(day, closes)

    def _closing(self, day: date) -> datetime:
        return self._end_instant(day, self.hours[-1][1])

    def _instant(self, day: date, at: time) -> datetime:
        return datetime.combine(day, at, tzinfo=self.tz).astimezone(UTC)

    def _end_instant(self, day: date, at: time) -> datetime:
        return self._instant(day + _DAY if at == _MIDNIGHT else day, at)

    def _local_day(self, instant: datetime) -> date:
        return instant.astimezone(self.tz).date()


def _days(first: date, last: date) -> Iterator[date]:
    day = first
    while day <= last:
        yield day
        day += _DAY


def _utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return value.astimezone(UTC)
