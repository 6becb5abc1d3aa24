"""The state tables: ``(state, trigger) -> move``, with its guards and whose move it is.

What is not in a table is refused.  Guards are facts to be checked
(:mod:`anlan.response.domain.guards`); they stand in the table so that one page shows
what a case may do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from anlan.response.domain.errors import WrongStateError
from anlan.response.domain.words import CaseState as S
from anlan.response.domain.words import Stage
from anlan.response.domain.words import Trigger as T  # noqa: N817


class Who(StrEnum):
    """Whose move it is, beside Anlan's own clockwork."""

    OWNER = "owner"  # the owning post, or whoever stands above it
    ABOVE = "above"  # a superior of the owner, a duty officer, a commander
    CHECKER = "checker"  # anybody at a post of the area who is not bound to the owner


class Guard(StrEnum):
    """What must be true, beside the state."""

    REASON = "reason"  # a reason from the list for this trigger
    ONCE = "once"  # not returned before
    END = "end"  # an end ahead of now, within the rule's limit
    LATER = "later"  # that end lies after the deadline that runs
    POST = "post"  # the post to which the case goes
    SECOND_PERSON = "second_person"  # not one of those who handled it
    PROOF = "proof"  # a second person or a measurement, as the case asks
    GRADE = "grade"  # a method with its factors
    RATING = "rating"
    PRIORITY = "priority"
    OTHER_CASE = "other_case"


@dataclass(frozen=True, slots=True)
class Move:
    """One allowed step; ``to`` is ``None`` where the case goes back to where it was."""

    to: S | None
    who: Who = Who.OWNER
    guards: tuple[Guard, ...] = ()


Table = Mapping[tuple[S, T], Move]

_ABOVE, _CHECKER = Who.ABOVE, Who.CHECKER


def _sides(
    active: tuple[S, ...], arbitrating_to: S, *, enforceable: bool
) -> dict[tuple[S, T], Move]:
    """Return the side moves that every kind of case knows, for its ``active`` states."""
    moves: dict[tuple[S, T], Move] = {}
    for state in active:
        moves[state, T.RETURN] = Move(S.ARBITRATING, guards=(Guard.REASON, Guard.ONCE))
        moves[state, T.SUSPEND] = Move(S.SUSPENDED, _ABOVE, (Guard.REASON, Guard.END))
        moves[state, T.EXTEND] = Move(state, _ABOVE, (Guard.REASON, Guard.END, Guard.LATER))
        moves[state, T.REASSIGN] = Move(state, _ABOVE, (Guard.POST,))
        if enforceable:
            moves[state, T.ENFORCE] = Move(state)
    moves[S.ARBITRATING, T.DECIDE] = Move(arbitrating_to, guards=(Guard.POST,))
    moves[S.SUSPENDED, T.RESUME] = Move(None)
    for state in (*active, S.ARBITRATING, S.SUSPENDED):
        moves[state, T.URGE] = Move(state, _ABOVE)
        moves[state, T.LIST] = Move(state, _ABOVE, (Guard.END,))
        moves[state, T.RAISE] = Move(state, _CHECKER, (Guard.REASON, Guard.PRIORITY))
        moves[state, T.DISMISS] = Move(S.DISMISSED, _ABOVE, (Guard.REASON, Guard.PROOF))
        moves[state, T.MERGE] = Move(S.MERGED, _ABOVE, (Guard.REASON, Guard.OTHER_CASE))
    return moves


HIDDEN_DANGER: Table = {
    (S.FOUND, T.REGISTER): Move(S.REGISTERED),
    (S.FOUND, T.GRADE): Move(S.GRADED, guards=(Guard.GRADE,)),
    (S.REGISTERED, T.GRADE): Move(S.GRADED, guards=(Guard.GRADE,)),
    (S.FOUND, T.ASSIGN): Move(S.ASSIGNED),
    (S.REGISTERED, T.ASSIGN): Move(S.ASSIGNED),
    (S.GRADED, T.ASSIGN): Move(S.ASSIGNED),
    # A danger that an alert found is with its owner at once; its grade may follow.
    (S.ASSIGNED, T.GRADE): Move(S.ASSIGNED, guards=(Guard.GRADE,)),
    (S.FIXING, T.GRADE): Move(S.FIXING, guards=(Guard.GRADE,)),
    (S.ASSIGNED, T.BEGIN): Move(S.FIXING),
    (S.ASSIGNED, T.SELF_CHECK): Move(S.SELF_CHECKED),
    (S.FIXING, T.SELF_CHECK): Move(S.SELF_CHECKED),
    (S.SELF_CHECKED, T.RECHECK): Move(S.RECHECKED, _CHECKER, (Guard.PROOF,)),
    (S.SELF_CHECKED, T.REJECT): Move(S.FIXING, _CHECKER, (Guard.SECOND_PERSON,)),
    (S.RECHECKED, T.REJECT): Move(S.FIXING, _CHECKER, (Guard.SECOND_PERSON,)),
    (S.RECHECKED, T.CLOSE): Move(S.CLOSED, _CHECKER, (Guard.PROOF,)),
    (S.CLOSED, T.REOPEN): Move(S.FIXING, _CHECKER, (Guard.REASON,)),
    (S.DISMISSED, T.REOPEN): Move(S.ASSIGNED, _CHECKER, (Guard.REASON,)),
    **_sides(
        (
            S.FOUND,
            S.REGISTERED,
            S.GRADED,
            S.ASSIGNED,
            S.FIXING,
            S.SELF_CHECKED,
            S.RECHECKED,
        ),
        S.ASSIGNED,
        enforceable=True,
    ),
}

