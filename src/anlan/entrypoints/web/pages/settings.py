"""One's own settings: language, look, password, sessions, tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_POST, require_safe

from anlan.entrypoints import here
from anlan.entrypoints.web.middleware import SESSION_COOKIE
from anlan.entrypoints.web.pages.signing import (
    A_YEAR,
    device_mark,
    over_tls,
    refusal_of,
    remember,
)
from anlan.entrypoints.web.shell import THEME_COOKIE, THEMES, moved, own_address, page, show
from anlan.infra.doors import Call, language_of
from anlan.kernel.errors import AnlanError, InvalidInputError
from anlan.registry import public as registry

#: What every signed-in account may do; everything here is its own.
EVERYBODY = "registry:read"
LASTING = (7, 30, 90, registry.LONGEST_OWN.days)
SAVED = frozenset({"password", "session", "others", "token"})


def _secret(request: Call) -> str:
    return request.COOKIES.get(SESSION_COOKIE, "")


def _shown(request: Call, *, status: int = 200, **more: Any) -> HttpResponse:
    actor, language = request.actor, language_of(request)
    account = registry.own_account(actor)
    rows = registry.own_tokens(actor, now=request.now)
    names = registry.names_of(
        areas=[code for code in account.areas if code], posts=[actor.post] if actor.post else []
    )
    sessions = [row for row in rows if row.purpose == "session"]
    context: dict[str, Any] = {
        "account": account,
        "post": names.post(actor.post, language) if actor.post else "",
        "areas": [names.area(code, language) if code else "" for code in account.areas],
        "factor": registry.second_factor_of(account),
        "themes": THEMES,
        "sessions": [(row, registry.is_session(row, _secret(request))) for row in sessions],
        "tokens": [row for row in rows if row.purpose == "interface"],
        "scopes": sorted(actor.scopes),
        "lasting": LASTING,
        "done": request.GET.get("done", "") if request.GET.get("done") in SAVED else "",
        **more,
    }
    return show(request, "web/pages/settings.html", context, status=status)


@require_safe
@page(EVERYBODY)
def settings(request: Call) -> HttpResponse:
    """Show one's own account, sessions and tokens."""
    return _shown(request)


@require_POST
@page(EVERYBODY)
def choose_theme(request: Call) -> HttpResponse:
    """Keep light, dark or as the device has it for this browser."""
    answer = moved(own_address(request.POST.get("back", ""), "/settings"))
    if request.POST.get("to") in THEMES:
        answer.set_cookie(
            THEME_COOKIE,
            request.POST["to"],
            max_age=A_YEAR,
            samesite="Lax",
            httponly=True,
            secure=over_tls(request),
        )
    return answer


@require_POST
@page(EVERYBODY)
def change_password(request: Call) -> HttpResponse:
    """Set a new password once the old one is proven; other sessions end."""
    given = request.POST
    try:
        registry.change_password(
            request.actor,
            given.get("old", "")[:1000],
            given.get("new", "")[:1000],
            given.get("code", "")[:20],
            session=_secret(request),
            device=device_mark(request),
            key=here.workspace().secret,
            now=request.now,
        )
    except AnlanError as error:
        return _shown(request, status=error.http_status, refusal=refusal_of(request, error))
    answer = moved("/settings?done=password")
    # With the new password every browser is a stranger's, but the one it was chosen in.
    remember(request, answer, registry.own_account(request.actor))
    return answer


@require_POST
@page(EVERYBODY)
def end_others(request: Call) -> HttpResponse:
    """End all other sessions of one's own."""
    registry.end_other_sessions(request.actor, session=_secret(request), now=request.now)
    return moved("/settings?done=others")


@require_POST
@page(EVERYBODY)
def end_one(request: Call, token: int) -> HttpResponse:
    """End one session or token of one's own; ending the present session signs out."""
    ended = registry.end_own(request.actor, token, now=request.now)
    if registry.is_session(ended, _secret(request)):
        answer = moved("/sign-in")
        answer.delete_cookie(SESSION_COOKIE, samesite="Lax")
        return answer
    return moved(f"/settings?done={'session' if ended.purpose == 'session' else 'token'}")


@require_POST
@page(EVERYBODY)
def issue_token(request: Call) -> HttpResponse:
    """Give oneself a token; its secret is on this answer and nowhere else."""
    given = request.POST
    try:
        made, secret = registry.issue_own_token(
            request.actor,
            given.getlist("scope"),
            request.now + timedelta(days=_days(given.get("days", ""))),
            password=given.get("password", "")[:1000],
            code=given.get("code", "")[:20],
            device=device_mark(request),
            key=here.workspace().secret,
            now=request.now,
        )
    except AnlanError as error:
        chosen = given.getlist("scope")
        return _shown(
            request, status=error.http_status, refusal=refusal_of(request, error), chosen=chosen
        )
    return _shown(request, status=201, made=made, secret=secret)


def _days(text: str) -> int:
    if text not in {str(days) for days in LASTING}:
        raise InvalidInputError(where="days", problem="choice")
    return int(text)
