"""What a map shows of who and what exists: outlines, risk points and sensors inside a box.

Where there is more than a map can carry, the same call counts by cells instead.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import shapely
from django.db.models import Count, F, IntegerField, Q, QuerySet, Value
from django.db.models.functions import Cast, Coalesce, Floor

from anlan.registry.domain.errors import NoCityError
from anlan.registry.domain.facts import KnownArea, KnownPlace, KnownSensor
from anlan.registry.models import RiskPoint, Sensor
from anlan.registry.selectors import areas, packs, places
from anlan.registry.selectors.duties import holding

CELLS = 12  # cells a side


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in degrees; ``west`` <= ``east`` and ``south`` <= ``north``."""

    west: float
    south: float
    east: float
    north: float

    def around(self, lat: str = "lat", lon: str = "lon") -> Q:
        """Return the condition that two columns lie inside."""
        return Q(**{f"{lat}__gte": self.south, f"{lat}__lte": self.north}) & Q(
            **{f"{lon}__gte": self.west, f"{lon}__lte": self.east}
        )


@dataclass(frozen=True, slots=True)
class Cell:
    """A part of a box and how many things lie in it."""

    west: float
    south: float
    east: float
    north: float
    count: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """An area with its outline as a GeoJSON geometry."""

    area: KnownArea
    shape: dict[str, Any]


def outlines_in(paths: Sequence[str], box: Box, *, tolerance: float, most: int) -> list[Drawn]:
    """Return the outlines of areas at or below ``paths`` that meet ``box``, the largest first.

    Whole ranks of areas are left out, the lowest ones first, until at most ``most`` remain.
    ``tolerance`` is by how many degrees an outline may be drawn too simply.
    """
    revision = packs.revision()
    if not revision:
        raise NoCityError
    found = areas.outlines_of(revision)
    hits = found.tree.query(shapely.box(box.west, box.south, box.east, box.north))
    inside = [int(hit) for hit in hits if _within(found.areas[int(hit)].path, paths)]
    inside.sort(key=lambda i: (found.areas[i].path.count("/"), found.areas[i].path))
    while len(inside) > most:
        deepest = found.areas[inside[-1]].path.count("/")
        higher = [i for i in inside if found.areas[i].path.count("/") < deepest]
        inside = higher or inside[:most]
    return [Drawn(found.areas[i], _shape(revision, i, tolerance)) for i in inside]


@lru_cache(maxsize=4096)
def _shape(revision: str, number: int, tolerance: float) -> dict[str, Any]:
    shape = areas.outlines_of(revision).shapes[number]
    found: dict[str, Any] = shapely.geometry.mapping(shape.simplify(tolerance))
    return found


def _within(path: str, paths: Sequence[str]) -> bool:
    return any(not own or path == own or path.startswith(own + "/") for own in paths)


def outlines_named(codes: Collection[str], *, tolerance: float) -> list[Drawn]:
    """Return the outlines of stated areas, as far as they are drawn."""
    revision = packs.revision()
    if not revision:
        raise NoCityError
    numbers = areas.outlines_of(revision).numbers
    known = areas.outlines_of(revision).areas
    return [
        Drawn(known[numbers[code]], _shape(revision, numbers[code], tolerance))
        for code in sorted(codes)
        if code in numbers
    ]


def middles_of(codes: Collection[str]) -> dict[str, tuple[float, float]]:
    """Return ``{area: (lat, lon)}``: a point that is sure to lie inside, for each that is drawn."""
    revision = packs.revision()
    if not revision:
        raise NoCityError
    numbers = areas.outlines_of(revision).numbers
    return {code: _middle(revision, numbers[code]) for code in codes if code in numbers}


@lru_cache(maxsize=4096)
def _middle(revision: str, number: int) -> tuple[float, float]:
    point = areas.outlines_of(revision).shapes[number].representative_point()
    return point.y, point.x


def extent_of(paths: Sequence[str]) -> Box | None:
    """Return the box around everything that is drawn at or below ``paths``; None when nothing is."""
    revision = packs.revision()
    if not revision:
        return None
    return _extent(revision, tuple(paths))


