"""Sign in, answer an invitation, sign out, choose a language."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import rotate_token
from django.views.decorators.http import require_http_methods, require_POST

from anlan.entrypoints import here
from anlan.entrypoints.web.middleware import SESSION_COOKIE
from anlan.entrypoints.web.shell import WAYS, moved, open_page, own_address, show
from anlan.entrypoints.web.wording import LANGUAGES, in_words
from anlan.infra.catalogue import wording
from anlan.infra.doors import LANGUAGE_COOKIE, language_of
from anlan.kernel.actor import Role
from anlan.kernel.errors import AnlanError
from anlan.registry import public as registry
from anlan.registry.domain import onetime
from anlan.registry.domain.permissions import PERMISSIONS
from anlan.registry.public import Account, Token

HOME, HOME_NEEDS = "/duties", "inbox:read"
A_YEAR = timedelta(days=365)
DEVICE_COOKIE = "anlan_device"


def refusal_of(request: HttpRequest, error: AnlanError) -> dict[str, str]:
    """Return a refusal as the frame shows it above a form that is given back."""
    language = language_of(request)
    return {"code": error.code, **wording(error.code, in_words(error.params, language), language)}


@require_http_methods(["GET", "POST"])
@open_page
def sign_in(request: HttpRequest) -> HttpResponse:
    """Ask for account and password, and give a session for one shift."""
    context: dict[str, Any] = {
        "next": own_address(request.POST.get("next") or request.GET.get("next", ""), HOME),
        "username": request.POST.get("username", "")[:64],
    }
    if request.method == "GET":
        return show(request, "web/pages/sign_in.html", context)
    try:
        session, secret = registry.sign_in(
            request.POST.get("username", ""),
            request.POST.get("password", "")[:1000],
            request.POST.get("code", "")[:20],
            device=device_mark(request),
            key=here.workspace().secret,
            now=request.now,  # type: ignore[attr-defined]
        )
    except AnlanError as error:
        context["refusal"] = refusal_of(request, error)
        return show(request, "web/pages/sign_in.html", context, status=error.http_status)
    return _signed_in(request, session, secret, context["next"])


def _within(role: str, address: str) -> str:
    """Return where to go after signing in: not to duties, for roles that have none."""
    if address != HOME or HOME_NEEDS in PERMISSIONS[Role(role)]:
        return address
    ways = [href for _, href, permission in WAYS if permission in PERMISSIONS[Role(role)]]
    return ways[0] if ways else "/settings"


def _signed_in(
    request: HttpRequest, session: Token, secret: str, address: str
) -> HttpResponseRedirect:
    """Return the way on with a new session; the one of before in this browser ends."""
    registry.sign_out(
        request.COOKIES.get(SESSION_COOKIE, ""),
        now=request.now,  # type: ignore[attr-defined]
    )
    rotate_token(request)  # nobody shall have planted the form token beforehand
    answer = moved(_within(session.account.role, address))
    remember(request, answer, session.account)
    answer.set_cookie(
        SESSION_COOKIE,
        secret,
        max_age=registry.SESSION,
        httponly=True,
        samesite="Lax",
        secure=over_tls(request),
    )
    return answer


def device_mark(request: HttpRequest) -> str:
    """Return what this browser keeps of those who signed in here."""
    return request.COOKIES.get(DEVICE_COOKIE, "")


def remember(request: HttpRequest, answer: HttpResponse, account: Account) -> None:
    """Let this browser be known as one in which the account's holder signed in."""
    mark = registry.remembered(
        device_mark(request),
        account,
        key=here.workspace().secret,
        now=request.now,  # type: ignore[attr-defined]
    )
    answer.set_cookie(
        DEVICE_COOKIE,
        mark,
        max_age=registry.DEVICE_LASTS,
        httponly=True,
        samesite="Lax",
        secure=over_tls(request),
    )


def over_tls(request: HttpRequest) -> bool:
    """Return whether cookies must stay on encrypted ways."""
    # Behind a proxy that ends TLS the request itself looks plain; the public address tells.
    return request.is_secure() or settings.ANLAN.public_url.startswith("https://")


@require_http_methods(["GET", "POST"])
@open_page
def welcome(request: HttpRequest) -> HttpResponse:
    """Let an invited person choose a password, and set up one-time codes where the role asks."""
    now = request.now  # type: ignore[attr-defined]
    key = here.workspace().secret
    invitation = (request.POST.get("invitation") or request.GET.get("invitation", ""))[:200]
    account = registry.invited(invitation, now=now)
    context: dict[str, Any] = {"invitation": invitation, "account": account}
    if registry.needs_second_factor(account.role):
        secret = registry.offered_factor(invitation, key=key)
        text = onetime.secret_text(secret)
        context["factor"] = " ".join(text[i : i + 4] for i in range(0, len(text), 4))
        context["factor_address"] = onetime.address_of(
            secret, account=account.username, issuer="Anlan"
        )
    if request.method == "GET":
        return show(request, "web/pages/welcome.html", context)
    try:
        made, session = registry.answer_invitation(
            invitation,
            request.POST.get("password", "")[:1000],
            request.POST.get("code", "")[:20],
            key=key,
            now=now,
        )
    except AnlanError as error:
        context["refusal"] = refusal_of(request, error)
        return show(request, "web/pages/welcome.html", context, status=error.http_status)
    return _signed_in(request, made, session, HOME)


@require_POST
@open_page
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    registry.sign_out(
        request.COOKIES.get(SESSION_COOKIE, ""),
        now=request.now,  # type: ignore[attr-defined]
    )
    answer = moved("/sign-in")
    answer.delete_cookie(SESSION_COOKIE, samesite="Lax")
    return answer


@require_POST
@open_page
def choose_language(request: HttpRequest) -> HttpResponse:
    """Keep the chosen language for this browser."""
    answer = moved(own_address(request.POST.get("back", ""), "/"))
    if request.POST.get("to") in LANGUAGES:
        answer.set_cookie(
            LANGUAGE_COOKIE,
            request.POST["to"],
            max_age=A_YEAR,
            samesite="Lax",
            secure=over_tls(request),
        )
    return answer
