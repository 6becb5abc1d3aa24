"""Photos in pieces: the core of the tus protocol 1.0.0 with creation, expiration and termination.

For the scripts of our own forms.  Whoever signed in begins, continues and takes back photos of
the own seat; everybody else does so for a report, by the secret name of the photo.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.http import http_date
from django.views.decorators.http import require_http_methods, require_POST

from anlan.entrypoints.web.middleware import refusal
from anlan.entrypoints.web.shell import open_page
from anlan.entrypoints.web.wording import catalogue, say
from anlan.infra.doors import Call
from anlan.kernel.actor import Actor, Role
from anlan.kernel.errors import AnlanError, InvalidInputError
from anlan.sensing import public as sensing
from anlan.sensing.public import UploadState

VERSION = "1.0.0"
#: Whoever reports on the page: nobody in particular, and nothing but a bringer of signs.
RESIDENT = Actor(id="public:page", role=Role.PROGRAM)
PIECE_TYPE = "application/offset+octet-stream"
MOST_NAMED = 12


class UploadVersionError(InvalidInputError):
    """A program speaks another version of the protocol."""

    code = "upload.version"
    http_status = 412


class UploadTypeError(InvalidInputError):
    """A piece comes as something else than bytes at an offset."""

    code = "upload.type"
    http_status = 415


def uploader(request: HttpRequest) -> Actor:
    """Return for whom a photo is on its way: the seat of whoever signed in, else the public."""
    found: Actor | None = request.actor  # type: ignore[attr-defined]
    return found or RESIDENT


def named_uploads(request: HttpRequest) -> tuple[str, ...]:
    """Return the secret names of photos that came beforehand, as a form sends them."""
    return tuple(one[:64] for one in request.POST.getlist("upload")[:MOST_NAMED] if one)


def photo_words(language: str) -> dict[str, str]:
    """Return what the script of a form with photos says."""
    return {key: say(key, language) for key in catalogue() if key.startswith("uploads.")}


def _spoken(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Answer in the words of the protocol; refusals as programs read them."""

    @wraps(view)
    def around(request: HttpRequest, *given: Any, **named: Any) -> HttpResponse:
        try:
            if request.headers.get("Tus-Resumable", VERSION) != VERSION:
                raise UploadVersionError(version=VERSION)
            answer = view(request, *given, **named)
        except AnlanError as error:
            answer = refusal(request, error)
            expected = error.params.get("expected")
            if expected is not None:
                answer["Upload-Offset"] = str(expected)
        answer["Tus-Resumable"] = VERSION
        answer["Content-Security-Policy"] = "default-src 'none'"
        return answer

    return around


@require_POST
@open_page
@_spoken
def begin(request: Call) -> HttpResponse:
    """Begin a photo of ``Upload-Length`` bytes; ``Location`` is where its pieces go."""
    length = _whole(request, "Upload-Length")
    actor, now = uploader(request), request.now
    token = sensing.begin_upload(actor, length, now=now)
    answer = HttpResponse(status=201)
    answer["Location"] = f"/uploads/{token}"
    return _said(answer, sensing.upload_state(actor, token, now=now))


@require_http_methods(["GET", "PATCH", "DELETE"])  # HEAD is asked as GET
@open_page
@_spoken
def piece(request: Call, token: str) -> HttpResponse:
    """Say how much of a photo has come; take its next piece; or let it go."""
    actor, now = uploader(request), request.now
    state = sensing.upload_state(actor, token, now=now)
    if request.method == "PATCH":
        if request.content_type != PIECE_TYPE:
            raise UploadTypeError(wanted=PIECE_TYPE)
        offset = _whole(request, "Upload-Offset")
        sensing.append_piece(actor, token, offset, request.body, now=now)
        state = sensing.upload_state(actor, token, now=now)
    elif request.method == "DELETE":
        sensing.forget_uploads(actor, [token], now=now)
        return HttpResponse(status=204)
    return _said(HttpResponse(status=204 if request.method == "PATCH" else 200), state)


def _said(answer: HttpResponse, state: UploadState) -> HttpResponse:
    answer["Upload-Offset"] = str(state.offset)
    answer["Upload-Length"] = str(state.length)
    answer["Upload-Expires"] = http_date(state.until.timestamp())
    return answer


def _whole(request: HttpRequest, header: str) -> int:
    """Return a number of bytes that a header states."""
    text = request.headers.get(header, "")
    if not (text.isascii() and text.isdecimal() and len(text) <= 12):
        raise InvalidInputError(where=header, problem="not a number of bytes")
    return int(text)
