"""Things to do that come with a case: each has a post and a clock (任务)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import transaction

from anlan.infra import rows as rows_of
from anlan.kernel.actor import Actor
from anlan.kernel.canonical import instant_text
from anlan.registry import public as registry
from anlan.response import access
from anlan.response.domain.errors import (
    EndNeededError,
    NotYourMoveError,
    PostNeededError,
    TaskAnsweredError,
    WrongStateError,
)
from anlan.response.domain.events import TaskAnswered, TaskGiven
from anlan.response.domain.grounds import Ground, ground_by_approval, ground_of_task
from anlan.response.domain.guards import FARTHEST_END
from anlan.response.domain.opening import GivenTask, Opening
from anlan.response.domain.words import ClockKind, Stage
from anlan.response.models import Case, CaseTask
from anlan.response.services import clocks, notes, telling
from anlan.response.services.climbing import answer_climb
from anlan.response.services.desk import Desk

OUTCOMES = ("done", "refused")


def give_all(desk: Desk, opening: Opening) -> None:
    """Give the tasks that came with a sign; each is given once, however often it is told."""
    rule_id, version = opening.rule
    give_each(
        desk,
        [
            (task, ground_of_task(rule_id, version, task.within, opening.basis))
            for task in opening.tasks
        ],
    )


def give_each(desk: Desk, tasks: Collection[tuple[GivenTask, Ground]]) -> None:
    """Give tasks, each on its ground; what was given under the same key is not given again."""
    if not tasks:
        return
    keys = [task.key for task, _ in tasks]
    given = set(CaseTask.objects.filter(key__in=keys).values_list("key", flat=True))
    for task, ground in tasks:
        if task.key not in given:
            _give(desk, task, ground)


def _give(desk: Desk, given: GivenTask, ground: Ground, **text: object) -> CaseTask:
    post = telling.named_post(given.post, desk.case) or desk.case.owner_post
    ground, due_at = clocks.due_of(ground, desk.now, now=desk.now)
    clock = desk.start(
        ground, kind=ClockKind.TASK, stage=Stage.TASK, started_at=desk.now, due_at=due_at
    )
    task = CaseTask(
        case=desk.case,
        clock=clock,
        post=post,
        title=given.title,
        key=given.key,
        given_at=desk.now,
        given_by=desk.actor.id,
        due_at=due_at,
        **text,
    )
    rows_of.insert(task)
    desk.record(
        TaskGiven(task=task.pk, case=desk.case.pk, post=post, due_at=due_at), [task], made=[task]
    )
    telling.tell(
        desk, [post], "case.task", key=f"task:{task.pk}", due_at=due_at, **_title(given.title)
    )
    return task


def _title(title: dict[str, str]) -> dict[str, Any]:
    return {"title": title} if title else {}


@transaction.atomic
def give_task(
    actor: Actor, case_id: int, *, post: str, text: str, due_at: datetime, now: datetime
) -> CaseTask:
    """Give a thing to do to a post by hand; its words go to the content store.

    Raises
    ------
    NotYourMoveError
        When the actor neither owns the case nor stands above its owner.
    PostNeededError
        When there is no such post.
    EndNeededError
        When the task is due in the past, or so late that it is never due.
    """
    case = access.case_for_update(actor, case_id)
    standing = access.standing(actor, case)
    if not (standing.is_owner or standing.is_above or standing.is_clockwork):
        raise NotYourMoveError(who="owner")
    if not case.is_open:
        raise WrongStateError(kind=case.kind, state=case.state, trigger="task")
    if not registry.is_post(post, at=now):
        raise PostNeededError(post=post)
    if not now < due_at <= now + FARTHEST_END:
        raise EndNeededError(latest=instant_text(now + FARTHEST_END))
    desk = Desk(case, actor=actor, now=now)
    seconds = max(1, int((due_at - now).total_seconds()))
    ground = ground_by_approval(
        Stage.TASK, limit=f"{seconds}s", approver=actor.id, reason="task_given"
    )
    number = CaseTask.objects.filter(case=case).count() + 1
    given = GivenTask(key=f"case:{case.pk}:hand:{number}", title={}, within=ground.limit, post=post)
    kept = notes.keep_text(text, now=now)
    return _give(desk, given, ground, text_content=kept.id, text_digest=kept.digest)


@transaction.atomic
def answer_task(
    actor: Actor, task_id: int, outcome: str, *, now: datetime, note: str = ""
) -> CaseTask:
    """Say that a task was done, or that the post refuses it; the owner hears either.

    Raises
    ------
    TaskAnsweredError
        When it was answered before.
    NotYourMoveError
        When the task is another post's.
    """
    task = access.task_for_update(actor, task_id)
    case: Case = task.case
    standing = access.standing(actor, case)
    if actor.post != task.post and not (standing.is_above or standing.is_clockwork):
        raise NotYourMoveError(who="task")
    if task.state != "given":
        raise TaskAnsweredError(task=task.pk, state=task.state)
    if outcome not in OUTCOMES:
        raise WrongStateError(kind="task", state=task.state, trigger=outcome)
    desk = Desk(case, actor=actor, now=now)
    task.state, task.answered_at, task.answered_by = outcome, now, actor.id
    _end_clock(desk, task)
    rows = [task, *notes.drafted(case, note, about=f"task_{outcome}", actor=actor, now=now)]
    desk.record(TaskAnswered(task=task.pk, case=case.pk, outcome=outcome), rows=rows)
    urgency = "urgent" if outcome == "refused" else "normal"
    telling.tell(
        desk,
        [case.owner_post],
        "case.task_answered",
        key=f"task:{task.pk}:{outcome}",
        urgency=urgency,
        outcome=outcome,
        **_title(task.title),
    )
    return task


def _end_clock(desk: Desk, task: CaseTask) -> None:
    for running in desk.running:
        if running.pk == task.clock_id:
            desk.meet(running)
        elif running.missed_clock_id == task.clock_id:
            answer_climb(desk, running, task)


def lapse_open(desk: Desk) -> list[CaseTask]:
    """Return the unanswered tasks of a case that ends, marked so; not saved yet."""
    tasks = list(CaseTask.objects.filter(case=desk.case, state="given"))
    for task in tasks:
        task.state, task.answered_at, task.answered_by = "lapsed", desk.now, desk.actor.id
    return tasks
