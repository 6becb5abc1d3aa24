"""Things, Locations, Datastreams and MultiDatastreams written over the interface.

They go by the registry's own way in: each is an edit of the city in force, with a reason, looked at by
the linter, told in the journal, and in the next export (``docs/adr/0007``).  A MultiDatastream puts
streams together, which are entered first where they are new.  What the registry does not know is
refused rather than lost.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from django.db import transaction

from anlan.kernel.actor import Actor
from anlan.kernel.errors import NotFoundError
from anlan.kernel.geometry import Point
from anlan.registry import public as registry
from anlan.registry.domain import city as c
from anlan.registry.domain.entry_edits import EntriesEdit
from anlan.registry.domain.packwords import Code
from anlan.sensing.domain.multidatastreams import (
    COMPLEX,
    KIND_NAMES,
    MEASUREMENT,
    MOST_RESULTS,
    KnownMulti,
)
from anlan.sensing.domain.sta_errors import (
    EntityMalformedError,
    EntityUnknownError,
    NotKeptHereError,
    RegistryKeepsError,
)
from anlan.sensing.services import multidatastreams
from anlan.sensing.sta.given import (
    Json,
    code_of,
    codes_in,
    entry_from,
    facts_in,
    interval_in,
    kinds_in,
    linked,
    listed,
    located,
    name_in,
    only,
    place_in,
    point_in,
    unit_in,
)
from anlan.sensing.sta.model import KINDS, LOCATION, MULTI, SENSOR, STREAM, THING
from anlan.sensing.sta.parts import ALONE

PLACES, SENSORS = "risk_points", "sensors"
MULTI_FIELDS = {
    "name", "properties", "unitOfMeasurements", "multiObservationDataTypes", "observedArea", "Thing",
    "ObservedProperties",
}  # fmt: skip
MOST_WITHIN = 20
"""Datastreams that come with a Thing: each is an edit that the linter looks at."""


def create(actor: Actor, kind: str, given: Any, *, of: str = "", reason: str, now: datetime) -> str:
    """Enter a Thing, Datastream or MultiDatastream with what comes within it; return its id.

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
        if kind == MULTI:
            return _create_multi(actor, given, of, reason=reason, now=now)
    raise RegistryKeepsError(what=KINDS[kind].plural, method="POST")


def _create_thing(actor: Actor, given: Json, *, reason: str, now: datetime) -> str:
    only(given, {"name", "properties", "Locations", "Datastreams", "MultiDatastreams"})
    facts = facts_in(given, {"code", "kind", "area", "name_en", "grade"})
    point = place_in(given)
    area = facts.get("area") or _area_at(point)
    code = code_of(given, facts)
    wanted = {"code": code, "name_zh": given.get("name"), "area": area, **located(point)}
    wanted |= {name: facts[name] for name in ("kind", "name_en", "grade") if name in facts}
    _take(actor, PLACES, entry_from(c.RiskPoint, wanted), is_new=True, reason=reason, now=now)
    for name, make in (("Datastreams", _create_stream), ("MultiDatastreams", _create_multi)):
        for stream in listed(given, name, MOST_WITHIN):
            facts_of_it = stream.get("properties") or {}
            if not isinstance(facts_of_it, dict):
                raise EntityMalformedError(where=f"{name}/properties")
            inside = {**stream, "properties": {"area": area, **facts_of_it}}
            make(actor, inside, code, reason=reason, now=now)
    return code


def _create_stream(actor: Actor, given: Json, of: str, *, reason: str, now: datetime) -> str:
    only(
        given,
        {"name", "properties", "unitOfMeasurement", "observedArea", "Thing", "ObservedProperty"},
    )
    facts = facts_in(given, {"code", "area", "name_en", "interval_s"})
    place = of or linked(given, "Thing")
    if place.startswith(ALONE):
        raise EntityMalformedError(where="Thing: no risk point")
    code = code_of(given, facts)
    wanted = {
        "code": code,
        "name_zh": given.get("name"),
        "quantity": linked(given, "ObservedProperty"),
        "unit": unit_in(given),
        "interval": interval_in(facts),
        "area": facts.get("area") or registry.place(place).area,
        "risk_point": place,
        **located(point_in(given.get("observedArea"), "observedArea")),
    }
    wanted |= {name: facts[name] for name in ("name_en",) if name in facts}
    _take(actor, SENSORS, entry_from(c.Sensor, wanted), is_new=True, reason=reason, now=now)
    return code


def _create_multi(actor: Actor, given: Json, of: str, *, reason: str, now: datetime) -> str:
    only(given, MULTI_FIELDS)
    if given.get("observationType", KIND_NAMES + COMPLEX) != KIND_NAMES + COMPLEX:
        raise EntityMalformedError(where=f"observationType: {KIND_NAMES}{COMPLEX}")
    facts = facts_in(given, {"code", "area", "name_en", "interval_s", "datastreams"})
    names = name_in(given, facts)
    code: str = entry_from(Code, code_of(given, facts))
    streams = codes_in(facts, "datastreams", MOST_RESULTS)
    if streams:
        _check_streams(actor, given, of, streams, now=now)
    else:
        streams = _create_parts(actor, given, of, code, reason=reason, now=now)
    kinds = kinds_in(given, len(streams)) or (MEASUREMENT,) * len(streams)
    multi = KnownMulti(code, *names, streams, kinds)
    multidatastreams.put_together(actor, multi, why=reason, now=now)
    return code


