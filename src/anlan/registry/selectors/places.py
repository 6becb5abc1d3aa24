"""Risk points and sensors: what stands where, and what it measures."""

from __future__ import annotations

import math
from collections.abc import Collection
from datetime import datetime, time, timedelta
from functools import lru_cache
from itertools import takewhile
from typing import Any

from django.db.models import Q, QuerySet

from anlan.infra.models import JournalEntry
from anlan.kernel.durations import parse_span
from anlan.kernel.geometry import EARTH_RADIUS_M, Point, distance_m
from anlan.kernel.scales import RiskGrade
from anlan.registry.domain.carriers import carrier_of, shared_in
from anlan.registry.domain.errors import PlaceUnknownError, SensorUnknownError
from anlan.registry.domain.facts import KnownPlace, KnownSensor, KnownStream
from anlan.registry.models import RiskPoint, Sensor
from anlan.registry.selectors import packs
from anlan.registry.selectors.duties import holding
from anlan.registry.selectors.touched import Touched

PLACE_FIELDS = (
    "code",
    "kind",
    "name_zh",
    "name_en",
    "area_id",
    "area__path",
    "lat",
    "lon",
    "grade",
    "owner_post_id",
    "plan",
)
SENSOR_FIELDS = (
    "code",
    "name_zh",
    "name_en",
    "quantity",
    "unit",
    "interval",
    "area_id",
    "area__path",
    "risk_point_id",
    "risk_point__kind",
    "risk_point__lat",
    "risk_point__lon",
    "lat",
    "lon",
    "device",
    "operator_id",
    "gateway",
    "installed_on",
    "calibration_due",
)
STREAM_FIELDS = (
    "code",
    "quantity",
    "unit",
    "interval",
    "area_id",
    "area__path",
    "risk_point_id",
    "risk_point__kind",
    "gateway",
    "operator_id",
)


@lru_cache(maxsize=1024)  # the streams of a place follow one another, and share its point
def _point(lat: float | None, lon: float | None) -> Point | None:
    return None if lat is None or lon is None else Point(lat=lat, lon=lon)


def known_place(row: tuple[Any, ...]) -> KnownPlace:
    """Return the value that stands for a row read with :data:`PLACE_FIELDS`."""
    code, kind, name_zh, name_en, area, path, lat, lon, grade, owner, plan = row
    return KnownPlace(
        code, kind, name_zh, name_en, area, path, _point(lat, lon),
        RiskGrade(grade) if grade else None, owner, plan or None,
    )  # fmt: skip


def known_sensor(row: tuple[Any, ...]) -> KnownSensor:
    """Return the value that stands for a row read with :data:`SENSOR_FIELDS`."""
    (code, name_zh, name_en, quantity, unit, interval, area, path, risk_point, kind,
     its_lat, its_lon, lat, lon, device, operator, gateway, installed_on, due) = row  # fmt: skip
    if lat is None or lon is None:
        lat, lon = its_lat, its_lon
    return KnownSensor(
        code, name_zh, name_en, quantity, unit, parse_span(interval), area, path, risk_point, kind,
        _point(lat, lon), device, operator, gateway, installed_on, due,
    )  # fmt: skip


def place(code: str) -> KnownPlace:
    """Return a risk point, also one that has left the pack.

    Raises
    ------
    PlaceUnknownError
        When there never was one of that code.
    """
    return packs.fact(("place", code), lambda: _place(code))


def _place(code: str) -> KnownPlace:
    found = RiskPoint.objects.filter(code=code).values_list(*PLACE_FIELDS).first()
    if found is None:
        raise PlaceUnknownError(code=code)
    return known_place(found)


def places(
    *, kinds: Collection[str] | None = None, at: datetime, touched: Touched | None = None
) -> tuple[KnownPlace, ...]:
    """Return the risk points in force at ``at``, of some kinds or of every kind, by code.

    With ``touched``, only those of which changes could have made others.
    """
    rows = RiskPoint.objects.filter(holding(at)).order_by("code")
    if kinds is not None:
        rows = rows.filter(kind__in=list(kinds))
    if touched is not None:
        rows = rows.filter(_places_of(touched))
    found = rows.values_list(*PLACE_FIELDS).iterator(chunk_size=10_000)
    return tuple(known_place(row) for row in found)


def _places_of(touched: Touched) -> Q:
    return Q(code__in=touched.places) | Q(area_id__in=touched.areas)


def _box(point: Point, within_m: float) -> Q:
    """Return the condition "inside the square around ``point``", across the date line too."""
    reach_lat = math.degrees(within_m / EARTH_RADIUS_M)
    box = Q(lat__gte=point.lat - reach_lat, lat__lte=point.lat + reach_lat)
    widest = abs(point.lat) + reach_lat
    if widest >= 90:
        return box
    reach_lon = math.degrees(within_m / EARTH_RADIUS_M) / math.cos(math.radians(widest))
    west, east = point.lon - reach_lon, point.lon + reach_lon
    if reach_lon >= 180:
        return box
    if west < -180 or east > 180:
        west, east = (west + 540) % 360 - 180, (east + 540) % 360 - 180
        return box & (Q(lon__gte=west) | Q(lon__lte=east))
    return box & Q(lon__gte=west, lon__lte=east)


