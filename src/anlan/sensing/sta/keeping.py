"""Things, Locations and Datastreams written over the interface: by the registry's own way in.

Each is an edit of the city in force, with a reason, looked at by the linter, told in the journal, and in
the next export (``docs/adr/0007``).  What the registry does not know is refused rather than lost.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from django.db import transaction

from anlan.kernel.actor import Actor
from anlan.kernel.geometry import Point
from anlan.registry import public as registry
from anlan.registry.domain import city as c
from anlan.registry.domain.entry_edits import EntriesEdit
from anlan.sensing.domain.sta_errors import (
    EntityMalformedError,
    NotKeptHereError,
    RegistryKeepsError,
)
from anlan.sensing.sta.catalogue import ALONE
from anlan.sensing.sta.model import KINDS, LOCATION, SENSOR, STREAM, THING

PLACES, SENSORS = "risk_points", "sensors"
MOST_STREAMS = 20
"""Datastreams that come with a Thing: each is an edit that the linter looks at."""
GEOJSON = frozenset({"", "application/geo+json", "application/vnd.geo+json"})
IGNORED = frozenset({"description", "observationType", "encodingType", "Sensor", "phenomenonTime"})
"""What the standard asks for and the registry tells by itself."""

Json = Mapping[str, Any]


def create(actor: Actor, kind: str, given: Any, *, of: str = "", reason: str, now: datetime) -> str:
    """Enter a Thing or a Datastream with what comes within it; return its id.

    Raises
    ------
    RegistryKeepsError
        When entities of this kind are not entered by themselves.
    EntityMalformedError, NotKeptHereError
        When it says too little, or what the registry does not keep.
    """
    if not isinstance(given, dict):
        raise EntityMalformedError(where="body")
    with transaction.atomic():  # all of it or nothing
        if kind == THING:
            return _create_thing(actor, given, reason=reason, now=now)
        if kind == STREAM:
            return _create_stream(actor, given, of, reason=reason, now=now)
    raise RegistryKeepsError(what=KINDS[kind].plural, method="POST")


def _create_thing(actor: Actor, given: Json, *, reason: str, now: datetime) -> str:
    _only(given, {"name", "properties", "Locations", "Datastreams"})
    facts = _facts(given, {"code", "kind", "area", "name_en", "grade"})
    point = _place_of(given)
    area = facts.get("area") or _area_at(point)
    code = _code(given, facts)
    wanted = {"code": code, "name_zh": given.get("name"), "area": area, **_located(point)}
    wanted |= {name: facts[name] for name in ("kind", "name_en", "grade") if name in facts}
    _take(actor, PLACES, _entry(c.RiskPoint, wanted), is_new=True, reason=reason, now=now)
    streams = given.get("Datastreams", [])
    if not isinstance(streams, list) or len(streams) > MOST_STREAMS:
        raise EntityMalformedError(where=f"Datastreams: a list of up to {MOST_STREAMS}")
    for stream in streams:
        if not isinstance(stream, dict):
            raise EntityMalformedError(where="Datastreams")
        facts_of_it = stream.get("properties") or {}
        if not isinstance(facts_of_it, dict):
            raise EntityMalformedError(where="Datastreams/properties")
        inside = {**stream, "properties": {"area": area, **facts_of_it}}
        _create_stream(actor, inside, code, reason=reason, now=now)
    return code


def _create_stream(actor: Actor, given: Json, of: str, *, reason: str, now: datetime) -> str:
    _only(
        given,
        {"name", "properties", "unitOfMeasurement", "observedArea", "Thing", "ObservedProperty"},
    )
    facts = _facts(given, {"code", "area", "name_en", "interval_s"})
    place = of or _linked(given, "Thing")
    if place.startswith(ALONE):
        raise EntityMalformedError(where="Thing: no risk point")
    code = _code(given, facts)
    wanted = {
        "code": code,
        "name_zh": given.get("name"),
        "quantity": _linked(given, "ObservedProperty"),
        "unit": _unit(given),
        "interval": _interval(facts),
        "area": facts.get("area") or registry.place(place).area,
        "risk_point": place,
        **_located(_point(given.get("observedArea"), "observedArea")),
    }
    wanted |= {name: facts[name] for name in ("name_en",) if name in facts}
    _take(actor, SENSORS, _entry(c.Sensor, wanted), is_new=True, reason=reason, now=now)
    return code


def change(actor: Actor, kind: str, id_: str, given: Any, *, reason: str, now: datetime) -> None:
    """Change what is given of a Thing, a Location, a Datastream or a Sensor."""
    if not isinstance(given, dict):
        raise EntityMalformedError(where="body")
    section, code = _entry_of(kind, id_, "PATCH")
    entry = registry.record(actor, section, code, at=now).entry
    changed: dict[str, Any] = {}
    if kind == LOCATION:
        _only(given, {"location", "name", "properties"})
        changed = _located(_point(given.get("location"), "location"))
    else:
        _only(given, {"name", "properties", "unitOfMeasurement", "observedArea"})
        own = {"grade", "kind"} if section == PLACES else {"interval_s"}
        facts = _facts(given, {"name_en", "area", *own})
        changed = {name: facts[name] for name in facts if name != "interval_s"}
        if "name" in given:
            changed["name_zh"] = given["name"]
        if section == SENSORS:
            changed |= _located(_point(given.get("observedArea"), "observedArea"))
            changed |= {"unit": _unit(given)} if "unitOfMeasurement" in given else {}
            changed |= {"interval": _interval(facts)} if "interval_s" in facts else {}
    wanted = {**msgspec.to_builtins(entry), **changed}
    _take(actor, section, _entry(type(entry), wanted), reason=reason, now=now)


def end(actor: Actor, kind: str, id_: str, *, reason: str, now: datetime) -> None:
    """Take a Thing or a Datastream out of force from today on; what it measured stays."""
    if kind == LOCATION:
        raise RegistryKeepsError(what=KINDS[kind].plural, method="DELETE")
    section, code = _entry_of(kind, id_, "DELETE")
    entry = registry.record(actor, section, code, at=now).entry
    ended = msgspec.structs.replace(entry, valid_to=registry.local_day(now))
    _take(actor, section, ended, reason=reason, now=now)


def _entry_of(kind: str, id_: str, method: str) -> tuple[str, str]:
    if kind in {STREAM, SENSOR}:
        return SENSORS, id_
    if kind in {THING, LOCATION}:
        alone = id_.startswith(ALONE)
        return (SENSORS, id_.removeprefix(ALONE)) if alone else (PLACES, id_)
    raise RegistryKeepsError(what=KINDS[kind].plural, method=method)


def _take(
    actor: Actor, section: str, entry: Any, *, is_new: bool = False, reason: str, now: datetime
) -> None:
    on = registry.local_day(now)
    edit = EntriesEdit(section, (entry,), on, key=entry.code, is_new=is_new)
    seen = registry.fingerprint_of(section, edit.matter)
    registry.take_edit(actor, edit, seen=seen, reason=reason, now=now)


def _entry(kind: type[Any], wanted: Json) -> Any:
    """Return an entry of a pack; a field that it cannot hold is named."""
    try:
        return msgspec.convert(wanted, kind)
    except msgspec.ValidationError as error:
        raise EntityMalformedError(where=str(error)[:200]) from None


def _only(given: Json, names: set[str]) -> None:
    for name, value in given.items():
        known = name in names or name in IGNORED or "@iot." in name
        if not known and value not in (None, {}, [], ""):
            raise NotKeptHereError(field=name[:80])


def _facts(given: Json, names: set[str]) -> dict[str, Any]:
    facts = given.get("properties") or {}
    if not isinstance(facts, dict):
        raise EntityMalformedError(where="properties")
    for name in facts:
        if name not in {*names, "quantity", "area_path"}:
            raise NotKeptHereError(field=f"properties/{name}"[:80])
    return {name: facts[name] for name in names if facts.get(name) is not None}


def _code(given: Json, facts: Json) -> str:
    code = given.get("@iot.id") or facts.get("code") or f"STA-{secrets.token_hex(5)}"
    if not isinstance(code, str | int):
        raise EntityMalformedError(where="@iot.id")
    return str(code)


def _linked(given: Json, name: str) -> str:
    linked = given.get(name)
    id_ = linked.get("@iot.id") if isinstance(linked, dict) else None
    if not isinstance(id_, str):
        raise EntityMalformedError(where=f"{name}/@iot.id")
    return id_


def _unit(given: Json) -> str:
    unit = given.get("unitOfMeasurement")
    symbol = unit.get("symbol") if isinstance(unit, dict) else None
    if not isinstance(symbol, str):
        raise EntityMalformedError(where="unitOfMeasurement/symbol")
    return symbol


def _interval(facts: Json) -> str:
    seconds = facts.get("interval_s")
    if not isinstance(seconds, int | float) or not 0 < seconds < 1_000_000 or seconds % 1:
        raise EntityMalformedError(where="properties/interval_s: seconds between two readings")
    return f"{int(seconds)}s"


def _place_of(given: Json) -> Point | None:
    places = given.get("Locations", [])
    if not isinstance(places, list) or len(places) > 1:
        raise EntityMalformedError(where="Locations: one is wanted")
    if not places:
        return None
    one = places[0]
    encoding = one.get("encodingType", "") if isinstance(one, dict) else None
    if not isinstance(encoding, str) or encoding not in GEOJSON:
        raise EntityMalformedError(where="Locations/encodingType")
    return _point(one.get("location"), "Locations/location")


def _point(given: Any, where: str) -> Point | None:
    if given is None:
        return None
    inside = given.get("geometry") if isinstance(given, dict) and "geometry" in given else given
    is_point = isinstance(inside, dict) and inside.get("type") == "Point"
    pair = inside.get("coordinates") if is_point and inside is not None else None
    if not isinstance(pair, list) or len(pair) < 2:
        raise EntityMalformedError(where=f"{where}: a GeoJSON Point is wanted")
    try:
        return Point(lat=float(pair[1]), lon=float(pair[0]))
    except (TypeError, ValueError, OverflowError):
        raise EntityMalformedError(where=f"{where}: degrees of longitude and latitude") from None


def _located(point: Point | None) -> dict[str, float]:
    return {} if point is None else {"lat": point.lat, "lon": point.lon}


def _area_at(point: Point | None) -> str | None:
    found = None if point is None else registry.area_at(point)
    return None if found is None else found.code
