"""What the registry knows, as the entities of the standard: read once per city revision and day.

Things, Locations and HistoricalLocations are numbered by place; Datastreams, Sensors and
FeaturesOfInterest by stream.  What belongs together has the same number, so that no join is needed.
MultiDatastreams have the numbers after the streams (:mod:`anlan.sensing.sta.multis`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from anlan.kernel.errors import NotFoundError
from anlan.kernel.geometry import Point
from anlan.registry import public as registry
from anlan.registry.domain.facts import KnownSensor
from anlan.registry.domain.packwords import Text
from anlan.sensing.services import multidatastreams
from anlan.sensing.services.framing import to_us
from anlan.sensing.services.known import At, city_facts, sensors_of
from anlan.sensing.sta.columns import Column
from anlan.sensing.sta.model import FEATURE, MULTI, SENSOR
from anlan.sensing.sta.multis import NO_MULTIS, Multis, multis_of

Numbers = NDArray[np.int64]
ALONE = "at,"
"""Begins the id of the Thing that a sensor without a risk point is by itself; no code has a comma."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """What carries sensors: a risk point, or the spot of a sensor that stands alone."""

    id: str
    name_zh: str
    name_en: str
    kind: str
    area: str
    area_path: str
    point: Point | None
    grade: str
    since_us: int


@dataclass(frozen=True, slots=True)
class Measured:
    """A quantity and the unit in which its readings are kept."""

    id: str
    name: Text
    unit: str
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Catalogue:
    """Everything of one revision and day, with what leads from one to another."""

    carriers: tuple[Carrier, ...]
    streams: tuple[KnownSensor, ...]
    quantities: tuple[Measured, ...]
    kinds: dict[str, Text]
    units: tuple[str, ...]  # of each stream
    carrier_of: Numbers  # of each stream
    quantity_of: Numbers  # of each stream; -1: none that the pack knows
    carrier_number: dict[str, int]
    stream_number: dict[str, int]
    quantity_number: dict[str, int]
    area_paths: tuple[str, ...]
    carrier_area: Numbers
    stream_area: Numbers
    by_carrier: Numbers  # streams in order of their carriers
    by_quantity: Numbers
    multis: Multis = NO_MULTIS
    columns: dict[tuple[str, str], Column] = field(default_factory=dict)
    store_numbers: list[tuple[Mapping[str, int], int, Numbers]] = field(default_factory=list)

    def number_of_multi(self, code: str) -> int:
        """Return the number of a MultiDatastream, -1 where there is none of that code."""
        found = self.multis.number.get(code, -1)
        return found if found < 0 else len(self.streams) + found

    def numbers_in_store(self, known: Mapping[str, int]) -> Numbers:
        """Return the store's number of each stream, -1 for those that never sent."""
        kept = self.store_numbers[0] if self.store_numbers else None
        # The very dictionary of one store, which only grows.
        if kept is None or kept[0] is not known or kept[1] != len(known):
            size = len(known)
            found = np.array([known.get(one.code, -1) for one in self.streams], np.int64)
            kept = (known, size, found)
            self.store_numbers[:] = [kept]
        return kept[2]


def catalogue(*, now: datetime) -> Catalogue:
    """Return what the registry knows at ``now`` (one query when it was read before)."""
    facts = city_facts()
    if not facts.loaded:
        return _empty()
    return _whole(facts.revision, facts.local_day(now), multidatastreams.last_change(), At(now))


@lru_cache(maxsize=2)
def _whole(revision: str, day: date, change: str, at: At) -> Catalogue:
    """Return the city with its MultiDatastreams: when only these change, the rest is not read anew."""
    plain = _read(revision, day, at)
    if not change:
        return plain
    found = multis_of(
        multidatastreams.multis_in_force(), plain.stream_number, plain.carrier_of, plain.quantity_of
    )
    kept = {at: x for at, x in plain.columns.items() if at[0] not in {MULTI, SENSOR, FEATURE}}
    return replace(plain, multis=found, columns=kept, store_numbers=list(plain.store_numbers))


@lru_cache(maxsize=2)
def _read(revision: str, day: date, at: At) -> Catalogue:
    streams = sensors_of(revision, day, at)
    carriers = _carriers(streams, at.instant)
    quantities = _quantities()
    numbers = {one.id: number for number, one in enumerate(carriers)}
    known = {one.id: number for number, one in enumerate(quantities)}
    paths: dict[str, int] = {}
    carrier_area = [paths.setdefault(one.area_path, len(paths)) for one in carriers]
    stream_area = [paths.setdefault(one.area_path, len(paths)) for one in streams]
    units = {one.id: one.unit for one in quantities}
    carrier_of = np.array([numbers[_carrier_id(one, numbers)] for one in streams], np.int64)
    quantity_of = np.array([known.get(one.quantity, -1) for one in streams], np.int64)
    return Catalogue(
        carriers=carriers,
        streams=streams,
        quantities=quantities,
        kinds=registry.names_in("place_kinds"),
        units=tuple(units.get(one.quantity, one.unit) for one in streams),
        carrier_of=carrier_of,
        quantity_of=quantity_of,
        carrier_number=numbers,
        stream_number={one.code: number for number, one in enumerate(streams)},
        quantity_number=known,
        area_paths=tuple(paths),
        carrier_area=np.array(carrier_area, np.int64),
        stream_area=np.array(stream_area, np.int64),
        by_carrier=np.argsort(carrier_of, kind="stable"),
        by_quantity=np.argsort(quantity_of, kind="stable"),
    )


def _carrier_id(stream: KnownSensor, known: dict[str, int]) -> str:
    here = stream.risk_point
    return here if here is not None and here in known else ALONE + stream.code


def _carriers(streams: tuple[KnownSensor, ...], at: datetime) -> tuple[Carrier, ...]:
    of_places, of_sensors = registry.standing_since(at=at)
    found = {
        one.code: Carrier(
            one.code, one.name_zh, one.name_en, one.kind, one.area, one.area_path, one.point,
            "" if one.grade is None else one.grade.value, to_us(of_places.get(one.code, at)),
        )
        for one in registry.places(at=at)
    }  # fmt: skip
    for one in streams:
        if one.risk_point not in found:
            own = ALONE + one.code
            found[own] = Carrier(
                own, one.name_zh, one.name_en, "", one.area, one.area_path, one.point, "",
                to_us(of_sensors.get(one.code, at)),
            )  # fmt: skip
    return tuple(found[id_] for id_ in sorted(found))


def _quantities() -> tuple[Measured, ...]:
    found = []
    for id_, name in sorted(registry.names_in("quantities").items()):
        try:
            known = registry.quantity(id_)
        except NotFoundError:
            continue  # in force no more
        found.append(Measured(id_, name, known.unit, known.low, known.high))
    return tuple(found)


def _empty() -> Catalogue:
    none = np.zeros(0, np.int64)
    return Catalogue((), (), (), {}, (), none, none, {}, {}, {}, (), none, none, none, none)
