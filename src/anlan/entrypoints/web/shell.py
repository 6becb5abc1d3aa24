"""What every page shares: who looks, in which language, what is wrong with the system itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render

from anlan import __version__
from anlan.accountability import public as accountability
from anlan.accountability.public import SicknessSeen
from anlan.entrypoints import here, probes
from anlan.infra.doors import allowed, check, language_of
from anlan.infra.workspace import WorkspaceKind
from anlan.registry import public as registry

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
View = Callable[..., HttpResponseBase]
THEME_COOKIE = "anlan_theme"
THEMES = ("auto", "light", "dark")

#: Where the head of each page leads, and which permission it takes to be led there.
WAYS = (
    ("watch", "/watch", "cases:read"),
    ("duties", "/duties", "inbox:read"),
    ("cases", "/cases", "cases:read"),
    ("streams", "/streams", "signs:read"),
    ("users", "/users", "accounts:read"),
    ("registry", "/registry", "registry:read"),
    ("rules", "/rules", "rules:read"),
    ("review", "/review", "cases:read"),
    ("replays", "/replays", "rules:read"),
    ("confirmations", "/confirmations", "accounts:confirm"),
)

#: Addresses of pages that belong to a way that begins otherwise.
INSIDE = {"streams": ("/assets/", "/sensors/"), "rules": ("/precision", "/clocks")}


def page(permission: str) -> Callable[[View], View]:
    """Let a page be seen by whoever's session carries ``permission``; others sign in first."""

    def around(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            actor = request.actor  # type: ignore[attr-defined]
            if actor is None:
                return HttpResponseRedirect(f"/sign-in?next={quote(request.get_full_path())}")
            check(actor, permission)
            return view(request, *args, **kwargs)

        guarded.permission = permission  # type: ignore[attr-defined]
        return guarded

    return around


def open_page(view: View) -> View:
    """Say on purpose that a page is for everybody."""
    view.permission = None  # type: ignore[attr-defined]
    return view


def show(
    request: HttpRequest, template: str, context: dict[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """Return a page with the frame that all pages share."""
    language = language_of(request)
    actor = request.actor  # type: ignore[attr-defined]
    now = request.now  # type: ignore[attr-defined]
    loaded = registry.is_loaded()
    frame = {
        "lang": language,
        "other": "en" if language == "zh" else "zh",
        "now": now,
        "zone": registry.timezone() if loaded else ZoneInfo("UTC"),
        "city": registry.city_name(language) if loaded else "",
        "actor": actor,
        "path": request.get_full_path() if request.method == "GET" else request.path,
        "ways": [
            {
                "name": name,
                "href": href,
                "here": request.path.startswith((href, *INSIDE.get(name, ()))),
            }
            for name, href, permission in WAYS
            if actor is not None and allowed(actor, permission)
        ],
        "rehearsal": here.workspace().kind is WorkspaceKind.REHEARSAL,
        "sick": sick_at(now) if actor is not None else [],
        "version": __version__,
        "theme": theme_of(request),
    }
    context = context or {}
    if taken := frame.keys() & context.keys():
        raise ValueError(f"{template} hides what the frame shows: {', '.join(sorted(taken))}")
    shown = render(request, template, frame | context, status=status)
    shown["Content-Security-Policy"] = POLICY
    shown.is_ours = True  # type: ignore[attr-defined]  # a refusal on it is worded already
    return shown


def theme_of(request: HttpRequest) -> str:
    """Return "light" or "dark" as chosen for this browser; "auto" follows the device."""
    chosen = request.COOKIES.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else "auto"


def sick_at(now: datetime) -> list[SicknessSeen]:
    """Return what is wrong with the system itself: whoever is signed in sees it on every page."""
    return accountability.sicknesses_at(now=now, probes=probes.glance(), limits=probes.limits())


def moved(address: str) -> HttpResponseRedirect:
    """Lead the browser on after a form was taken, so that a reload sends nothing again."""
    answer = HttpResponseRedirect(address)
    answer.status_code = 303
    return answer


def own_address(given: str, otherwise: str) -> str:
    """Return an address of this server that a link named; never one of somebody else's."""
    fine = given.startswith("/") and not given.startswith(("//", "/\\")) and given.isprintable()
    return given if fine else otherwise
