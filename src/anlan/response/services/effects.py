"""What the moves along the main way do: advance, hand on, confirm, close, reopen."""

from __future__ import annotations

from anlan.kernel.canonical import instant_text
from anlan.registry import public as registry
from anlan.response.domain.asking import Asked
from anlan.response.domain.errors import GradeNeededError, SameCauseOpenError
from anlan.response.domain.events import CaseMoved, CaseOwnerChanged
from anlan.response.domain.grading import grade_risk
from anlan.response.domain.guards import Facts, proof_of
from anlan.response.domain.pulling import Pull
from anlan.response.domain.states import HANDS_ON, stage_of
from anlan.response.domain.words import CaseState, Proof, Trigger
from anlan.response.models import Case
from anlan.response.services import notes, tasks, telling
from anlan.response.services.climbing import climb_from_owner
from anlan.response.services.desk import Desk

# Whoever gets a case back, or gets it from the arbiter, gets the whole limit.
BEGINS_ANEW = frozenset({Trigger.REJECT, Trigger.DECIDE})


def enter(desk: Desk, to: CaseState) -> CaseState:
    """Bring the case into a state; a new stage meets the old clock and starts its own."""
    before = desk.state
    desk.case.state = to.value
    if stage_of(before) is not stage_of(to):
        desk.end_stage(met=True)
        desk.start_stage(from_now="CaseMoved" if desk.trigger in BEGINS_ANEW else "")
    return before


def moved(desk: Desk, before: CaseState, asked: Asked) -> None:
    """Keep the move, with what was written."""
    trigger = desk.trigger.value if desk.trigger else ""
    case, actor, now = desk.case, desk.actor, desk.now
    desk.record(
        CaseMoved(
            case=desk.case.pk,
            trigger=trigger,
            before=before.value,
            after=desk.state.value,
            reason=asked.reason,
        ),
        rows=[
            *notes.drafted(case, asked.note, about=trigger, actor=actor, now=now),
            *notes.photographed(case, asked.photos, about=trigger, actor=actor, now=now),
        ],
    )


def advance(desk: Desk, pull: Pull) -> None:
    """Take the next step; who has the danger in hand is remembered (I5)."""
    if desk.trigger in HANDS_ON and desk.actor.id not in desk.case.hands:
        desk.case.hands = [*desk.case.hands, desk.actor.id]
    moved(desk, enter(desk, pull.target(desk.state)), pull.asked)


def confirm(desk: Desk, pull: Pull) -> None:
    """A second person or a measurement confirms that the work was done."""
    _keep_proof(desk, pull.asked, pull.facts)
    moved(desk, enter(desk, pull.target(desk.state)), pull.asked)


def grade(desk: Desk, pull: Pull) -> None:
    """Grade a danger by a method of the jurisdiction pack."""
    method = next(
        (item for item in registry.risk_methods(at=desk.now) if item.id == pull.asked.method), None
    )
    if method is None:
        raise GradeNeededError(method=pull.asked.method)
    graded = grade_risk(method, pull.asked.factors)
    desk.case.grade, desk.case.grading = graded.grade.value, graded.plain()
    moved(desk, enter(desk, pull.target(desk.state)), pull.asked)


def hand_on(desk: Desk, pull: Pull) -> None:
    """Give the duty to another post (dispatch, decide, reassign)."""
    case = desk.case
    before_owner, case.owner_post, case.owner_basis = case.owner_post, pull.asked.post, "decided"
    if case.owner_post != before_owner:
        climb_from_owner(desk)
    moved(desk, enter(desk, pull.target(desk.state)), pull.asked)
    own(desk, before_owner, why=desk.trigger.value if desk.trigger else "")


def own(desk: Desk, before: str, *, why: str) -> None:
    """Tell that the duty has gone from ``before`` to the post that owns it now."""
    case = desk.case
    if case.owner_post == before:
        return
    desk.record(CaseOwnerChanged(case=case.pk, before=before, owner=case.owner_post, why=why))
    telling.tell(desk, [case.owner_post], "case.assigned", key=f"owner:{instant_text(desk.now)}")
    telling.tell(
        desk,
        [before],
        "case.taken_over",
        key=f"left:{instant_text(desk.now)}",
        urgency="normal",
    )


def _keep_proof(desk: Desk, asked: Asked, facts: Facts) -> Proof:
    proof = proof_of(facts)
    kept: dict[str, object] = {"proof": proof.value, "by": desk.actor.id}
    if asked.measurement is not None:
        kept["measurement"] = asked.measurement.plain()
    elif proof is Proof.MEASUREMENT:
        kept["readings"] = "below_clear_limit"
    desk.case.closing = kept
    return proof


def close(desk: Desk, pull: Pull) -> None:
    """Close on a second person's word or a measurement (I5)."""
    end(
        desk,
        pull.target(desk.state),
        pull.asked,
        how=_keep_proof(desk, pull.asked, pull.facts).value,
    )


def end(desk: Desk, to: CaseState, asked: Asked, *, how: str) -> None:
    """End the case: every clock ends, unanswered tasks lapse, the owner hears."""
    end_unheard(desk, to, asked, how=how)
    case = desk.case
    telling.tell(
        desk,
        [case.owner_post],
        "case.closed",
        key=f"closed:{case.reopened}",
        urgency="normal",
        how=how,
    )


def end_unheard(desk: Desk, to: CaseState, asked: Asked, *, how: str) -> None:
    """End the case without a word: whoever was told of it hears of what it went into."""
    case, before = desk.case, desk.state
    case.state, case.is_open = to.value, False
    case.closed_at, case.closed_how = desk.now, how
    case.resume_state, case.listed_until = "", None
    desk.end_stage(met=to is CaseState.CLOSED, reason=how)
    desk.end_all(how)
    for task in tasks.lapse_open(desk):
        desk.also(task)
    moved(desk, before, asked)


def rate(desk: Desk, pull: Pull) -> None:
    """Keep how whoever asked for help judges the outcome."""
    before = desk.state
    desk.case.rating = pull.asked.rating
    desk.case.state = pull.target(desk.state).value
    moved(desk, before, pull.asked)


def reopen(desk: Desk, pull: Pull) -> None:
    """Open the case again, for a reason from the list."""
    open_again(desk, pull.target(desk.state), pull.asked)


def open_again(desk: Desk, to: CaseState, asked: Asked) -> None:
    """Let the clocks and the ladder of an ended case begin anew."""
    case, before = desk.case, desk.state
    if case.cause and Case.objects.filter(cause=case.cause, is_open=True).exists():
        raise SameCauseOpenError(cause=case.cause)
    case.state = to.value
    case.is_open, case.closed_at, case.closed_how, case.closing = True, None, "", {}
    case.reopened += 1
    case.reopened_at = desk.now
    case.rung, case.overdue_since, case.hands, case.rating = 0, None, [], None
    case.returned_once = False
    desk.start_stage()
    moved(desk, before, asked)
    telling.tell(desk, [case.owner_post], "case.reopened", key=f"reopened:{case.reopened}")
