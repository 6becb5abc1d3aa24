"""What every door of this room does with a request: size, key, secret, answer."""

import hashlib
from typing import Any

import msgspec
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse

from anlan.infra.doors import KEY_HEADER, KEY_PARAMETER, Call
from anlan.kernel.errors import AnlanError
from anlan.sensing.domain.errors import BodyTooLargeError
from anlan.sensing.services.once import Once
from anlan.sensing.services.quarantine import keep_aside


def body_of(request: HttpRequest) -> bytes:
    """Return the whole body.

    Raises
    ------
    BodyTooLargeError
        When it is larger than the server reads into memory.
    """
    try:
        return request.body
    except RequestDataTooBig:
        from django.conf import settings

        size = request.headers.get("Content-Length", "?")
        raise BodyTooLargeError(size=size, limit=settings.DATA_UPLOAD_MAX_MEMORY_SIZE) from None


def once_of(request: HttpRequest, body: bytes, key: str = "") -> Once | None:
    """Return the sender's key with the hash of what came with it; None when there is no key."""
    key = request.headers.get(KEY_HEADER, "") or key
    kind = request.content_type or ""
    hashed = hashlib.sha256(f"{request.path} {kind}\n".encode() + body).hexdigest()
    return Once(key, hashed) if key else None


def kept_aside(request: Call, door: str, body: bytes, error: AnlanError) -> int:
    """Keep a body aside that could not be read; return the number under which it lies there."""
    kept = keep_aside(
        request.actor,
        door,
        body,
        error=error.code,
        place="body",
        now=request.now,
        once=once_of(request, body),
    )
    return kept.pk


def answer(body: object, status: int = 200) -> HttpResponse:
    """Return ``body`` as JSON."""
    return HttpResponse(
        msgspec.json.encode(body), status=status, content_type="application/json; charset=utf-8"
    )


def json_body(schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the OpenAPI text of an endpoint that reads its JSON body itself."""
    return {
        "parameters": [KEY_PARAMETER],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schema}, **more},
        },
    }
