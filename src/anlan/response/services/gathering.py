"""Many reports from one source within minutes: one case holds them until each has had its turn.

From its first instant every report has an owner and a clock, those of the joint case (I1).  What
belongs to a case that is open already joins that one.  What names another place, or says
something else, gets a case of its own at a pace that a duty desk can follow, words of danger to
life first, unless somebody who looked at all of them has ended the joint case.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from anlan.kernel.actor import Actor, system_actor
from anlan.response.domain.events import SignJoinedCase, SignLeftCase
from anlan.response.domain.opening import Opening, opening_of_report
from anlan.response.models import Case, CaseFollower
from anlan.response.services.desk import Desk
from anlan.response.services.joining import case_near, follow_up, open_case_of
from anlan.response.services.opening import open_apart, open_case
from anlan.response.services.residents import follow_on
from anlan.response.services.signs import case_beside
from anlan.sensing import public as sensing

ACTOR = system_actor("response")
CAUSE = "flood:"
# Urgent, but no red alarm: one source is one witness, however often.
PRIORITY = 2
LOOKED_AT_ONCE = 200
TITLE: dict[str, object] = {
    "zh": "同一网络短时间内的多份报告，合并查看",
    "en": "Many reports from one network within minutes, looked at together",
}


def is_gathering(case: Case) -> bool:
    """Return whether a case holds many reports of one source until each has had its turn."""
    return case.cause.startswith(CAUSE)


@transaction.atomic
def gather(
    actor: Actor,
    opening: Opening,
    *,
    flood: int,
    repeats: bool,
    now: datetime,
    beside: Iterable[str] = (),
) -> Case:
    """Join a report of a flood to the open case it belongs to, or to that of its flood.

    ``repeats`` says that an earlier report of the same source says the same: it has no turn to
    wait for, unless it can join the case of its place later.
    """
    case = open_case_of(opening) or case_beside(opening, beside) or case_near(opening, now=now)
    if case is not None:
        return follow_up(actor, case, opening, now=now)
    joint = Opening(
        kind="service",
        hazard="",
        area="",
        origin=opening.origin,
        known_at=opening.known_at,
        priority=PRIORITY,
        cause=f"{CAUSE}{flood}",
        title=TITLE,
        strong=opening.strong,
        waits=not repeats or bool(opening.hazard and opening.point),
    )
    case = open_case_of(joint)
    if case is None:
        return open_case(actor, joint, now=now)
    desk = Desk(case, actor=actor, now=now)
    case.signs += 1
    case.strong_signs += int(opening.strong)
    case.last_sign_at = now
    follower = CaseFollower(
        case=case,
        sign=opening.sign,
        joined_at=now,
        strong=opening.strong,
        waits=joint.waits,
    )
    desk.record(SignJoinedCase(case=case.pk, sign=opening.sign), rows=[follower])
    return case


def release_gathered(*, most: int, within: timedelta, now: datetime) -> int:
    """Give gathered reports whose turn has come cases of their own; return how many moved.

    Of each flood no more than ``most`` cases are opened ``within`` a span; joining one that is
    open already waits for no turn.
    """
    waiting = CaseFollower.objects.filter(
        waits=True, case__is_open=True, case__cause__startswith=CAUSE
    )
    return sum(
        _release_of(ACTOR, joint, most=most, since=now - within, now=now)
        for joint in waiting.order_by().values_list("case_id", flat=True).distinct()
    )


def _release_of(actor: Actor, joint: int, *, most: int, since: datetime, now: datetime) -> int:
    opened = CaseFollower.objects.filter(
        came_from=joint, case__origin=F("sign"), case__opened_at__gt=since
    )
    turns = most - opened.count()
    waiting = CaseFollower.objects.filter(case=joint, waits=True).order_by("-strong", "pk")
    moved = 0
    for key in list(waiting.values_list("pk", flat=True)[:LOOKED_AT_ONCE]):
        how = _move_on(actor, joint, key, may_open=turns > 0, now=now)
        moved += how != ""
        turns -= how == "opened"
    return moved


@transaction.atomic
def _move_on(actor: Actor, joint: int, key: int, *, may_open: bool, now: datetime) -> str:
    """Let one report leave the joint case; return how, or nothing when it has to wait."""
    follower = CaseFollower.objects.get(pk=key)
    number = int(follower.sign.removeprefix("report:"))
    opening = opening_of_report(number, sensing.report(number))
    near = case_near(opening, now=now)
    if near is None and not may_open:
        return ""
    # Skipped while somebody else works on it: two cases are locked here in any order.
    held = (
        Case.objects.select_for_update(of=("self",), skip_locked=True)
        .filter(pk=joint, is_open=True, followers__in=[follower])
        .first()
    )
    if held is None:
        return ""
    follower.waits = False
    if near is not None:
        case = follow_on(Desk(near, actor=actor, now=now), follower, left=held)
    else:
        case = open_apart(actor, opening, follower, now=now)
    held.signs -= 1
    held.strong_signs -= int(follower.strong)
    desk = Desk(held, actor=actor, now=now)
    desk.record(SignLeftCase(case=held.pk, sign=follower.sign, into=case.pk))
    return "joined" if near is not None else "opened"
