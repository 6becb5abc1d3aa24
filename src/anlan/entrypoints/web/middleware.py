"""Each request gets its time, its actor and its language; each refusal its wording."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError, DataError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.html import format_html

from anlan.entrypoints import clock, metrics
from anlan.entrypoints.web.intake import REFUSED
from anlan.infra.catalogue import wording
from anlan.infra.doors import language_of
from anlan.infra.workspace import WorkspaceKind
from anlan.kernel.errors import (
    AnlanError,
    InvalidInputError,
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
    texts = wording(error.code, params, language_of(request))
    body = {
        "error": {"code": error.code, **texts, "params": {k: str(v) for k, v in params.items()}}
    }
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
    if ours is None or response.get("Content-Type", "").startswith("application/json"):
        return response
    told = refusal(request, ours(method=request.method))
    if "Allow" in response:
        told["Allow"] = response["Allow"]
    if request.path.startswith("/api"):
        return told
    language = language_of(request)
    texts = wording(ours.code, {"method": request.method}, language)
    page = format_html(
        '<!doctype html><html lang="{}"><meta charset="utf-8"><title>{}</title>'
        '<h1>{}</h1><p>{}</p><p><code>{}</code></p><p><a href="/">Anlan</a></p></html>',
        language,
        texts["what"],
        texts["what"],
        texts["do"],
        ours.code,
    )
    shown = HttpResponse(page, status=response.status_code)
    if "Allow" in response:
        shown["Allow"] = response["Allow"]
    return shown


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
            header = request.headers.get("Authorization", "")
            if header:
                request.actor = self._actor(header, request)  # type: ignore[attr-defined]
            response = in_our_form(request, self.get_response(request))
        except AnlanError as error:
            response = refusal(request, error)
        except DatabaseError as error:
            response = refusal(request, as_refusal(error))
        if method == "HEAD":
            without_body(response)
        metrics.requests.observe(_known(method), response.status_code, time.perf_counter() - began)
        response["Cache-Control"] = response.get("Cache-Control", "no-store")
        return response

    def _actor(self, header: str, request: HttpRequest) -> object:
        scheme, _, secret = header.partition(" ")
        if scheme.lower() != "bearer" or not secret:
            raise NotAuthenticatedError
        return registry.authenticate(secret.strip(), now=request.now)  # type: ignore[attr-defined]

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse:
        """Turn what a view raised into a refusal, never a stack trace."""
        return refusal(request, as_refusal(error))
