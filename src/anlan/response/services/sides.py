"""The side moves: return, suspend, extend, urge, list, enforce, raise, dismiss, merge."""

from __future__ import annotations

from datetime import datetime

from anlan.kernel.actor import Actor
from anlan.registry import public as registry
from anlan.response import access
from anlan.response.domain import joining
from anlan.response.domain.asking import Asked
from anlan.response.domain.events import CasesMerged, CaseUrged
from anlan.response.domain.grounds import ground_by_approval
from anlan.response.domain.pulling import Pull
from anlan.response.domain.words import CaseState, ClockKind, Proof, Stage
from anlan.response.models import Case, CaseClock, CaseFollower, CaseIncident
from anlan.response.services import telling
from anlan.response.services.desk import Desk
from anlan.response.services.effects import end, moved, own
from anlan.response.services.joining import raise_priority
from anlan.response.services.pausing import run_on, stand_still


def give_back(desk: Desk, pull: Pull) -> None:
    """Return the case, once, with a reason: the arbiter decides who owns it, by a deadline."""
    case, before = desk.case, desk.state
    before_owner, case.owner_post = case.owner_post, registry.city().arbiter_post
    case.owner_basis, case.returned_once = "arbiter", True
    case.state = CaseState.ARBITRATING.value
    desk.end_stage(met=False, reason="returned")
    desk.start_stage()
    moved(desk, before, pull.asked)
    own(desk, before_owner, why=pull.asked.reason)


def suspend(desk: Desk, pull: Pull) -> None:
    """Let the case stand still until an approved end; the suspension is itself a clock (I1)."""
    case, before = desk.case, desk.state
    until = _end_of(pull.asked)
    ground = ground_by_approval(
        Stage.SUSPEND,
        limit=_seconds(until, desk),
        approver=desk.actor.id,
        reason=pull.asked.reason,
    )
    desk.start(
        ground,
        kind=ClockKind.SUSPENSION,
        stage=Stage.SUSPEND,
        started_at=desk.now,
        due_at=until,
        approver=desk.actor.id,
    )
    stand_still(desk)
    case.resume_state, case.state = before.value, CaseState.SUSPENDED.value
    moved(desk, before, pull.asked)
    telling.tell(
        desk,
        [case.owner_post],
        "case.suspended",
        key=f"suspended:{case.running_clock_id}",
        urgency="normal",
        until=until,
    )


def resume(desk: Desk, pull: Pull) -> None:
    """Let a suspended case run on before its end."""
    before = desk.state
    run_on(desk, why="resumed")
    moved(desk, before, pull.asked)


def extend(desk: Desk, pull: Pull) -> None:
    """Give the stage a later deadline, approved by a post above the owner."""
    case = desk.case
    until = _end_of(pull.asked)
    ground = ground_by_approval(
        Stage.HANDLE,
        limit=_seconds(until, desk),
        approver=desk.actor.id,
        reason=pull.asked.reason,
    )
    stage_clocks = desk.running_of(ClockKind.STAGE)
    stage = Stage(stage_clocks[0].stage) if stage_clocks else Stage.HANDLE
    desk.start(
        ground,
        kind=ClockKind.STAGE,
        stage=stage,
        started_at=desk.now,
        due_at=until,
        approver=desk.actor.id,
    )
    for clock in stage_clocks:
        desk.stop(clock, "extended")
    for clock in desk.running_of(ClockKind.ESCALATION):
        if clock.stage != Stage.TASK:
            desk.stop(clock, "extended")
    case.extended += 1
    case.overdue_since, case.rung = None, 0
    moved(desk, desk.state, pull.asked)
    telling.tell(
        desk,
        [case.owner_post],
        "case.extended",
        key=f"extended:{case.extended}",
        urgency="normal",
        until=until,
    )


def urge(desk: Desk, pull: Pull) -> None:
    """Press the owner; it is counted, and the owner's superior hears it too (督办)."""
    case = desk.case
    case.urged += 1
    moved(desk, desk.state, pull.asked)
    desk.record(CaseUrged(case=case.pk, listed=False, by=desk.actor.id))
    posts = [case.owner_post, telling.named_post("superior", case)]
    telling.tell(
        desk, posts, "case.urged", key=f"urged:{case.urged}", urgency=_at_least_urgent(case)
    )


def list_for_supervision(desk: Desk, pull: Pull) -> None:
    """Put the case on the list of the government until an end (挂牌督办)."""
    case = desk.case
    _list_until(desk, _end_of(pull.asked), approver=desk.actor.id)
    case.urged += 1
    moved(desk, desk.state, pull.asked)
    desk.record(CaseUrged(case=case.pk, listed=True, by=desk.actor.id))
    posts = [
        case.owner_post,
        telling.named_post("superior", case),
        registry.city().commander_post,
    ]
    telling.tell(
        desk,
        posts,
        "case.listed",
        key=f"listed:{case.urged}",
        urgency=_at_least_urgent(case),
        until=case.listed_until,
    )


