"""Areas: who governs whom, what lies where."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import shapely
from django.db import connection
from django.db.models import Q

from anlan.kernel.geometry import Point
from anlan.registry.domain.errors import AreaUnknownError, NoCityError
from anlan.registry.domain.facts import KnownArea
from anlan.registry.models import Area
from anlan.registry.selectors import packs

FIELDS = ("code", "kind", "name_zh", "name_en", "parent_id", "path", "touches", "schematic")


def known(values: dict[str, Any]) -> KnownArea:
    """Return the value that stands for a row read with :data:`FIELDS`."""
    return KnownArea(
        code=values["code"],
        kind=values["kind"],
        name_zh=values["name_zh"],
        name_en=values["name_en"],
        parent=values["parent_id"],
        path=values["path"],
        touches=tuple(values["touches"]),
        schematic=values["schematic"],
    )


def area(code: str) -> KnownArea:
    """Return an area, also one that has left the pack.

    Raises
    ------
    AreaUnknownError
        When there never was one of that code.
    """
    return packs.fact(("area", code), lambda: _area(code))


def _area(code: str) -> KnownArea:
    found = Area.objects.filter(code=code).values(*FIELDS).first()
    if found is None:
        raise AreaUnknownError(code=code)
    return known(found)


def area_path(code: str) -> str:
    """Return an area's path ``root/…/code``.

    Raises
    ------
    AreaUnknownError
        When there never was one of that code.
    """
    return area(code).path


def paths_of(codes: Collection[str]) -> dict[str, str]:
    """Return the paths of some areas by their codes (one query)."""
    return dict(Area.objects.filter(code__in=codes).values_list("code", "path"))


def tree_digest() -> str:
    """Return what is another when an area came, went or moved: SHA-256 of all codes and paths."""
    rows = Area.objects.order_by("code").values_list("code", "path")
    return hashlib.sha256("\n".join(f"{code} {path}" for code, path in rows).encode()).hexdigest()


def under(path: str, field: str = "area_path") -> Q:
    """Return the condition "``field`` lies at or below ``path``"; the empty path is the whole city.

    The field needs an index (``db_index=True`` on a CharField serves both databases).
    """
    if not path:
        return Q()
    if connection.vendor == "sqlite":
        # LIKE ignores case there and so no index; "0" is the character after "/".
        below = Q(**{f"{field}__gte": path + "/", f"{field}__lt": path + "0"})
    else:
        below = Q(**{f"{field}__startswith": path + "/"})
    return Q(**{field: path}) | below


def areas_under(code: str) -> tuple[KnownArea, ...]:
    """Return an area and everything below it that the pack still holds, by path."""
    rows = Area.objects.filter(under(area_path(code), "path"), ended_at__isnull=True)
    return tuple(known(values) for values in rows.order_by("path").values(*FIELDS))


def shape_of(code: str) -> dict[str, Any] | None:
    """Return an area's outline as a GeoJSON geometry, or None when it has none."""
    found = Area.objects.filter(code=code).values_list("shape", flat=True)
    if not found:
        raise AreaUnknownError(code=code)
    return found[0]


@dataclass(frozen=True)
class Outlines:
    """The outlines of one city revision, ready to be asked what holds a point."""

    tree: shapely.STRtree
    shapes: tuple[Any, ...]
    areas: tuple[KnownArea, ...]

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The place of each area in the other two, by its code."""
        return {area.code: number for number, area in enumerate(self.areas)}

    def at(self, point: Point) -> KnownArea | None:
        """Return the most specific area that holds ``point`` (its border included)."""
        hits = self.tree.query(shapely.Point(point.lon, point.lat), predicate="intersects")
        if not len(hits):
            return None
        best = max(
            (int(hit) for hit in hits),
            key=lambda i: (self.areas[i].path.count("/"), -self.shapes[i].area, self.areas[i].code),
        )
        return self.areas[best]


@lru_cache(maxsize=packs.BOOKS_KEPT)
def outlines_of(_revision: str) -> Outlines:
    """Return the outlines of a city revision, read once per process."""
    rows = Area.objects.filter(shape__isnull=False, ended_at__isnull=True).order_by("code")
    shapes, areas = [], []
    for values in rows.values(*FIELDS, "shape").iterator(200):
        shapes.append(shapely.geometry.shape(values["shape"]))
        areas.append(known(values))
    return Outlines(shapely.STRtree(shapes), tuple(shapes), tuple(areas))


def area_at(point: Point) -> KnownArea | None:
    """Return the most specific area whose outline holds ``point``, or None.

    Areas without an outline are never found here: that is legal, and the
    nearest governing area that has one answers.
    """
    revision = packs.revision()
    if not revision:
        raise NoCityError
    return outlines_of(revision).at(point)
