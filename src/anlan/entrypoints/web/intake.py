"""Requests are read to their end before anybody works on them.

A server process works on one request at a time, which suits a database with one writer;
it begins others while those before them wait for their turn to write (anlan.infra.together).
A telephone on a bad line that takes a minute to send its photo must not hold up everybody
else, so bodies are read side by side and only whole requests queue for the application.
Here too a body without a stated length (``Transfer-Encoding: chunked``) gets one: the
application reads no further than the length it is told.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.db import close_old_connections

from anlan.infra.baton import BATON
from anlan.kernel.errors import InvalidInputError
from anlan.sensing.domain.errors import BodyTooLargeError

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

#: What is read and thrown away, so that a sender hears the refusal instead of a broken line.
DRAINED_BYTES = 64 * 1024 * 1024
PIECE = 256 * 1024
#: So many requests may be begun, each with its connections to the databases.  One of them is
#: worked on; the others wait to write, and are then committed together.
WORKERS = 16
#: Set for the application: why a body was not read.
REFUSED = "anlan.body_refused"
#: Set for the application: ``do(job)`` runs other work of this process in the turn of a request.
IN_TURN = "anlan.in_turn"
T = TypeVar("T")


class BodyCutShortError(InvalidInputError):
    """The line broke before all that was announced had come."""

    code = "input.cut_short"


class Intake:
    """A WSGI application that reads each body whole, then lets ``application`` work."""

    def __init__(self, application: Application, *, limit: int) -> None:
        self.application = application
        self.limit = limit  # bytes
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="anlan-web")

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one request."""
        try:
            body = self._read(environ)
        except InvalidInputError as refusal:
            environ[REFUSED] = refusal
            body = b""
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        environ[IN_TURN] = self.in_turn
        return self._workers.submit(self._answer, environ, start_response).result()

    def in_turn(self, job: Callable[[], T]) -> T:
        """Run ``job`` as if it were a request: on the connections that requests have."""

        def work() -> T:
            with BATON.held():
                close_old_connections()  # as before each request: a broken one is opened anew
                return job()

        return self._workers.submit(work).result()

    def _answer(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        with BATON.held():
            response = self.application(environ, start_response)
            if getattr(response, "streaming", True):
                return response
            try:
                return [b"".join(response)]  # whole, so that its length is told
            finally:
                response.close()  # type: ignore[attr-defined]  # what Django answers with

    def _read(self, environ: Environ) -> bytes:
        announced = _length(environ.get("CONTENT_LENGTH"))
        chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
        if announced is None and not chunked:
            return b""
        source = environ["wsgi.input"]
        if announced is not None and announced > self.limit and not chunked:
            _drain(source, announced)
            raise BodyTooLargeError(size=announced, limit=self.limit)
        wanted = self.limit + 1 if chunked or announced is None else announced
        body = _pieces(source, wanted)
        if len(body) > self.limit:
            _drain(source, DRAINED_BYTES)
            raise BodyTooLargeError(size=f">{self.limit}", limit=self.limit)
        if not chunked and len(body) < wanted:
            raise BodyCutShortError(came=len(body), announced=wanted)
        return body


def _length(text: str | None) -> int | None:
    """Return a stated length in bytes; ``None`` when nothing usable is stated."""
    return int(text) if text and text.isascii() and text.isdecimal() else None


def _pieces(source: Any, wanted: int) -> bytes:
    """Read up to ``wanted`` bytes, however they come in."""
    pieces = bytearray()
    while len(pieces) < wanted:
        piece = source.read(min(PIECE, wanted - len(pieces)))
        if not piece:
            break
        pieces += piece
    return bytes(pieces)


def _drain(source: Any, announced: int) -> None:
    """Throw away what comes; of more than is worth waiting for, nothing is read at all."""
    left = announced if announced <= DRAINED_BYTES else 0
    while left > 0:
        piece = source.read(min(PIECE, left))
        if not piece:
            return
        left -= len(piece)
