"""Lists of the registry for an actor: bounded pages of what lies in the actor's areas."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from anlan.kernel.actor import Actor
from anlan.registry import access
from anlan.registry.domain.facts import KnownArea, KnownPlace, KnownPost, KnownSensor
from anlan.registry.models import Area, Duty, Post, RiskPoint, Sensor
from anlan.registry.selectors import areas, duties, places

LIMIT = 500


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is asked for: below which area, after which entry, how much."""

    area: str | None = None
    after: str = ""
    limit: int = 100

    @property
    def size(self) -> int:
        """The number of entries, at least one and at most :data:`LIMIT`."""
        return max(1, min(self.limit, LIMIT))


@dataclass(frozen=True, slots=True)
class KnownDuty:
    """A line of the duty matrix as it is shown."""

    id: int
    area: str
    hazard: str
    level: str
    post: str
    basis: str


def _within(actor: Actor, page: Page, field: str) -> Q:
    """Return the condition that ``field`` lies in the actor's areas and in the asked one."""
    reach = Q(pk__in=[])
    for path in actor.areas:
        if not path:
            reach = Q()
            break
        reach |= areas.under(path, field)
    if page.area is not None:
        return reach & areas.under(access.area(actor, page.area).path, field)
    return reach


def area_page(actor: Actor, page: Page, kind: str | None = None) -> list[KnownArea]:
    """Return areas that the pack still holds, by path; ``after`` is the last path seen."""
    rows = Area.objects.filter(_within(actor, page, "path"), ended_at__isnull=True)
    if kind is not None:
        rows = rows.filter(kind=kind)
    rows = rows.filter(path__gt=page.after).order_by("path")
    return [areas.known(values) for values in rows.values(*areas.FIELDS)[: page.size]]


def post_page(actor: Actor, page: Page) -> list[KnownPost]:
    """Return posts that the pack still holds, by code."""
    rows = Post.objects.filter(_within(actor, page, "area__path"), ended_at__isnull=True)
    rows = rows.filter(code__gt=page.after).order_by("code")
    return [duties.known_post(values) for values in rows.values(*duties.POST_FIELDS)[: page.size]]


def place_page(
    actor: Actor, page: Page, kind: str | None = None, *, at: datetime
) -> list[KnownPlace]:
    """Return risk points in force at ``at``, by code."""
    rows = RiskPoint.objects.filter(_within(actor, page, "area__path"), duties.holding(at))
    if kind is not None:
        rows = rows.filter(kind=kind)
    rows = rows.filter(code__gt=page.after).order_by("code")
    return [places.known_place(row) for row in rows.values_list(*places.PLACE_FIELDS)[: page.size]]


def sensor_page(actor: Actor, page: Page, *, at: datetime) -> list[KnownSensor]:
    """Return sensors in force at ``at``, by code."""
    rows = Sensor.objects.filter(_within(actor, page, "area__path"), duties.holding(at))
    rows = rows.filter(code__gt=page.after).order_by("code")
    found = rows.values_list(*places.SENSOR_FIELDS)[: page.size]
    return [places.known_sensor(row) for row in found]


def duty_page(actor: Actor, page: Page, *, at: datetime) -> list[KnownDuty]:
    """Return lines of the duty matrix in force at ``at``, by number; ``after`` is the last one."""
    rows = Duty.objects.filter(_within(actor, page, "area__path"), duties.holding(at))
    if page.after.isdecimal():
        rows = rows.filter(pk__gt=int(page.after))
    return [
        KnownDuty(row.pk, row.area_id, row.hazard, row.level, row.post_id, row.basis)
        for row in rows.order_by("pk")[: page.size]
    ]
