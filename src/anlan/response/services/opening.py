"""A matter becomes a case: with owner, clock and ladder from its first instant (I1)."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from anlan.infra import rows as rows_of
from anlan.kernel.actor import Actor, Role
from anlan.kernel.errors import NotFoundError
from anlan.kernel.geometry import Point
from anlan.kernel.scales import WarningLevel
from anlan.registry import public as registry
from anlan.response import access
from anlan.response.domain import joining, states
from anlan.response.domain.errors import (
    OpeningInvalidError,
    PointOutsideError,
    SameCauseOpenError,
)
from anlan.response.domain.events import CaseOpened
from anlan.response.domain.grounds import frozen_ladder
from anlan.response.domain.opening import Crowd, Opening
from anlan.response.domain.words import CaseState
from anlan.response.models import Case, CaseFollower, CaseIncident
from anlan.response.services import tasks, telling
from anlan.response.services.desk import Desk
from anlan.response.services.joining import follow_up, open_case_of

LETTERS = {"hidden_danger": "H", "service": "S", "device": "D"}


@transaction.atomic
def open_case(actor: Actor, opening: Opening, *, now: datetime) -> Case:
    """Open a case for a matter, or join its sign to the open case of the same cause.

    The owner is the post the opening names, else the post of the risk point, else the one
    that answers in the duty matrix, else the arbiter: nobody's matter is the arbiter's,
    with a deadline.  Telling twice of one sign opens nothing twice.

    Raises
    ------
    OpeningInvalidError
        When a person names an area, place, post or hazard that does not exist, a place outside
        the actor's areas or the named area, or a point outside the city.
    NotFoundError
        When the actor's areas do not cover the place.
    SameCauseOpenError
        When another process opened a case of the same cause at this very moment.
    """
    known = open_case_of(opening)
    if known is not None:
        return follow_up(actor, known, opening, now=now)
    return _opened_case(actor, opening, None, now=now)


def open_apart(actor: Actor, opening: Opening, follower: CaseFollower, *, now: datetime) -> Case:
    """Open a case for a sign that follows another one; ``follower`` moves to the new case."""
    return _opened_case(actor, opening, follower, now=now)


def _opened_case(
    actor: Actor, opening: Opening, follower: CaseFollower | None, *, now: datetime
) -> Case:
    case = _drafted(actor, opening, now=now)
    if not access.may_open(actor, case.area_path):
        raise access.CaseNotFoundError(area=case.area)
    rows_of.insert(case)
    assert case.pk is not None  # noqa: S101  given by the insert
    case.number = number_of(case.kind, case.opened_at, case.pk)
    desk = Desk(case, actor=actor, now=now, is_new=True)
    case.is_open = True
    case.state = _first_state(case, opening).value
    desk.start_stage()
    followers: list[CaseFollower | CaseIncident] = [*_followers(case, opening, now=now)]
    if follower is not None:
        follower.case, follower.came_from = case, follower.came_from or follower.case
        followers = [follower]
    if opening.incident is not None:
        followers.append(_incident_of(case, opening.incident, now=now))
    try:
        desk.record(_opened(case), rows=followers)
    except IntegrityError as error:
        if opening.cause and "one_open_case_per_cause" in str(error):
            raise SameCauseOpenError(cause=opening.cause) from error
        raise
    _tell_of_opening(desk, opening)
    tasks.give_all(desk, opening)
    return case


def number_of(kind: str, opened_at: datetime, key: int) -> str:
    """Return a case number: kind, local day, running number."""
    return f"{LETTERS[kind]}-{registry.local_day(opened_at):%Y%m%d}-{key:06d}"


def _drafted(actor: Actor, opening: Opening, *, now: datetime) -> Case:
    strict = actor.role is not Role.SYSTEM
    if strict:
        _refuse_unknown(actor, opening)
    area, area_path, point = _where(opening, strict=strict)
    owner, owner_basis = _owner(opening, area, now=now, strict=strict)
    signs = 1 if opening.sign else 0
    by_signs = joining.priority_by_signs(signs, int(opening.strong))
    lat, lon = (point.lat, point.lon) if point else (None, None)
    return Case(
        kind=opening.kind,
        hazard=opening.hazard,
        area=area,
        area_path=area_path,
        place=opening.place,
        lat=lat,
        lon=lon,
        title=opening.title,
        priority=opening.priority or min(by_signs, joining.priority_by_level(opening.level)),
        level=opening.level,
        owner_post=owner,
        owner_basis=owner_basis[:300],
        origin=opening.origin,
        cause=opening.cause,
        evidence_to_close=opening.evidence_to_close,
        known_at=min(opening.known_at, now),
        opened_at=now,
        last_sign_at=now,
        ladder=frozen_ladder(registry.ladder_for(opening.kind, opening.hazard, at=now)),
        signs=signs,
        strong_signs=int(opening.strong),
    )


def _refuse_unknown(actor: Actor, opening: Opening) -> None:
    """Refuse what a person names wrongly; a case's columns hold codes, never what was typed."""
    if opening.hazard:
        try:
            registry.hazard(opening.hazard)
        except NotFoundError:
            raise OpeningInvalidError(field="hazard", value=opening.hazard) from None
    if opening.place:
        _refuse_foreign_place(actor, opening)
    point = opening.point
    # A city whose own outline is not drawn may have gaps: there the arbiter decides.
    drawn = point is not None and registry.shape_of(registry.city().root_area) is not None
    if point is not None and drawn and registry.area_at(point) is None:
        raise PointOutsideError(lat=point.lat, lon=point.lon)


