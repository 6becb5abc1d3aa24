"""What the guards of a move ask about one case."""

from __future__ import annotations

from datetime import datetime
from types import MappingProxyType

from django.db.models import F

from anlan.kernel.actor import Actor
from anlan.kernel.durations import parse_span
from anlan.registry import public as registry
from anlan.registry.domain.errors import NoCityError
from anlan.response import access
from anlan.response.domain.asking import Asked
from anlan.response.domain.grounds import Ground, default_ground, ground_of_rule
from anlan.response.domain.guards import Facts
from anlan.response.domain.states import Guard, Move
from anlan.response.domain.words import CaseState, ClockKind, Stage, Trigger
from anlan.response.models import Case, CaseClock, CaseFollower, CaseTask
from anlan.warning import public as warning

# Which list of reasons a trigger draws on; see the pack's reasons.yaml.
REASON_LIST = MappingProxyType(
    {
        Trigger.RETURN: "return",
        Trigger.SUSPEND: "suspend",
        Trigger.EXTEND: "extend",
        Trigger.DISMISS: "false_alarm",
        Trigger.MERGE: "merge",
        Trigger.REOPEN: "reopen",
        Trigger.RAISE: "priority",
    }
)

# For a pack whose lists are empty: no move may become impossible for want of words.
OWN_REASONS: dict[str, frozenset[str]] = {
    "return": frozenset({"wrong_owner", "wrong_place", "incomplete"}),
    "suspend": frozenset({"season", "budget", "court", "waiting_for_others"}),
    "extend": frozenset({"larger_than_thought", "waiting_for_others"}),
    "false_alarm": frozenset({"nothing_there", "sensor_fault", "test"}),
    "merge": frozenset({"same_matter"}),
    "reopen": frozenset({"came_back", "not_done"}),
    "priority": frozenset({"people_in_danger", "growing"}),
}


def ground_for(case: Case, stage: Stage, *, at: datetime) -> Ground:
    """Return the clock rule that counts for a stage of ``case``; Anlan's own when packs are silent."""
    try:
        rule = registry.clock_rule(case.kind, stage.value, case.hazard, case.priority, at=at)
    except NoCityError:
        rule = None
    return default_ground(stage, case.priority) if rule is None else ground_of_rule(rule)


def facts_of(
    actor: Actor, case: Case, move: Move, asked: Asked, *, now: datetime, reason_list: str
) -> Facts:
    """Gather what the guards of ``move`` ask, and nothing that they do not."""
    wants = set(move.guards)
    latest_end = None
    if Guard.END in wants and move.to is CaseState.SUSPENDED:
        limit = ground_for(case, Stage.SUSPEND, at=now)
        latest_end = now + parse_span(limit.limit)
    return Facts(
        now=now,
        standing=access.standing(actor, case),
        hands=hands_of(case) if wants & {Guard.PROOF, Guard.SECOND_PERSON} else tuple(case.hands),
        returned_once=case.returned_once,
        needs_measurement=case.evidence_to_close == "measurement",
        readings_cleared=Guard.PROOF in wants and readings_cleared(case),
        silent=silent_in(case) if Guard.PROOF in wants else 0,
        reason=asked.reason,
        known_reasons=reasons_of(reason_list) if reason_list else frozenset(),
        until=asked.until,
        latest_end=latest_end,
        deadline=_stage_deadline(case) if Guard.LATER in wants else None,
        post=asked.post,
        post_exists=Guard.POST in wants and registry.is_post(asked.post, at=now),
        measurement=asked.measurement,
        has_grade=Guard.GRADE in wants and bool(asked.method),
        rating=asked.rating,
        priority=asked.priority,
        priority_before=case.priority,
        other_open=Guard.OTHER_CASE in wants and is_open_beside(actor, case, asked.other),
    )


def reasons_of(use: str) -> frozenset[str]:
    """Return the reasons of the pack's list for ``use``; Anlan's own when it has none."""
    found = frozenset(reason.id for reason in registry.reasons(use))
    return found or OWN_REASONS.get(use, frozenset())


def hands_of(case: Case) -> tuple[str, ...]:
    """Return who handled the danger: the owner's people, and whoever did one of its tasks."""
    done = CaseTask.objects.filter(case=case, state="done").values_list("answered_by", flat=True)
    return (*case.hands, *filter(None, done))


def readings_cleared(case: Case) -> bool:
    """Return whether every alert that follows the case fell below its clear limit.

    A case without an alert has no readings that could speak for it.
    """
    alerts = CaseFollower.objects.filter(case=case, sign__startswith="alert:")
    first = list(alerts.order_by(F("cleared_at").asc(nulls_first=True))[:1])
    return bool(first) and first[0].cleared_at is not None


def silent_in(case: Case) -> int:
    """Return how many sensors of a device case say nothing yet (two queries)."""
    if case.kind != "device":
        return 0
    left = CaseFollower.objects.filter(case=case, sign__startswith="alert:", cleared_at=None)
    signs = left.values_list("sign", flat=True)
    return warning.still_silent([int(sign.removeprefix("alert:")) for sign in signs])


def is_open_beside(actor: Actor, case: Case, other: int | None) -> bool:
    """Return whether ``other`` is another open case in whose area the actor may confirm."""
    if other is None or other == case.pk:
        return False
    found = Case.objects.filter(access.visible(actor), pk=other, is_open=True).first()
    if found is None:
        return False
    standing = access.standing(actor, found)
    return standing.is_checker or standing.is_above or standing.is_clockwork


def _stage_deadline(case: Case) -> datetime | None:
    """Return when the running clock of the stage is due; none when it was missed."""
    running = CaseClock.objects.filter(
        case=case, kind=ClockKind.STAGE, met_at=None, missed_at=None, stopped_at=None
    )
    return running.order_by("due_at").values_list("due_at", flat=True).first()