def _list_until(desk: Desk, until: datetime, *, approver: str) -> None:
    """Let a clock stand for the end of the listing: nobody forgets what was listed (I1)."""
    before = desk.running_of(ClockKind.LISTING)
    desk.start(
        ground_by_approval(
            Stage.HANDLE, limit=_seconds(until, desk), approver=approver, reason="listed"
        ),
        kind=ClockKind.LISTING,
        stage=Stage.HANDLE,
        started_at=desk.now,
        due_at=until,
        approver=approver,
    )
    for clock in before:
        desk.stop(clock, "listed_anew")
    desk.case.listed_until = until


def send_for_enforcement(desk: Desk, pull: Pull) -> None:
    """Note that the matter went to law enforcement as well; the duty stays (移送执法)."""
    desk.case.enforcement_at = desk.now
    moved(desk, desk.state, pull.asked)


def raise_by_hand(desk: Desk, pull: Pull) -> None:
    """Raise the priority with a reason from the list."""
    before = desk.state
    raise_priority(desk, pull.asked.priority or joining.LOWEST, why=pull.asked.reason)
    moved(desk, before, pull.asked)


def dismiss(desk: Desk, pull: Pull) -> None:
    """End the case as a false alarm, with a reason, on the same proof as a closing."""
    desk.case.closing = {"reason": pull.asked.reason, "by": desk.actor.id}
    if pull.asked.measurement is not None:
        desk.case.closing["measurement"] = pull.asked.measurement.plain()
    end(desk, CaseState.DISMISSED, pull.asked, how=Proof.FALSE_ALARM.value)


def lock_both(actor: Actor, first: int, second: int) -> None:
    """Lock two cases in the order of their numbers."""
    for case_id in sorted({first, second}):
        access.case_for_update(actor, case_id)


def merge(desk: Desk, pull: Pull) -> None:
    """End the case into another: followers, tasks and urgency go with it (I4)."""
    case = desk.case
    into = access.case_for_update(desk.actor, pull.asked.other or 0)
    other = Desk(into, actor=desk.actor, now=desk.now, trigger=desk.trigger)
    followers = list(CaseFollower.objects.filter(case=case))
    for follower in followers:
        follower.case, follower.came_from = into, follower.came_from or case
        other.also(follower)
    _carry_tasks(desk, other)
    _carry_incidents(desk, other)
    into.signs += case.signs
    into.strong_signs += case.strong_signs
    into.last_sign_at = max(into.last_sign_at, case.last_sign_at)
    into.level = joining.higher_level(into.level, case.level)
    # Whoever had either danger in hand cannot alone declare the joint one gone (I5).
    into.hands = [*into.hands, *(hand for hand in case.hands if hand not in into.hands)]
    if case.evidence_to_close == "measurement":
        into.evidence_to_close = "measurement"
    for clock in desk.running_of(ClockKind.LISTING):
        if into.listed_until is None or clock.due_at > into.listed_until:
            _list_until(other, clock.due_at, approver=clock.approver)
    # The merged case ends first: both may be of one cause.
    case.merged_into = into
    end(desk, CaseState.MERGED, pull.asked, how=Proof.MERGED.value)
    other.record(CasesMerged(case=case.pk, into=into.pk))
    wanted = min(case.priority, joining.priority_by_signs(into.signs, into.strong_signs))
    raise_priority(other, wanted, why="merged")
    telling.tell(other, [into.owner_post], "case.joined", key=f"merged:{case.pk}", signs=into.signs)


def _carry_tasks(desk: Desk, other: Desk) -> None:
    """Move unanswered tasks to the other case, with their deadlines."""
    clocks = CaseClock.objects.filter(case=desk.case, task__state="given").select_related("task")
    for clock in clocks:
        task = clock.task
        other_clock = other.start_again(clock, due_at=max(clock.due_at, desk.now))
        task.case, task.clock, task.due_at = other.case, other_clock, other_clock.due_at
        # At once, so that ending this case does not let it lapse; its image goes with the event.
        task.save(update_fields=["case", "clock", "due_at"])
        other.also(task)


def _carry_incidents(desk: Desk, other: Desk) -> None:
    """Let the other case answer for the incidents of this one; of one that both have it counts both."""
    theirs = {held.incident: held for held in CaseIncident.objects.filter(case=other.case)}
    for held in CaseIncident.objects.filter(case=desk.case):
        both = theirs.get(held.incident)
        if both is None:
            held.case = other.case
        else:
            both.members += held.members
            held.members, held.tell_at = 0, None
            other.also(both)
        other.also(held)


def _end_of(asked: Asked) -> datetime:
    if asked.until is None:
        raise ValueError("the guard let a missing end pass")
    return asked.until


def _seconds(until: datetime, desk: Desk) -> str:
    return f"{max(1, int((until - desk.now).total_seconds()))}s"


def _at_least_urgent(case: Case) -> str:
    return "red" if telling.is_red(case) else "urgent"
