"""Report a danger and follow what became of it: for everybody, without an account or scripts."""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
from datetime import datetime
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from anlan.entrypoints.web import assets, naming, origins
from anlan.entrypoints.web.pages import placing
from anlan.entrypoints.web.pages.signing import refusal_of
from anlan.entrypoints.web.pages.uploads import (
    RESIDENT,
    named_uploads,
    photo_words,
    uploader,
)
from anlan.entrypoints.web.shell import POLICY, moved, open_page, show
from anlan.entrypoints.web.wording import say
from anlan.infra.doors import language_of
from anlan.kernel.errors import AnlanError, InvalidInputError
from anlan.registry import public as registry
from anlan.response import public as response
from anlan.sensing import public as sensing
from anlan.sensing.public import Contact, Once, ReportIn

KEPT = ("text", "place", "hazard", "name", "phone", "email", "lat", "lon")
#: What the script of the page says.
SAID = (
    "report.here",
    "report.here_looking",
    "report.here_found",
    "report.here_failed",
    "report.here_undo",
    "report.sending",
    "report.again",
    "report.map_title",
    "report.map_pin",
    "report.map_taken",
    "report.map_outside",
    "report.map_loading",
    "report.map_failed",
)


@require_http_methods(["GET", "POST"])
@open_page
def report(request: HttpRequest) -> HttpResponse:
    """Ask what is dangerous and where; keep it, and give number and secret link."""
    if request.method == "GET":
        return _asked(request, {"key": secrets.token_urlsafe(12)})
    try:
        given, photos = request.POST, tuple(one.read() for one in request.FILES.getlist("photo"))
    except MultiPartParserError:
        raise InvalidInputError(where="form", problem="multipart") from None
    once = Once(given.get("key", "")[:64] or secrets.token_urlsafe(12), _hash(request, photos))
    secret = sensing.follow_secret(RESIDENT, once)
    now = request.now  # type: ignore[attr-defined]
    try:
        row = sensing.keep_report(
            RESIDENT,
            _report(request, photos, now=now),
            secret=secret,
            now=now,
            once=once,
            source=origins.source_of(request),
        )
    except AnlanError as error:
        context: dict[str, Any] = {name: given.get(name, "") for name in KEPT}
        context |= {"key": secrets.token_urlsafe(12), "refusal": refusal_of(request, error)}
        return _asked(request, context, status=error.http_status)
    sensing.forget_uploads(uploader(request), named_uploads(request), now=now)
    return moved(f"/follow?number={row.number}&secret={secret}&new=1")


def _asked(request: HttpRequest, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    language = language_of(request)
    hazards = registry.hazards() if registry.is_loaded() else ()
    said = {key: say(key, language) for key in SAID} | photo_words(language)
    context["words"] = json.dumps(said, ensure_ascii=False)
    context["style"] = assets.stamped("resident.css")
    context["script"] = assets.stamped("report.js")
    context["uploads"] = assets.stamped("uploads.js")
    context["map"] = placing.map_given()
    context["hazards"] = [(one.id, getattr(one.name, language)) for one in hazards]
    shown = show(request, "web/pages/report.html", context, status=status)
    # The script of the page sends the form again by itself when the line breaks, and shows a map.
    shown["Content-Security-Policy"] = f"{POLICY}; connect-src 'self'; worker-src 'self'"
    return shown


def _hash(request: HttpRequest, photos: tuple[bytes, ...]) -> str:
    """Return a digest of what was sent, so that pressing twice is one report."""
    parts = [f"{name}={request.POST.get(name, '')}" for name in KEPT]
    parts += [hashlib.sha256(photo).hexdigest() for photo in photos]
    parts += [f"upload={one}" for one in named_uploads(request)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _came_before(request: HttpRequest, *, now: datetime) -> tuple[tuple[bytes, ...], bool]:
    """Return the photos that came beforehand in pieces, and whether some are not there any more.

    A report is not refused for a photo that was lost on its way (I3).
    """
    found: list[bytes] = []
    names = named_uploads(request)
    for name in names:
        with contextlib.suppress(AnlanError):
            found += sensing.uploaded(uploader(request), [name], now=now)
    return tuple(found), len(found) < len(names)


def _report(request: HttpRequest, photos: tuple[bytes, ...], *, now: datetime) -> ReportIn:
    given = request.POST
    before, lost = _came_before(request, now=now)
    contact = Contact(given.get("name", ""), given.get("phone", ""), given.get("email", ""))
    return ReportIn(
        text=given.get("text", ""),
        place_text=given.get("place", ""),
        lat=_degrees(given.get("lat", "")),
        lon=_degrees(given.get("lon", "")),
        hazard=given.get("hazard", ""),
        photos=(*photos, *before),
        photos_lost=lost,
        contact=contact if contact != Contact() else None,
        channel="page",
        language=language_of(request),
    )


def _degrees(text: str) -> float | None:
    """Return a coordinate that the page's script wrote; what is none is left out."""
    try:
        return float(text)
    except ValueError:
        return None


@require_safe
@open_page
def follow(request: HttpRequest) -> HttpResponse:
    """Show the holder of a receipt what became of the report, without names or words of others."""
    number, secret = request.GET.get("number", "")[:40], request.GET.get("secret", "")[:80]
    if not number:
        return show(request, "web/pages/follow.html", {"row": None})
    language = language_of(request)
    try:
        row = sensing.report_followed(number.strip(), secret.strip())
    except AnlanError as error:
        refused = {"row": None, "number": number, "refusal": refusal_of(request, error)}
        return show(request, "web/pages/follow.html", refused, status=error.http_status)
    case = response.case_of_sign(f"report:{row.pk}")
    if case is not None and case.merged_into is not None:
        case = case.merged_into
    context: dict[str, Any] = {
        "row": row,
        "secret": secret,
        "is_new": request.GET.get("new") == "1",
        "contested": request.GET.get("contested") == "1",
        "case": case,
    }
    if case is not None:
        context["gathered"] = case.is_open and response.is_gathering(case)
        context["can_contest"] = response.can_contest(case, now=request.now)  # type: ignore[attr-defined]
        context["line"] = naming.line_of(case, naming.names_of_cases([case]), language)
    return show(request, "web/pages/follow.html", context)


@require_POST
@open_page
def not_fixed(request: HttpRequest) -> HttpResponse:
    """Open the case again for the holder of a receipt who sees the danger still there."""
    number, secret = request.POST.get("number", "")[:40], request.POST.get("secret", "")[:80]
    row = sensing.report_followed(number, secret)
    response.contest(RESIDENT, f"report:{row.pk}", now=request.now)  # type: ignore[attr-defined]
    return moved(f"/follow?number={row.number}&secret={quote(secret)}&contested=1")
