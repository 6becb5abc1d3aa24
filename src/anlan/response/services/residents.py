"""What the holder of a receipt may say of a case: that the danger is not gone."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from anlan.kernel.actor import Actor
from anlan.kernel.errors import NotFoundError
from anlan.response.domain.asking import Asked
from anlan.response.domain.errors import ContestedLateError, WrongStateError
from anlan.response.domain.states import move_for
from anlan.response.domain.words import CaseState, Trigger
from anlan.response.models import Case, CaseFollower
from anlan.response.services.desk import Desk
from anlan.response.services.effects import open_again

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
    state = CaseState(case.state)
    to = move_for(case.kind, state, Trigger.REOPEN).to
    if to is None:
        raise WrongStateError(kind=case.kind, state=state.value, trigger=Trigger.REOPEN.value)
    desk = Desk(case, actor=actor, now=now, trigger=Trigger.REOPEN)
    open_again(desk, to, Asked(reason="not_done"))
    return case
