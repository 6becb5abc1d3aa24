"""My duties: what lies before my post, the most pressing first, one thing at a time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST, require_safe

from anlan.entrypoints import here
from anlan.entrypoints.web import assets, naming
from anlan.entrypoints.web.pages.signing import refusal_of
from anlan.entrypoints.web.shell import moved, own_address, page, show
from anlan.infra.doors import Call, allowed, language_of
from anlan.infra.workspace import WorkspaceKind
from anlan.kernel.actor import Actor
from anlan.kernel.errors import AnlanError, NotFoundError
from anlan.notices import public as notices
from anlan.notices.public import NoticeSeen
from anlan.registry import public as registry
from anlan.response import public as response
from anlan.response.public import Asked, Trigger

MOST = 100


@require_safe
@page("inbox:read")
def duties(request: Call) -> HttpResponse:
    """Show the first unanswered matter in full, the others as a list; nothing is calm."""
    if not request.actor.post:
        return show(
            request,
            "web/pages/duties.html",
            {"no_post": True, "style": assets.stamped("resident.css")},
        )
    return _shown(request)


def _shown(
    request: Call, *, refusal: dict[str, str] | None = None, status: int = 200
) -> HttpResponse:
    actor, now, language = request.actor, request.now, language_of(request)
    post = actor.post or ""
    lying = notices.open_notices(post, limit=MOST)
    lines = notice_lines(lying, language)
    awake = [one for one in lines if not is_aside(one["notice"], now)]
    names = registry.names_of(posts=[post])
    first = awake[0] if awake else None
    context = {
        "post": names.post(post, language),
        "first": first,
        "not_ours": _not_ours(actor, first["notice"], language, now=now) if first else None,
        "refusal": refusal,
        "others": awake[1:],
        "shelved": [one for one in lines if is_aside(one["notice"], now)],
        "tasks": response.tasks_of(actor),
        "last_heard": now,
        "style": assets.stamped("resident.css"),
    }
    return show(request, "web/pages/duties.html", context, status=status)


def _not_ours(
    actor: Actor, notice: NoticeSeen, language: str, *, now: datetime
) -> dict[str, Any] | None:
    """Return the reasons for which the actor may give the notice's case back, and who decides."""
    number = _case_of(notice)
    if number is None or not allowed(actor, "cases:act"):
        return None
    try:
        case = response.case(actor, number)
    except NotFoundError:
        return None
    found = response.actions_allowed(actor, case, now=now)
    back = next((one for one in found if one.trigger is Trigger.RETURN), None)
    # Whoever stands above an owner hears of much that is not theirs to give back.
    if back is None or case.owner_post != actor.post:
        return None
    arbiter = registry.city().arbiter_post
    names = registry.names_of(posts=[arbiter])
    return {
        "arbiter": names.post(arbiter, language),
        "reasons": [(code, naming.reason_name(code, names, language)) for code in back.reasons],
    }


@require_POST
@page("cases:act")
def not_ours(request: Call, notice: int) -> HttpResponse:
    """Give the case of a notice back, for a reason: its arbiter decides who owns it."""
    lying = notices.open_notices(request.actor.post or "", limit=MOST)
    seen = next((one for one in lying if one.id == notice), None)
    number = _case_of(seen) if seen is not None else None
    if seen is None or number is None:
        raise NotFoundError(what="notice", id=notice)
    try:
        reason = request.POST.get("reason", "")[:64]
        response.pull(request.actor, number, Trigger.RETURN, Asked(reason=reason), now=request.now)
    except AnlanError as error:
        return _shown(request, refusal=refusal_of(request, error), status=error.http_status)
    # Whoever gave it back need not be told that it has left: also of the move itself.
    for one in notices.open_notices(request.actor.post or "", limit=MOST):
        if one.about == seen.about:
            notices.acknowledge(request.actor, one.id, now=request.now)
    return moved("/duties")


def _case_of(notice: NoticeSeen) -> int | None:
    kind, _, number = notice.about.partition(":")
    return int(number) if kind == "case" and number.isdigit() else None


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
    number = _case_of(notice)
    return "" if number is None else f"/cases/{number}"


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
