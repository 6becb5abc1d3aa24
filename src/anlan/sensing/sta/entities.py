"""What each kind of entity says of itself: as JSON for answers, as columns for conditions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import shapely

from anlan.kernel.geometry import Point
from anlan.sensing.sta import times
from anlan.sensing.sta.catalogue import Catalogue
from anlan.sensing.sta.columns import Column, column_of, objects
from anlan.sensing.sta.model import FEATURE, LOCATION, MOVED, QUANTITY, SENSOR, STREAM, THING
from anlan.sensing.sta.tree import Kind

Getter = Callable[[Catalogue, int], Any]
GEOJSON = "application/geo+json"
MEASUREMENT = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement"
UNIT_NAMES = "urn:anlan:unit:"


def _point(point: Point | None) -> dict[str, Any] | None:
    return None if point is None else {"type": "Point", "coordinates": [point.lon, point.lat]}


def _without_empty(**given: Any) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value not in {"", None}}


def _thing_words(of: Catalogue, number: int) -> str:
    kind = of.kinds.get(of.carriers[number].kind)
    return f"{kind.zh} {kind.en}" if kind else "传感器安装点 where a sensor stands"


def _thing_facts(of: Catalogue, number: int) -> dict[str, Any]:
    one = of.carriers[number]
    return _without_empty(
        name_en=one.name_en, kind=one.kind, grade=one.grade, area=one.area, area_path=one.area_path
    )


def _stream_words(of: Catalogue, number: int) -> str:
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


def _metadata(of: Catalogue, number: int) -> dict[str, Any]:
    one = of.streams[number]
    return {"sends_unit": one.unit, "interval_s": one.interval.total_seconds()}


def _feature(of: Catalogue, number: int) -> dict[str, Any]:
    one = of.streams[number]
    return _point(one.point) or {
        "type": "Feature", "geometry": None, "properties": {"area": one.area},
    }  # fmt: skip


def _quantity_facts(of: Catalogue, number: int) -> dict[str, Any]:
    one = of.quantities[number]
    return _without_empty(name_en=one.name.en, unit=one.unit, low=one.low, high=one.high)


def _always(value: Any) -> Getter:
    return lambda _of, _number: value


SAID: dict[str, dict[str, tuple[Kind, Getter]]] = {
    THING: {
        "name": ("string", lambda of, n: of.carriers[n].name_zh),
        "description": ("string", _thing_words),
        "properties": ("any", _thing_facts),
    },
    LOCATION: {
        "name": ("string", lambda of, n: of.carriers[n].name_zh),
        "description": ("string", _thing_words),
        "encodingType": ("string", _always(GEOJSON)),
        "location": ("geometry", lambda of, n: _point(of.carriers[n].point)),
        "properties": ("any", lambda of, n: {"area": of.carriers[n].area}),
    },
    MOVED: {
        "time": ("instant", lambda of, n: times.written(np.array([of.carriers[n].since_us]))[0]),
    },
    STREAM: {
        "name": ("string", lambda of, n: of.streams[n].name_zh),
        "description": ("string", _stream_words),
        "observationType": ("string", _always(MEASUREMENT)),
        "unitOfMeasurement": ("any", _unit),
        "observedArea": ("geometry", lambda of, n: _point(of.streams[n].point)),
        "properties": ("any", _stream_facts),
    },
    SENSOR: {
        "name": ("string", lambda of, n: of.streams[n].name_zh),
        "description": ("string", _stream_words),
        "encodingType": ("string", _always("application/json")),
        "metadata": ("any", _metadata),
        "properties": ("any", lambda of, n: _without_empty(name_en=of.streams[n].name_en)),
    },
    QUANTITY: {
        "name": ("string", lambda of, n: of.quantities[n].name.zh),
        "definition": ("string", lambda of, n: f"urn:anlan:quantity:{of.quantities[n].id}"),
        "description": ("string", lambda of, n: of.quantities[n].name.en),
        "properties": ("any", _quantity_facts),
    },
    FEATURE: {
        "name": ("string", lambda of, n: of.streams[n].name_zh),
        "description": ("string", _stream_words),
        "encodingType": ("string", _always(GEOJSON)),
        "feature": ("geometry", _feature),
        "properties": ("any", lambda of, n: {"area": of.streams[n].area}),
    },
}


def count_of(of: Catalogue, kind: str) -> int:
    """Return how many numbers a kind has."""
    if kind == QUANTITY:
        return len(of.quantities)
    return len(of.carriers if kind in {THING, LOCATION, MOVED} else of.streams)


def id_of(of: Catalogue, kind: str, number: int) -> str:
    """Return the id of an entity."""
    if kind == QUANTITY:
        return of.quantities[number].id
    return of.carriers[number].id if kind in {THING, LOCATION, MOVED} else of.streams[number].code


def column(of: Catalogue, kind: str, name: str) -> Column:
    """Return a property of every entity of a kind; made once."""
    found = of.columns.get((kind, name))
    if found is None:
        found = of.columns[kind, name] = _made(of, kind, name)
    return found


def _made(of: Catalogue, kind: str, name: str) -> Column:
    numbers = range(count_of(of, kind))
    if name == "id":
        return column_of("string", [id_of(of, kind, number) for number in numbers])
    typed, getter = SAID[kind][name]
    if typed == "geometry":
        points = [one.point for one in (of.carriers if kind == LOCATION else of.streams)]
        return Column(typed, objects(_drawn(points)), np.array([bool(x) for x in points], bool))
    if typed == "instant":
        return column_of(typed, [one.since_us for one in of.carriers])
    return column_of(typed, [getter(of, number) for number in numbers])


def _drawn(points: list[Point | None]) -> list[Any]:
    pairs = [(0.0, 0.0) if one is None else (one.lon, one.lat) for one in points]
    return shapely.points(np.array(pairs).reshape(-1, 2)).tolist() if pairs else []
