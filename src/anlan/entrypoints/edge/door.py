"""The edge's HTTP door (ASGI): readings in, health and counters out; nothing else.

The addresses, forms, codes and receipts are those of the web processes
(``sensing/api/observations.py``), so that a proxy may send readings to either.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import msgspec

from anlan.entrypoints import clock, metrics
from anlan.entrypoints.edge.credentials import Credentials
from anlan.entrypoints.edge.judging import Judging
from anlan.entrypoints.web.intake import DRAINED_BYTES, BodyCutShortError
from anlan.entrypoints.web.middleware import (
    AddressUnknownError,
    MethodUnknownError,
    as_refusal,
)
from anlan.infra import doors
from anlan.infra.catalogue import wording
from anlan.kernel.digests import sha256_hex
from anlan.kernel.errors import AnlanError, InvalidInputError, NotAuthenticatedError
from anlan.sensing.domain.errors import (
    BodyTooLargeError,
    IntakeFullError,
    NothingKeptError,
)
from anlan.sensing.domain.observations import BatchReceipt
from anlan.sensing.public import Gatherer, Once

log = logging.getLogger(__name__)
ADDRESS = "/api/v1/observations"
BODY_S = 60.0
"""How long a body may take to come."""
DRAIN_S = 10.0
"""How long what nobody wants may go on coming."""
MOST_READING = 256 * 1024 * 1024
"""Bytes of bodies that may be on their way or in work at once."""
AT_ONCE_BYTES = 256 * 1024
"""A larger body is read in a thread of its own, so that others need not wait for it."""
RETRY_S = 2
_JSON = b"application/json; charset=utf-8"

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
T = TypeVar("T")


class BodySlowError(InvalidInputError):
    """A body took longer to come than anybody waits for."""

    code = "input.too_slow"
    http_status = 408


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back."""

    status: int
    body: bytes
    kind: bytes = _JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass
class Bridge:
    """Lets the event loop wait for futures of other threads, and wakes it once for many of them."""

    loop: asyncio.AbstractEventLoop
    _done: deque[tuple[asyncio.Future[Any], Future[Any]]] = field(default_factory=deque)
    _called: bool = False

    async def wait(self, future: Future[T]) -> T:
        """Return what a future of another thread brings."""
        mine: asyncio.Future[T] = self.loop.create_future()

        def done(found: Future[T]) -> None:
            self._done.append((mine, found))
            if not self._called:
                self._called = True
                self.loop.call_soon_threadsafe(self._wake)

        future.add_done_callback(done)
        return await mine

    def _wake(self) -> None:
        self._called = False
        while self._done:
            mine, found = self._done.popleft()
            if mine.cancelled():
                continue
            error = found.exception()
            if error is None:
                mine.set_result(found.result())
            else:
                mine.set_exception(error)


