"""What the registry knows, as the entities of the standard: made once per city revision and day.

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

from anlan.registry.domain.facts import KnownSensor
from anlan.registry.domain.packwords import Text
from anlan.sensing.domain.multidatastreams import KnownMulti
from anlan.sensing.services import multidatastreams
from anlan.sensing.services.known import At, city_facts
from anlan.sensing.sta.columns import Column
from anlan.sensing.sta.model import FEATURE, MULTI, SENSOR
from anlan.sensing.sta.multis import NO_MULTIS, Multis, multis_of
from anlan.sensing.sta.parts import ALONE, Measured, Parts, Thing, parts_of

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Catalogue:
    """Everything of one revision and day, with what leads from one to another."""

    things: tuple[Thing, ...]
    streams: tuple[KnownSensor, ...]
    quantities: tuple[Measured, ...]
    kinds: dict[str, Text]
    units: tuple[str, ...]  # of each stream
    thing_of: Numbers  # of each stream
    quantity_of: Numbers  # of each stream; -1: none that the pack knows
    thing_number: dict[str, int]
    stream_number: dict[str, int]
    quantity_number: dict[str, int]
    area_paths: tuple[str, ...]
    thing_area: Numbers
    stream_area: Numbers
    by_thing: Numbers  # streams in order of their things
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
    found = multis_of(_multis(change), plain.stream_number, plain.thing_of, plain.quantity_of)
    kept = {at: x for at, x in plain.columns.items() if at[0] not in {MULTI, SENSOR, FEATURE}}
    return replace(plain, multis=found, columns=kept, store_numbers=list(plain.store_numbers))


@lru_cache(maxsize=1)
def _multis(_change: str) -> tuple[KnownMulti, ...]:
    """Return the MultiDatastreams; an edit of the city leaves them as they are."""
    return multidatastreams.multis_in_force()


@lru_cache(maxsize=2)
def _read(_revision: str, day: date, at: At) -> Catalogue:
    """Return the city of a revision, of which only what was touched since the one before is read."""
    return _made_of(parts_of(day, at=at.instant))


def _made_of(parts: Parts) -> Catalogue:
    things, streams, quantities, kinds = parts
    numbers = {one.id: number for number, one in enumerate(things)}
    known = {one.id: number for number, one in enumerate(quantities)}
    paths: dict[str, int] = {}
    thing_area = [paths.setdefault(one.area_path, len(paths)) for one in things]
    stream_area = [paths.setdefault(one.area_path, len(paths)) for one in streams]
    units = {one.id: one.unit for one in quantities}
    thing_of = np.array([numbers.get(one.risk_point or "", -1) for one in streams], np.int64)
    alone = np.flatnonzero(thing_of < 0)
    thing_of[alone] = [numbers[ALONE + streams[number].code] for number in alone.tolist()]
    quantity_of = np.array([known.get(one.quantity, -1) for one in streams], np.int64)
    return Catalogue(
        things=things,
        streams=streams,
        quantities=quantities,
        kinds=kinds,
        units=tuple([units.get(one.quantity, one.unit) for one in streams]),
        thing_of=thing_of,
        quantity_of=quantity_of,
        thing_number=numbers,
        stream_number={one.code: number for number, one in enumerate(streams)},
        quantity_number=known,
        area_paths=tuple(paths),
        thing_area=np.array(thing_area, np.int64),
        stream_area=np.array(stream_area, np.int64),
        by_thing=np.argsort(thing_of, kind="stable"),
        by_quantity=np.argsort(quantity_of, kind="stable"),
    )


def _empty() -> Catalogue:
    none = np.zeros(0, np.int64)
    return Catalogue((), (), (), {}, (), none, none, {}, {}, {}, (), none, none, none, none)
