"""What each kind of entity says of itself: as JSON for answers, as columns for conditions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import shapely

from anlan.kernel.geometry import Point
from anlan.registry.domain.facts import KnownSensor
from anlan.sensing.domain.multidatastreams import (
    COMPLEX,
    KIND_NAMES,
    MEASUREMENT,
    WITHOUT_UNIT,
    KnownMulti,
)
from anlan.sensing.sta import times
from anlan.sensing.sta.catalogue import Catalogue, Numbers
from anlan.sensing.sta.columns import Column, column_of, geometry_in, objects
from anlan.sensing.sta.model import (
    FEATURE,
    LOCATION,
    MOVED,
    MULTI,
    OF_THINGS,
    QUANTITY,
    SENSOR,
    STREAM,
    THING,
)
from anlan.sensing.sta.tree import Kind

Getter = Callable[[Catalogue, int], Any]
GEOJSON = "application/geo+json"
UNIT_NAMES = "urn:anlan:unit:"


def _point(point: Point | None) -> dict[str, Any] | None:
    return None if point is None else {"type": "Point", "coordinates": [point.lon, point.lat]}


def _without_empty(**given: Any) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value not in {"", None}}


def _thing_words(of: Catalogue, number: int) -> str:
    kind = of.kinds.get(of.things[number].kind)
    return f"{kind.zh} {kind.en}" if kind else "传感器安装点 where a sensor stands"


def _thing_facts(of: Catalogue, number: int) -> dict[str, Any]:
    one = of.things[number]
    return _without_empty(
        name_en=one.name_en, kind=one.kind, grade=one.grade, area=one.area, area_path=one.area_path
    )


def _own(of: Catalogue, number: int) -> KnownSensor | KnownMulti:
    """Return the stream or MultiDatastream of a number."""
    alone = len(of.streams)
    return of.streams[number] if number < alone else of.multis.known[number - alone]


def streams_of(of: Catalogue, number: int) -> list[int]:
    """Return the streams of a MultiDatastream in the order of its results, or a stream itself."""
    place = number - len(of.streams)
    if place < 0:
        return [number]
    first, end = of.multis.starts[place : place + 2]
    found: list[int] = of.multis.streams[first:end].tolist()
    return found


def _stream_words(of: Catalogue, number: int) -> str:
    return "; ".join(_quantity_words(of, one) for one in streams_of(of, number))


def _quantity_words(of: Catalogue, number: int) -> str:
    measured = of.quantity_of[number]
    if measured < 0:
        return of.streams[number].quantity
    name = of.quantities[measured].name
    return f"{name.zh} {name.en}"


def _stream_facts(of: Catalogue, number: int) -> dict[str, Any]:
    one = of.streams[number]
    return _without_empty(
        name_en=one.name_en,
        quantity=one.quantity,
        interval_s=one.interval.total_seconds(),
        area=one.area,
        area_path=one.area_path,
    )


def _unit(of: Catalogue, number: int) -> dict[str, Any]:
    unit = of.units[number]
    return {"name": unit, "symbol": unit, "definition": UNIT_NAMES + unit}


def _units(of: Catalogue, number: int) -> list[dict[str, Any]]:
    kinds = of.multis.known[number - len(of.streams)].kinds
    found = []
    for one, kind in zip(streams_of(of, number), kinds, strict=True):
        unit = _unit(of, one)
        found.append(dict.fromkeys(unit) if kind in WITHOUT_UNIT else unit)
    return found


def _kinds(of: Catalogue, number: int) -> list[str]:
    return [KIND_NAMES + kind for kind in of.multis.known[number - len(of.streams)].kinds]


def _multi_facts(of: Catalogue, number: int) -> dict[str, Any]:
    first = of.streams[streams_of(of, number)[0]]
    codes = [of.streams[one].code for one in streams_of(of, number)]
    return _without_empty(
        name_en=_own(of, number).name_en,
        area=first.area,
        area_path=first.area_path,
        interval_s=first.interval.total_seconds(),
    ) | {"datastreams": codes}


def _metadata(of: Catalogue, number: int) -> dict[str, Any]:
    if number >= len(of.streams):
        return {"datastreams": [of.streams[one].code for one in streams_of(of, number)]}
    one = of.streams[number]
    return {"sends_unit": one.unit, "interval_s": one.interval.total_seconds()}


def _area(of: Catalogue, number: int) -> dict[str, Any] | None:
    """Return where a stream measures; several points where the streams of one stand apart."""
    points = {of.streams[one].point: None for one in streams_of(of, number)}
    points.pop(None, None)
    if len(points) < 2:
        return _point(next(iter(points), None))
    pairs = [[one.lon, one.lat] for one in points if one is not None]
    return {"type": "MultiPoint", "coordinates": pairs}


def _envelope(of: Catalogue, number: int) -> dict[str, Any] | None:
    """Return the box around the points of a MultiDatastream, as the standard and its clients ask."""
    points = [of.streams[one].point for one in streams_of(of, number)]
    pairs = [(one.lon, one.lat) for one in points if one is not None]
    if not pairs:
        return None
    (west, south), (east, north) = (
        map(min, zip(*pairs, strict=True)),
        map(max, zip(*pairs, strict=True)),
    )
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def _feature(of: Catalogue, number: int) -> dict[str, Any]:
    area = of.streams[streams_of(of, number)[0]].area
    return _area(of, number) or {
        "type": "Feature", "geometry": None, "properties": {"area": area},
    }  # fmt: skip


def _quantity_facts(of: Catalogue, number: int) -> dict[str, Any]:
    one = of.quantities[number]
    return _without_empty(name_en=one.name.en, unit=one.unit, low=one.low, high=one.high)


def _always(value: Any) -> Getter:
    return lambda _of, _number: value


SAID: dict[str, dict[str, tuple[Kind, Getter]]] = {
    THING: {
        "name": ("string", lambda of, n: of.things[n].name_zh),
        "description": ("string", _thing_words),
        "properties": ("any", _thing_facts),
    },
    LOCATION: {
        "name": ("string", lambda of, n: of.things[n].name_zh),
        "description": ("string", _thing_words),
        "encodingType": ("string", _always(GEOJSON)),
        "location": ("geometry", lambda of, n: _point(of.things[n].point)),
        "properties": ("any", lambda of, n: {"area": of.things[n].area}),
    },
    MOVED: {
        "time": ("instant", lambda of, n: times.written(np.array([of.things[n].since_us]))[0]),
    },
    STREAM: {
        "name": ("string", lambda of, n: of.streams[n].name_zh),
        "description": ("string", _stream_words),
        "observationType": ("string", _always(KIND_NAMES + MEASUREMENT)),
        "unitOfMeasurement": ("any", _unit),
        "observedArea": ("geometry", lambda of, n: _point(of.streams[n].point)),
        "properties": ("any", _stream_facts),
    },
    MULTI: {
        "name": ("string", lambda of, n: _own(of, n).name_zh),
        "description": ("string", _stream_words),
        "observationType": ("string", _always(KIND_NAMES + COMPLEX)),
        "multiObservationDataTypes": ("any", _kinds),
        "unitOfMeasurements": ("any", _units),
        "observedArea": ("geometry", _envelope),
        "properties": ("any", _multi_facts),
    },
    SENSOR: {
        "name": ("string", lambda of, n: _own(of, n).name_zh),
        "description": ("string", _stream_words),
        "encodingType": ("string", _always("application/json")),
        "metadata": ("any", _metadata),
        "properties": ("any", lambda of, n: _without_empty(name_en=_own(of, n).name_en)),
    },
    QUANTITY: {
        "name": ("string", lambda of, n: of.quantities[n].name.zh),
        "definition": ("string", lambda of, n: f"urn:anlan:quantity:{of.quantities[n].id}"),
        "description": ("string", lambda of, n: of.quantities[n].name.en),
        "properties": ("any", _quantity_facts),
    },
    FEATURE: {
        "name": ("string", lambda of, n: _own(of, n).name_zh),
        "description": ("string", _stream_words),
        "encodingType": ("string", _always(GEOJSON)),
        "feature": ("geometry", _feature),
        "properties": ("any", lambda of, n: {"area": of.streams[streams_of(of, n)[0]].area}),
    },
}


def numbers_of(of: Catalogue, kind: str) -> range:
    """Return the numbers of a kind."""
    if kind == QUANTITY:
        return range(len(of.quantities))
    if kind in OF_THINGS:
        return range(len(of.things))
    alone = len(of.streams)
    both = alone + len(of.multis.known)
    return range(alone if kind == MULTI else 0, alone if kind == STREAM else both)


def places(of: Catalogue, kind: str, numbers: Numbers) -> Numbers:
    """Return where in the columns of a kind entities stand, -1 for those of another kind."""
    known = numbers_of(of, kind)
    there = (numbers >= known.start) & (numbers < known.stop)
    return np.where(there, numbers - known.start, -1)


def id_of(of: Catalogue, kind: str, number: int) -> str:
    """Return the id of an entity."""
    if kind == QUANTITY:
        return of.quantities[number].id
    return of.things[number].id if kind in OF_THINGS else _own(of, number).code


def column(of: Catalogue, kind: str, name: str) -> Column:
    """Return a property of every entity of a kind; made once."""
    found = of.columns.get((kind, name))
    if found is None:
        found = of.columns[kind, name] = _made(of, kind, name)
    return found


def _made(of: Catalogue, kind: str, name: str) -> Column:
    numbers = numbers_of(of, kind)
    if name == "id":
        return column_of("string", [id_of(of, kind, number) for number in numbers])
    typed, getter = SAID[kind][name]
    if typed == "geometry":
        return _geometries(of, kind, numbers)
    if typed == "instant":
        return column_of(typed, [one.since_us for one in of.things])
    return column_of(typed, [getter(of, number) for number in numbers])


def _geometries(of: Catalogue, kind: str, numbers: range) -> Column:
    """Return where entities are: those of one point at once, MultiDatastreams each by its points.

    The box that is shown of these may have no area, and then lies within nothing.
    """
    alone = len(of.streams)
    points = [
        one.point
        for one in (of.things if kind == LOCATION else of.streams[numbers.start : numbers.stop])
    ]
    drawn = _drawn(points)
    known = [bool(x) for x in points]
    for number in numbers if kind in {MULTI, SENSOR, FEATURE} else ():
        if number >= alone:
            shape = geometry_in(_area(of, number))
            drawn.append(shape)
            known.append(shape is not None)
    return Column("geometry", objects(drawn), np.array(known, bool))


def _drawn(points: list[Point | None]) -> list[Any]:
    pairs = [(0.0, 0.0) if one is None else (one.lon, one.lat) for one in points]
    return shapely.points(np.array(pairs).reshape(-1, 2)).tolist() if pairs else []
