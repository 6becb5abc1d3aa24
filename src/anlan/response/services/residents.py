"""What the holder of a receipt may say of a case: that the danger is not gone."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from anlan.kernel.actor import Actor
from anlan.kernel.errors import NotFoundError
from anlan.response.domain.asking import Asked
from anlan.response.domain.errors import ContestedLateError, WrongStateError
from anlan.response.domain.events import SignJoinedCase
from anlan.response.domain.joining import priority_by_signs
from anlan.response.domain.states import move_for
from anlan.response.domain.words import CaseState, Trigger
from anlan.response.models import Case, CaseFollower
from anlan.response.services import telling
from anlan.response.services.desk import Desk
from anlan.response.services.effects import open_again
from anlan.response.services.joining import raise_priority

# Anlan's own example: long enough to come home and see it, short enough that it is the same matter.
CONTESTED_WITHIN = timedelta(days=30)


def can_contest(case: Case, *, now: datetime) -> bool:
    """Return whether a reporter may say now that the danger of an ended case is not gone."""
    ended = case.closed_at
    return not case.is_open and ended is not None and now - ended <= CONTESTED_WITHIN


@transaction.atomic
def contest(actor: Actor, sign: str, *, now: datetime) -> Case:
    """Open the ended case of a sign again: whoever reported it sees the danger still there.

    The caller proved that ``actor`` holds the sign's receipt.  Pressed twice, it opens once.
    Where the same cause has another open case by now, the sign joins that one instead.

    Raises
    ------
    NotFoundError
        When no case answers the sign.
    ContestedLateError
        When it ended longer ago than :data:`CONTESTED_WITHIN`: a new report is a new matter.
    """
    followed = CaseFollower.objects.filter(sign=sign).values_list("case_id", "case__merged_into_id")
    found = followed.first()
    if found is None:
        raise NotFoundError(what="case", sign=sign)
    case = Case.objects.select_for_update(of=("self",)).get(pk=found[1] or found[0])
    if case.is_open:
        return case
    if not can_contest(case, now=now):
        raise ContestedLateError(days=CONTESTED_WITHIN.days)
    again = _open_one_of(case.cause)
    if again is not None:
        follower = CaseFollower.objects.get(sign=sign)
        return follow_on(Desk(again, actor=actor, now=now), follower, left=case)
    state = CaseState(case.state)
    to = move_for(case.kind, state, Trigger.REOPEN).to
    if to is None:
        raise WrongStateError(kind=case.kind, state=state.value, trigger=Trigger.REOPEN.value)
    desk = Desk(case, actor=actor, now=now, trigger=Trigger.REOPEN)
    open_again(desk, to, Asked(reason="not_done"))
    return case


def _open_one_of(cause: str) -> Case | None:
    if not cause:
        return None
    return Case.objects.select_for_update(of=("self",)).filter(cause=cause, is_open=True).first()


def follow_on(desk: Desk, follower: CaseFollower, *, left: Case) -> Case:
    """Let a sign of one case follow another, in which its danger is handled now."""
    case, sign = desk.case, follower.sign
    follower.case, follower.came_from = case, left
    case.signs += 1
    case.strong_signs += int(follower.strong)
    case.last_sign_at = desk.now
    desk.record(SignJoinedCase(case=case.pk, sign=sign), rows=[follower])
    raise_priority(desk, priority_by_signs(case.signs, case.strong_signs), why="signs")
    telling.tell(desk, [case.owner_post], "case.joined", key=f"joined:{sign}", signs=case.signs)
    return case
