"""The whole inbox of one's post: what waits, what was put aside, what was answered."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_POST, require_safe

from anlan.entrypoints.web.pages.duties import is_aside, notice_lines
from anlan.entrypoints.web.pages.signing import refusal_of
from anlan.entrypoints.web.shell import moved, page, show
from anlan.infra.doors import Call, allowed, language_of
from anlan.kernel.errors import AnlanError, InvalidInputError
from anlan.notices import public as notices
from anlan.registry import public as registry

MOST = 100
#: How long one may put something aside from here; red ones half an hour at most.
ASIDE = {"30m": timedelta(minutes=30), "2h": timedelta(hours=2), "12h": timedelta(hours=12)}


@require_safe
@page("inbox:read")
def inbox(request: Call) -> HttpResponse:
    """Show every notice of one's post; red first, then what has waited longest."""
    return _shown(request)


def _shown(
    request: Call, *, refusal: dict[str, str] | None = None, status: int = 200
) -> HttpResponse:
    actor, language = request.actor, language_of(request)
    answered = request.GET.get("view") == "answered"
    context: dict[str, Any] = {"view": "answered" if answered else "open", "most": MOST}
    if refusal is not None:
        context["refusal"] = refusal
    if not actor.post:
        return show(request, "web/pages/inbox.html", {**context, "no_post": True}, status=status)
    context["post"] = registry.names_of(posts=[actor.post]).post(actor.post, language)
    context["may_act"] = allowed(actor, "inbox:act")
    context["aside"] = list(ASIDE)
    if answered:
        rows = notices.answered_notices(actor.post, limit=MOST)
        context["answered"] = notice_lines(rows, language)
        context["full"] = len(rows) >= MOST
    else:
        lying = notices.open_notices(actor.post, limit=MOST)
        lines = notice_lines(lying, language)
        context["full"] = len(lines) >= MOST
        context["open"] = [one for one in lines if not is_aside(one["notice"], request.now)]
        context["shelved"] = [one for one in lines if is_aside(one["notice"], request.now)]
    return show(request, "web/pages/inbox.html", context, status=status)


@require_POST
@page("inbox:act")
def put_aside(request: Call, notice: int) -> HttpResponse:
    """Put a matter aside for a while; it comes back by itself."""
    span = ASIDE.get(request.POST.get("for", ""))
    if span is None:
        raise InvalidInputError(where="for", problem="choice")
    try:
        notices.shelve(request.actor, notice, until=request.now + span, now=request.now)
    except AnlanError as error:
        if error.http_status == 404:
            raise
        return _shown(request, refusal=refusal_of(request, error), status=error.http_status)
    return moved("/inbox")
