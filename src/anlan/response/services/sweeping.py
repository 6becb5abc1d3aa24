"""Due clocks: a deadline that passes is noted, and the ladder is climbed rung by rung."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from django.db import DatabaseError, transaction

from anlan.kernel.actor import system_actor
from anlan.kernel.errors import AnlanError
from anlan.registry import public as registry
from anlan.response.domain import ladders
from anlan.response.domain.events import CaseClockMissed, CaseEscalated, CaseMoved
from anlan.response.domain.words import CaseState, ClockKind, Trigger
from anlan.response.models import Case, CaseClock, CaseTask
from anlan.response.services import telling
from anlan.response.services.climbing import climb, climbs_for_tasks_of
from anlan.response.services.desk import Desk
from anlan.response.services.pausing import run_on

log = logging.getLogger(__name__)
ACTOR = system_actor("sweep")
# After an outage several rungs may be due at once; more than this waits for the next sweep.
STEPS_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep did: cases whose clocks were due and were dealt with, and those that failed."""

    handled: int
    failed: int


def due_cases(*, now: datetime, limit: int) -> list[int]:
    """Return the open cases on which something is due, the longest due first (one query)."""
    rows = Case.objects.filter(is_open=True, next_at__lte=now).order_by("next_at", "id")
    return list(rows.values_list("id", flat=True)[:limit])


def sweep(*, now: datetime, limit: int = 500) -> Swept:
    """Deal with every due clock of up to ``limit`` cases, each case in its own transaction.

    A case that fails does not stop the others; it is logged, counted, and stays due.
    """
    handled = failed = 0
    for case_id in due_cases(now=now, limit=limit):
        try:
            handled += sweep_case(case_id, now=now)
        except (AnlanError, DatabaseError):
            log.exception("a due clock could not be dealt with", extra={"case": case_id})
            failed += 1
    return Swept(handled=handled, failed=failed)


@transaction.atomic
def sweep_case(case_id: int, *, now: datetime) -> bool:
    """Deal with the due clocks of one case; return whether there were any."""
    case = Case.objects.select_for_update(of=("self",)).filter(pk=case_id, is_open=True).first()
    if case is None or case.next_at is None or case.next_at > now:
        return False
    desk = Desk(case, actor=ACTOR, now=now)
    for _ in range(STEPS_AT_ONCE):
        due = [clock for clock in desk.running if clock.due_at <= now]
        if not due:
            break
        _HANDLERS[ClockKind(due[0].kind)](desk, due[0])
    return True


def _stage_missed(desk: Desk, clock: CaseClock) -> None:
    case = desk.case
    desk.miss(clock)
    case.overdue_since = case.overdue_since or clock.due_at
    case.rung = 0
    climb(desk, clock, rung=0, told_post=case.owner_post)
    _record_missed(desk, clock)
    telling.tell(
        desk, [case.owner_post], "case.overdue", key=f"missed:{clock.pk}", due_at=clock.due_at
    )


def _task_missed(desk: Desk, clock: CaseClock) -> None:
    desk.miss(clock)
    task = CaseTask.objects.filter(clock=clock).first()
    post = task.post if task is not None else desk.case.owner_post
    if not climbs_for_tasks_of(desk, post):
        climb(desk, clock, rung=0, told_post=post)
    _record_missed(desk, clock)
    telling.tell(
        desk,
        [post, desk.case.owner_post],
        "case.task_overdue",
        key=f"missed:{clock.pk}",
        due_at=clock.due_at,
    )


def _record_missed(desk: Desk, clock: CaseClock) -> None:
    desk.record(
        CaseClockMissed(case=desk.case.pk, clock=clock.pk, rule=clock.rule_id, due_at=clock.due_at)
    )


def _rung_due(desk: Desk, clock: CaseClock) -> None:
    case = desk.case
    step = ladders.step(case.ladder, clock.rung)
    post = ladders.post_to_tell(
        step,
        climbs_from=clock.told_post,
        superior=telling.superior(clock.told_post),
        commander=registry.city().commander_post,
        top=clock.told_post,
    )
    desk.meet(clock)
    missed = clock.missed_clock
    assert missed is not None  # noqa: S101  every climb began with a missed clock
    climb(desk, missed, rung=clock.rung + 1, told_post=post)
    case.rung = max(case.rung, clock.rung + 1)
    desk.record(CaseEscalated(case=case.pk, rung=clock.rung, post=post, reminder=step.is_reminder))
    telling.tell(
        desk,
        [post],
        "case.reminded" if step.is_reminder else "case.escalated",
        key=f"rung:{clock.pk}",
        urgency="red" if telling.is_red(case) else "urgent",
        due_at=missed.due_at,
        rung=clock.rung + 1,
    )


def _suspension_over(desk: Desk, clock: CaseClock) -> None:
    before = desk.case.state
    run_on(desk, why="end_reached")
    desk.record(
        CaseMoved(
            case=desk.case.pk,
            trigger=Trigger.RESUME.value,
            before=before,
            after=CaseState(desk.case.state).value,
            reason="end_reached",
        )
    )
    telling.tell(desk, [desk.case.owner_post], "case.resumed", key=f"resumed:{clock.pk}")


def _listing_over(desk: Desk, clock: CaseClock) -> None:
    """Tell whoever listed the case, and those above, that it is still open at its end."""
    desk.miss(clock)
    desk.case.listed_until = None
    _record_missed(desk, clock)
    telling.tell(
        desk,
        [
            desk.case.owner_post,
            telling.named_post("superior", desk.case),
            registry.city().commander_post,
        ],
        "case.listing_over",
        key=f"listing:{clock.pk}",
        urgency="red" if telling.is_red(desk.case) else "urgent",
        until=clock.due_at,
    )


_HANDLERS = {
    ClockKind.STAGE: _stage_missed,
    ClockKind.TASK: _task_missed,
    ClockKind.ESCALATION: _rung_due,
    ClockKind.SUSPENSION: _suspension_over,
    ClockKind.LISTING: _listing_over,
}
