"""Areas of a pack against areas in the table, streamed: a whole country fits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TypeVar

from anlan.registry.domain import city as c
from anlan.registry.domain.errors import AreaBrokenError, CityHasErrorsError
from anlan.registry.domain.parse import Parsed, iter_areas
from anlan.registry.models import Area
from anlan.registry.selectors.sheets import AREAS, changed_columns
from anlan.registry.services.changes import Change, Progress

LOOK_UP = 1000  # rows that one query names by their keys
ItemT = TypeVar("ItemT")


def chunks(items: Iterable[ItemT], size: int) -> Iterator[list[ItemT]]:
    """Yield lists of at most ``size`` items."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def feed_of(parsed: Parsed[c.City]) -> Callable[[], Iterator[c.Area]]:
    """Return a function that starts the areas of a pack anew each time it is called.

    A pack read without its areas is streamed from its folder.
    """

    def stream() -> Iterator[c.Area]:
        for row in iter_areas(parsed.folder):
            if row.fault is not None or row.entry is None:
                fault = row.fault
                raise CityHasErrorsError(
                    count=1,
                    file=fault.file if fault else "areas.csv",
                    line=row.line,
                    finding=fault.code if fault else "",
                )
            yield row.entry

    if parsed.pack.areas:
        return lambda: iter(parsed.pack.areas)
    return stream


@dataclass(frozen=True)
class Governance:
    """Who governs whom in a pack: the codes there are, and the paths of those that govern."""

    codes: frozenset[str]
    paths: dict[str, str]
    above: tuple[c.Area, ...]  # areas that govern others, each after the one that governs it

    def path_of(self, area: c.Area) -> str:
        """Return the path of an area of the pack."""
        if area.code in self.paths:
            return self.paths[area.code]
        return f"{self.paths[area.parent]}/{area.code}" if area.parent else area.code


def governance(feed: Callable[[], Iterator[c.Area]]) -> Governance:
    """Read who governs whom; two passes, so that only governing areas stand in memory.

    Raises
    ------
    AreaBrokenError
        When a code comes twice, a parent is missing, or parents run in a circle.
    """
    codes: set[str] = set()
    governing: set[str] = set()
    for area in feed():
        if area.code in codes:
            raise AreaBrokenError(area=area.code, parent=area.code)
        codes.add(area.code)
        if area.parent is not None:
            governing.add(area.parent)
    above = {area.code: area for area in feed() if area.code in governing}
    paths: dict[str, str] = {}
    for code in sorted(governing):
        _trace(code, above, paths)
    ordered = sorted(above.values(), key=lambda area: (paths[area.code].count("/"), area.code))
    return Governance(frozenset(codes), paths, tuple(ordered))


def _trace(code: str, above: dict[str, c.Area], paths: dict[str, str]) -> None:
    """Find the path of a governing area and of those above it."""
    trail: list[str] = []
    here: str | None = code
    while here is not None and here not in paths:
        if here in trail or here not in above:
            raise AreaBrokenError(area=trail[-1] if trail else code, parent=here)
        trail.append(here)
        here = above[here].parent
    path = paths[here] if here is not None else ""
    for step in reversed(trail):
        path = f"{path}/{step}" if path else step
        paths[step] = path


def area_changes(
    areas: Iterable[c.Area],
    governed: Governance,
    shapes: dict[str, c.Shape],
    progress: Progress,
    done: int = 0,
) -> Iterator[Change]:
    """Yield the areas to add or change, in the order in which they come.

    ``done`` is how many areas were looked at before these, for the progress shown.
    """
    for chunk in chunks(areas, LOOK_UP):
        known = Area.objects.in_bulk([area.code for area in chunk])
        for area in chunk:
            values = values_of(area, governed.path_of(area), shapes.get(area.code))
            row = known.get(area.code)
            if row is None:
                yield Change("areas", "added", area.code, Area(**values))
                continue
            if columns := changed_columns(row, values):
                for name, value in values.items():
                    setattr(row, name, value)
                yield Change("areas", "changed", area.code, row, columns)
        done += len(chunk)
        progress("areas", done)


def values_of(area: c.Area, path: str, shape: c.Shape | None) -> dict[str, object]:
    """Return the columns of an area that lies at ``path``."""
    values = AREAS.values(area)
    values["path"] = path
    values["shape"] = shape.geometry if shape else None
    values["schematic"] = bool(shape and shape.schematic)
    values["ended_at"] = None
    return values


def area_endings(governed: Governance, now: datetime) -> Iterator[Change]:
    """Yield the areas that left the pack; they are ended, never deleted."""
    kept = Area.objects.filter(ended_at__isnull=True).values_list("code", flat=True)
    gone = [code for code in kept.iterator(5000) if code not in governed.codes]
    for chunk in chunks(sorted(gone), LOOK_UP):
        for code, row in sorted(Area.objects.in_bulk(chunk).items()):
            row.ended_at = now
            yield Change("areas", "ended", code, row, ("ended_at",))