def _refuse_foreign_place(actor: Actor, opening: Opening) -> None:
    """Refuse a place that the actor may not know of, or that lies elsewhere than is said."""
    try:
        path = registry.place(opening.place).area_path
    except NotFoundError:
        path = None
    if path is None or not actor.covers(path):
        raise OpeningInvalidError(field="place", value=opening.place)
    if opening.area and opening.area not in path.split("/"):
        raise OpeningInvalidError(field="area", value=opening.area)


def _where(opening: Opening, *, strict: bool) -> tuple[str, str, Point | None]:
    """Return area, its path and the point; what a sign names wrongly is left open."""
    area, point = opening.area, opening.point
    if opening.place:
        try:
            place = registry.place(opening.place)
            area, point = area or place.area, point or place.point
        except NotFoundError:
            if strict:
                raise OpeningInvalidError(field="place", value=opening.place) from None
    if not area and point is not None:
        found = registry.area_at(point)
        area = found.code if found else ""
    if not area:
        return "", "", point
    try:
        return area, registry.area_path(area), point
    except NotFoundError:
        if strict:
            raise OpeningInvalidError(field="area", value=area) from None
        return area, "", point


def _owner(opening: Opening, area: str, *, now: datetime, strict: bool) -> tuple[str, str]:
    """Return the owning post and why; an empty post when nobody is found."""
    if opening.owner_post:
        if registry.is_post(opening.owner_post, at=now):
            return opening.owner_post, "named"
        if strict:
            raise OpeningInvalidError(field="post", value=opening.owner_post)
    if opening.place:
        try:
            owner = registry.place(opening.place).owner_post
        except NotFoundError:
            owner = None
        # A place that left the pack may name a post that left with it.
        if owner and registry.is_post(owner, at=now):
            return owner, "risk_point"
    level = WarningLevel(opening.level) if opening.level else None
    found = registry.responsible_post(area, opening.hazard, level, at=now) if area else None
    return (found.post, found.basis) if found else ("", "")


def _first_state(case: Case, opening: Opening) -> CaseState:
    if case.owner_post:
        return states.start_state(case.kind, found_by_rule=opening.found_by_rule)
    case.owner_post, case.owner_basis = registry.city().arbiter_post, "arbiter"
    return CaseState.ARBITRATING


def _followers(case: Case, opening: Opening, *, now: datetime) -> list[CaseFollower]:
    if not opening.sign:
        return []
    return [
        CaseFollower(
            case=case,
            sign=opening.sign,
            joined_at=now,
            strong=opening.strong,
            waits=opening.waits,
        )
    ]


def _incident_of(case: Case, crowd: Crowd, *, now: datetime) -> CaseIncident:
    """Return for which incident the case answers; who is told of it now is told of all members."""
    return CaseIncident(
        case=case, incident=crowd.incident, members=1, told=crowd.members, told_at=now
    )


def _opened(case: Case) -> CaseOpened:
    return CaseOpened(
        case=case.pk,
        number=case.number or "",
        kind=case.kind,
        hazard=case.hazard,
        area=case.area,
        place=case.place,
        priority=case.priority,
        owner=case.owner_post,
        origin=case.origin,
    )


def _tell_of_opening(desk: Desk, opening: Opening) -> None:
    case = desk.case
    subject = "case.arbitrate" if desk.state is CaseState.ARBITRATING else "case.opened"
    if opening.incident is None:
        telling.tell(desk, [case.owner_post], subject, key="opened")
    else:
        _tell_of_incident(desk, subject, opening.incident)
    watchers = [telling.named_post(word, case) for word in opening.tell]
    if telling.is_red(case):
        watchers.append(registry.city().commander_post)
    telling.tell(
        desk, [post for post in watchers if post != case.owner_post], "case.watch", key="watch"
    )


def _tell_of_incident(desk: Desk, subject: str, crowd: Crowd) -> None:
    telling.tell(
        desk,
        [desk.case.owner_post],
        telling.of_many(
            desk.case, "case.incident" if subject == "case.opened" else "case.incident_arbitrate"
        ),
        key="opened",
        members=crowd.members,
        worst=telling.where_of(crowd.worst_place, crowd.worst_area),
    )