@lru_cache(maxsize=64)
def _extent(revision: str, paths: tuple[str, ...]) -> Box | None:
    found = areas.outlines_of(revision)
    bounds = [
        shape.bounds
        for shape, area in zip(found.shapes, found.areas, strict=True)
        if _within(area.path, paths)
    ]
    if not bounds:
        return None
    west, south, east, north = zip(*bounds, strict=True)
    return Box(min(west), min(south), max(east), max(north))


def reach(paths: Sequence[str], field: str) -> Q:
    """Return the condition that ``field`` lies at or below one of ``paths``."""
    allowed = Q(pk__in=[])
    for path in paths:
        if not path:
            return Q()
        allowed |= areas.under(path, field)
    return allowed


def places_in(
    paths: Sequence[str], box: Box, *, most: int, at: datetime
) -> tuple[list[KnownPlace], list[Cell]]:
    """Return the risk points inside ``box``; their counts by cells when there are too many."""
    rows = RiskPoint.objects.filter(holding(at), reach(paths, "area__path"), box.around())
    found = list(rows.order_by("code").values_list(*places.PLACE_FIELDS)[: most + 1])
    if len(found) > most:
        return [], cells_of(rows, box)
    return [places.known_place(row) for row in found], []


def sensors_in(
    paths: Sequence[str], box: Box, *, most: int, at: datetime, which: Q | None = None
) -> tuple[list[KnownSensor], list[Cell]]:
    """Return the sensors inside ``box``; their counts by cells when there are too many.

    ``which`` narrows them further.
    """
    rows = Sensor.objects.filter(holding(at), reach(paths, "area__path"), which or Q()).annotate(
        at_lat=Coalesce("lat", "risk_point__lat"), at_lon=Coalesce("lon", "risk_point__lon")
    )
    rows = rows.filter(box.around("at_lat", "at_lon"))
    found = list(rows.order_by("code").values_list(*places.SENSOR_FIELDS)[: most + 1])
    if len(found) > most:
        return [], cells_of(rows, box, lat="at_lat", lon="at_lon")
    return [places.known_sensor(row) for row in found], []


def _cell(box: Box) -> tuple[float, float]:
    """Return how wide and high one part of a box is, in degrees."""
    return max(box.east - box.west, 1e-9) / CELLS, max(box.north - box.south, 1e-9) / CELLS


def cells_of(rows: QuerySet[Any], box: Box, *, lat: str = "lat", lon: str = "lon") -> list[Cell]:
    """Return how many rows lie in each part of a box (one query)."""
    wide, high = _cell(box)
    counted = (
        rows.order_by()
        .annotate(
            cell_x=Cast(Floor((F(lon) - Value(box.west)) / Value(wide)), IntegerField()),
            cell_y=Cast(Floor((F(lat) - Value(box.south)) / Value(high)), IntegerField()),
        )
        .values("cell_x", "cell_y")
        .annotate(n=Count("pk"))
    )
    return _cells(box, ((row["cell_x"], row["cell_y"], row["n"]) for row in counted))


def cells_among(points: Iterable[tuple[float, float]], box: Box) -> list[Cell]:
    """Return how many of some points (lat, lon) inside ``box`` lie in each part of it."""
    wide, high = _cell(box)
    places = (
        (int((lon - box.west) / wide), int((lat - box.south) / high), 1) for lat, lon in points
    )
    return _cells(box, places)


def _cells(box: Box, counted: Iterable[tuple[int, int, int]]) -> list[Cell]:
    wide, high = _cell(box)
    cells: dict[tuple[int, int], int] = {}
    for x, y, number in counted:  # what lies on the far edge belongs to the last cell
        place = min(x, CELLS - 1), min(y, CELLS - 1)
        cells[place] = cells.get(place, 0) + number
    return [
        Cell(
            box.west + x * wide,
            box.south + y * high,
            box.west + (x + 1) * wide,
            box.south + (y + 1) * high,
            count,
        )
        for (x, y), count in sorted(cells.items())
    ]
