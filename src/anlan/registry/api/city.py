"""Reading the city: areas, posts, duties, places, sensors, and what the packs hold."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from ninja import Query, Schema, Status
from pydantic import Field

from anlan.infra.doors import Call, needs
from anlan.kernel.geometry import Point
from anlan.kernel.scales import RiskGrade, WarningLevel
from anlan.registry import access
from anlan.registry.api.routes import instant, router
from anlan.registry.domain.errors import AreaUnknownError
from anlan.registry.domain.facts import (
    DutyFound,
    KnownArea,
    KnownPlace,
    KnownPost,
    KnownSensor,
    OnDuty,
    PlaceAnswer,
)
from anlan.registry.selectors import areas, browse, duties, packs
from anlan.registry.selectors.answers import who_answered
from anlan.registry.selectors.browse import KnownDuty, Page

Code = Annotated[str, Field(max_length=64)]
At = Annotated[datetime | None, Field(description="An instant with its offset; none: now")]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]


class CityOut(Schema):
    """Which packs are in force."""

    id: str
    name: dict[str, str]
    version: str
    timezone: str
    root_area: str
    schematic: bool
    jurisdiction: str
    jurisdiction_version: str
    revision: str


class PointOut(Schema):
    """WGS-84 degrees."""

    lat: float
    lon: float


class AreaOut(Schema):
    """An area; ``path`` runs along the areas that govern it."""

    code: str
    kind: str
    name_zh: str
    name_en: str
    parent: str | None
    path: str
    touches: list[str]
    schematic: bool


class OutlineOut(Schema):
    """An area's outline as GeoJSON; ``schematic``: drawn, not surveyed."""

    code: str
    schematic: bool
    geometry: dict[str, Any] | None


class PostOut(Schema):
    """A post."""

    code: str
    name_zh: str
    name_en: str
    organisation: str
    area: str
    superior: str | None


class OnDutyOut(Schema):
    """Who sits at a post; holders go by their code, never by name."""

    post: str
    holder: str | None
    deputy: str | None
    until: datetime | None


class AnswerOut(Schema):
    """Who answers, where that was decided, and by what decision."""

    post: str
    area: str
    duty: int
    basis: str
    hazard: str
    level: str


class PlaceAnswerOut(Schema):
    """Who answers for a place; holders go by their code, never by name."""

    place: str
    at: datetime
    post: str
    why: str
    basis: str
    holder: str | None
    deputy: str | None


class DutyOut(Schema):
    """A line of the duty matrix."""

    id: int
    area: str
    hazard: str
    level: str
    post: str
    basis: str


class RiskPointOut(Schema):
    """A risk point."""

    code: str
    kind: str
    name_zh: str
    name_en: str
    area: str
    point: PointOut | None
    grade: RiskGrade | None
    owner_post: str | None
    plan: str | None


class SensorOut(Schema):
    """A sensor: one stream of readings of one quantity."""

    code: str
    name_zh: str
    name_en: str
    quantity: str
    unit: str
    interval: timedelta
    area: str
    risk_point: str | None
    place_kind: str | None
    point: PointOut | None
    device: str
    operator: str | None
    gateway: str
    installed_on: date | None
    calibration_due: date | None


class Paging(Schema):
    """Which part of a list."""

    area: Annotated[str | None, Field(max_length=64, description="At or below this area")] = None
    after: Annotated[str, Field(max_length=480, description="The last entry seen")] = ""
    limit: Annotated[int, Field(ge=1, le=browse.LIMIT)] = 100

    def page(self) -> Page:
        """Return the page that is asked for."""
        return Page(area=self.area, after=self.after, limit=self.limit)


@router.get("/city", response=CityOut, summary="Which packs are in force")
@needs("registry:read")
def get_city(request: Call) -> dict[str, Any]:  # noqa: ARG001  the form of an endpoint
    info, law = packs.city(), packs.jurisdiction_info()
    return {
        "id": info.id,
        "name": {"zh": info.name.zh, "en": info.name.en},
        "version": info.version,
        "timezone": info.timezone,
        "root_area": info.root_area,
        "schematic": info.schematic,
        "jurisdiction": law.id,
        "jurisdiction_version": law.version,
        "revision": packs.revision(),
    }


@router.get("/areas", response=list[AreaOut], summary="Areas, by path")
@needs("registry:read")
def list_areas(request: Call, paging: Query[Paging], kind: Code | None = None) -> list[KnownArea]:
    return browse.area_page(request.actor, paging.page(), kind)


@router.get("/areas/{code}", response=AreaOut, summary="One area")
@needs("registry:read")
def get_area(request: Call, code: Code) -> KnownArea:
    return access.area(request.actor, code)


