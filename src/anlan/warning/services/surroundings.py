"""What stands around the judge in one step, from the registry and this room's rows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import lru_cache
from sys import intern
from typing import NamedTuple

from anlan.kernel.errors import NotFoundError
from anlan.kernel.geometry import Point, Ring, ring_contains
from anlan.kernel.scales import ResponseLevel, WarningLevel
from anlan.registry import public as registry
from anlan.registry.domain.facts import KnownArea, KnownPlace, KnownStream
from anlan.registry.domain.rulespecs import RuleSpec
from anlan.warning.domain.rulebook import RuleBook
from anlan.warning.domain.signs import (
    Place,
    ResponseStanding,
    SignalInForce,
    Stream,
    Units,
    World,
)
from anlan.warning.models import ResponseInForce, WarningInForce
from anlan.warning.selectors.in_force import warnings_in_force

SMALL = frozenset({"grid", "community"})  # areas small enough to stand in for coordinates
REMEMBER_ENDED = timedelta(days=2)  # a response that ended tells since when there is a lag
REVISIONS_KEPT = 4


class City(NamedTuple):
    """What changes only with the city data, or from one day to the next."""

    root: str
    streams: dict[str, Stream]
    places: tuple[KnownPlace, ...]
    units: dict[str, Units]
    area_paths: dict[str, str]


@lru_cache(maxsize=REVISIONS_KEPT)
def _city(_revision: str, _day: date, at: datetime) -> City:
    sensors = registry.streams(at=at)
    places = registry.places(at=at)
    info = registry.city()
    paths = {sensor.area: sensor.area_path for sensor in sensors}
    paths |= {place.area: place.area_path for place in places}
    paths[info.root_area] = registry.area_path(info.root_area)
    quantities = [registry.quantity(slug) for slug in sorted({x.quantity for x in sensors})]
    return City(
        root=info.root_area,
        streams={sensor.code: _stream(sensor) for sensor in sensors},
        places=places,
        units={item.id: Units(item.unit, item.accepts) for item in quantities},
        area_paths=paths,
    )


def _stream(sensor: KnownStream) -> Stream:
    return Stream(
        code=sensor.code,
        quantity=sensor.quantity,
        interval=sensor.interval,
        area=sensor.area,
        place=sensor.risk_point or "",
        place_kind=sensor.place_kind or "",
        carrier=intern(sensor.carrier),  # thousands share one
    )


def city_at(revision: str, *, at: datetime) -> City:
    """Return the streams, places and units of a city revision on the local day of ``at``."""
    midnight = at.astimezone(registry.timezone()).replace(hour=0, minute=0, second=0, microsecond=0)
    return _city(revision, midnight.date(), midnight)


@lru_cache(maxsize=4096)
def known_area(_revision: str, code: str) -> KnownArea | None:
    """Return an area of a city revision; None for a code that it does not know."""
    try:
        return registry.area(code)
    except NotFoundError:
        return None


def encloses(code: str, root: str) -> bool:
    """Return whether a division's code says that it holds the whole city.

    Codes of divisions (GB/T 2260) go from the whole to the part in pairs of
    digits, filled up with zeros: 410000 holds 410100.
    """
    if not (code.isdigit() and root.isdigit()) or code == root:
        return False
    stem = code.rstrip("0")
    stem += "0" * (len(stem) % 2)
    return bool(stem) and root.startswith(stem) and len(stem) < len(root.rstrip("0"))


class Ground(NamedTuple):
    """Where an outside warning holds: paths of areas, and outlines."""

    areas: tuple[str, ...]
    paths: tuple[str, ...]
    rings: tuple[Ring, ...]

    def holds(self, place: KnownPlace) -> bool:
        """Return whether a risk point lies inside."""
        path = place.area_path
        if any(path == item or path.startswith(item + "/") for item in self.paths):
            return True
        point = place.point
        return point is not None and any(ring_contains(ring, point) for ring in self.rings)


def ground_of(areas: Iterable[str], polygons: Iterable[str], city: City, revision: str) -> Ground:
    """Return the ground of a warning inside this city.

    A warning that names neither areas nor outlines, or only a division that
    holds the city, is for the whole city; codes of elsewhere are left out.
    """
    codes = tuple(areas)
    rings = tuple(ring for text in polygons for ring in [_ring(text)] if ring)
    whole = not codes and not rings
    found: dict[str, str] = {}
    for code in codes:
        known = known_area(revision, code)
        if known is not None:
            found[code] = known.path
        elif encloses(code, city.root):
            whole = True
    if whole or (rings and not found):
        # What an outline touches is asked of the city as a whole.
        found.setdefault(city.root, city.area_paths[city.root])
    paths = tuple(found.values()) if whole or codes else ()
    return Ground(tuple(found), paths, rings)


def _ring(text: str) -> Ring:
    """Read a CAP polygon (``lat,lon lat,lon …``) as a ring; empty when it is none."""
    pairs = [pair.split(",") for pair in text.split()]
    try:
        ring = tuple((float(lon), float(lat)) for lat, lon in pairs)
        _ = [Point(lat=lat, lon=lon) for lon, lat in ring]
    except ValueError:
        return ()
    return ring if len(ring) >= 4 else ()


def world_at(revision: str, *, at: datetime) -> World:
    """Return everything that stands at ``at``."""
    city = city_at(revision, at=at)
    signals = [
        _signal(row, city, revision) for row in warnings_in_force(at=at) if row.hazard and row.level
    ]
    paths = dict(city.area_paths)
    for signal in signals:
        for code in signal.areas:
            known = known_area(revision, code)
            if known is not None:
                paths[code] = known.path
    return World(
        streams=city.streams,
        places=tuple(place_of(item) for item in city.places),
        signals=tuple(signals),
        responses=_responses(at=at),
        asked=asked_at(signals, at=at),
        area_paths=paths,
        units=city.units,
    )


def place_of(item: KnownPlace) -> Place:
    """Return a risk point as the judge sees it."""
    return Place(
        code=item.code,
        kind=item.kind,
        area=item.area,
        lat=item.point.lat if item.point is not None else None,
        lon=item.point.lon if item.point is not None else None,
    )


def _signal(row: WarningInForce, city: City, revision: str) -> SignalInForce:
    ground = ground_of(row.areas, row.polygons, city, revision)
    return SignalInForce(
        id=row.signal,
        hazard=row.hazard,
        level=WarningLevel(row.level),
        since=row.level_at,
        areas=ground.areas,
        places=frozenset(place.code for place in city.places if ground.holds(place)),
    )


def _responses(*, at: datetime) -> tuple[ResponseStanding, ...]:
    rows = ResponseInForce.objects.filter(began_at__lte=at)
    recent = [*rows.filter(ended_at__isnull=True), *rows.filter(ended_at__gt=at - REMEMBER_ENDED)]
    return tuple(
        ResponseStanding(
            id=row.pk,
            hazard=row.hazard,
            level=ResponseLevel(row.level),
            area_path=row.area_path,
            ended=row.ended_at if row.ended_at is not None and row.ended_at <= at else None,
        )
        for row in sorted(recent, key=lambda row: row.pk)
    )


def asked_at(
    signals: Iterable[SignalInForce], *, at: datetime
) -> dict[tuple[str, str], ResponseLevel]:
    """Return the response that the plans ask for each warning that stands."""
    found: dict[tuple[str, str], ResponseLevel] = {}
    for hazard, level in {(signal.hazard, signal.level) for signal in signals}:
        asked = registry.response_asked(hazard, level, at=at)
        if asked is not None:
            found[hazard, level.value] = asked.response
    return found


def rules_at(kept: Iterable[tuple[str, int]], *, at: datetime) -> RuleBook:
    """Return the rules in force, and the older versions that ``kept`` instances began with."""
    in_force = registry.rules_in_force(at=at)
    current = {(rule.id, rule.version) for rule in in_force}
    older: dict[tuple[str, int], RuleSpec] = {}
    for rule_id, version in set(kept) - current:
        try:
            older[rule_id, version] = registry.rule(rule_id, version)
        except NotFoundError:
            continue  # the judge then ends the instance and says that its rule is gone
    return RuleBook(in_force=in_force, older=older)
