"""When clocks are due: the packs' rules and calendars applied to one case."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from anlan.kernel.durations import parse_span
from anlan.kernel.workcalendar import (
    CalendarBeyondEndError,
    CalendarKind,
    LimitNotWholeDaysError,
    WorkCalendar,
)
from anlan.registry import public as registry
from anlan.registry.domain.errors import EntryUnknownError, NoCityError
from anlan.response.domain.grounds import Ground
from anlan.response.domain.words import ClockKind
from anlan.response.models import Case, CaseClock

Pause = tuple[datetime, datetime]

# A clock rule may say that time runs from before the stage began.
_FROM_OPENING = frozenset({"CaseOpened", "case_opened", "case.opened"})
_FROM_KNOWLEDGE = frozenset(
    {"ReportReceived", "AlertRaised", "report_received", "sign_known", "known_at"}
)
# Why a calendar could not be used; the deadline is then counted in natural time, which is stricter.
_NO_CALENDAR = (CalendarBeyondEndError, LimitNotWholeDaysError, EntryUnknownError, NoCityError)


def start_of(case: Case, ground: Ground, *, now: datetime) -> datetime:
    """Return the instant from which a stage clock of this ground runs."""
    if ground.starts_on in _FROM_OPENING:
        return case.reopened_at or case.opened_at
    if ground.starts_on in _FROM_KNOWLEDGE:
        return case.reopened_at or min(case.known_at, now)
    return now


def due_of(
    ground: Ground, start: datetime, *, now: datetime, pauses: Iterable[Pause] = ()
) -> tuple[Ground, datetime]:
    """Return the ground and when it is due.

    A calendar that ends too early must not leave a case without a deadline: time is then
    counted through nights and holidays, and the ground says so.
    """
    limit = parse_span(ground.limit)
    if ground.calendar != "natural":
        try:
            calendar = registry.calendar(at=now)
            return ground, calendar.deadline_with_pauses(start, limit, ground.calendar, pauses)
        except _NO_CALENDAR as error:
            ground = ground.noting(error.code, calendar="natural")
    return ground, _naturally(start, limit, pauses)


def due_after_pause(clock: CaseClock, *, paused_at: datetime, now: datetime) -> datetime:
    """Return when a clock that stood still since ``paused_at`` is due if it runs on from ``now``."""
    kind: CalendarKind = clock.calendar  # type: ignore[assignment]  # written from a CalendarKind
    if kind != "natural":
        try:
            calendar: WorkCalendar = registry.calendar(at=now)
            left = calendar.elapsed(paused_at, clock.due_at, kind)
            return calendar.deadline(now, left, kind)
        except _NO_CALENDAR:
            pass  # as at its start: natural time where the calendar does not reach
    return now + (clock.due_at - paused_at)


def pauses_of(case: Case, *, since: datetime, now: datetime) -> list[Pause]:
    """Return when ``case`` was suspended after ``since``, oldest first."""
    suspensions = CaseClock.objects.filter(case=case, kind=ClockKind.SUSPENSION).order_by(
        "started_at"
    )
    pauses = []
    for clock in suspensions:
        ended = clock.met_at or clock.stopped_at or now
        if ended > since:
            pauses.append((clock.started_at, ended))
    return pauses


def _naturally(start: datetime, limit: timedelta, pauses: Iterable[Pause]) -> datetime:
    due = start + limit
    for begin, end in pauses:
        if due <= begin:
            break
        due += max(end - max(begin, start), timedelta())
    return due