@router.get("/areas/{code}/outline", response=OutlineOut, summary="An area's outline")
@needs("registry:read")
def get_outline(request: Call, code: Code) -> dict[str, Any]:
    found = access.area(request.actor, code)
    shape = areas.shape_of(code)
    return {"code": code, "schematic": found.schematic, "geometry": shape}


@router.get("/area-at", response=AreaOut, summary="The most specific area that holds a point")
@needs("registry:read")
def get_area_at(request: Call, lat: Latitude, lon: Longitude) -> KnownArea:
    found = areas.area_at(Point(lat=lat, lon=lon))
    if found is None or not request.actor.covers(found.path):
        raise AreaUnknownError(code=f"{lat},{lon}")
    return found


@router.get("/posts", response=list[PostOut], summary="Posts, by code")
@needs("registry:read")
def list_posts(request: Call, paging: Query[Paging]) -> list[KnownPost]:
    return browse.post_page(request.actor, paging.page())


@router.get("/posts/{code}", response=PostOut, summary="One post")
@needs("registry:read")
def get_post(request: Call, code: Code) -> KnownPost:
    return access.post(request.actor, code)


@router.get("/posts/{code}/on-duty", response=OnDutyOut, summary="Who sits at a post")
@needs("registry:read")
def get_on_duty(request: Call, code: Code, at: At = None) -> OnDuty:
    found = access.post(request.actor, code)
    return duties.on_duty(found.code, at=instant(request, at))


@router.get("/duties", response=list[DutyOut], summary="Lines of the duty matrix in force")
@needs("registry:read")
def list_duties(request: Call, paging: Query[Paging], at: At = None) -> list[KnownDuty]:
    return browse.duty_page(request.actor, paging.page(), at=instant(request, at))


@router.get(
    "/who-answers",
    response={200: AnswerOut, 204: None},
    summary="Who answers for a hazard in an area, at any instant",
    description="204 when nobody answers: no duty was set for that area, hazard and instant.",
)
@needs("registry:read")
def who_answers(
    request: Call,
    area: Code,
    hazard: Annotated[str, Field(max_length=80)],
    level: WarningLevel | None = None,
    at: At = None,
) -> DutyFound | Status[None]:
    asked = access.area(request.actor, area)
    found = duties.responsible_post(asked.code, hazard, level, at=instant(request, at))
    return found if found is not None else Status(204, None)


@router.get("/risk-points", response=list[RiskPointOut], summary="Risk points in force")
@needs("registry:read")
def list_risk_points(
    request: Call, paging: Query[Paging], kind: Code | None = None, at: At = None
) -> list[KnownPlace]:
    return browse.place_page(request.actor, paging.page(), kind, at=instant(request, at))


@router.get("/risk-points/{code}", response=RiskPointOut, summary="One risk point")
@needs("registry:read")
def get_risk_point(request: Call, code: Code) -> KnownPlace:
    return access.place(request.actor, code)


@router.get(
    "/risk-points/{code}/who-answers",
    response={200: PlaceAnswerOut, 204: None},
    summary="Who answers for a risk point, at any instant, and who is on duty there",
    description="204 when nobody answers. Without a hazard only the place's own post is looked at.",
)
@needs("registry:read")
def who_answers_for_place(
    request: Call,
    code: Code,
    hazard: Annotated[str, Field(max_length=80)] = "",
    level: WarningLevel | None = None,
    at: At = None,
) -> PlaceAnswer | Status[None]:
    asked = access.place(request.actor, code)
    found = who_answered(asked.code, hazard=hazard, level=level, at=instant(request, at))
    return found if found is not None else Status(204, None)


@router.get("/sensors", response=list[SensorOut], summary="Sensors in force")
@needs("registry:read")
def list_sensors(request: Call, paging: Query[Paging], at: At = None) -> list[KnownSensor]:
    return browse.sensor_page(request.actor, paging.page(), at=instant(request, at))


@router.get("/sensors/{code}", response=SensorOut, summary="One sensor")
@needs("registry:read")
def get_sensor(request: Call, code: Code, at: At = None) -> KnownSensor:
    return access.sensor(request.actor, code, at=instant(request, at))


Section = Literal[
    "rules",
    "clocks",
    "incidents",
    "checks",
    "ladders",
    "plans",
    "hazards",
    "place_kinds",
    "quantities",
    "units",
    "domains",
    "calendars",
    "lexicon",
    "reasons",
    "accident_tables",
    "risk_methods",
    "signals",
    "level_names",
]


@router.get(
    "/entries/{section}",
    response=list[dict[str, Any]],
    summary="What the packs hold and is in force, at any instant",
    description="Each entry as its pack writes it, with the version it is known by.",
)
@needs("registry:read")
def list_entries(request: Call, section: Section, at: At = None) -> list[dict[str, Any]]:
    found = packs.in_force(section, instant(request, at))
    return [msgspec.to_builtins(entry) for entry in found]
