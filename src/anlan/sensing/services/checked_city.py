"""Which checks hold which stream to which figures, by the city in force on a day."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from anlan.kernel.durations import parse_span
from anlan.registry import public as registry
from anlan.registry.domain.checkspecs import Calibration, CheckSpec, Drift, closest
from anlan.registry.domain.facts import KnownSensor
from anlan.sensing.quality.limits import Limits, Table, limits_of, table_of
from anlan.sensing.quality.state import FAULTS
from anlan.sensing.quality.sweeping import Neighbours, nearest, no_neighbours
from anlan.sensing.services.framing import to_us
from anlan.sensing.store.latest import NEVER

DAY = timedelta(days=1)
Kind = tuple[str, str, timedelta]


@dataclass(frozen=True, slots=True)
class Held:
    """What streams of one quantity, kind of place and interval are held to."""

    checks: Mapping[str, CheckSpec]  # by kind of fault
    limits: Limits


@dataclass(frozen=True)
class CheckedCity:
    """The streams in force on a day and their checks; ``row`` counts the streams by code."""

    sensors: tuple[KnownSensor, ...]
    rows: Mapping[str, int]
    held: tuple[Held, ...]
    held_of: NDArray[np.int32]  # by row: which of ``held``
    table: Table
    devices: NDArray[np.uint64]  # by row: a mark of the device, 0 where none is known
    installed_us: NDArray[np.int64]  # NEVER where it is not known
    due_us: NDArray[np.int64]  # from when its calibration is overdue, NEVER where it never is

    def check(self, row: int, fault: str) -> CheckSpec | None:
        """Return the check of a kind that holds for a stream."""
        held: Held = self.held[self.held_of[row]]
        return held.checks.get(fault)


@dataclass(frozen=True, slots=True)
class _At:
    """An instant that does not count in a cache's key: what is in force changes with the day."""

    instant: datetime = field(compare=False)


def checked_city(*, at: datetime) -> CheckedCity:
    """Return the streams and checks that count on the local day of ``at``; kept by revision."""
    return _city_of(registry.revision(), registry.local_day(at), _At(at))


def figures_of(sensor: KnownSensor, *, at: datetime) -> Table:
    """Return the one row of figures that a stream is held to, without looking at the others."""
    kind = (sensor.quantity, sensor.place_kind or "", sensor.interval)
    return table_of([_held(registry.checks_in_force(at=at), kind).limits])


def figures_of_each(sensors: Iterable[KnownSensor], *, at: datetime) -> list[Table]:
    """Return :func:`figures_of` of some streams, the checks asked for once."""
    checks = registry.checks_in_force(at=at)
    kinds = [(x.quantity, x.place_kind or "", x.interval) for x in sensors]
    return [table_of([_held(checks, kind).limits]) for kind in kinds]


@lru_cache(maxsize=2)
def _city_of(_revision: str, _day: date, at: _At) -> CheckedCity:
    sensors = registry.sensors(at=at.instant)
    checks = registry.checks_in_force(at=at.instant)
    zone = registry.timezone()
    kinds: dict[Kind, int] = {}
    held: list[Held] = []
    held_of = np.zeros(len(sensors), np.int32)
    for row, sensor in enumerate(sensors):
        kind = (sensor.quantity, sensor.place_kind or "", sensor.interval)
        if kind not in kinds:
            kinds[kind] = len(held)
            held.append(_held(checks, kind))
        held_of[row] = kinds[kind]
    return CheckedCity(
        sensors=sensors,
        rows={sensor.code: row for row, sensor in enumerate(sensors)},
        held=tuple(held),
        held_of=held_of,
        table=table_of([item.limits for item in held]),
        devices=np.array([_device(sensor) for sensor in sensors], np.uint64),
        installed_us=np.array([_midnight(x.installed_on, zone) for x in sensors], np.int64),
        due_us=np.array(
            [_due(x, held[held_of[row]], zone) for row, x in enumerate(sensors)], np.int64
        ),
    )


def _held(checks: tuple[CheckSpec, ...], kind: Kind) -> Held:
    quantity, place_kind, interval = kind
    found = {
        fault: check
        for fault in FAULTS
        if (check := closest(checks, fault=fault, quantity=quantity, place_kind=place_kind))
    }
    return Held(found, limits_of(list(found.values()), interval // timedelta(microseconds=1)))


def _device(sensor: KnownSensor) -> int:
    if not sensor.device and sensor.installed_on is None:
        return 0
    return zlib.crc32(f"{sensor.device}|{sensor.installed_on}".encode()) + 1


def _midnight(day: date | None, zone: tzinfo) -> int:
    return NEVER if day is None else to_us(datetime.combine(day, time(), zone))


def _due(sensor: KnownSensor, held: Held, zone: tzinfo) -> int:
    """Return when the day by which a device had to be calibrated is over, and the grace too."""
    check = held.checks.get("calibration")
    if check is None or not isinstance(check.test, Calibration) or sensor.calibration_due is None:
        return NEVER
    over = datetime.combine(sensor.calibration_due + DAY, time(), zone)
    return to_us(over + parse_span(check.test.grace))


def neighbours_of(city: CheckedCity, numbers: NDArray[np.int32]) -> Neighbours:
    """Return which streams are compared with which, by their numbers in the store.

    ``numbers`` is by row, -1 for a stream that never spoke.
    """
    by_check: dict[tuple[str, Drift], list[int]] = {}
    for row, sensor in enumerate(city.sensors):
        check = city.check(row, "drift")
        if check is None or numbers[row] < 0 or sensor.point is None:
            continue
        if isinstance(check.test, Drift):
            by_check.setdefault((sensor.quantity, check.test), []).append(row)
    compared: list[tuple[int, list[int]]] = []
    for (_, test), rows in by_check.items():
        points = [city.sensors[row].point for row in rows]
        lat = np.array([point.lat for point in points if point is not None])
        lon = np.array([point.lon for point in points if point is not None])
        found = nearest(lat, lon, within_m=test.within_m, most=test.neighbours)
        own = numbers[np.array(rows)]
        compared += [(int(own[i]), own[near[near >= 0]].tolist()) for i, near in enumerate(found)]
    return _listed(compared)


def _listed(compared: Sequence[tuple[int, list[int]]]) -> Neighbours:
    if not compared:
        return no_neighbours()
    begin = np.cumsum([0, *(len(others) for _, others in compared)])
    return Neighbours(
        np.array([stream for stream, _ in compared], np.int32),
        begin.astype(np.int64),
        np.array([other for _, others in compared for other in others], np.int32),
    )
