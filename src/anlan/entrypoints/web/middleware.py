"""Each request gets its time, its actor and its language; each refusal its wording."""

from __future__ import annotations

import base64
import logging
import secrets
import time
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import DatabaseError, DataError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render

from anlan.entrypoints import clock, metrics
from anlan.entrypoints.web import crossing
from anlan.entrypoints.web.intake import REFUSED
from anlan.entrypoints.web.wording import in_words
from anlan.infra.catalogue import refusal_body, wording
from anlan.infra.doors import language_of
from anlan.infra.workspace import WorkspaceKind
from anlan.kernel.actor import Actor
from anlan.kernel.errors import (
    AnlanError,
    InvalidInputError,
    NotAllowedError,
    NotAuthenticatedError,
    NotFoundError,
    UnavailableError,
)
from anlan.registry import public as registry
from anlan.sensing.domain.errors import BodyTooLargeError

log = logging.getLogger("anlan.request")
GetResponse = Callable[[HttpRequest], HttpResponse]


class AddressUnknownError(NotFoundError):
    """Nothing is served at this address."""

    code = "address.unknown"


class MethodUnknownError(InvalidInputError):
    """The address exists, but not for this method."""

    code = "address.method"
    http_status = 405


class HostUnknownError(InvalidInputError):
    """The request names a host that this server does not answer to, or is no HTTP at all."""

    code = "address.host"
    http_status = 400


class FormForeignError(NotAllowedError):
    """A form was sent from a page that is not ours, or long after it was shown."""

    code = "form.foreign"


SESSION_COOKIE = "anlan_session"
FOR_PROGRAMS = frozenset({"/healthz", "/metrics"})
SENSOR_THINGS = "/sta/"
#: A page is for who signed in; a program's token, made for less, opens no settings.
BY_HAND = frozenset({"session"})
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

#: What the framework refuses in its own words, and what we say instead.
OURS: dict[int, type[AnlanError]] = {
    400: HostUnknownError,
    404: AddressUnknownError,
    405: MethodUnknownError,
}


def refusal(request: HttpRequest, error: AnlanError) -> JsonResponse:
    """Return a refusal as JSON: code, what happened, what to do."""
    params = dict(error.params)
    if error.http_status >= 500 and error.http_status != 503:
        params.setdefault("reference", secrets.token_hex(4))
        log.error("refused", extra={"code": error.code, "reference": params["reference"]})
    body = refusal_body(error.code, params, language_of(request))
    response = JsonResponse(
        body, status=error.http_status, json_dumps_params={"ensure_ascii": False}
    )
    if isinstance(error, NotAuthenticatedError):
        response["WWW-Authenticate"] = 'Bearer realm="anlan"'
    if error.http_status == 503:
        response["Retry-After"] = "5"
    return response


def as_refusal(error: Exception) -> AnlanError:
    """Turn any exception into a refusal that tells nothing of the inside."""
    if isinstance(error, AnlanError):
        return error
    if isinstance(error, DataError):
        return InvalidInputError(where="body", problem="a value that cannot be kept")
    if isinstance(error, RequestDataTooBig):
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        return BodyTooLargeError(size=f">{limit}", limit=limit)
    if isinstance(error, OverflowError):
        # Year 1 or 9999 in another time zone, or a number that no column can hold.
        return InvalidInputError(where="request", problem="number or instant out of range")
    if isinstance(error, OperationalError | OSError):
        # Full disk, locked or lost database: nothing was promised, the caller may try again.
        log.error("cannot keep", exc_info=error)
        return UnavailableError()
    log.error("unexpected", exc_info=error)
    return AnlanError()


