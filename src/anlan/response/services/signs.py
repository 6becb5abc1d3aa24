"""A sign finds its case: the one that follows it, that of its cause, one close by, or a new one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import transaction

from anlan.infra import rows as rows_of
from anlan.kernel.actor import Actor
from anlan.kernel.canonical import instant_text
from anlan.response.domain.asking import Asked
from anlan.response.domain.events import CaseLevelRaised, CaseSignCleared, MembersCleared
from anlan.response.domain.joining import higher_level, priority_by_level
from anlan.response.domain.opening import Opening
from anlan.response.domain.states import move_for
from anlan.response.domain.words import CaseState, Trigger
from anlan.response.models import Case, CaseFollower, CaseIncident
from anlan.response.services import telling
from anlan.response.services.desk import Desk
from anlan.response.services.effects import open_again
from anlan.response.services.joining import (
    case_near,
    follow_up,
    open_case_of,
    raise_priority,
)
from anlan.response.services.opening import open_case
from anlan.warning import public as warning


@transaction.atomic(savepoint=False)
def take_sign(actor: Actor, opening: Opening, *, now: datetime, beside: Iterable[str] = ()) -> Case:
    """Join a sign to the open case it belongs to, or open a case for it.

    ``beside`` names other signs of the same matter (the reports of a cluster, the cluster of
    a report): a case of the same hazard that follows one of them is the sign's case too.
    """
    case = open_case_of(opening) or case_beside(opening, beside) or case_near(opening, now=now)
    if case is not None:
        return follow_up(actor, case, opening, now=now)
    return open_case(actor, opening, now=now)


def case_beside(opening: Opening, signs: Iterable[str]) -> Case | None:
    """Return the locked open case of the same hazard that follows one of ``signs``, or ``None``."""
    names = list(signs)
    if not names:
        return None
    cases = CaseFollower.objects.filter(
        sign__in=names, case__is_open=True, case__hazard=opening.hazard
    ).order_by("case__priority", "case_id")
    found = cases.values_list("case_id", flat=True).first()
    if found is None:
        return None
    return Case.objects.select_for_update(of=("self",)).filter(pk=found, is_open=True).first()


@transaction.atomic
def change_level(actor: Actor, sign: str, level: str, *, now: datetime) -> None:
    """Let a case follow its alert upwards; a case closed meanwhile is opened again.

    A falling level changes nothing: the case keeps the highest it has seen.
    """
    follower = CaseFollower.objects.filter(sign=sign).first()
    if follower is None:
        return
    case = Case.objects.select_for_update(of=("self",)).get(pk=follower.case_id)
    highest = higher_level(case.level, level)
    rises = highest != case.level
    if not case.is_open:
        if not rises or case.state == CaseState.MERGED:
            return
        desk = Desk(case, actor=actor, now=now, trigger=Trigger.REOPEN)
        to = move_for(case.kind, CaseState(case.state), Trigger.REOPEN).to or desk.state
        open_again(desk, to, Asked(reason="alert_rose"))
    if not rises:
        return
    desk = Desk(case, actor=actor, now=now)
    case.level = highest
    raise_priority(desk, priority_by_level(level), why="level")
    follower.cleared_at = None
    desk.record(CaseLevelRaised(case=case.pk, sign=sign, level=level), rows=[follower])
    telling.tell(desk, [case.owner_post], "case.level", key=f"level:{sign}:{level}")


@transaction.atomic
def clear_sign(actor: Actor, sign: str, *, at: datetime, measured: bool, now: datetime) -> None:
    """Note that an alert cleared; the case stays open until somebody closes it.

    Only where readings fell below the clear limit (``measured``) is that proof for closing.
    """
    follower = CaseFollower.objects.filter(sign=sign, cleared_at=None).first()
    if follower is None:
        return
    case = Case.objects.select_for_update(of=("self",)).get(pk=follower.case_id)
    desk = Desk(case, actor=actor, now=now)
    if measured:
        follower.cleared_at = min(at, now)
        desk.record(CaseSignCleared(case=case.pk, sign=sign), rows=[follower])
    if case.is_open:
        telling.tell(
            desk,
            [case.owner_post],
            "case.cleared",
            key=f"cleared:{sign}:{instant_text(at)}",
            urgency="normal",
        )


@transaction.atomic(savepoint=False)
def change_levels(actor: Actor, levels: Mapping[str, str], *, now: datetime) -> None:
    """Let cases follow many alerts upwards at once: each case rises once, to the highest."""
    highest: dict[int, tuple[str, str]] = {}
    for sign, case in _cases_following(levels).items():
        before = highest.get(case)
        if before is None or higher_level(before[1], levels[sign]) != before[1]:
            highest[case] = (sign, levels[sign])
    for sign, level in highest.values():
        change_level(actor, sign, level, now=now)


@transaction.atomic(savepoint=False)
def clear_members(
    actor: Actor, incident: int, cleared: Mapping[str, datetime | None], *, now: datetime
) -> None:
    """Note that many alerts of an incident cleared; those with an instant by their readings.

    The owner hears of the last one, not of each.  Alerts that have a case of their own clear there.
    """
    cases = _cases_following(cleared)
    by_case: dict[int, list[str]] = {}
    for sign, key in cases.items():
        by_case.setdefault(key, []).append(sign)
    ours = set(
        CaseIncident.objects.filter(incident=incident, case_id__in=by_case).values_list(
            "case_id", flat=True
        )
    )
    for key, signs in by_case.items():
        if key in ours:
            times = {sign: cleared[sign] for sign in signs}
            _clear_in_one(actor, key, incident, times, now=now)
            continue
        for sign in signs:
            at = cleared[sign]
            clear_sign(actor, sign, at=at or now, measured=at is not None, now=now)


def _cases_following(signs: Iterable[str]) -> dict[str, int]:
    """Return the case that each sign follows, all locked in the order of their numbers."""
    rows = CaseFollower.objects.filter(sign__in=list(signs)).order_by("pk")
    found = dict(rows.values_list("sign", "case_id"))
    list(
        Case.objects.select_for_update(of=("self",))
        .filter(pk__in=set(found.values()))
        .order_by("pk")
        .values_list("pk")
    )
    return found


def _clear_in_one(
    actor: Actor,
    case_id: int,
    incident: int,
    cleared: Mapping[str, datetime | None],
    *,
    now: datetime,
) -> None:
    desk = Desk(Case.objects.get(pk=case_id), actor=actor, now=now)
    measured = [sign for sign, at in cleared.items() if at is not None]
    followers = list(CaseFollower.objects.filter(sign__in=measured, cleared_at=None).order_by("pk"))
    for follower in followers:
        at = cleared[follower.sign]
        follower.cleared_at = min(at, now) if at is not None else None
    if followers:
        signs = tuple(follower.sign for follower in followers)
        event = MembersCleared(case=case_id, incident=incident, signs=signs)
        rows_of.save_many(followers)
        desk.record(event, rows=followers, made=followers)
    if desk.case.is_open and not warning.standing_in(incident):
        row = warning.incident(incident)
        telling.tell(
            desk,
            [desk.case.owner_post],
            telling.of_many(desk.case, "case.incident_calm"),
            key=f"calm:{incident}:{row.members}",
            urgency="normal",
            members=row.members,
        )
