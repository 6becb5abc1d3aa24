"""Browser pages of other hosts that may use the SensorThings interface: those that the settings name.

The token goes with each request as a header, never as a cookie: a page that holds none gets nothing.
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

SENT = "Authorization, Content-Type, Idempotency-Key, Prefer, Accept-Language"
SHOWN = "Location, Retry-After"
METHODS = "GET, HEAD, POST, PATCH, PUT, DELETE"
REMEMBERED_S = 600


def _is_named(request: HttpRequest) -> bool:
    return request.headers.get("Origin", "").lower() in settings.ANLAN.sta_origin_names


def preflight(request: HttpRequest) -> HttpResponse | None:
    """Return the answer to a browser that asks beforehand what a page may send; None to others."""
    asks = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
    if not asks or not _is_named(request):
        return None
    told = HttpResponse(status=204)
    told["Access-Control-Allow-Methods"] = METHODS
    told["Access-Control-Allow-Headers"] = SENT
    told["Access-Control-Max-Age"] = str(REMEMBERED_S)
    return told


def let_read(request: HttpRequest, response: HttpResponse) -> None:
    """Let the page of a named host read an answer, also a refusal."""
    if not settings.ANLAN.sta_origin_names:
        return
    patch_vary_headers(response, ["Origin"])
    if _is_named(request):
        response["Access-Control-Allow-Origin"] = request.headers["Origin"]
        response["Access-Control-Expose-Headers"] = SHOWN