def in_our_form(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Return a refusal of the framework in our form, with code, what and do; others as they are."""
    ours = OURS.get(response.status_code)
    told_already = response.get("Content-Type", "").startswith("application/json")
    if ours is None or told_already or getattr(response, "is_ours", False):
        return response
    shown = answer_of(request, ours(method=request.method))
    if "Allow" in response:
        shown["Allow"] = response["Allow"]
    return shown


def _for_programs(path: str) -> bool:
    return path.startswith(("/api", SENSOR_THINGS)) or path in FOR_PROGRAMS


def _check_parameters(request: HttpRequest) -> None:
    """Refuse an address with more parameters than are read; none of them is looked at again."""
    try:
        _ = request.GET
    except SuspiciousOperation:
        request.GET = QueryDict()
        raise InvalidInputError(where="address", problem="too many parameters") from None


def _token_of(header: str, path: str) -> str:
    """Return the token that comes with a request.

    Clients of SensorThings know the scheme Basic only: there the token is the password.
    """
    scheme, _, secret = header.partition(" ")
    if scheme.lower() == "basic" and path.startswith(SENSOR_THINGS):
        try:
            secret = base64.b64decode(secret, validate=True).decode().partition(":")[2]
        except ValueError:
            raise NotAuthenticatedError from None
    elif scheme.lower() != "bearer":
        raise NotAuthenticatedError
    if not secret.strip():
        raise NotAuthenticatedError
    return secret.strip()


def answer_of(request: HttpRequest, error: AnlanError) -> HttpResponse:
    """Return a refusal to whoever asks: JSON to programs, a page to people."""
    if _for_programs(request.path):
        return refusal(request, error)
    if error.http_status >= 500 and error.http_status != 503:
        return refused_page(request, error, reference=secrets.token_hex(4))
    return refused_page(request, error)


def refused_page(request: HttpRequest, error: AnlanError, *, reference: str = "") -> HttpResponse:
    """Return a refusal as a page: what happened, what to do, the code, the way back."""
    language = language_of(request)
    if reference:
        log.error("refused", extra={"code": error.code, "reference": reference})
    params = {"reference": reference, **in_words(error.params, language)}
    context = {"lang": language, "texts": wording(error.code, params, language), "code": error.code}
    shown = render(request, "web/refused.html", context, status=error.http_status)
    shown.is_ours = True  # type: ignore[attr-defined]  # worded already
    shown["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'"
    )
    if error.http_status == 503:
        shown["Retry-After"] = "5"
    return shown


def refused_form(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    """Refuse a form that does not come from one of our own pages (named in the settings)."""
    return refused_page(request, FormForeignError())


def _known(method: str | None) -> str:
    """Return a method's name; one that nobody uses must not fill the counters."""
    return method if method in METHODS else "OTHER"


def without_body(response: HttpResponseBase) -> None:
    """Keep the head of an answer only, as HEAD asks."""
    if isinstance(response, HttpResponse):
        response["Content-Length"] = str(len(response.content))
        response.content = b""


class RequestContext:
    """Outermost of our middleware: time, actor, refusals, metrics."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        # What is shown of a rehearsal says so (I10).
        place = settings.WORKSPACE
        self.exercise = place is not None and place.kind is WorkspaceKind.REHEARSAL

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Serve one request."""
        began = time.perf_counter()
        request.now = clock.now()  # type: ignore[attr-defined]
        request.actor = None  # type: ignore[attr-defined]
        request.exercise = self.exercise  # type: ignore[attr-defined]
        method = request.method
        if method == "HEAD":
            request.method = "GET"  # whatever can be got can be asked for without its body
        try:
            if REFUSED in request.META:
                raise request.META[REFUSED]
            if "\0" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
                raise InvalidInputError(where="address", problem="NUL")
            _check_parameters(request)
            response = self._answered(request)
        except AnlanError as error:
            response = answer_of(request, error)
        except DatabaseError as error:
            response = answer_of(request, as_refusal(error))
        if request.path.startswith(SENSOR_THINGS):
            crossing.let_read(request, response)
        if method == "HEAD":
            without_body(response)
        metrics.requests.observe(_known(method), response.status_code, time.perf_counter() - began)
        response["Cache-Control"] = response.get("Cache-Control", "no-store")
        return response

    def _answered(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(SENSOR_THINGS):
            told = crossing.preflight(request)
            if told is not None:
                return told
        request.actor = self._actor(request)  # type: ignore[attr-defined]
        return in_our_form(request, self.get_response(request))

    def _actor(self, request: HttpRequest) -> Actor | None:
        """Return who calls: by a token over the interface, by a session on the pages."""
        now = request.now  # type: ignore[attr-defined]
        header = request.headers.get("Authorization", "")
        for_programs = _for_programs(request.path)
        if header and for_programs:
            return registry.authenticate(_token_of(header, request.path), now=now)
        session = request.COOKIES.get(SESSION_COOKIE, "")
        # Never over the interface: there no form token guards what a browser sends by itself.
        if not session or for_programs:
            return None
        try:
            return registry.authenticate(session, purposes=BY_HAND, now=now)
        except NotAuthenticatedError:
            return None  # over or taken back: the page asks to sign in again

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse:
        """Turn what a view raised into a refusal, never a stack trace."""
        return answer_of(request, as_refusal(error))
