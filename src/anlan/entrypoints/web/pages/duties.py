"""My duties: what lies before my post, the most pressing first, one thing at a time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST, require_safe

from anlan.entrypoints import here
from anlan.entrypoints.web.shell import moved, own_address, page, show
from anlan.infra.doors import language_of
from anlan.infra.workspace import WorkspaceKind
from anlan.kernel.actor import Actor
from anlan.notices import public as notices
from anlan.notices.public import NoticeSeen
from anlan.registry import public as registry
from anlan.response import public as response

MOST = 100


@require_safe
@page("inbox:read")
def duties(request: HttpRequest) -> HttpResponse:
    """Show the first unanswered matter in full, the others as a list; nothing is calm."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    now = request.now  # type: ignore[attr-defined]
    language = language_of(request)
    if not actor.post:
        return show(request, "web/pages/duties.html", {"no_post": True})
    lying = notices.open_notices(actor.post, limit=MOST)
    lines = notice_lines(lying, language)
    awake = [one for one in lines if not is_aside(one["notice"], now)]
    names = registry.names_of(posts=[actor.post])
    context = {
        "post": names.post(actor.post, language),
        "first": awake[0] if awake else None,
        "others": awake[1:],
        "shelved": [one for one in lines if is_aside(one["notice"], now)],
        "tasks": response.tasks_of(actor),
        "last_heard": now,
    }
    return show(request, "web/pages/duties.html", context)


@require_POST
@page("inbox:act")
def answer(request: HttpRequest, notice: int) -> HttpResponse:
    """Answer a notice: somebody has seen it, and the caller knows."""
    seen = notices.acknowledge(
        request.actor,  # type: ignore[attr-defined]
        notice,
        now=request.now,  # type: ignore[attr-defined]
    )
    back = own_address(request.POST.get("back", ""), "")
    return moved(back or _address(seen) or "/duties")


def is_aside(notice: NoticeSeen, now: datetime) -> bool:
    """Return whether a notice is put aside at an instant."""
    return notice.shelved_until is not None and notice.shelved_until > now


def _address(notice: NoticeSeen) -> str:
    kind, _, number = notice.about.partition(":")
    return f"/cases/{number}" if kind == "case" and number.isdigit() else ""


def notice_lines(lying: Iterable[NoticeSeen], language: str) -> list[dict[str, Any]]:
    """Return notices as lines of a list."""
    zone = registry.timezone() if registry.is_loaded() else None
    return [_line(one, language, zone) for one in lying]


def _line(notice: NoticeSeen, language: str, zone: ZoneInfo | None) -> dict[str, Any]:
    exercise = here.workspace().kind is WorkspaceKind.REHEARSAL
    text = notices.text_of(notice, language, exercise=exercise, zone=zone)
    return {
        "notice": notice,
        "title": text.title,
        "body": text.body,
        "address": _address(notice),
        "is_red": notice.urgency == "red",
    }
