"""Accounts, for who keeps them and who audits them: made, invited, changed, closed."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from anlan.entrypoints.web.pages.signing import refusal_of
from anlan.entrypoints.web.shell import moved, page, show
from anlan.entrypoints.web.wording import name_in, say
from anlan.infra.doors import Call, allowed, language_of
from anlan.kernel.actor import Role
from anlan.kernel.errors import AnlanError, InvalidInputError, NotFoundError
from anlan.registry import public as registry
from anlan.registry.domain.permissions import ADMINISTRATORS, GIVEN, PERMISSIONS
from anlan.registry.public import Account, Names

WRITE = "accounts:write"
MOST = 200
MOST_AREAS = 200
ROLES = tuple(role for role in Role if role in GIVEN)
WHOLE_CITY = "*"


def _line(account: Account, names: Names, language: str) -> dict[str, Any]:
    return {
        "account": account,
        "role": say(f"role.{account.role}", language),
        "post": names.post(account.post_id, language) if account.post_id else "",
        "areas": [
            names.area(code, language) if code else say("users.whole_city", language)
            for code in account.areas
        ],
        "factor": registry.second_factor_of(account),
    }


def _names(accounts: list[Account]) -> Names:
    return registry.names_of(
        areas=[code for one in accounts for code in one.areas if code],
        posts=[one.post_id for one in accounts if one.post_id],
    )


@require_safe
@page("accounts:read")
def users(request: Call) -> HttpResponse:
    """List the accounts of one's areas, and say what each administrator may do."""
    return _list(request)


def _list(
    request: Call, *, refusal: dict[str, str] | None = None, status: int = 200
) -> HttpResponse:
    language = language_of(request)
    search = request.GET.get("q", "")[:64].strip()
    found = registry.accounts(request.actor, search=search)
    shown = found[:MOST]
    names = _names(shown)
    context = {
        "search": search,
        "lines": [_line(one, names, language) for one in shown],
        "more": len(found) - len(shown),
        "administrators": [
            (role.value, sorted(PERMISSIONS[role])) for role in ROLES if role in ADMINISTRATORS
        ],
        **_choices(request, language),
    }
    if refusal is not None:
        context["refusal"] = refusal
        context["given"] = request.POST
    return show(request, "web/pages/users.html", context, status=status)


def _choices(request: Call, language: str) -> dict[str, Any]:
    may = allowed(request.actor, WRITE)
    posts = registry.posts() if may and registry.is_loaded() else []
    return {
        "may_write": may,
        "roles": [(role.value, say(f"role.{role.value}", language)) for role in ROLES],
        "posts": [(post.code, name_in(language, post.name_zh, post.name_en)) for post in posts],
    }


def _areas(text: str) -> list[str]:
    """Return the codes somebody typed; a star is the whole city."""
    codes = text.replace(",", " ").replace("，", " ").replace("、", " ").split()
    if len(codes) > MOST_AREAS:
        raise InvalidInputError(where="areas", problem=f"> {MOST_AREAS}")
    return ["" if code == WHOLE_CITY else code for code in codes]


@require_http_methods(["POST"])
@page(WRITE)
def new_account(request: Call) -> HttpResponse:
    """Make an account for a seat or a program."""
    given = request.POST
    try:
        made = registry.create_account(
            request.actor,
            given.get("username", "").strip()[:64],
            given.get("role", ""),
            post=given.get("post", "").strip()[:64] or None,
            areas=_areas(given.get("areas", "")),
            now=request.now,
        )
    except AnlanError as error:
        return _list(request, refusal=refusal_of(request, error), status=error.http_status)
    return moved(f"/users/{made.pk}?done=made")


def _one(request: Call, key: int, *, status: int = 200, **more: Any) -> HttpResponse:
    language = language_of(request)
    account = registry.account_by_key(request.actor, key)
    working = registry.tokens(request.actor, account.username, working_at=request.now)
    done = request.GET.get("done", "")
    context = {
        "line": _line(account, _names([account]), language),
        "area_codes": " ".join(code or WHOLE_CITY for code in account.areas),
        "permissions": sorted(PERMISSIONS[Role(account.role)]),
        "working": working[:MOST],
        "own": request.actor.id == f"account:{account.pk}",
        "done": done if done in {"made", "changed", "revoked"} else "",
        **_choices(request, language),
        **more,
    }
    return show(request, "web/pages/user.html", context, status=status)


@require_safe
@page("accounts:read")
def user(request: Call, account: int) -> HttpResponse:
    """Show one account: role, post, areas, one-time codes, what still lets it in."""
    return _one(request, account)


@require_POST
@page(WRITE)
def change(request: Call, account: int) -> HttpResponse:
    """Give an account another role, post or areas."""
    found, given = registry.account_by_key(request.actor, account), request.POST
    post = given.get("post", "").strip()[:64]
    try:
        registry.change_account(
            request.actor,
            found.username,
            role=given.get("role", ""),
            post=post if post != (found.post_id or "") else None,
            areas=_areas(given.get("areas", "")),
            now=request.now,
        )
    except AnlanError as error:
        refusal = refusal_of(request, error)
        return _one(request, account, status=error.http_status, refusal=refusal)
    return moved(f"/users/{account}?done=changed")


@require_POST
@page(WRITE)
def invite(request: Call, account: int) -> HttpResponse:
    """Make an invitation; its link is on this answer and nowhere else."""
    found = registry.account_by_key(request.actor, account)
    try:
        made, secret = registry.invite(request.actor, found.username, now=request.now)
    except AnlanError as error:
        refusal = refusal_of(request, error)
        return _one(request, account, status=error.http_status, refusal=refusal)
    link = f"{settings.ANLAN.public_url}/welcome?invitation={secret}"
    return _one(
        request,
        account,
        status=201,
        invitation=link,
        invited_until=made.expires_at,
        invitation_waits=made.waits,
    )


@require_http_methods(["GET", "POST"])
@page(WRITE)
def close(request: Call, account: int) -> HttpResponse:
    """Say exactly what closing does, ask once, and close."""
    found = registry.account_by_key(request.actor, account)
    if request.method == "GET":
        return _one(request, account, closing=True)
    try:
        registry.close_account(request.actor, found.username, now=request.now)
    except AnlanError as error:
        refusal = refusal_of(request, error)
        return _one(request, account, status=error.http_status, refusal=refusal)
    return moved(f"/users/{account}")


@require_POST
@page(WRITE)
def revoke(request: Call, account: int, token: int) -> HttpResponse:
    """Take back what lets an account in."""
    found = registry.account_by_key(request.actor, account)
    working = registry.tokens(request.actor, found.username, working_at=request.now)
    if all(one.pk != token for one in working):
        raise NotFoundError(what="token", token=token)
    registry.revoke_token(request.actor, token, now=request.now)
    return moved(f"/users/{account}?done=revoked")
