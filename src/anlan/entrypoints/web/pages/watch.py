"""Watch: the live picture for desk, wall and phone, its stream, its map, and its past."""

from __future__ import annotations

import hashlib
import json
import math
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_POST, require_safe

from anlan.entrypoints.web import assets
from anlan.entrypoints.web.intake import IN_TURN
from anlan.entrypoints.web.middleware import SESSION_COOKIE
from anlan.entrypoints.web.pages.signing import A_YEAR, over_tls
from anlan.entrypoints.web.shell import moved, own_address, page, show
from anlan.entrypoints.web.watching import picture
from anlan.entrypoints.web.watching.hub import Viewer, sight_of
from anlan.entrypoints.web.watching.kept import KEPT
from anlan.entrypoints.web.watching.layers import Layers, cookie_of, layers_of, switches
from anlan.entrypoints.web.watching.live import HUB
from anlan.entrypoints.web.watching.mapview import View
from anlan.entrypoints.web.wording import catalogue, say
from anlan.infra.doors import Call, language_of
from anlan.kernel.errors import InvalidInputError
from anlan.kernel.scales import WarningLevel
from anlan.registry import public as registry

POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; "
    "style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
MAP = "src/map.js"
GEOJSON = "application/geo+json; charset=utf-8"
NOWHERE = registry.Box(0.0, 0.0, 0.0, 0.0)
DEFAULT_ZOOM = "10"
#: Words that the scripts say; the rest is rendered here.
SCRIPTED = ("watch.live.", "watch.red.", "watch.map_", "watch.letter.")


@require_safe
@page("cases:read")
def watch(request: Call) -> HttpResponse:
    """Show what is wrong first, beside it the map; or how it stood at an earlier instant."""
    language = language_of(request)
    at = _asked_instant(request)
    if at is None and request.GET.get("at"):
        return moved("/watch")
    then: dict[str, Any] | None = None
    if at is None:
        lists = picture.lists_now(request.actor, language, now=request.now)
    else:
        lists, then = picture.lists_then(request.actor, language, at=at)
        then |= _said(at, request.now)
    zone, layers = registry.timezone(), _layers(request)
    local = (at or request.now).astimezone(zone)
    context = {
        "lists": lists,
        "then": then,
        "live": "" if at else f"/watch/live?lang={language}",
        "seat": _seat(request),
        "stream": assets.stamped("stream.js"),
        "layers": switches(layers, language),
        "streams": _list_twin(layers),
        "features": f"/watch/features?lang={language}"
        + (f"&off={layers.key}" if layers.off else "")
        + (f"&at={quote(at.isoformat())}" if at else ""),
        "words": json.dumps(_words(language), ensure_ascii=False),
        "map": assets.asset(MAP),
        "style": assets.stamped("watch.css"),
        "script": assets.stamped("watch.js"),
        "map_then": at is not None,
        "extent": _extent(request),
        "levels": _levels(language),
        "asof_value": f"{local:%Y-%m-%dT%H:%M}",
        "asof_max": f"{request.now.astimezone(zone):%Y-%m-%dT%H:%M}",
    }
    shown = show(request, "web/pages/watch.html", context)
    shown["Content-Security-Policy"] = POLICY
    return shown


@require_safe
@page("cases:read")
def live(request: Call) -> HttpResponseBase:
    """Stream the lists as they change; 204 tells a browser that no place is free.

    It ends with the session, or when the actor's rights change.
    """
    turn = request.META.get(IN_TURN)
    session = request.COOKIES.get(SESSION_COOKIE, "")
    language = language_of(request)
    viewer = Viewer(request.actor, sight_of(request.actor, language), session)
    head_only = request.META["REQUEST_METHOD"] == "HEAD"
    stream = None if turn is None or not session or head_only else HUB.join(viewer, turn)
    if stream is None:
        return HttpResponse(status=204)
    answer = StreamingHttpResponse(stream, content_type="text/event-stream; charset=utf-8")
    answer["X-Accel-Buffering"] = "no"  # a proxy in between must not wait for more
    return answer


@require_safe
@page("cases:read")
def map_features(request: Call) -> HttpResponse:
    """Return what the map shows inside ``bbox`` (west,south,east,north) at ``zoom``, as GeoJSON."""
    language = language_of(request)
    at = _asked_instant(request)
    box = _box(request.GET.get("bbox", "")) or registry.extent_of(request.actor.areas)
    zoom = _zoom(request.GET.get("zoom", ""))
    layers = layers_of(request.GET.get("off", ""))
    view = View(request.actor, box or NOWHERE, zoom, language, layers)
    answer = HttpResponse(KEPT.features(view, now=request.now, at=at), content_type=GEOJSON)
    answer["Content-Security-Policy"] = "default-src 'none'"
    return answer


@require_POST
@page("cases:read")
def choose_layers(request: Call) -> HttpResponse:
    """Keep in this browser which layers a person has on the map."""
    on = set(request.POST.getlist("on"))
    off = [str(one["code"]) for one in switches(Layers(), "en") if one["code"] not in on]
    answer = moved(own_address(request.POST.get("back", ""), "/watch"))
    answer.set_cookie(
        cookie_of(request.actor),
        ".".join(off),
        max_age=A_YEAR,
        samesite="Lax",
        httponly=True,
        secure=over_tls(request),
    )
    return answer


def _layers(request: Call) -> Layers:
    return layers_of(request.COOKIES.get(cookie_of(request.actor), ""))


def _list_twin(layers: Layers) -> str:
    """Return where the streams that the map shows stand in a list."""
    if not layers.off:
        return "/streams"
    shown = [str(one["code"]) for one in switches(layers, "en") if one["on"]]
    return f"/streams?{urlencode({'domain': '.'.join(shown)})}" if shown else "/streams"


def _box(text: str) -> registry.Box | None:
    if not text:
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise InvalidInputError(where="bbox", problem="not four numbers") from None
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise InvalidInputError(where="bbox", problem="not west,south,east,north in degrees")
    return registry.Box(west, south, east, north)


def _zoom(text: str) -> float:
    try:
        found = float(text or DEFAULT_ZOOM)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise InvalidInputError(where="zoom", problem="no number")
    return found


def _asked_instant(request: Call) -> datetime | None:
    """Return the past instant that is asked for; None for the present, and for what is to come.

    It is local to the city unless it states its offset.
    """
    text = request.GET.get("at", "")
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        found = found if found.tzinfo else found.replace(tzinfo=registry.timezone())
        found = found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInputError(where="at", problem="no date and time") from None
    return found if found < request.now else None


def _said(at: datetime, now: datetime) -> dict[str, Any]:
    local = at.astimezone(registry.timezone())
    minutes = round((at - now).total_seconds() / 60)
    return {"at": at, "text": f"{local:%Y-%m-%d %H:%M}", "minutes": max(minutes, -1440)}


def _words(language: str) -> dict[str, str]:
    return {key: say(key, language) for key in catalogue() if key.startswith(SCRIPTED)}


def _seat(request: Call) -> str:
    """Return a mark of the session, and nothing of it: windows of one session share a stream."""
    session = request.COOKIES.get(SESSION_COOKIE, "")
    return hashlib.sha256(f"watch {session}".encode()).hexdigest()[:16]


def _extent(request: Call) -> str:
    box = registry.extent_of(request.actor.areas)
    return f"{box.west},{box.south},{box.east},{box.north}" if box else ""


def _levels(language: str) -> list[dict[str, str]]:
    return [
        {
            "code": level.value,
            "letter": say(f"watch.letter.{level.value}", language),
            "name": registry.level_name("warning", level.value, language),
        }
        for level in WarningLevel
    ]
