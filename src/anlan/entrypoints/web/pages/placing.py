"""The outlines of the city's areas, for whoever chooses a place on the map: nothing but public names."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from anlan.entrypoints.web import assets
from anlan.entrypoints.web.shell import open_page
from anlan.entrypoints.web.wording import name_in
from anlan.infra.doors import language_of
from anlan.registry import public as registry

GEOJSON = "application/geo+json; charset=utf-8"
MAP = "src/place.js"
MOST = 400
TOLERANCE = 0.0004  # degrees, about 40 m: finer than anybody points at on a telephone
EVERYWHERE = ("",)


@require_safe
@open_page
def areas(request: HttpRequest) -> HttpResponse:
    """Return the outlines of the areas with their names, as GeoJSON."""
    loaded = registry.is_loaded()
    found = _areas(registry.revision(), language_of(request)) if loaded else _collection([])
    answer = HttpResponse(found, content_type=GEOJSON)
    answer["Content-Security-Policy"] = "default-src 'none'"
    answer["Cache-Control"] = "private, max-age=3600"
    return answer


def map_given() -> dict[str, Any] | None:
    """Return what the page's script needs to show the map; ``None`` where there is nothing to show."""
    built = assets.asset(MAP)
    box = registry.extent_of(EVERYWHERE) if registry.is_loaded() else None
    if not built.script or box is None:
        return None
    return {
        "script": built.script,
        "styles": " ".join(built.styles),
        "extent": f"{box.west},{box.south},{box.east},{box.north}",
    }


@lru_cache(maxsize=4)
def _areas(_revision: str, language: str) -> bytes:
    box = registry.extent_of(EVERYWHERE)
    if box is None:
        return _collection([])
    drawn = registry.outlines_in(EVERYWHERE, box, tolerance=TOLERANCE, most=MOST)
    return _collection(
        [
            {
                "type": "Feature",
                "geometry": one.shape,
                "properties": {
                    "name": name_in(language, one.area.name_zh, one.area.name_en),
                    "rank": one.area.path.count("/"),
                    "schematic": one.area.schematic,
                },
            }
            for one in drawn
        ]
    )


def _collection(features: list[dict[str, Any]]) -> bytes:
    whole = {"type": "FeatureCollection", "features": features}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()
