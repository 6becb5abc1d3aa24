"""Further signs of a matter: they join its open case and raise its priority (I4)."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

from django.db.models import QuerySet

from anlan.infra.prepared import PreparedQuery
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

_TEXTS, _NUMBERS = ("a", "b"), (1, 2)
_INSTANTS = (datetime(2001, 1, 1, tzinfo=UTC), datetime(2002, 1, 1, tzinfo=UTC))


def _for_update() -> QuerySet[Case]:
    return Case.objects.select_for_update(of=("self",))


# What nearly every sign asks.
_FOLLOWED = PreparedQuery(
    lambda sign: (
        _for_update()
        .filter(pk__in=CaseFollower.objects.filter(sign=sign).values("case_id"))
        .order_by("pk")[:1]
    ),
    (_TEXTS,),
)
_OF_CAUSE = PreparedQuery(
    lambda cause: _for_update().filter(cause=cause, is_open=True).order_by("pk")[:1], (_TEXTS,)
)
_OPEN = PreparedQuery(lambda case: _for_update().filter(pk=case, is_open=True), (_NUMBERS,))
_FOLLOWER = PreparedQuery(
    lambda sign: CaseFollower.objects.filter(sign=sign).values_list("pk")[:1], (_TEXTS,)
)
_NEAR = {
    is_device: PreparedQuery(
        lambda hazard, since, south, north, is_device=is_device: (
            _fresh(hazard, since, is_device=is_device)
            .filter(lat__gte=south, lat__lte=north, lon__isnull=False)
            .values_list("id", "lat", "lon")
        ),
        (_TEXTS, _INSTANTS, (1.5, 2.5), (1.5, 2.5)),
    )
    for is_device in (False, True)
}


def open_case_of(opening: Opening) -> Case | None:
    """Return the locked open case to which the opening's sign belongs, or ``None``.

    One that the sign follows already; else one of the same cause.  An ended case is
    returned only to a sign that follows it already: told again, nothing new happens.
    """
    if opening.sign:
        found = _FOLLOWED.models(opening.sign)
        if found:
            return cast("Case", found[0])
    if opening.cause:
        same = _OF_CAUSE.models(opening.cause)
        return cast("Case", same[0]) if same else None
    return None


def case_near(opening: Opening, *, now: datetime) -> Case | None:
    """Return the locked open case of the same hazard at the same place or close by, or ``None``.

    Close by is within :data:`~anlan.response.domain.joining.SAME_WITHIN_M` metres of a case
    whose last sign is not older than a day.  Of several the nearest counts.
    """
    if not opening.hazard:
        return None
    since = now - joining.SAME_WITHIN
    # A broken device is another matter than the danger it watches.
    is_device = opening.kind == "device"
    if opening.place:
        found = _fresh(opening.hazard, since, is_device=is_device).filter(place=opening.place)
        first = found.order_by("id").values_list("id", flat=True).first()
        if first is not None:
            return _locked(first)
    return _locked(_nearest(opening, since, is_device=is_device)) if opening.point else None


def _fresh(hazard: str, since: datetime, *, is_device: bool) -> QuerySet[Case]:
    fresh = Case.objects.filter(is_open=True, hazard=hazard, last_sign_at__gte=since)
    return fresh.filter(kind="device") if is_device else fresh.exclude(kind="device")


def _nearest(opening: Opening, since: datetime, *, is_device: bool) -> int | None:
    point = opening.point
    assert point is not None  # noqa: S101  narrows for the type checker
    reach = math.degrees(joining.SAME_WITHIN_M / EARTH_RADIUS_M)
    near = _NEAR[is_device].rows(opening.hazard, since, point.lat - reach, point.lat + reach)
    best: tuple[float, int] | None = None
    for case_id, lat, lon in near:
        if lat is None or lon is None:
            continue
        away = distance_m(point, Point(lat=lat, lon=lon))
        if away <= joining.SAME_WITHIN_M and (best is None or (away, case_id) < best):
            best = (away, case_id)
    return best[1] if best else None


def _locked(case_id: int | None) -> Case | None:
    if case_id is None:
        return None
    found = _OPEN.models(case_id)
    return found[0] if found else None


def follow_up(actor: Actor, case: Case, opening: Opening, *, now: datetime) -> Case:
    """Join the opening's sign to ``case``: a follower more, perhaps a higher priority.

    A report counts as a further sign; an alert speaks through its level.
    """
    sign = opening.sign
    if not case.is_open or (sign and _FOLLOWER.rows(sign)):
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
