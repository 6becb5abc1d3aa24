"""What the catalogue is made of: read whole, or only what edits and loads have touched since."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from operator import attrgetter
from typing import NamedTuple

from anlan.kernel.geometry import Point
from anlan.registry import public as registry
from anlan.registry.domain.facts import KnownPlace, KnownSensor
from anlan.registry.domain.packwords import Text
from anlan.sensing.services.framing import to_us

_CODE = attrgetter("code")
ALONE = "at,"
"""Begins the id of the Thing that a sensor without a risk point is by itself; no code has a comma."""


class Thing(NamedTuple):
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


class Measured(NamedTuple):
    """A quantity and the unit in which its readings are kept."""

    id: str
    name: Text
    unit: str
    low: float | None
    high: float | None


class Parts(NamedTuple):
    """Everything of one revision and day that the catalogue shows of the registry."""

    things: tuple[Thing, ...]  # by id
    streams: tuple[KnownSensor, ...]  # by code
    quantities: tuple[Measured, ...]
    kinds: dict[str, Text]


class _Kept(NamedTuple):
    """What was read last, on which day where, and the newest change in the journal before that."""

    day: date
    zone: str
    mark: registry.CityMark
    parts: Parts


_kept: list[_Kept] = []


def parts_of(day: date, *, at: datetime) -> Parts:
    """Return what the registry holds on a day, asked at ``at``; kept until it is asked again.

    Where the same day was asked before, only what the journal says was touched since is read.
    """
    zone, mark = registry.timezone(), registry.city_mark()  # the mark before what it stands for
    if mark is not None and mark.at > at and mark.at.astimezone(zone).date() == day:
        at = mark.at  # the question began before a change that it sees
    parts = _followed(day, zone.key, at=at) or read_whole(at=at)
    _kept.clear()
    if mark is not None and mark.at <= at:  # else rows may begin and end in the course of the day
        _kept.append(_Kept(day, zone.key, mark, parts))
    return parts


def _followed(day: date, zone: str, *, at: datetime) -> Parts | None:
    for last in _kept:
        if (last.day, last.zone) == (day, zone):
            touched = registry.touched_since(last.mark)
            return None if touched is None else read_again(last.parts, touched, at=at)
    return None


def read_whole(*, at: datetime) -> Parts:
    """Return what the registry holds at ``at``."""
    streams = tuple(sorted(registry.sensors(at=at), key=_CODE))
    things = _things((), registry.places(at=at), streams, at=at)
    return Parts(things, streams, _quantities(), registry.names_in("place_kinds"))


def read_again(before: Parts, touched: registry.Touched, *, at: datetime) -> Parts:
    """Return what :func:`read_whole` would, by what it returned earlier on the same day.

    What was touched is read as it stands now: so it does not matter in which order it was changed,
    nor whether some of that was seen before.
    """
    found = registry.sensors(at=at, touched=touched)
    again = touched.sensors.union(one.code for one in found)
    stayed = [one for one in before.streams if one.code not in again]
    streams = tuple(sorted([*stayed, *found], key=_CODE))
    places = registry.places(at=at, touched=touched)
    left = touched.places.union((one.code for one in places), (ALONE + code for code in again))
    stand = (one for one in before.things if one.id not in left)
    things = _things(stand, places, streams, at=at, touched=touched)
    return Parts(things, streams, _quantities(), registry.names_in("place_kinds"))


def _things(
    known: Iterable[Thing],
    places: Iterable[KnownPlace],
    streams: Iterable[KnownSensor],
    *,
    at: datetime,
    touched: registry.Touched | None = None,
) -> tuple[Thing, ...]:
    """Return the things known, those of some places, and one for each stream that has none there."""
    of_places, of_sensors = registry.standing_since(at=at, touched=touched)
    found = {one.id: one for one in known}
    for place in places:
        found[place.code] = Thing(
            place.code, place.name_zh, place.name_en, place.kind, place.area, place.area_path,
            place.point, "" if place.grade is None else place.grade.value,
            to_us(of_places.get(place.code, at)),
        )  # fmt: skip
    for one in streams:
        if one.risk_point not in found and (own := ALONE + one.code) not in found:
            found[own] = Thing(
                own, one.name_zh, one.name_en, "", one.area, one.area_path, one.point, "",
                to_us(of_sensors.get(one.code, at)),
            )  # fmt: skip
    return tuple(found[id_] for id_ in sorted(found))


def _quantities() -> tuple[Measured, ...]:
    found = sorted(registry.quantities().items())
    return tuple(Measured(id_, one.name, one.unit, one.low, one.high) for id_, one in found)