def places_near(
    point: Point, within_m: float, kinds: Collection[str] | None = None, *, at: datetime
) -> tuple[KnownPlace, ...]:
    """Return the risk points in force within ``within_m`` metres of ``point``, nearest first."""
    rows = RiskPoint.objects.filter(holding(at)).filter(_box(point, within_m))
    if kinds is not None:
        rows = rows.filter(kind__in=list(kinds))
    near = []
    for found in (known_place(row) for row in rows.values_list(*PLACE_FIELDS)):
        if found.point is not None:
            away = distance_m(point, found.point)
            if away <= within_m:
                near.append((away, found.code, found))
    return tuple(found for _, _, found in sorted(near, key=lambda item: item[:2]))


def sensors(*, at: datetime, touched: Touched | None = None) -> tuple[KnownSensor, ...]:
    """Return the sensors in force at ``at``, by code.

    With ``touched``, only those of which changes could have made others.
    """
    rows = Sensor.objects.filter(holding(at)).order_by("code")
    if touched is not None:
        rows = rows.filter(_sensors_of(touched))
    found = rows.values_list(*SENSOR_FIELDS).iterator(chunk_size=10_000)
    return tuple(known_sensor(row) for row in found)


def _sensors_of(touched: Touched) -> Q:
    own, places = Q(code__in=touched.sensors), Q(risk_point_id__in=touched.places)
    return own | places | Q(area_id__in=touched.areas)


def streams(*, at: datetime) -> tuple[KnownStream, ...]:
    """Return what checking and judging ask of the sensors in force at ``at``, by code."""
    rows = Sensor.objects.filter(holding(at)).order_by("code").values_list(*STREAM_FIELDS)
    return tuple(
        KnownStream(code, quantity, unit, parse_span(interval), *where)
        for code, quantity, unit, interval, *where in rows.iterator(chunk_size=10_000)
    )


def sensor(code: str, *, at: datetime) -> KnownSensor:
    """Return a sensor in force at ``at``.

    Raises
    ------
    SensorUnknownError
        When none of that code is in force.
    """
    found = Sensor.objects.filter(holding(at), code=code).values_list(*SENSOR_FIELDS).first()
    if found is None:
        raise SensorUnknownError(code=code)
    return known_sensor(found)


def quantities_of(codes: Collection[str]) -> dict[str, str]:
    """Return what some sensors measure, also those that have left the city (one query)."""
    if not codes:
        return {}
    return dict(Sensor.objects.filter(code__in=codes).values_list("code", "quantity"))


def behind_the_same(code: str, *, most: int, at: datetime) -> tuple[str, list[str]]:
    """Return what a sensor shares with others that fail with it, and up to ``most`` of them.

    Its gateway; else whoever looks after it in its area; else its area.  Itself is one of them.

    Raises
    ------
    SensorUnknownError
        When none of that code is in force.
    """
    found = sensor(code, at=at)
    rows = Sensor.objects.filter(holding(at))
    if found.gateway:
        rows = rows.filter(gateway=found.gateway)
    elif found.operator:
        rows = rows.filter(operator=found.operator, area=found.area)
    else:
        rows = rows.filter(area=found.area)
    shared = shared_in(carrier_of(found.gateway, found.operator), found.area)
    return shared, list(rows.order_by("code").values_list("code", flat=True)[:most])


def area_behind(gateway: str, *, at: datetime) -> str:
    """Return the path of the smallest area that holds all sensors behind a gateway (one query).

    Empty where none in force is behind it.
    """
    rows = Sensor.objects.filter(holding(at), gateway=gateway).order_by()
    paths = [path.split("/") for path in rows.values_list("area__path", flat=True).distinct()]
    shared = takewhile(lambda codes: len(set(codes)) == 1, zip(*paths, strict=False))
    return "/".join(codes[0] for codes in shared)


def standing_since(
    *, at: datetime, touched: Touched | None = None
) -> tuple[dict[str, datetime], dict[str, datetime]]:
    """Return since when each risk point, and each sensor at none, stands as it does (three queries).

    The pack's own day or the load that changed the entry, whichever is later; where neither is
    known, the first load of the city: from then on this system knows it.  With ``touched``, only
    of those of which changes could have made others.
    """
    first = JournalEntry.objects.filter(event="CityLoaded").order_by("seq").values_list("at")
    begun = next((row[0] for row in first[:1]), at)
    zone = packs.timezone()

    def since(rows: QuerySet[Any]) -> dict[str, datetime]:
        found = {}
        for code, day, began in rows.values_list("code", "valid_from", "began_at"):
            midnight = datetime.combine(day, time(), zone) if day else None
            known = [instant for instant in (midnight, began) if instant is not None]
            found[code] = max(known, default=begun)
        return found

    points = RiskPoint.objects.filter(holding(at))
    # Of those at no point that counts there are few; asked for so, the others need not be looked at.
    nowhere = Q(risk_point__isnull=True) | Q(risk_point__in=RiskPoint.objects.exclude(holding(at)))
    alone = Sensor.objects.filter(nowhere, holding(at))
    if touched is not None:
        points, alone = points.filter(_places_of(touched)), alone.filter(_sensors_of(touched))
    return since(points), since(alone)


def quickest_sensor(*, at: datetime) -> timedelta | None:
    """Return the shortest time between readings of any sensor in force; none without a sensor."""
    spans = Sensor.objects.filter(holding(at)).values_list("interval", flat=True).distinct()
    return min((parse_span(span) for span in spans.order_by()), default=None)
