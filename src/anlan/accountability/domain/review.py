"""What became of the cases of a period (评估报告): counted from the journal's events, nothing else.

Counted are the cases *opened* in the period, and their fate up to its end (or up to now, while
it lasts): the same events give the same numbers whenever and wherever they are counted.
Posts and organisations are counted, never persons, and nothing is put in an order of merit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

from anlan.kernel.actor import Role
from anlan.kernel.errors import InvalidInputError

ONE_DAY = timedelta(days=1)
Course = tuple[tuple[datetime, int], ...]
ENDED = frozenset({"closed", "rated", "dismissed", "merged"})
#: The clockwork, and who reported and contests: what they move is nobody's answer.
NOT_ANSWERING = (f"{Role.SYSTEM.value}:", "public:")
#: Steps of a course that are drawn, and lines of its table, however much happened.
DRAWN, TABLED = 400, 100


class ReviewTooLargeError(InvalidInputError):
    """The period holds more entries than one page may count while the city is served."""

    code = "review.too_large"


@dataclass(frozen=True, slots=True)
class Line:
    """The counts of one kind of danger, one area or one organisation."""

    code: str
    opened: int
    answered: int
    late: int  # with at least one missed deadline
    escalated: int
    closed: int
    wait_s: float | None  # median from opening to the first answer, of those answered

    @property
    def open(self) -> int:
        """How many are open at the end."""
        return self.opened - self.closed


@dataclass(frozen=True, slots=True)
class Review:
    """The numbers of a period."""

    since: datetime
    until: datetime
    whole: Line
    missed: int  # deadlines
    alerts: tuple[tuple[str, int], ...]  # by level
    notices: int
    notices_answered: int
    by_hazard: tuple[Line, ...]
    by_area: tuple[Line, ...]
    by_organisation: tuple[Line, ...]
    by_origin: tuple[Line, ...]
    standing: Course  # open cases of the period after each change, at most DRAWN steps
    unanswered: Course  # of these, without an answer
    most: int  # open at once
    table: tuple[tuple[datetime, int, int], ...]  # both courses, at most TABLED lines
    is_short: bool  # the table does not hold every change


def period_of(day: datetime, kind: str) -> tuple[datetime, datetime]:
    """Return the local day, week (from Monday) or month that holds ``day``, as [since, until)."""
    start = day.replace(hour=0, minute=0, second=0, microsecond=0)
    if kind == "week":
        start -= timedelta(days=start.weekday())
        return start, start + timedelta(days=7)
    if kind == "month":
        start = start.replace(day=1)
        later = start + timedelta(days=32)
        return start, later.replace(day=1)
    return start, start + timedelta(days=1)


@lru_cache(maxsize=1000)
def start_of(day: date, zone: tzinfo) -> datetime:
    """Return the instant at which a local day begins."""
    return datetime.combine(day, time(0), zone).astimezone(UTC)


def day_of(at: datetime, zone: tzinfo) -> date:
    """Return the local day that holds an instant: ``start_of(day) <= at < start_of(day + 1)``.

    Where clocks go back over midnight the hands show a date twice; its day began the first time.
    """
    day = at.astimezone(zone).date()
    if at >= start_of(day + ONE_DAY, zone):
        return day + ONE_DAY
    return day if at >= start_of(day, zone) else day - ONE_DAY


def whole_days(since: datetime, until: datetime, zone: tzinfo) -> tuple[date, date]:
    """Return the local days that lie wholly in [since, until), as [first, end); maybe none."""
    first, end = day_of(since, zone), day_of(until, zone)
    if start_of(first, zone) < since:
        first += ONE_DAY
    return first, max(first, end)
