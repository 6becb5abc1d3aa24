"""One door for every move of a case: the state table decides, its effect follows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from anlan.kernel.actor import Actor
from anlan.response import access
from anlan.response.domain.asking import Asked
from anlan.response.domain.guards import refusal_of
from anlan.response.domain.pulling import Pull
from anlan.response.domain.states import move_for
from anlan.response.domain.words import CaseState, Trigger
from anlan.response.models import Case
from anlan.response.selectors.facts import REASON_LIST, facts_of
from anlan.response.services import effects, sides
from anlan.response.services.desk import Desk

Effect = Callable[[Desk, Pull], None]

EFFECTS: dict[Trigger, Effect] = {
    Trigger.REGISTER: effects.advance,
    Trigger.GRADE: effects.grade,
    Trigger.ASSIGN: effects.advance,
    Trigger.BEGIN: effects.advance,
    Trigger.SELF_CHECK: effects.advance,
    Trigger.RECHECK: effects.confirm,
    Trigger.ACCEPT: effects.advance,
    Trigger.VERIFY: effects.advance,
    Trigger.OPEN: effects.advance,
    Trigger.DISPATCH: effects.hand_on,
    Trigger.HANDLE: effects.advance,
    Trigger.FEED_BACK: effects.advance,
    Trigger.CHECK: effects.confirm,
    Trigger.REJECT: effects.advance,
    Trigger.CLOSE: effects.close,
    Trigger.RATE: effects.rate,
    Trigger.REOPEN: effects.reopen,
    Trigger.RETURN: sides.give_back,
    Trigger.DECIDE: effects.hand_on,
    Trigger.REASSIGN: effects.hand_on,
    Trigger.SUSPEND: sides.suspend,
    Trigger.RESUME: sides.resume,
    Trigger.EXTEND: sides.extend,
    Trigger.URGE: sides.urge,
    Trigger.LIST: sides.list_for_supervision,
    Trigger.ENFORCE: sides.send_for_enforcement,
    Trigger.RAISE: sides.raise_by_hand,
    Trigger.DISMISS: sides.dismiss,
    Trigger.MERGE: sides.merge,
}


@transaction.atomic
def pull(
    actor: Actor, case_id: int, trigger: Trigger | str, asked: Asked | None = None, *, now: datetime
) -> Case:
    """Pull a trigger of a case's state table.

    Raises
    ------
    NotFoundError
        When the actor may not know of the case.
    WrongStateError
        When the table has no such move from here.
    AnlanError
        Another refusal: whose move it is, or what is missing; its code says which.
    """
    asked = asked or Asked()
    trigger = Trigger(trigger)
    if trigger is Trigger.MERGE and asked.other is not None:
        # Two rows are locked in the order of their numbers: see docs/explanation/locking.md.
        sides.lock_both(actor, case_id, asked.other)
    case = access.case_for_update(actor, case_id)
    move = move_for(case.kind, CaseState(case.state), trigger)
    facts = facts_of(actor, case, move, asked, now=now, reason_list=REASON_LIST.get(trigger, ""))
    refusal = refusal_of(move, facts)
    if refusal is not None:
        raise refusal
    desk = Desk(case, actor=actor, now=now, trigger=trigger)
    EFFECTS[trigger](desk, Pull(move, asked, facts))
    return case
