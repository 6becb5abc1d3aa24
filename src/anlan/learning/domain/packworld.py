"""The judge's world, made from packs alone: no database, so that many weeks can be run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from anlan.kernel.durations import parse_span
from anlan.kernel.scales import ResponseLevel
from anlan.learning.domain.ordinary import Ground
from anlan.registry.domain.city import City
from anlan.registry.domain.jurisdiction import Jurisdiction, Lexicon
from anlan.warning.domain.rulebook import RuleBook
from anlan.warning.domain.signs import Place, Stream, Units, World


@dataclass(frozen=True, slots=True)
class PackWorld:
    """What the judge needs of a city on a day, and what complaints need."""

    rules: RuleBook
    world: World
    lexicon: tuple[Lexicon, ...]
    root_area: str
    ground: Ground


def _in_force(first: date | None, end: date | None, day: date) -> bool:
    return (first is None or first <= day) and (end is None or day < end)


def area_paths(city: City) -> dict[str, str]:
    """Return the governing path of each area, as ``410100/410102``."""
    parents = {area.code: area.parent for area in city.areas}
    paths: dict[str, str] = {}
    for code in parents:
        chain, at = [], code
        while at and at not in chain:
            chain.append(at)
            at = parents.get(at) or ""
        paths[code] = "/".join(reversed(chain))
    return paths


def _rules(city: City, jurisdiction: Jurisdiction, day: date) -> RuleBook:
    """Return the rules in force; the city's own come before the jurisdiction's of that name."""
    chosen = {
        rule.id: rule
        for rule in (*jurisdiction.rules, *city.rules)
        if _in_force(rule.effective_from, rule.effective_to, day)
    }
    return RuleBook(in_force=tuple(chosen.values()))


def _streams(city: City, day: date) -> dict[str, Stream]:
    points = {point.code: point for point in city.risk_points}
    found = {}
    for sensor in city.sensors:
        if not _in_force(sensor.valid_from, sensor.valid_to, day):
            continue
        point = points.get(sensor.risk_point or "")
        found[sensor.code] = Stream(
            code=sensor.code,
            quantity=sensor.quantity,
            interval=parse_span(sensor.interval),
            area=sensor.area,
            place=point.code if point else "",
            place_kind=point.kind if point else "",
        )
    return found


def _places(city: City, day: date) -> tuple[Place, ...]:
    return tuple(
        Place(code=point.code, kind=point.kind, area=point.area, lat=point.lat, lon=point.lon)
        for point in city.risk_points
        if _in_force(point.valid_from, point.valid_to, day)
    )


def _asked(city: City) -> Mapping[tuple[str, str], ResponseLevel]:
    return {
        (row.hazard, row.warning.value): row.response
        for plan in city.plans
        for row in plan.response_asked
    }


def corners_of(coordinates: Any) -> Iterator[tuple[float, float]]:
    """Yield every point of a GeoJSON geometry's coordinates as (lon, lat)."""
    if coordinates and isinstance(coordinates[0], int | float):
        yield float(coordinates[0]), float(coordinates[1])
        return
    for part in coordinates:
        yield from corners_of(part)


def ground_of(city: City) -> Ground:
    """Return the rectangle around the city's shapes, or around its places when it has none."""
    corners = [
        corner for shape in city.shapes for corner in corners_of(shape.geometry["coordinates"])
    ]
    if not corners:
        spots = [(point.lon, point.lat) for point in city.risk_points]
        spots += [(sensor.lon, sensor.lat) for sensor in city.sensors]
        corners = [(lon, lat) for lon, lat in spots if lon is not None and lat is not None]
    lons, lats = zip(*corners, strict=True)
    return Ground(south=min(lats), west=min(lons), north=max(lats), east=max(lons))


def pack_world(city: City, jurisdiction: Jurisdiction, *, at: datetime) -> PackWorld:
    """Return the world of ``city`` as its packs describe it at the instant ``at``."""
    day = at.date()
    return PackWorld(
        rules=_rules(city, jurisdiction, day),
        world=World(
            streams=_streams(city, day),
            places=_places(city, day),
            asked=_asked(city),
            area_paths=area_paths(city),
            units={item.id: Units(item.unit, item.accepts) for item in jurisdiction.quantities},
        ),
        lexicon=jurisdiction.lexicon,
        root_area=city.info.root_area,
        ground=ground_of(city),
    )
