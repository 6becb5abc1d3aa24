"""Several requests of the SensorThings interface in one, as JSON (OData JSON Format 4.01, section 19)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, QueryDict

from anlan.infra.catalogue import refusal_body
from anlan.infra.doors import KEY_HEADER, language_of
from anlan.kernel.errors import AnlanError, InvalidInputError
from anlan.sensing.api.calls import answer
from anlan.sensing.domain.sta_errors import (
    BatchMalformedError,
    BatchStoppedError,
    OptionError,
    TooWideError,
)
from anlan.sensing.sta import sending
from anlan.sensing.sta.view import Spent

BATCH = "$batch"
MOST_REQUESTS = 50
MOST_ANSWERED = 32 * 1024 * 1024
"""Bytes of all answers together."""
METHODS = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE"})
Door = Callable[[HttpRequest, str], HttpResponse]


class Request(msgspec.Struct, frozen=True, rename="camel"):
    """One request of a batch, as it is sent."""

    id: str
    method: str
    url: str
    headers: dict[str, str] = {}
    body: msgspec.Raw = msgspec.Raw()
    atomicity_group: str = ""
    depends_on: tuple[str, ...] = ()


class Batch(msgspec.Struct, frozen=True):
    """The body of a batch."""

    requests: list[Request]


class Part(HttpRequest):
    """A request of a batch as the door sees it: by the same caller, at the same instant."""

    def __init__(self, whole: HttpRequest, one: Request, spent: Spent) -> None:
        super().__init__()
        self.whole, self.spent = whole, spent
        self.method = one.method.upper()
        self.actor, self.now = whole.actor, whole.now  # type: ignore[attr-defined]
        self.COOKIES = whole.COOKIES
        self.META = {name: whole.META[name] for name in _SAME if name in whole.META}
        for name, value in one.headers.items():
            if name.lower() == KEY_HEADER.lower():
                self.META["HTTP_" + KEY_HEADER.upper().replace("-", "_")] = value
        address = urlsplit(one.url)
        self.path = unquote(address.path)
        try:
            self.GET = QueryDict(address.query)
        except SuspiciousOperation:
            raise OptionError(option="url", problem="too many parameters") from None
        self._body = bytes(one.body)

    def _get_scheme(self) -> str | None:
        return self.whole.scheme


_SAME = ("HTTP_HOST", "SERVER_NAME", "SERVER_PORT", "HTTP_ACCEPT_LANGUAGE")


def answered(request: HttpRequest, body: bytes, door: Door, *, root: str) -> HttpResponse:
    """Answer the requests of a batch one after another.

    As OData says, the first one that is refused ends it, unless ``Prefer: continue-on-error``.

    Raises
    ------
    BatchMalformedError
        When it is none, holds too many, or asks for all or nothing.
    """
    batch = _batch_of(request, body)
    going_on = "continue-on-error" in request.headers.get("Prefer", "").lower()
    spent, size, failed = Spent(), 0, set[str]()
    told: list[dict[str, Any]] = []
    for one in batch.requests:
        try:
            if failed.intersection(one.depends_on):
                raise BatchStoppedError(id=one.id[:80])
            if size > MOST_ANSWERED:
                raise TooWideError(limit=f"{MOST_ANSWERED} bytes")
            part = Part(request, one, spent)
            found = door(part, _path_of(part.path, root))
        except (AnlanError, OverflowError) as error:  # the latter: year 1 in another zone
            found = _refused(request, error)
            failed.add(one.id)
        size += len(found.content)
        told.append(_told(one, found))
        if failed and not going_on:
            break
    return answer({"responses": told})


def _batch_of(request: HttpRequest, body: bytes) -> Batch:
    if "json" not in (request.content_type or ""):
        raise BatchMalformedError(problem="application/json is wanted")
    sending.json_of(body)  # told as everywhere, also when it is nested too deeply
    try:
        batch = msgspec.json.decode(body, type=Batch)
    except (msgspec.ValidationError, RecursionError) as error:
        raise BatchMalformedError(problem=str(error)[:120]) from None
    ids = [one.id for one in batch.requests]
    if len(ids) > MOST_REQUESTS:
        raise BatchMalformedError(problem=f"{len(ids)} > {MOST_REQUESTS}")
    if len(set(ids)) < len(ids):
        raise BatchMalformedError(problem="id")
    for place, one in enumerate(batch.requests):
        if one.atomicity_group:
            raise BatchMalformedError(problem="atomicityGroup")
        if one.method.upper() not in METHODS:
            raise BatchMalformedError(problem=f"method {one.method[:20]}")
        if not set(one.depends_on) <= set(ids[:place]):
            raise BatchMalformedError(problem=f"dependsOn of {one.id[:80]}")
    return batch


def _path_of(path: str, root: str) -> str:
    """Return a path below the root of the service, which the address may or may not begin with."""
    path = path.removeprefix(root).strip("/")
    if path.startswith(BATCH):
        raise BatchMalformedError(problem=BATCH)
    return path


def _refused(request: HttpRequest, error: AnlanError | OverflowError) -> HttpResponse:
    if isinstance(error, OverflowError):
        error = InvalidInputError(where="request", problem="number or instant out of range")
    body = refusal_body(error.code, dict(error.params), language_of(request))
    return answer(body, error.http_status)


def _told(one: Request, found: HttpResponse) -> dict[str, Any]:
    told: dict[str, Any] = {"id": one.id, "status": found.status_code}
    if "Location" in found:
        told["headers"] = {"Location": found["Location"]}
    if found.content:
        is_json = found["Content-Type"].startswith("application/json")
        told["body"] = msgspec.Raw(found.content) if is_json else found.content.decode()
    return told
