"""A case stands still and runs on: what was left of each clock is kept (挂起、恢复)."""

from __future__ import annotations

from anlan.response.domain.words import CaseState, ClockKind
from anlan.response.models import CaseClock, CaseTask
from anlan.response.services import clocks
from anlan.response.services.desk import Desk

PAUSED = "suspended"


def stand_still(desk: Desk) -> list[CaseClock]:
    """Stop the clocks of the work; return them.  The suspension's own clock must run already.

    Supervision does not stand still with the work: whoever listed the case named a day.
    """
    goes_on = (ClockKind.SUSPENSION, ClockKind.LISTING)
    paused = [clock for clock in desk.running if clock.kind not in goes_on]
    for clock in paused:
        desk.stop(clock, PAUSED)
    return paused


def run_on(desk: Desk, *, why: str) -> None:
    """End the suspension: the case is where it was, each clock with what was left of it."""
    case = desk.case
    suspensions = desk.running_of(ClockKind.SUSPENSION)
    case.state, case.resume_state = case.resume_state or CaseState.HANDLING.value, ""
    for suspension in suspensions:
        paused = CaseClock.objects.filter(
            case=case, stop_reason=PAUSED, stopped_at=suspension.started_at
        )
        for clock in paused.order_by("due_at", "id"):
            due_at = clocks.due_after_pause(clock, paused_at=suspension.started_at, now=desk.now)
            _move_task(desk, clock, desk.start_again(clock, due_at=due_at))
        if why == "end_reached":
            desk.meet(suspension)
        else:
            desk.stop(suspension, why)
    if not [clock for clock in desk.running if clock.kind != ClockKind.LISTING]:
        desk.start_stage()


def _move_task(desk: Desk, before: CaseClock, after: CaseClock) -> None:
    """Hang a task on the clock that took over from its own."""
    task = CaseTask.objects.filter(clock=before).first()
    if task is not None:
        task.clock, task.due_at = after, after.due_at
        desk.also(task)
