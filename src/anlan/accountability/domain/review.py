"""What became of the cases of a period (评估报告): counted from the journal's events, nothing else.

Counted are the cases *opened* in the period, and their fate up to its end (or up to now, while
it lasts): the same events give the same numbers whenever and wherever they are counted.
Posts and organisations are counted, never persons, and nothing is put in an order of merit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median

from anlan.kernel.actor import Role
from anlan.kernel.events import Event, Told
from anlan.notices.domain.events import NoticeAnswered, NoticePosted
from anlan.response.domain.events import (
    CaseClockMissed,
    CaseEscalated,
    CaseMoved,
    CaseOpened,
    CaseOwnerChanged,
    CasesMerged,
)
from anlan.warning.domain.events import AlertRaised

READ: tuple[type[Event], ...] = (
    AlertRaised,
    CaseOpened,
    CaseMoved,
    CaseOwnerChanged,
    CasesMerged,
    CaseClockMissed,
    CaseEscalated,
    NoticePosted,
    NoticeAnswered,
)
ENDED = frozenset({"closed", "rated", "dismissed", "merged"})
CLOCKWORK = f"{Role.SYSTEM.value}:"


@dataclass(slots=True)
class CaseFate:
    """One case of the period, and what became of it up to its end."""

    case: int
    number: str
    hazard: str
    area: str
    owner: str  # the post at the end
    origin: str  # "alert", "report", "manual", "watch"
    opened_at: datetime
    answered_at: datetime | None = None
    missed: int = 0  # deadlines
    rungs: int = 0  # the highest rung told; 0: none
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Happened:
    """Everything that is counted: cases of the period, its alerts, its notices."""

    cases: tuple[CaseFate, ...]
    alerts: tuple[tuple[str, str, str], ...]  # hazard, level, area
    notices: tuple[tuple[str, str, bool], ...]  # about, post, answered


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
    standing: tuple[tuple[datetime, int], ...]  # open cases of the period after each change
    unanswered: tuple[tuple[datetime, int], ...]  # of these, without an answer


@dataclass(slots=True)
class _Book:
    cases: dict[int, CaseFate] = field(default_factory=dict)
    alerts: list[tuple[str, str, str]] = field(default_factory=list)
    notices: dict[int, NoticePosted] = field(default_factory=dict)
    answered: set[int] = field(default_factory=set)

    def read(self, heard: Told) -> None:
        """Take in one event."""
        event = heard.event
        if isinstance(event, CaseOpened):
            self.cases[event.case] = CaseFate(
                case=event.case, number=event.number, hazard=event.hazard, area=event.area,
                owner=event.owner, origin=event.origin.partition(":")[0], opened_at=heard.at,
            )  # fmt: skip
        elif isinstance(event, AlertRaised):
            self.alerts.append((event.hazard, event.level, event.area))
        elif isinstance(event, NoticePosted):
            self.notices[event.notice] = event
        elif isinstance(event, NoticeAnswered):
            self._answer(event, heard.at)
        else:
            self._read_of_case(event, heard)

    def _answer(self, event: NoticeAnswered, at: datetime) -> None:
        if event.what != "acknowledged":
            return
        self.answered.update((event.notice, *event.also))
        notice = self.notices.get(event.notice)
        what, _, number = notice.about.partition(":") if notice else ("", "", "")
        if what == "case" and number.isdecimal():
            self._first(int(number), at)

    def _first(self, number: int, at: datetime) -> None:
        case = self.cases.get(number)
        if case is not None and case.answered_at is None:
            case.answered_at = at

    def _read_of_case(self, event: Event, heard: Told) -> None:
        case = self.cases.get(getattr(event, "case", -1))
        if case is None:
            return  # opened before the period
        if isinstance(event, CaseMoved):
            if not heard.actor.startswith(CLOCKWORK):
                self._first(case.case, heard.at)
            # Rated after it was closed: it ended before.
            ended = event.after in ENDED
            case.closed_at = (case.closed_at or heard.at) if ended else None
        elif isinstance(event, CasesMerged):
            case.closed_at = heard.at
        elif isinstance(event, CaseOwnerChanged):
            case.owner = event.owner
        elif isinstance(event, CaseClockMissed):
            case.missed += 1
        elif isinstance(event, CaseEscalated):
            case.rungs = max(case.rungs, 0 if event.reminder else event.rung + 1)


def happened(told: Iterable[Told]) -> Happened:
    """Return what the events of a period, in their order, say of its cases, alerts and notices."""
    book = _Book()
    for heard in told:
        book.read(heard)
    notices = tuple(
        (notice.about, notice.post, number in book.answered)
        for number, notice in book.notices.items()
    )
    return Happened(tuple(book.cases.values()), tuple(book.alerts), notices)


def _line(code: str, cases: Sequence[CaseFate]) -> Line:
    waits = [
        (case.answered_at - case.opened_at).total_seconds() for case in cases if case.answered_at
    ]
    return Line(
        code=code,
        opened=len(cases),
        answered=len(waits),
        late=sum(case.missed > 0 for case in cases),
        escalated=sum(case.rungs > 0 for case in cases),
        closed=sum(case.closed_at is not None for case in cases),
        wait_s=median(waits) if waits else None,
    )


def _lines(cases: Sequence[CaseFate], key: Callable[[CaseFate], str]) -> tuple[Line, ...]:
    """Return one line for each key, in the order of their codes: this is no league table."""
    found: dict[str, list[CaseFate]] = {}
    for case in cases:
        found.setdefault(key(case), []).append(case)
    return tuple(_line(code, found[code]) for code in sorted(found))


def _course(
    cases: Sequence[CaseFate], until: datetime, end: Callable[[CaseFate], datetime | None]
) -> tuple[tuple[datetime, int], ...]:
    """Return how many cases stood at each instant at which the number changed."""
    steps: dict[datetime, int] = {}
    for case in cases:
        steps[case.opened_at] = steps.get(case.opened_at, 0) + 1
        ended = end(case)
        if ended is not None and ended <= until:
            steps[ended] = steps.get(ended, 0) - 1
    count, found = 0, []
    for at in sorted(steps):
        count += steps[at]
        found.append((at, count))
    return tuple(found)


def _first_end(case: CaseFate) -> datetime | None:
    """Return when a case stopped being unanswered."""
    ends = [at for at in (case.answered_at, case.closed_at) if at is not None]
    return min(ends, default=None)


def count(
    found: Happened,
    *,
    since: datetime,
    until: datetime,
    area_of: Callable[[str], str] = str,
    organisation_of: Callable[[str], str] = str,
) -> Review:
    """Return the numbers of a period.

    ``area_of`` gives the area under which one is counted (its district), ``organisation_of``
    the organisation of a post.
    """
    cases = found.cases
    levels: dict[str, int] = {}
    for _, level, _ in found.alerts:
        levels[level] = levels.get(level, 0) + 1
    return Review(
        since=since,
        until=until,
        whole=_line("", cases),
        missed=sum(case.missed for case in cases),
        alerts=tuple(sorted(levels.items())),
        notices=len(found.notices),
        notices_answered=sum(answered for _, _, answered in found.notices),
        by_hazard=_lines(cases, lambda case: case.hazard),
        by_area=_lines(cases, lambda case: area_of(case.area)),
        by_organisation=_lines(cases, lambda case: organisation_of(case.owner)),
        by_origin=_lines(cases, lambda case: case.origin),
        standing=_course(cases, until, lambda case: case.closed_at),
        unanswered=_course(cases, until, _first_end),
    )


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
