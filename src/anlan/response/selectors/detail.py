"""One case with all that belongs to it, and the moves that are open to whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q

from anlan.infra import contents
from anlan.infra.models import JournalEntry
from anlan.kernel.actor import Actor
from anlan.response import access
from anlan.response.domain import guards, ladders
from anlan.response.domain.asking import Asked
from anlan.response.domain.states import Guard, triggers_from
from anlan.response.domain.words import CaseState, ClockKind, Trigger
from anlan.response.models import (
    Case,
    CaseClock,
    CaseEntry,
    CaseFollower,
    CaseIncident,
    CaseNote,
    CasePhoto,
    CaseTask,
)
from anlan.response.selectors.facts import REASON_LIST, facts_of, reasons_of

MOST = 200  # entries of a history at once


def case(actor: Actor, case_id: int) -> Case:
    """Return one case that the actor may see."""
    return access.case_for_actor(actor, case_id)


@dataclass(frozen=True, slots=True)
class Allowed:
    """A move the actor may make now, and what it asks for."""

    trigger: Trigger
    to: str
    asks: tuple[str, ...]
    reasons: tuple[str, ...]


def actions_allowed(actor: Actor, case: Case, *, now: datetime) -> list[Allowed]:
    """Return the moves that ``actor`` may make on ``case``, with what each asks for."""
    allowed = []
    for trigger, move in triggers_from(case.kind, CaseState(case.state)):
        facts = facts_of(actor, case, move, Asked(), now=now, reason_list="")
        if guards.refusal_before_asking(move, facts) is not None:
            continue
        asks = [guard.value for guard in move.guards if guard in guards.ASKED]
        if Guard.PROOF in move.guards and facts.needs_measurement and not facts.readings_cleared:
            asks.append("measurement")
        reasons = reasons_of(REASON_LIST[trigger]) if Guard.REASON in move.guards else ()
        to = move.to.value if move.to else case.resume_state
        allowed.append(Allowed(trigger, to, tuple(asks), tuple(sorted(reasons))))
    return allowed


@dataclass(frozen=True, slots=True)
class NextStep:
    """What the frozen ladder does, and when; ``at`` is ``None`` while the deadline stands."""

    rung: int
    post: str
    after: str
    calendar: str
    at: datetime | None
    is_reminder: bool


@dataclass(frozen=True, slots=True)
class CaseDetail:
    """One case with everything that belongs to it."""

    case: Case
    clocks: list[CaseClock]
    tasks: list[CaseTask]
    followers: list[CaseFollower]  # the last ones, oldest first
    followers_in_all: int
    followers_waiting: int
    incidents: list[CaseIncident]
    notes: list[CaseNote]
    photos: list[CasePhoto]
    texts: dict[str, str]  # content id -> words; what was destroyed is not in it
    next_steps: list[NextStep]
    actions: list[Allowed]


def detail(actor: Actor, case_id: int, *, now: datetime) -> CaseDetail:
    """Return one case with clocks, ladder, tasks, followers, notes and allowed moves."""
    return detail_after_act(actor, access.case_for_actor(actor, case_id), now=now)


def detail_after_act(actor: Actor, found: Case, *, now: datetime) -> CaseDetail:
    """Return a case as it stands to whoever has just opened it or made a move on it.

    Who gives a case away, or opens one at an unknown place, may not see it from then on; that
    the act was done must be told all the same, or it would be tried again.
    """
    clocks = list(CaseClock.objects.filter(case=found).order_by("id"))
    tasks = list(CaseTask.objects.filter(case=found).order_by("id"))
    notes = list(CaseNote.objects.filter(case=found).order_by("id"))
    kept = [task.text_content for task in tasks] + [note.text_content for note in notes]
    wanted = [key for key in kept if key is not None]
    texts = contents.get_texts(wanted) if wanted and actor.reads_contents else {}
    return CaseDetail(
        case=found,
        clocks=clocks,
        tasks=tasks,
        followers=list(reversed(CaseFollower.objects.filter(case=found).order_by("-id")[:MOST])),
        **_counted(found),
        incidents=list(CaseIncident.objects.filter(case=found).order_by("id")),
        notes=notes,
        photos=list(CasePhoto.objects.filter(case=found).order_by("id")),
        texts={str(key): text for key, text in texts.items()},
        next_steps=next_steps(found, clocks),
        actions=actions_allowed(actor, found, now=now),
    )


def _counted(case: Case) -> dict[str, int]:
    counted = CaseFollower.objects.filter(case=case).aggregate(
        followers_in_all=Count("id"), followers_waiting=Count("id", filter=Q(waits=True))
    )
    return dict(counted)


def next_steps(case: Case, clocks: Sequence[CaseClock]) -> list[NextStep]:
    """Return what the ladder does next: the rung that is waited for, or all of them to come."""
    if not case.is_open:
        return []
    waiting = [
        clock for clock in clocks if clock.kind == ClockKind.ESCALATION and is_running(clock)
    ]
    due = {clock.rung: clock.due_at for clock in waiting if clock.stage != "task"}
    first = min(due, default=0)
    top = max(len(case.ladder["rungs"]), first)
    steps = [ladders.step(case.ladder, rung) for rung in range(first, top + 1)]
    return [
        NextStep(
            rung=item.rung,
            post=item.post,
            after=item.after,
            calendar=item.calendar,
            at=due.get(item.rung),
            is_reminder=item.is_reminder,
        )
        for item in steps
    ]


def is_running(clock: CaseClock) -> bool:
    """Return whether a clock still runs."""
    return clock.met_at is None and clock.missed_at is None and clock.stopped_at is None


def history(
    actor: Actor, case_id: int, *, after: int = 0, limit: int = MOST, newest: bool = False
) -> list[dict[str, Any]]:
    """Return what happened to a case, oldest first, as the journal holds it.

    Of more than ``limit`` entries the first ones, or with ``newest`` the last.
    """
    access.case_for_actor(actor, case_id)
    size = max(1, min(limit, MOST))
    rows = CaseEntry.objects.filter(case_id=case_id, seq__gt=after)
    rows = rows.order_by("-seq" if newest else "seq")
    numbers = list(rows.values_list("seq", flat=True)[:size])
    entries = JournalEntry.objects.filter(seq__in=numbers).order_by("seq").defer("images")
    return [
        {
            "seq": entry.seq,
            "event": entry.event,
            "at": entry.at,
            "actor": entry.actor,
            "payload": entry.payload,
        }
        for entry in entries
    ]
