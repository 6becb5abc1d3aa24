"""Invitations of administrators that wait for a second person: confirmed, or ended."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_POST, require_safe

from anlan.entrypoints.web.pages.signing import refusal_of
from anlan.entrypoints.web.shell import moved, page, show
from anlan.entrypoints.web.wording import say
from anlan.infra.doors import Call, language_of
from anlan.kernel.errors import AnlanError
from anlan.registry import public as registry
from anlan.registry.public import Token

CONFIRM = "accounts:confirm"


@require_safe
@page(CONFIRM)
def confirmations(request: Call) -> HttpResponse:
    """List the invitations that wait, and who gave them."""
    return _page(request)


def _page(request: Call, *, status: int = 200, **more: Any) -> HttpResponse:
    waiting = registry.waiting_invitations(request.actor, now=request.now)
    names = registry.names_of_actors([one.issued_by for one in waiting])
    done = request.GET.get("done", "")
    context = {
        "lines": [_line(request, one, names) for one in waiting],
        "done": done if done in {"confirmed", "refused"} else "",
        **more,
    }
    return show(request, "web/pages/confirmations.html", context, status=status)


def _line(request: Call, one: Token, names: dict[str, str]) -> dict[str, Any]:
    return {
        "token": one,
        "account": one.account.username,
        "role": say(f"role.{one.account.role}", language_of(request)),
        "has_password": bool(one.account.has_usable_password()),
        "by": names.get(one.issued_by, one.issued_by),
        "own": one.issued_by == request.actor.id,
        "for_me": request.actor.id == f"account:{one.account_id}",
    }


@require_POST
@page(CONFIRM)
def confirm(request: Call, token: int) -> HttpResponse:
    """Let an invitation work."""
    try:
        registry.confirm_invitation(request.actor, token, now=request.now)
    except AnlanError as error:
        if error.http_status == 404:
            raise
        refusal = refusal_of(request, error)
        return _page(request, refusal=refusal, status=error.http_status)
    return moved("/confirmations?done=confirmed")


@require_POST
@page(CONFIRM)
def refuse(request: Call, token: int) -> HttpResponse:
    """End an invitation that nobody should answer."""
    registry.refuse_invitation(request.actor, token, now=request.now)
    return moved("/confirmations?done=refused")
