"""areas.geojson: outlines of areas in WGS-84, checked for form, with line numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from anlan.registry.domain.city import Shape
from anlan.registry.domain.findings import Finding, finding

MAX_GEOJSON_BYTES = 100_000_000
MAX_HEIGHT = 100_000  # metres; a height is carried along, never used
_FEATURES = re.compile(r'"features"\s*:\s*\[')
_GAP = re.compile(r"[\s,]*")


def read_outlines(path: Path, file: str) -> tuple[list[tuple[int, Shape]], list[Finding]]:
    """Return the outlines with their lines, and what is wrong; never raises on bad content."""
    if (size := path.stat().st_size) > MAX_GEOJSON_BYTES:
        return [], [finding("file.too_large", file, 0, size=size, limit=MAX_GEOJSON_BYTES)]
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        return [], [finding("file.encoding", file, raw.count(b"\n", 0, error.start) + 1)]
    except json.JSONDecodeError as error:
        return [], [finding("file.syntax", file, error.lineno, problem=error.msg)]
    except (ValueError, RecursionError) as error:
        return [], [finding("file.syntax", file, 0, problem=error)]
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list) or document.get("type") != "FeatureCollection":
        return [], [finding("geo.collection", file, 1)]
    lines = list(_lines(text, len(features)))
    return _shapes(features, lines, file)


def read_outline(raw: bytes, code: str) -> Shape | str:
    """Return the outline in one file as that of area ``code``, or the word for what is wrong.

    It may be a geometry, a feature, or a collection: of one feature, or with one of that code.
    """
    try:
        document = json.loads(
            raw.decode("utf-8-sig"), object_pairs_hook=_unique, parse_constant=_no_constant
        )
    except (UnicodeDecodeError, ValueError, RecursionError):
        return "no_geojson"
    if not isinstance(document, dict):
        return "no_geojson"
    if document.get("type") == "FeatureCollection":
        features = document.get("features")
        listed = features if isinstance(features, list) else []
        named = [one for one in listed if _named(one) == code]
        if len(found := named or listed) != 1:
            return "several_outlines"
        document = found[0] if isinstance(found[0], dict) else {}
    geometry = document.get("geometry") if document.get("type") == "Feature" else document
    if not isinstance(geometry, dict) or _geometry_problem(geometry):
        return "no_outline"
    properties = document.get("properties")
    schematic = isinstance(properties, dict) and properties.get("schematic") is True
    kept = {"type": geometry["type"], "coordinates": geometry["coordinates"]}
    return Shape(code=code, schematic=schematic, geometry=kept)


def _named(feature: Any) -> object:
    properties = feature.get("properties") if isinstance(feature, dict) else None
    return properties.get("code") if isinstance(properties, dict) else None


def _shapes(
    features: list[Any], lines: list[int], file: str
) -> tuple[list[tuple[int, Shape]], list[Finding]]:
    shapes: list[tuple[int, Shape]] = []
    found: list[Finding] = []
    for line, feature in zip(lines, features, strict=True):
        shape = _shape(feature)
        if isinstance(shape, str):
            found.append(finding("geo.feature", file, line, problem=shape))
        else:
            shapes.append((line, shape))
    return shapes, found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} is not a number")


def _lines(text: str, count: int) -> Iterator[int]:
    """Yield the line on which each feature starts (0 where it cannot be told)."""
    start = _FEATURES.search(text)
    decoder = json.JSONDecoder()
    place, line, counted = (start.end() if start else len(text)), 1, 0
    for _ in range(count):
        gap = _GAP.match(text, place)
        place = gap.end() if gap else place
        line += text.count("\n", counted, place)
        counted = place
        try:
            _, place = decoder.raw_decode(text, place)
        except json.JSONDecodeError:
            place = len(text)
            yield 0
        else:
            yield line


def _shape(feature: Any) -> Shape | str:
    """Return the outline, or in words what is wrong with the feature."""
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        return "not a Feature"
    properties = feature.get("properties")
    if not isinstance(properties, dict) or not isinstance(properties.get("code"), str):
        return "properties.code is missing"
    schematic = properties.get("schematic", False)
    if not isinstance(schematic, bool):
        return "properties.schematic is not true or false"
    geometry = feature.get("geometry")
    if not isinstance(geometry, dict):
        return "geometry is missing"
    problem = _geometry_problem(geometry)
    return problem or Shape(code=properties["code"], schematic=schematic, geometry=geometry)


_POSITION = "a position is not [lon, lat] in WGS-84 degrees"


def _geometry_problem(geometry: dict[str, Any]) -> str | None:
    coordinates = geometry.get("coordinates")
    if not isinstance(coordinates, list) or not coordinates:
        return "coordinates are missing"
    polygons: list[Any]
    if geometry.get("type") == "Polygon":
        polygons = [coordinates]
    elif geometry.get("type") == "MultiPolygon":
        polygons = coordinates
    else:
        return "geometry is neither Polygon nor MultiPolygon"
    for polygon in polygons:
        if not isinstance(polygon, list) or not polygon:
            return "a polygon has no ring"
        for ring in polygon:
            if problem := _ring_problem(ring):
                return problem
    sizes = {len(position) for polygon in polygons for ring in polygon for position in ring}
    return None if len(sizes) == 1 else "some positions have a height and others have none"


def _ring_problem(ring: Any) -> str | None:
    if not isinstance(ring, list) or len(ring) < 4:
        return "a ring has fewer than four positions"
    if not all(_is_position(position) for position in ring):
        return _POSITION
    return None if ring[0] == ring[-1] else "a ring is not closed"


def _is_position(position: Any) -> bool:
    if not isinstance(position, list) or len(position) not in {2, 3}:
        return False
    for number in position:
        if isinstance(number, bool) or not isinstance(number, int | float):
            return False
    lon, lat, *height = position
    # Compared, not converted: an integer of hundreds of digits fits no float.
    return -180 <= lon <= 180 and -90 <= lat <= 90 and all(abs(up) <= MAX_HEIGHT for up in height)