SERVICE: Table = {
    (S.REPORTED, T.ACCEPT): Move(S.ACCEPTED),
    (S.ACCEPTED, T.VERIFY): Move(S.VERIFIED),
    (S.VERIFIED, T.OPEN): Move(S.OPENED),
    # Whoever gets a case that is plainly theirs need not walk through the office's steps.
    (S.ACCEPTED, T.DISPATCH): Move(S.DISPATCHED, guards=(Guard.POST,)),
    (S.VERIFIED, T.DISPATCH): Move(S.DISPATCHED, guards=(Guard.POST,)),
    (S.OPENED, T.DISPATCH): Move(S.DISPATCHED, guards=(Guard.POST,)),
    (S.REPORTED, T.HANDLE): Move(S.HANDLING),
    (S.ACCEPTED, T.HANDLE): Move(S.HANDLING),
    (S.VERIFIED, T.HANDLE): Move(S.HANDLING),
    (S.OPENED, T.HANDLE): Move(S.HANDLING),
    (S.DISPATCHED, T.HANDLE): Move(S.HANDLING),
    (S.HANDLING, T.FEED_BACK): Move(S.FED_BACK),
    (S.FED_BACK, T.CHECK): Move(S.CHECKED, _CHECKER, (Guard.PROOF,)),
    (S.FED_BACK, T.CLOSE): Move(S.CLOSED, _CHECKER, (Guard.PROOF,)),
    (S.CHECKED, T.CLOSE): Move(S.CLOSED, _CHECKER, (Guard.PROOF,)),
    (S.FED_BACK, T.REJECT): Move(S.HANDLING, _CHECKER, (Guard.SECOND_PERSON,)),
    (S.CHECKED, T.REJECT): Move(S.HANDLING, _CHECKER, (Guard.SECOND_PERSON,)),
    (S.CLOSED, T.RATE): Move(S.RATED, _CHECKER, (Guard.RATING, Guard.SECOND_PERSON)),
    (S.CLOSED, T.REOPEN): Move(S.HANDLING, _CHECKER, (Guard.REASON,)),
    (S.RATED, T.REOPEN): Move(S.HANDLING, _CHECKER, (Guard.REASON,)),
    (S.DISMISSED, T.REOPEN): Move(S.ACCEPTED, _CHECKER, (Guard.REASON,)),
    **_sides(
        (
            S.REPORTED,
            S.ACCEPTED,
            S.VERIFIED,
            S.OPENED,
            S.DISPATCHED,
            S.HANDLING,
            S.FED_BACK,
            S.CHECKED,
        ),
        S.DISPATCHED,
        enforceable=False,
    ),
}

DEVICE: Table = {
    (S.DISPATCHED, T.HANDLE): Move(S.HANDLING),
    (S.DISPATCHED, T.FEED_BACK): Move(S.FED_BACK),
    (S.HANDLING, T.FEED_BACK): Move(S.FED_BACK),
    (S.FED_BACK, T.REJECT): Move(S.HANDLING, _CHECKER, (Guard.SECOND_PERSON,)),
    (S.FED_BACK, T.CLOSE): Move(S.CLOSED, _CHECKER, (Guard.PROOF,)),
    (S.CLOSED, T.REOPEN): Move(S.HANDLING, _CHECKER, (Guard.REASON,)),
    (S.DISMISSED, T.REOPEN): Move(S.DISPATCHED, _CHECKER, (Guard.REASON,)),
    **_sides((S.DISPATCHED, S.HANDLING, S.FED_BACK), S.DISPATCHED, enforceable=False),
}

TABLES: dict[str, Table] = {"hidden_danger": HIDDEN_DANGER, "service": SERVICE, "device": DEVICE}

# Who pulls one of these has had the danger in hand and cannot alone declare it gone (I5).
HANDS_ON = frozenset({T.BEGIN, T.SELF_CHECK, T.HANDLE, T.FEED_BACK})

# Where a case with an owner starts: a person's own report waits to be taken up; what a rule
# found is the owner's to act upon at once.
START: dict[tuple[str, bool], S] = {
    ("hidden_danger", True): S.ASSIGNED,
    ("hidden_danger", False): S.FOUND,
    ("service", True): S.DISPATCHED,
    ("service", False): S.REPORTED,
    ("device", True): S.DISPATCHED,
    ("device", False): S.DISPATCHED,
}

_STAGES: dict[S, Stage] = {
    S.FOUND: Stage.ACCEPT,
    S.REGISTERED: Stage.ACCEPT,
    S.GRADED: Stage.ACCEPT,
    S.REPORTED: Stage.ACCEPT,
    S.SELF_CHECKED: Stage.CHECK,
    S.RECHECKED: Stage.CHECK,
    S.FED_BACK: Stage.CHECK,
    S.CHECKED: Stage.CHECK,
    S.ARBITRATING: Stage.ARBITRATE,
    S.SUSPENDED: Stage.SUSPEND,
}


def move_for(kind: str, state: S, trigger: T) -> Move:
    """Return the move that ``trigger`` makes from ``state``.

    Raises
    ------
    WrongStateError
        When the table of ``kind`` has no such move.
    """
    try:
        return TABLES[kind][state, trigger]
    except KeyError:
        raise WrongStateError(kind=kind, state=state.value, trigger=trigger.value) from None


def stage_of(state: S) -> Stage:
    """Return which clock runs in ``state``; whatever is not named is being handled."""
    return _STAGES.get(state, Stage.HANDLE)


def start_state(kind: str, *, found_by_rule: bool) -> S:
    """Return the first state of an owned case."""
    return START[kind, found_by_rule]


def triggers_from(kind: str, state: S) -> list[tuple[T, Move]]:
    """Return every move the table knows from ``state``."""
    return [(trigger, move) for (at, trigger), move in TABLES[kind].items() if at is state]
