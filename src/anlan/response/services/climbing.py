"""The ladder of a missed deadline: one climb for a stage, one for all missed tasks of a post.

Ten tasks that one post left undone are one matter for its superior, not ten; the
climb goes on as long as one of them is unanswered.
"""

from __future__ import annotations

from anlan.response.domain import ladders
from anlan.response.domain.grounds import ground_of_ladder
from anlan.response.domain.words import ClockKind, Stage
from anlan.response.models import CaseClock, CaseTask
from anlan.response.services import clocks
from anlan.response.services.desk import Desk, ground_of_clock


def climb(desk: Desk, missed: CaseClock, *, rung: int, told_post: str) -> None:
    """Start the clock of the next rung, counted from the missed deadline on its calendar."""
    step = ladders.step(desk.case.ladder, rung)
    ground = ground_of_ladder(desk.case.ladder, limit=step.after, calendar=step.calendar)
    start = missed.due_at if step.from_miss else desk.now
    pauses = clocks.pauses_of(desk.case, since=start, now=desk.now) if step.from_miss else ()
    ground, due_at = clocks.due_of(ground, start, now=desk.now, pauses=pauses)
    desk.start(
        ground,
        kind=ClockKind.ESCALATION,
        stage=Stage(missed.stage),
        started_at=start,
        due_at=due_at,
        missed_clock=missed,
        rung=rung,
        told_post=told_post,
    )


def climb_from_owner(desk: Desk) -> None:
    """Let a climb under way go on above the post that owns the case now.

    A rung that climbs to a superior means the superior of whoever has the duty; what names
    a post, and the reminders of the top rung, stay as they are.
    """
    for clock in desk.running_of(ClockKind.ESCALATION):
        step = ladders.step(desk.case.ladder, clock.rung)
        if clock.stage == Stage.TASK or step.is_reminder or step.post != "superior":
            continue
        desk.start_again(clock, due_at=clock.due_at, told_post=desk.case.owner_post)
        desk.stop(clock, "owner_changed")


def climbs_for_tasks_of(desk: Desk, post: str) -> bool:
    """Return whether a climb for missed tasks of ``post`` is under way already."""
    missed = [
        clock.missed_clock_id
        for clock in desk.running_of(ClockKind.ESCALATION)
        if clock.stage == Stage.TASK
    ]
    return bool(missed) and CaseTask.objects.filter(clock__in=missed, post=post).exists()


def answer_climb(desk: Desk, climbing: CaseClock, task: CaseTask) -> None:
    """End a climb whose task was answered; it goes on for another missed task of that post."""
    desk.stop(climbing, "task_answered")
    left = (
        CaseTask.objects.filter(
            case=desk.case, post=task.post, state="given", clock__missed_at__isnull=False
        )
        .exclude(pk=task.pk)
        .order_by("due_at", "pk")
        .select_related("clock")
        .first()
    )
    if left is not None:
        desk.start(
            ground_of_clock(climbing),
            kind=ClockKind.ESCALATION,
            stage=Stage.TASK,
            started_at=climbing.started_at,
            due_at=climbing.due_at,
            missed_clock=left.clock,
            rung=climbing.rung,
            told_post=climbing.told_post,
        )
