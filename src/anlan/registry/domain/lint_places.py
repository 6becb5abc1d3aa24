"""Places: risk points without an owner, grade or plan; things that lie where they cannot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import compress

import shapely
from shapely.geometry.base import BaseGeometry

from anlan.registry.domain.city import Area, RiskPoint, Sensor
from anlan.registry.domain.findings import Finding
from anlan.registry.domain.lint_facts import Packs, is_past

# Shares of an area below this are rounding of coordinates, not land.
TOLERANCE = 1e-6
# A point on the border between two cells belongs to either (degrees; about a metre).
BORDER = 1e-5


def check_places(packs: Packs) -> Iterator[Finding]:
    """Yield what is missing about risk points and sensors, and faults of outlines."""
    shapes, broken = _shapes(packs)
    yield from broken
    yield from _risk_points(packs, shapes)
    yield from _sensors(packs, shapes)
    yield from _tiling(packs, shapes)


def check_outlines(packs: Packs) -> Iterator[Finding]:
    """Yield outlines of which it cannot be told whether a point is inside."""
    yield from _shapes(packs)[1]


def _shapes(packs: Packs) -> tuple[dict[str, BaseGeometry], list[Finding]]:
    """Return the sound outlines by area code, and what is wrong with the others."""
    sound: dict[str, BaseGeometry] = {}
    broken: list[Finding] = []
    for shape in packs.city.shapes:
        geometry = shapely.geometry.shape(shape.geometry)
        if geometry.is_valid:
            sound[shape.code] = geometry
            continue
        problem = shapely.is_valid_reason(geometry)
        broken.append(
            packs.found("area.shape_invalid", "shapes", shape, area=shape.code, problem=problem)
        )
    return sound, broken


def _risk_points(packs: Packs, shapes: dict[str, BaseGeometry]) -> Iterator[Finding]:
    outside = _outside(packs.standing_points, shapes)
    for place, point in enumerate(packs.standing_points):
        name = f"{point.name_zh} {point.code}"
        for missing, code in (
            (point.owner_post, "risk_point.no_owner"),
            (point.grade, "risk_point.no_grade"),
            (point.plan, "risk_point.no_plan"),
        ):
            if missing is None:
                yield packs.found(code, "risk_points", point, point=name)
        if point.lat is None or point.lon is None:
            yield packs.found("risk_point.nowhere", "risk_points", point, point=name)
        elif place in outside:
            yield packs.found(
                "point.outside",
                "risk_points",
                point,
                what="风险点 risk point",
                code=point.code,
                area=point.area,
            )


def _sensors(packs: Packs, shapes: dict[str, BaseGeometry]) -> Iterator[Finding]:
    outside = _outside(packs.standing_sensors, shapes)
    for place, sensor in enumerate(packs.standing_sensors):
        if sensor.lat is None or sensor.lon is None:
            if sensor.risk_point is None:
                yield packs.found("sensor.nowhere", "sensors", sensor, sensor=sensor.code)
        elif place in outside:
            yield packs.found(
                "point.outside",
                "sensors",
                sensor,
                what="传感器 sensor",
                code=sensor.code,
                area=sensor.area,
            )


def _outside(things: Sequence[RiskPoint | Sensor], shapes: dict[str, BaseGeometry]) -> set[int]:
    """Return which of some things lie outside the outline of their area; all are asked at once."""
    drawn = [
        (place, shapes[thing.area], thing.lon, thing.lat)
        for place, thing in enumerate(things)
        if thing.area in shapes and thing.lat is not None and thing.lon is not None
    ]
    if not drawn:
        return set()
    places, outlines, lons, lats = zip(*drawn, strict=True)
    away = shapely.distance(outlines, shapely.points(lons, lats)) > BORDER
    return set(compress(places, away.tolist()))


def _tiling(packs: Packs, shapes: dict[str, BaseGeometry]) -> Iterator[Finding]:
    """Yield overlaps, gaps and overreach among the parts of each area."""
    yield from _overlaps(packs, shapes)
    parts: dict[str, list[Area]] = {}
    for area in packs.city.areas:
        if area.parent is not None and not is_past(area, packs.today):
            parts.setdefault(area.parent, []).append(area)
    for parent, children in parts.items():
        drawn = [child for child in children if child.code in shapes]
        if not drawn:
            continue
        yield from _overreach(packs, parent, drawn, shapes)
        # A functional zone may lie across divisions and needs no outline.
        missing = [child for child in children if child.code not in shapes and child.kind != "zone"]
        if missing:
            first = missing[0]
            yield packs.found(
                "area.no_shape",
                "areas",
                first,
                parent=parent,
                count=len(missing),
                area=f"{first.name_zh} {first.code}",
            )
        else:
            yield from _gap(packs, parent, drawn, shapes)


def _overlaps(packs: Packs, shapes: dict[str, BaseGeometry]) -> Iterator[Finding]:
    """Yield areas that share ground: two parts of one area, or two of one kind anywhere.

    Two grids under two streets overlap all the same, whether the streets are drawn or not.
    """
    drawn = [
        area for area in packs.city.areas if area.code in shapes and not is_past(area, packs.today)
    ]
    if len(drawn) < 2:
        return
    geometries = [shapes[area.code] for area in drawn]
    left, right = shapely.STRtree(geometries).query(geometries, predicate="intersects")
    for a, b in zip(left.tolist(), right.tolist(), strict=True):
        if a <= b or not _may_not_overlap(drawn[a], drawn[b]):
            continue
        shared = geometries[a].intersection(geometries[b]).area
        share = shared / min(geometries[a].area, geometries[b].area)
        if share > TOLERANCE:
            yield packs.found(
                "area.overlap",
                "areas",
                drawn[a],
                area=f"{drawn[a].name_zh} {drawn[a].code}",
                other=f"{drawn[b].name_zh} {drawn[b].code}",
                share=_percent(share),
            )


def _may_not_overlap(a: Area, b: Area) -> bool:
    if a.code == b.parent or b.code == a.parent:
        return False
    # A functional zone lies across divisions; two zones, or two divisions, may not.
    siblings = a.parent == b.parent and (a.kind == "zone") == (b.kind == "zone")
    return siblings or a.kind == b.kind


def _overreach(
    packs: Packs, parent: str, drawn: list[Area], shapes: dict[str, BaseGeometry]
) -> Iterator[Finding]:
    """Yield parts that reach beyond what they lie in: the parent, and those in ``touches``."""
    for area in drawn:
        around = [shapes.get(code) for code in (parent, *area.touches)]
        known = [outline for outline in around if outline is not None]
        if len(known) < len(around):
            continue  # where one has no outline it cannot be told
        whole = known[0] if len(known) == 1 else shapely.union_all(known)
        shape = shapes[area.code]
        if whole.covers(shape):
            continue
        share = shape.difference(whole).area / shape.area
        if share > TOLERANCE:
            yield packs.found(
                "area.outside",
                "areas",
                area,
                area=f"{area.name_zh} {area.code}",
                parent=parent,
                share=_percent(share),
            )


def _gap(
    packs: Packs, parent: str, drawn: list[Area], shapes: dict[str, BaseGeometry]
) -> Iterator[Finding]:
    whole, area = shapes.get(parent), packs.areas.get(parent)
    if whole is None or area is None:
        return
    left = whole.difference(shapely.union_all([shapes[child.code] for child in drawn]))
    share = left.area / whole.area
    if share > TOLERANCE:
        yield packs.found(
            "area.gap", "areas", area, area=f"{area.name_zh} {area.code}", share=_percent(share)
        )


def _percent(share: float) -> str:
    return f"{share:.2%}" if share >= 0.0001 else "<0.01%"
