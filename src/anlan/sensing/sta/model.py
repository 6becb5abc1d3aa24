"""The nine kinds of entities: their names, their relations, and the words of the standard for both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from anlan.sensing.domain.sta_errors import NameUnknownError

THING, LOCATION, MOVED = "Thing", "Location", "HistoricalLocation"
STREAM, SENSOR, QUANTITY = "Datastream", "Sensor", "ObservedProperty"
READING, FEATURE = "Observation", "FeatureOfInterest"
MULTI = "MultiDatastream"

OF_THINGS = frozenset({THING, LOCATION, MOVED})
OF_STREAMS = frozenset({STREAM, MULTI, SENSOR, FEATURE})
"""Kinds of one place or one stream each: entities of the same number belong together.

MultiDatastreams have the numbers after the Datastreams; Sensors and FeaturesOfInterest those of both."""


@dataclass(frozen=True, slots=True)
class Relation:
    """Where a step leads: to one entity or to many of a kind."""

    kind: str
    many: bool


@dataclass(frozen=True, slots=True)
class EntityKind:
    """A kind of entity and the set that holds all of them."""

    name: str
    plural: str
    relations: dict[str, Relation] = field(default_factory=dict)


def _one(kind: str) -> tuple[str, Relation]:
    return kind, Relation(kind, many=False)


def _many(plural: str, kind: str) -> tuple[str, Relation]:
    return plural, Relation(kind, many=True)


_THINGS, _LOCATIONS = _many("Things", THING), _many("Locations", LOCATION)
_STREAMS, _READINGS = _many("Datastreams", STREAM), _many("Observations", READING)
_MOVED = _many("HistoricalLocations", MOVED)
_MULTIS = _many("MultiDatastreams", MULTI)

KINDS: dict[str, EntityKind] = {
    kind.name: kind
    for kind in (
        EntityKind(THING, "Things", dict([_LOCATIONS, _MOVED, _STREAMS, _MULTIS])),
        EntityKind(LOCATION, "Locations", dict([_THINGS, _MOVED])),
        EntityKind(MOVED, "HistoricalLocations", dict([_one(THING), _LOCATIONS])),
        EntityKind(
            STREAM,
            "Datastreams",
            dict([_one(THING), _one(SENSOR), _one(QUANTITY), _READINGS]),
        ),
        EntityKind(SENSOR, "Sensors", dict([_STREAMS, _MULTIS])),
        EntityKind(QUANTITY, "ObservedProperties", dict([_STREAMS, _MULTIS])),
        EntityKind(READING, "Observations", dict([_one(STREAM), _one(MULTI), _one(FEATURE)])),
        EntityKind(FEATURE, "FeaturesOfInterest", dict([_READINGS])),
        EntityKind(
            MULTI,
            "MultiDatastreams",
            dict([_one(THING), _one(SENSOR), _many("ObservedProperties", QUANTITY), _READINGS]),
        ),
    )
}
SETS = {kind.plural: kind.name for kind in KINDS.values()}

BASIC: dict[str, tuple[str, ...]] = {
    THING: ("name", "description", "properties"),
    LOCATION: ("name", "description", "encodingType", "location", "properties"),
    MOVED: ("time",),
    STREAM: (
        "name", "description", "observationType", "unitOfMeasurement", "observedArea", "properties",
    ),
    MULTI: (
        "name", "description", "observationType", "multiObservationDataTypes", "unitOfMeasurements",
        "observedArea", "properties",
    ),
    SENSOR: ("name", "description", "encodingType", "metadata", "properties"),
    QUANTITY: ("name", "definition", "description", "properties"),
    READING: (
        "phenomenonTime", "resultTime", "result", "resultQuality", "validTime", "parameters",
    ),
    FEATURE: ("name", "description", "encodingType", "feature", "properties"),
}  # fmt: skip
"""The properties of each kind, in the order of the standard."""

IDS = ("@iot.id", "id")


def relation(kind: str, name: str) -> Relation:
    """Return where a step leads from an entity of a kind.

    Raises
    ------
    NameUnknownError
        When it leads nowhere.
    """
    found = KINDS[kind].relations.get(name)
    if found is None:
        raise NameUnknownError(of=kind, name=name)
    return found


def key(id_: Any) -> str:
    """Return an id as it stands within parentheses in an address."""
    if isinstance(id_, int):
        return str(id_)
    if str(id_).isascii() and str(id_).replace("-", "").isalnum():
        return f"'{id_}'"  # as nearly all are
    return "'" + quote(str(id_).replace("'", "''"), safe="'-_.~:@!$*,") + "'"


def link(base: str, kind: str, id_: Any) -> str:
    """Return the address of an entity."""
    return f"{base}/{KINDS[kind].plural}({key(id_)})"
