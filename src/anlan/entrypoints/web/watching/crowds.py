"""Members of an incident on the map: each part of the view says how many alarms of which stand there.

A case that answers for many alarms at once has one place at most; where its members are is told
by cells, so that ten thousand of them are as few features as ten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from anlan.entrypoints.web.watching.streams import sensors_now
from anlan.kernel.actor import Actor
from anlan.kernel.scales import WarningLevel, rank
from anlan.registry.public import Box
from anlan.response import public as response
from anlan.warning.public import Crowded

STREAM = "stream:"
MOST_MEMBERS = 20_000  # looked at for one answer
ACROSS = 6
"""Cells along each side of the view."""


@dataclass(slots=True)
class Crowd:
    """Members of one incident in one cell: how many, where their middle is, their highest level."""

    incident: int
    hazard: str
    case: int | None
    levels: Counter[str] = field(default_factory=Counter)
    lat: float = 0.0  # sums, until all are in
    lon: float = 0.0

    @property
    def count(self) -> int:
        """How many members."""
        return self.levels.total()

    @property
    def level(self) -> str:
        """The highest level among them."""
        return min(self.levels, key=lambda text: rank(WarningLevel(text)))

    @property
    def point(self) -> tuple[float, float]:
        """The middle of the members: latitude, longitude."""
        return self.lat / self.count, self.lon / self.count


def crowds_in(actor: Actor, box: Box, found: list[Crowded], *, now: datetime) -> list[Crowd]:
    """Return the members of incidents in a box by cells, the most numerous last (one query more)."""
    if not found:
        return []
    places = _places({row.subject.removeprefix(STREAM) for row in found}, now=now)
    cases = response.cases_of_incidents(actor, {row.incident for row in found})
    crowds: dict[tuple[int, int, int], Crowd] = {}
    for row in found:
        lat, lon = places.get(row.subject.removeprefix(STREAM), (None, None))
        if lat is None or lon is None or not _holds(box, lat, lon):
            continue
        key = (
            row.incident,
            int((lat - box.south) / (box.north - box.south) * ACROSS),
            int((lon - box.west) / (box.east - box.west) * ACROSS),
        )
        crowd = crowds.setdefault(key, Crowd(row.incident, row.hazard, cases.get(row.incident)))
        crowd.levels[row.level] += 1
        crowd.lat += lat
        crowd.lon += lon
    return sorted(crowds.values(), key=lambda one: one.count)


def _places(codes: Iterable[str], *, now: datetime) -> dict[str, tuple[float, float]]:
    wanted = frozenset(codes)
    return {
        one.code: (one.point.lat, one.point.lon)
        for one in sensors_now(now)
        if one.code in wanted and one.point is not None
    }


def _holds(box: Box, lat: float, lon: float) -> bool:
    return box.south <= lat < box.north and box.west <= lon < box.east
