"""Further signs of a matter: they join its open case and raise its priority (I4)."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime

from django.db.models import QuerySet

from anlan.kernel.actor import Actor
from anlan.kernel.geometry import EARTH_RADIUS_M, Point, distance_m
from anlan.registry import public as registry
from anlan.response.domain import joining
from anlan.response.domain.events import CasePriorityRaised, SignJoinedCase
from anlan.response.domain.opening import Opening
from anlan.response.domain.words import CaseState, ClockKind, Stage
from anlan.response.models import Case, CaseFollower
from anlan.response.selectors.facts import ground_for
from anlan.response.services import clocks, tasks, telling
from anlan.response.services.desk import Desk
from anlan.response.services.pausing import run_on


def open_case_of(opening: Opening) -> Case | None:
    """Return the locked open case to which the opening's sign belongs, or ``None``.

    One that the sign follows already; else one of the same cause.  An ended case is
    returned only to a sign that follows it already: told again, nothing new happens.
    """
    if opening.sign:
        followed = CaseFollower.objects.filter(sign=opening.sign).values_list("case_id", flat=True)
        found = Case.objects.select_for_update(of=("self",)).filter(pk__in=followed).first()
        if found is not None:
            return found
    if opening.cause:
        same = Case.objects.select_for_update(of=("self",)).filter(
            cause=opening.cause, is_open=True
        )
        return same.first()
    return None


def case_near(opening: Opening, *, now: datetime) -> Case | None:
    """Return the locked open case of the same hazard at the same place or close by, or ``None``.

    Close by is within :data:`~anlan.response.domain.joining.SAME_WITHIN_M` metres of a case
    whose last sign is not older than a day.  Of several the nearest counts.
    """
    if not opening.hazard:
        return None
    fresh = Case.objects.filter(
        is_open=True, hazard=opening.hazard, last_sign_at__gte=now - joining.SAME_WITHIN
    )
    # A broken device is another matter than the danger it watches.
    fresh = (
        fresh.filter(kind="device") if opening.kind == "device" else fresh.exclude(kind="device")
    )
    if opening.place:
        found = fresh.filter(place=opening.place).order_by("id").values_list("id", flat=True)
        if found:
            return _locked(found[0])
    return _locked(_nearest(fresh, opening.point)) if opening.point else None


def _nearest(fresh: QuerySet[Case], point: Point) -> int | None:
    reach = math.degrees(joining.SAME_WITHIN_M / EARTH_RADIUS_M)
    near = fresh.filter(lat__gte=point.lat - reach, lat__lte=point.lat + reach, lon__isnull=False)
    best: tuple[float, int] | None = None
    for case_id, lat, lon in near.values_list("id", "lat", "lon"):
        if lat is None or lon is None:
            continue
        away = distance_m(point, Point(lat=lat, lon=lon))
        if away <= joining.SAME_WITHIN_M and (best is None or (away, case_id) < best):
            best = (away, case_id)
    return best[1] if best else None


def _locked(case_id: int | None) -> Case | None:
    if case_id is None:
        return None
    found = Case.objects.select_for_update(of=("self",)).filter(pk=case_id, is_open=True)
    return found.first()


def follow_up(actor: Actor, case: Case, opening: Opening, *, now: datetime) -> Case:
    """Join the opening's sign to ``case``: a follower more, perhaps a higher priority.

    A report counts as a further sign; an alert speaks through its level.
    """
    sign = opening.sign
    if not case.is_open or (sign and CaseFollower.objects.filter(sign=sign).exists()):
        return case
    desk = Desk(case, actor=actor, now=now)
    if sign:
        case.signs += 1 if sign.startswith("report:") or not case.signs else 0
        case.strong_signs += int(opening.strong)
        case.last_sign_at = now
        case.level = joining.higher_level(case.level, opening.level)
        if opening.evidence_to_close == "measurement":
            case.evidence_to_close = "measurement"
        follower = CaseFollower(case=case, sign=sign, joined_at=now, strong=opening.strong)
        desk.record(SignJoinedCase(case=case.pk, sign=sign), rows=[follower])
    wanted = min(
        joining.priority_by_signs(case.signs, case.strong_signs),
        joining.priority_by_level(opening.level),
        opening.priority or joining.LOWEST,
    )
    raised = raise_priority(desk, wanted, why="signs" if not opening.level else "level")
    if sign:
        telling.tell(
            desk,
            [case.owner_post],
            "case.joined",
            key=f"joined:{sign}",
            urgency="" if raised else "normal",
            signs=case.signs,
        )
        telling.tell(
            desk,
            [telling.named_post(word, case) for word in opening.tell],
            "case.watch",
            key=f"watch:{sign}",
        )
    tasks.give_all(desk, opening)
    return case


def raise_priority(desk: Desk, priority: int, *, why: str) -> bool:
    """Raise the priority and tighten the stage's clock; return whether it rose.

    Time already given is not taken back beyond the new limit from now.  A suspended case
    whose matter grows worse runs on at once.
    """
    case = desk.case
    if priority >= case.priority:
        return False
    before, case.priority = case.priority, priority
    if desk.state is CaseState.SUSPENDED:
        run_on(desk, why="priority_raised")
    _tighten(desk)
    desk.record(CasePriorityRaised(case=case.pk, before=before, priority=priority, why=why))
    if telling.is_red(case):
        telling.tell(desk, [registry.city().commander_post], "case.watch", key=f"watch:{priority}")
    return True


def _tighten(desk: Desk) -> None:
    for clock in desk.running_of(ClockKind.STAGE):
        ground = ground_for(desk.case, Stage(clock.stage), at=desk.now)
        ground = replace(ground, starts_on="CasePriorityRaised")
        ground, due_at = clocks.due_of(ground, desk.now, now=desk.now)
        if due_at < clock.due_at:
            desk.start(
                ground,
                kind=ClockKind.STAGE,
                stage=Stage(clock.stage),
                started_at=desk.now,
                due_at=due_at,
            )
            desk.stop(clock, "tightened")
