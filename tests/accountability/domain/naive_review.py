"""The report of a period counted event by event, slow and obvious: the oracle of the fast one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median

from anlan.accountability.domain.review import (
    DRAWN,
    ENDED,
    NOT_ANSWERING,
    TABLED,
    Course,
    Line,
    Review,
)
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
    is_closed: bool = False
    turns: list[tuple[datetime, int]] = field(default_factory=list)  # closed: -1, reopened: +1

    def turn(self, at: datetime, *, closed: bool) -> None:
        """Note that it ended or was taken up again; what was rated had ended before."""
        if closed != self.is_closed:
            self.turns.append((at, -1 if closed else 1))
        self.is_closed = closed


@dataclass(frozen=True, slots=True)
class Happened:
    """Everything that is counted: cases of the period, notices about them, alerts."""

    cases: tuple[CaseFate, ...]
    alerts: tuple[tuple[str, str, str], ...]  # hazard, level, area
    notices: tuple[tuple[str, str, bool], ...]  # about, post, answered


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
            if not heard.actor.startswith(NOT_ANSWERING):
                self._first(case.case, heard.at)
            case.turn(heard.at, closed=event.after in ENDED)
        elif isinstance(event, CasesMerged):
            case.turn(heard.at, closed=True)
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
    ours = {f"case:{number}" for number in book.cases}
    notices = tuple(
        (notice.about, notice.post, number in book.answered)
        for number, notice in book.notices.items()
        if notice.about in ours
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
        closed=sum(case.is_closed for case in cases),
        wait_s=median(waits) if waits else None,
    )


def _lines(cases: Sequence[CaseFate], key: Callable[[CaseFate], str]) -> tuple[Line, ...]:
    """Return one line for each key, in the order of their codes: this is no league table."""
    found: dict[str, list[CaseFate]] = {}
    for case in cases:
        found.setdefault(key(case), []).append(case)
    return tuple(_line(code, found[code]) for code in sorted(found))


def _course(
    cases: Sequence[CaseFate], turns: Callable[[CaseFate], Iterable[tuple[datetime, int]]]
) -> Course:
    """Return how many cases stood at each instant at which the number changed."""
    steps: dict[datetime, int] = {}
    for case in cases:
        steps[case.opened_at] = steps.get(case.opened_at, 0) + 1
        for at, by in turns(case):
            steps[at] = steps.get(at, 0) + by
    count, found = 0, []
    for at in sorted(steps):
        count += steps[at]
        found.append((at, count))
    return tuple(found)


def _turns_unanswered(case: CaseFate) -> Iterator[tuple[datetime, int]]:
    """Return when a case stopped to wait for its first answer, and began again."""
    waits = True
    for at, by in case.turns:
        if case.answered_at is not None and at >= case.answered_at:
            break
        yield at, by
        waits = by > 0
    if waits and case.answered_at is not None:
        yield case.answered_at, -1


def thinned(course: Sequence[tuple[datetime, int]], most: int) -> list[tuple[datetime, int]]:
    """Return a course of at most ``most`` steps: of each stretch its highest and its last."""
    if len(course) <= most:
        return list(course)
    stretch = -(-len(course) // max(most // 2, 1))
    found: list[tuple[datetime, int]] = []
    for start in range(0, len(course), stretch):
        steps = course[start : start + stretch]
        found += dict.fromkeys((max(steps, key=lambda step: step[1]), steps[-1]))
    return found


def _at(course: Course, at: datetime) -> int:
    """Return the number that stood at an instant."""
    place = bisect_right(course, at, key=lambda step: step[0])
    return course[place - 1][1] if place else 0


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
    standing, unanswered = (
        _course(cases, lambda case: case.turns),
        _course(cases, _turns_unanswered),
    )
    instants = {at for one in (standing, unanswered) for at, _ in thinned(one, TABLED // 2)}
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
        standing=tuple(thinned(standing, DRAWN)),
        unanswered=tuple(thinned(unanswered, DRAWN)),
        most=max((number for _, number in standing), default=0),
        table=tuple((at, _at(standing, at), _at(unanswered, at)) for at in sorted(instants)),
        is_short=max(len(standing), len(unanswered)) > TABLED // 2,
    )