class Door:
    """The ASGI application."""

    def __init__(
        self, gatherer: Gatherer, credentials: Credentials, judging: Judging, *, limit: int
    ) -> None:
        self.gatherer = gatherer
        self.credentials = credentials
        self.judging = judging
        self.limit = limit  # bytes of one body
        self.reading = 0
        self.answering = 0
        self.bridge = Bridge(asyncio.get_running_loop())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        began = time.perf_counter()
        self.answering += 1
        headers = dict(scope["headers"])
        try:
            try:
                found = await self._answer(scope, headers, receive)
            except Exception as error:  # noqa: BLE001  told to the sender
                found = refusal(as_refusal(error), headers)
            await send(
                {
                    "type": "http.response.start",
                    "status": found.status,
                    "headers": [
                        (b"content-type", found.kind),
                        (b"content-length", str(len(found.body)).encode()),
                        (b"cache-control", b"no-store"),
                        *found.headers,
                    ],
                }
            )
            body = b"" if scope["method"] == "HEAD" else found.body
            await send({"type": "http.response.body", "body": body})
        finally:
            self.answering -= 1
        method = scope["method"] if scope["method"] in {"GET", "HEAD", "POST"} else "OTHER"
        metrics.requests.observe(method, found.status, time.perf_counter() - began)

    async def _answer(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive) -> Answer:
        path, method = scope["path"], scope["method"]
        if path == ADDRESS:
            if method != "POST":
                raise MethodUnknownError(method=method)
            return await self._take(headers, receive)
        if path not in {"/healthz", "/metrics"}:
            raise AddressUnknownError(method=method)
        if method not in {"GET", "HEAD"}:
            raise MethodUnknownError(method=method)
        if path == "/healthz":
            return Answer(200, msgspec.json.encode({"well": True, **self._state()}))
        return Answer(200, self._metrics(), b"text/plain; version=0.0.4")

    async def _take(self, headers: dict[bytes, bytes], receive: Receive) -> Answer:
        now = clock.now()
        try:
            actor = doors.check(
                await self.credentials.actor_of(_token(headers), now=now), "signs:write"
            )
            body = await self._body(headers, receive)
        except (BodySlowError, BodyCutShortError):
            raise
        except AnlanError:
            await _drain(receive)
            raise
        self.reading += len(body)
        try:
            kind = _text(headers, b"content-type").partition(";")[0].strip().lower()
            given = _text(headers, b"idempotency-key")

            def once(key: str) -> Once | None:
                return _once(given or key, kind, body)

            take = partial(self.gatherer.take_body, actor, body, kind, once=once, now=now)
            large = len(body) > AT_ONCE_BYTES
            future = await asyncio.to_thread(take, here=True) if large else take()
            return _told(await self.bridge.wait(future))
        finally:
            self.reading -= len(body)

    async def _body(self, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        """Return the body, as long as it is neither too large nor too slow."""
        stated = _text(headers, b"content-length")
        announced = int(stated) if stated.isdecimal() else None
        if announced is not None and announced > self.limit:
            raise BodyTooLargeError(size=announced, limit=self.limit)
        self._refuse_if_full()
        try:
            async with asyncio.timeout(BODY_S):
                body = await self._pieces(receive)
        except TimeoutError:
            raise BodySlowError(seconds=int(BODY_S)) from None
        if announced is not None and len(body) < announced:
            raise BodyCutShortError(came=len(body), announced=announced)
        return body

    async def _pieces(self, receive: Receive) -> bytes:
        pieces: list[bytes] = []
        size = 0
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise BodyCutShortError(came=size, announced="?")
                piece = message.get("body", b"")
                size += len(piece)
                self.reading += len(piece)
                if size > self.limit:
                    raise BodyTooLargeError(size=f">{self.limit}", limit=self.limit)
                self._refuse_if_full()
                pieces.append(piece)
                if not message.get("more_body"):
                    return b"".join(pieces) if len(pieces) > 1 else piece
        finally:
            self.reading -= size

    def _refuse_if_full(self) -> None:
        """Refuse a body, also one that has begun: all may have begun while there was room."""
        if self.reading > MOST_READING:
            raise IntakeFullError(rows=self.gatherer.waiting_rows, limit=self.gatherer.most_waiting)

    def _state(self) -> dict[str, int | bool | None]:
        behind = self.judging.behind
        return {
            "judging": behind is not None,
            "not_judged": behind,
            "waiting_rows": self.gatherer.waiting_rows,
            "kept_rows": self.gatherer.kept_rows,
            "commits": self.gatherer.commits,
        }

    def _metrics(self) -> bytes:
        lines = metrics.requests.lines()
        behind = self.judging.behind
        for name, kind, told, value in (
            ("kept_rows_total", "counter", "Readings kept by the edge.", self.gatherer.kept_rows),
            ("commits_total", "counter", "Commits of the edge.", self.gatherer.commits),
            (
                "waiting_rows",
                "gauge",
                "Readings that wait for a commit.",
                self.gatherer.waiting_rows,
            ),
            ("reading_bytes", "gauge", "Bytes of bodies in work.", self.reading),
            ("answering", "gauge", "Requests being answered.", self.answering),
            (
                "judging",
                "gauge",
                "1 where readings are judged in their commit.",
                int(behind is not None),
            ),
            ("not_judged", "gauge", "Messages that were kept and are not judged yet.", behind),
        ):
            if value is None:
                continue
            whole = f"anlan_edge_{name}"
            lines += [f"# HELP {whole} {told}", f"# TYPE {whole} {kind}", f"{whole} {value}"]
        return ("\n".join(lines) + "\n").encode()


async def _drain(receive: Receive) -> None:
    """Throw away what still comes, so that its sender hears the refusal instead of a broken line."""
    size, more = 0, True
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_S):
            while more and size <= DRAINED_BYTES:
                message = await receive()
                size += len(message.get("body", b""))
                more = message.get("more_body", False)


def refusal(error: AnlanError, headers: dict[bytes, bytes]) -> Answer:
    """Return a refusal in the house's form: code, what happened, what to do."""
    params = {name: str(value) for name, value in error.params.items()}
    texts = wording(
        error.code, dict(error.params), doors.language_in(_text(headers, b"accept-language"))
    )
    body = {"error": {"code": error.code, **texts, "params": params}}
    more = []
    if isinstance(error, NotAuthenticatedError):
        more.append((b"www-authenticate", b'Bearer realm="anlan"'))
    if isinstance(error, MethodUnknownError):
        more.append((b"allow", b"POST"))
    if error.http_status == 503:
        more.append((b"retry-after", str(RETRY_S).encode()))
    return Answer(error.http_status, msgspec.json.encode(body), headers=tuple(more))


def _told(receipt: BatchReceipt) -> Answer:
    if not receipt.kept:
        raise NothingKeptError(
            rows=len(receipt.refused), first=receipt.refused[0].code, quarantine=receipt.quarantine
        )
    return Answer(202, msgspec.json.encode(receipt))


def _text(headers: dict[bytes, bytes], name: bytes) -> str:
    return headers.get(name, b"").decode("latin-1")


def _token(headers: dict[bytes, bytes]) -> str:
    scheme, _, secret = _text(headers, b"authorization").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise NotAuthenticatedError
    return secret.strip()


def _once(key: str, kind: str, body: bytes) -> Once | None:
    """Return a sender's key with the hash of what came with it, as the web processes make it."""
    if not key:
        return None
    return Once(key, sha256_hex(f"{ADDRESS} {kind}\n".encode(), body))
