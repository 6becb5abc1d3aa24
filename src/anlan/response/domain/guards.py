"""Whose move it is and what must be true: pure answers to the state table's guards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from anlan.kernel.canonical import instant_text
from anlan.kernel.errors import AnlanError
from anlan.response.domain.errors import (
    EndNeededError,
    EndNotLaterError,
    GradeNeededError,
    MeasurementAboveLimitError,
    MeasurementNeededError,
    NotYourMoveError,
    OtherCaseNeededError,
    PostNeededError,
    PriorityNeededError,
    RatingNeededError,
    ReasonNeededError,
    ReturnedAlreadyError,
    SecondPersonNeededError,
    StillSilentError,
)
from anlan.response.domain.measuring import Measurement
from anlan.response.domain.states import Guard, Move, Who
from anlan.response.domain.words import Proof

# An end that nobody who approves it will live to see in office is none (Anlan's default).
FARTHEST_END = timedelta(days=3 * 366)


@dataclass(frozen=True, slots=True)
class Standing:
    """How an actor stands to a case."""

    actor: str
    is_owner: bool  # at the owning post
    is_above: bool  # superior of the owner, duty officer or commander of the area
    is_checker: bool  # may confirm in this area
    is_clockwork: bool = False  # Anlan itself


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a guard may ask; what a call did not give is ``None`` or empty."""

    now: datetime
    standing: Standing
    hands: tuple[str, ...] = ()
    returned_once: bool = False
    needs_measurement: bool = False
    readings_cleared: bool = False  # every alert of the case fell below its clear limit
    silent: int = 0  # sensors of a device case that say nothing yet
    reason: str = ""
    known_reasons: frozenset[str] = frozenset()
    until: datetime | None = None
    latest_end: datetime | None = None
    deadline: datetime | None = None  # of the stage; none when it has passed already
    post: str = ""
    post_exists: bool = False
    measurement: Measurement | None = None
    has_grade: bool = False
    rating: int | None = None
    priority: int | None = None
    priority_before: int = 4
    other_open: bool = False


def is_their_move(move: Move, standing: Standing) -> bool:
    """Return whether the actor may make ``move`` at all."""
    if standing.is_clockwork:
        return True
    if move.who is Who.OWNER:
        return standing.is_owner or standing.is_above
    if move.who is Who.ABOVE:
        return standing.is_above
    return standing.is_checker or standing.is_above


def proof_of(facts: Facts) -> Proof:
    """Return on what the case may be closed (I5).

    Readings of our own sensors below the clear limit are proof for anybody, and the only
    proof beside a stated measurement where the case asks for one.  A measurement that a
    person states counts when that person did not handle the danger.  While a sensor of a device
    case is silent nobody's word counts: it would be left without a duty.

    Raises
    ------
    AnlanError
        When there is no such proof; the code says what is missing.
    """
    if facts.silent:
        raise StillSilentError(silent=facts.silent)
    handled = facts.standing.actor in facts.hands
    stated = facts.measurement
    if stated is not None and not stated.is_below:
        raise MeasurementAboveLimitError(value=stated.value, limit=stated.limit, unit=stated.unit)
    if facts.readings_cleared:
        return Proof.MEASUREMENT
    if facts.needs_measurement and stated is None:
        raise MeasurementNeededError
    # The clockwork is nobody's second person.
    if handled or facts.standing.is_clockwork:
        raise SecondPersonNeededError
    return Proof.MEASUREMENT if stated is not None else Proof.SECOND_PERSON


def _reason(facts: Facts) -> AnlanError | None:
    if facts.reason in facts.known_reasons:
        return None
    return ReasonNeededError(given=facts.reason, known=", ".join(sorted(facts.known_reasons)))


def _once(facts: Facts) -> AnlanError | None:
    return ReturnedAlreadyError() if facts.returned_once else None


def _end(facts: Facts) -> AnlanError | None:
    latest = facts.latest_end or facts.now + FARTHEST_END
    if facts.until is not None and facts.now < facts.until <= latest:
        return None
    return EndNeededError(latest=instant_text(latest))


def _later(facts: Facts) -> AnlanError | None:
    if facts.until is None or facts.deadline is None or facts.until > facts.deadline:
        return None
    return EndNotLaterError(deadline=instant_text(facts.deadline))


def _post(facts: Facts) -> AnlanError | None:
    return None if facts.post and facts.post_exists else PostNeededError(post=facts.post)


def _second_person(facts: Facts) -> AnlanError | None:
    return SecondPersonNeededError() if facts.standing.actor in facts.hands else None


def _proof(facts: Facts) -> AnlanError | None:
    try:
        proof_of(facts)
    except AnlanError as refusal:
        return refusal
    return None


def _grade(facts: Facts) -> AnlanError | None:
    return None if facts.has_grade else GradeNeededError()


def _rating(facts: Facts) -> AnlanError | None:
    return None if facts.rating in range(1, 6) else RatingNeededError()


def _priority(facts: Facts) -> AnlanError | None:
    higher = facts.priority is not None and 1 <= facts.priority < facts.priority_before
    return None if higher else PriorityNeededError(before=facts.priority_before)


def _other_case(facts: Facts) -> AnlanError | None:
    return None if facts.other_open else OtherCaseNeededError()


_CHECKS: dict[Guard, Callable[[Facts], AnlanError | None]] = {
    Guard.REASON: _reason,
    Guard.ONCE: _once,
    Guard.END: _end,
    Guard.LATER: _later,
    Guard.POST: _post,
    Guard.SECOND_PERSON: _second_person,
    Guard.PROOF: _proof,
    Guard.GRADE: _grade,
    Guard.RATING: _rating,
    Guard.PRIORITY: _priority,
    Guard.OTHER_CASE: _other_case,
}

# What the person must bring; the others are facts of the case and the person.
ASKED = frozenset(
    {
        Guard.REASON,
        Guard.END,
        Guard.POST,
        Guard.GRADE,
        Guard.RATING,
        Guard.PRIORITY,
        Guard.OTHER_CASE,
    }
)


def refusal_of(move: Move, facts: Facts) -> AnlanError | None:
    """Return why ``move`` is refused, or ``None`` when it is allowed."""
    if not is_their_move(move, facts.standing):
        return NotYourMoveError(who=move.who.value)
    for guard in move.guards:
        refusal = _CHECKS[guard](facts)
        if refusal is not None:
            return refusal
    return None


def refusal_before_asking(move: Move, facts: Facts) -> AnlanError | None:
    """Return why ``move`` is out of reach whatever the person brings; ``None`` when it is not."""
    if not is_their_move(move, facts.standing):
        return NotYourMoveError(who=move.who.value)
    for guard in move.guards:
        if guard in ASKED:
            continue
        refusal = _CHECKS[guard](facts)
        # A missing measurement can be brought.
        if refusal is not None and not isinstance(refusal, MeasurementNeededError):
            return refusal
    return None
