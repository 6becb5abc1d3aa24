"""What is given of city data over the interface, as the registry's entries say it.

Each function raises EntityMalformedError when it is given something else, and NotKeptHereError when it
is given what the registry does not keep: it is refused rather than lost.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import msgspec

from anlan.kernel.geometry import Point
from anlan.sensing.domain.multidatastreams import KIND_NAMES, KINDS
from anlan.sensing.domain.sta_errors import EntityMalformedError, NotKeptHereError

GEOJSON = frozenset({"", "application/geo+json", "application/vnd.geo+json"})
IGNORED = frozenset(
    {"description", "observationType", "encodingType", "Sensor", "phenomenonTime", "resultTime"}
)
"""What the standard asks for and the registry tells by itself."""

LONGEST_NAME = 200
Json = Mapping[str, Any]


def entry_from(kind: Any, wanted: Any) -> Any:
    """Return an entry of a pack; a field that it cannot hold is named."""
    try:
        return msgspec.convert(wanted, kind)
    except msgspec.ValidationError as error:
        raise EntityMalformedError(where=str(error)[:200]) from None


def only(given: Json, names: set[str]) -> None:
    """Refuse fields that are not kept, unless they say nothing or the registry tells them by itself."""
    for name, value in given.items():
        known = name in names or name in IGNORED or "@iot." in name
        if not known and value not in (None, {}, [], ""):
            raise NotKeptHereError(field=name[:80])


def news_in(given: Json, shown: Json) -> dict[str, Any]:
    """Return what is given that is not so already: clients send back the whole of what they got."""
    news = {name: value for name, value in given.items() if shown.get(name) != value}
    facts, known = news.get("properties"), shown.get("properties")
    if isinstance(facts, dict) and isinstance(known, dict):
        news["properties"] = news_in(facts, known)
    return news


def facts_in(given: Json, names: set[str]) -> dict[str, Any]:
    """Return the facts among ``properties``; others are refused."""
    facts = given.get("properties") or {}
    if not isinstance(facts, dict):
        raise EntityMalformedError(where="properties")
    for name in facts:
        if name not in {*names, "quantity", "area_path"}:
            raise NotKeptHereError(field=f"properties/{name}"[:80])
    return {name: facts[name] for name in names if facts.get(name) is not None}


def code_of(given: Json, facts: Json) -> str:
    """Return the code of something new: as it is given, else one of our own."""
    code = given.get("@iot.id") or facts.get("code") or f"STA-{secrets.token_hex(5)}"
    if not isinstance(code, str | int):
        raise EntityMalformedError(where="@iot.id")
    return str(code)


def linked(given: Json, name: str) -> str:
    """Return the id of an entity that is named as related."""
    found = given.get(name)
    id_ = found.get("@iot.id") if isinstance(found, dict) else None
    if not isinstance(id_, str):
        raise EntityMalformedError(where=f"{name}/@iot.id")
    return id_


def unit_in(given: Json) -> str:
    """Return the symbol of ``unitOfMeasurement``."""
    unit = given.get("unitOfMeasurement")
    symbol = unit.get("symbol") if isinstance(unit, dict) else None
    if not isinstance(symbol, str):
        raise EntityMalformedError(where="unitOfMeasurement/symbol")
    return symbol


def interval_in(facts: Json) -> str:
    """Return how often a reading is expected, as packs write it."""
    seconds = facts.get("interval_s")
    if not isinstance(seconds, int | float) or not 0 < seconds < 1_000_000 or seconds % 1:
        raise EntityMalformedError(where="properties/interval_s: seconds between two readings")
    return f"{int(seconds)}s"


def place_in(given: Json) -> Point | None:
    """Return the point of the one Location, if there is any."""
    places = given.get("Locations", [])
    if not isinstance(places, list) or len(places) > 1:
        raise EntityMalformedError(where="Locations: one is wanted")
    if not places:
        return None
    one = places[0]
    encoding = one.get("encodingType", "") if isinstance(one, dict) else None
    if not isinstance(encoding, str) or encoding not in GEOJSON:
        raise EntityMalformedError(where="Locations/encodingType")
    return point_in(one.get("location"), "Locations/location")


def point_in(given: Any, where: str) -> Point | None:
    """Return a GeoJSON Point, also within a Feature; None where there is none."""
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


def located(point: Point | None) -> dict[str, float]:
    """Return a point as the fields of an entry."""
    return {} if point is None else {"lat": point.lat, "lon": point.lon}


def listed(given: Json, name: str, most: int) -> list[dict[str, Any]]:
    """Return the objects of a list, of which there are at most so many."""
    found = given.get(name) or []
    if not isinstance(found, list) or len(found) > most:
        raise EntityMalformedError(where=f"{name}: a list of up to {most}")
    if not all(isinstance(one, dict) for one in found):
        raise EntityMalformedError(where=name)
    return found


def kinds_in(given: Json, count: int) -> tuple[str, ...] | None:
    """Return what ``multiObservationDataTypes`` says of so many results; None where it says nothing."""
    wanted = given.get("multiObservationDataTypes")
    if wanted is None:
        return None
    found = [x.removeprefix(KIND_NAMES) for x in wanted] if _all_texts(wanted) else []
    if len(found) != count or not set(found) <= set(KINDS):
        raise EntityMalformedError(
            where=f"multiObservationDataTypes: {count} of {', '.join(KINDS)}"
        )
    return tuple(found)


def codes_in(facts: Json, name: str, most: int) -> tuple[str, ...]:
    """Return the codes that ``properties`` name, each once."""
    codes = facts.get(name) or []
    if not _all_texts(codes) or len(codes) > most or len(set(codes)) != len(codes):
        raise EntityMalformedError(where=f"properties/{name}: up to {most} codes, each once")
    return tuple(codes)


def name_in(given: Json, facts: Json) -> tuple[str, str]:
    """Return the Chinese and the English name of a MultiDatastream."""
    found = (given.get("name"), facts.get("name_en", ""))
    for name, least in zip(found, (1, 0), strict=True):
        fits = isinstance(name, str) and least <= len(name.strip()) and len(name) <= LONGEST_NAME
        if not fits or not (str(name) + "x").isprintable():
            raise EntityMalformedError(where=f"name: up to {LONGEST_NAME} letters")
    return str(found[0]), str(found[1])


def _all_texts(given: Any) -> bool:
    return isinstance(given, list) and all(isinstance(one, str) for one in given)