def _create_parts(
    actor: Actor, given: Json, of: str, code: str, *, reason: str, now: datetime
) -> tuple[str, ...]:
    """Enter a stream for each result; a Thing that comes within is entered first."""
    quantities = listed(given, "ObservedProperties", MOST_RESULTS)
    units = listed(given, "unitOfMeasurements", MOST_RESULTS)
    if not quantities or len(units) != len(quantities):
        raise EntityMalformedError(where="ObservedProperties, unitOfMeasurements: as many of each")
    thing = given.get("Thing")
    if not of and isinstance(thing, dict) and "@iot.id" not in thing:
        of = _create_thing(actor, thing, reason=reason, now=now)
    facts = given.get("properties") or {}
    within = {name: facts[name] for name in ("area", "interval_s") if name in facts}
    known = registry.names_in("quantities")
    found = []
    for place, (quantity, unit) in enumerate(zip(quantities, units, strict=True), start=1):
        measured = known.get(str(quantity.get("@iot.id")))
        words = measured.zh if measured else place
        stream = {
            "name": f"{given['name']} {words}",
            "properties": {**within, "code": f"{code}-{place}"},
            "unitOfMeasurement": unit,
            "ObservedProperty": quantity,
            "observedArea": given.get("observedArea"),
            "Thing": given.get("Thing"),
        }
        found.append(_create_stream(actor, stream, of, reason=reason, now=now))
    return tuple(found)


def _check_streams(
    actor: Actor, given: Json, of: str, streams: tuple[str, ...], *, now: datetime
) -> None:
    """Refuse to put together streams of several Things, or others than are described."""
    if given.get("observedArea"):
        raise NotKeptHereError(field="observedArea")
    sensors = [registry.record(actor, SENSORS, code, at=now).entry for code in streams]
    places = {one.risk_point or ALONE + one.code for one in sensors}
    named = of or (linked(given, "Thing") if given.get("Thing") else "")
    if len(places) > 1 or (named and places != {named}):
        raise EntityMalformedError(where="properties/datastreams: of one Thing")
    for name, wanted in (
        ("ObservedProperties", [one.quantity for one in sensors]),
        ("unitOfMeasurements", [_kept_in(one) for one in sensors]),
    ):
        key = "@iot.id" if name == "ObservedProperties" else "symbol"
        said = [one.get(key) for one in listed(given, name, MOST_RESULTS)]
        if said and said != wanted:
            raise EntityMalformedError(where=f"{name}: {', '.join(wanted)}")


def _kept_in(sensor: c.Sensor) -> str:
    """Return the unit in which readings of a sensor are kept."""
    try:
        return registry.quantity(sensor.quantity).unit
    except NotFoundError:
        return sensor.unit


def _change_multi(actor: Actor, code: str, given: Json, *, reason: str, now: datetime) -> None:
    only(given, {"name", "properties", "multiObservationDataTypes"})
    multi = _multi(code)
    facts = {"name_en": multi.name_en, **facts_in(given, {"name_en"})}
    names = name_in({"name": multi.name_zh, **given}, facts)
    kinds = kinds_in(given, len(multi.streams)) or multi.kinds
    changed = KnownMulti(code, *names, multi.streams, kinds)
    multidatastreams.change(actor, changed, why=reason, now=now)


def _multi(code: str) -> KnownMulti:
    found = multidatastreams.multis_in_force({code})
    if not found:
        raise EntityUnknownError(what="MultiDatastreams", id=code)
    return found[0]


def change(actor: Actor, kind: str, id_: str, given: Any, *, reason: str, now: datetime) -> None:
    """Change what is given of a Thing, Location, Datastream, MultiDatastream or Sensor."""
    if not isinstance(given, dict):
        raise EntityMalformedError(where="body")
    if kind == MULTI:
        _change_multi(actor, id_, given, reason=reason, now=now)
        return
    section, code = _entry_of(kind, id_, "PATCH")
    entry = registry.record(actor, section, code, at=now).entry
    changed: dict[str, Any] = {}
    if kind == LOCATION:
        only(given, {"location", "name", "properties"})
        changed = located(point_in(given.get("location"), "location"))
    else:
        only(given, {"name", "properties", "unitOfMeasurement", "observedArea"})
        own = {"grade", "kind"} if section == PLACES else {"interval_s"}
        facts = facts_in(given, {"name_en", "area", *own})
        changed = {name: facts[name] for name in facts if name != "interval_s"}
        if "name" in given:
            changed["name_zh"] = given["name"]
        if section == SENSORS:
            changed |= located(point_in(given.get("observedArea"), "observedArea"))
            changed |= {"unit": unit_in(given)} if "unitOfMeasurement" in given else {}
            changed |= {"interval": interval_in(facts)} if "interval_s" in facts else {}
    wanted = {**msgspec.to_builtins(entry), **changed}
    _take(actor, section, entry_from(type(entry), wanted), reason=reason, now=now)


def end(actor: Actor, kind: str, id_: str, *, reason: str, now: datetime) -> None:
    """Take a Thing or a Datastream out of force from today on; what it measured stays."""
    if kind == LOCATION:
        raise RegistryKeepsError(what=KINDS[kind].plural, method="DELETE")
    if kind == MULTI:  # its streams are in force as before
        multidatastreams.end(actor, _multi(id_).code, why=reason, now=now)
        return
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


def _area_at(point: Point | None) -> str | None:
    found = None if point is None else registry.area_at(point)
    return None if found is None else found.code
