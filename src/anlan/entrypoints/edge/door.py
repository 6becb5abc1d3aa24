"""The edge's HTTP door (RSGI): readings in, health and counters out; nothing else.

The addresses, forms, codes and receipts are those of the web processes
(``sensing/api/observations.py``), so that a proxy may send readings to either.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar

import msgspec

from anlan.entrypoints import clock, metrics
from anlan.entrypoints.edge.bodies import Asked, Bodies, Headers, drain
from anlan.entrypoints.edge.credentials import Credentials
from anlan.entrypoints.edge.judging import Judging
from anlan.entrypoints.web.middleware import (
    AddressUnknownError,
    MethodUnknownError,
    as_refusal,
)
from anlan.infra import doors
from anlan.infra.catalogue import wording
from anlan.kernel.digests import sha256_hex
from anlan.kernel.errors import AnlanError, NotAuthenticatedError
from anlan.sensing.domain.errors import IntakeFullError, KeyMalformedError, NothingKeptError
from anlan.sensing.domain.observations import BatchReceipt
from anlan.sensing.public import MAX_KEY, Gatherer, Once

log = logging.getLogger(__name__)
ADDRESS = "/api/v1/observations"
LARGE_BYTES = 256 * 1024
RETRY_S = 2
_JSON = "application/json; charset=utf-8"
METHODS = frozenset({"GET", "HEAD", "POST"})

T = TypeVar("T")


class Scope(Protocol):
    """What the server says of a request."""

    proto: str
    method: str
    path: str

    @property
    def headers(self) -> Headers:
        """Return its head."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back."""

    status: int
    body: bytes
    kind: str = _JSON
    headers: tuple[tuple[str, str], ...] = ()


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
    """The RSGI application."""

    def __init__(
        self, gatherer: Gatherer, credentials: Credentials, judging: Judging, *, limit: int
    ) -> None:
        self.gatherer = gatherer
        self.credentials = credentials
        self.judging = judging
        self.bodies = Bodies(limit, self._full)
        self.answering = 0
        self.bridge = Bridge(asyncio.get_running_loop())

    async def __rsgi__(self, scope: Scope, asked: Asked) -> None:
        """Answer one request."""
        if scope.proto != "http":
            return
        began = time.perf_counter()
        self.answering += 1
        headers = scope.headers
        try:
            try:
                found = await self._answer(scope, headers, asked)
            except Exception as error:  # noqa: BLE001  told to the sender
                found = refusal(as_refusal(error), headers)
                # With the frames it went through it holds the message, and they hold it.
                error.__traceback__ = error.__context__ = error.__cause__ = None
            said = [("content-type", found.kind), ("cache-control", "no-store"), *found.headers]
            asked.response_bytes(found.status, said, found.body)
        finally:
            self.answering -= 1
        method = scope.method if scope.method in METHODS else "OTHER"
        metrics.requests.observe(method, found.status, time.perf_counter() - began)

    async def _answer(self, scope: Scope, headers: Headers, asked: Asked) -> Answer:
        path, method = scope.path, scope.method
        if path == ADDRESS:
            if method != "POST":
                raise MethodUnknownError(method=method)
            return await self._take(headers, asked)
        if path not in {"/healthz", "/metrics"}:
            raise AddressUnknownError(method=method)
        if method not in {"GET", "HEAD"}:
            raise MethodUnknownError(method=method)
        if path == "/healthz":
            return Answer(200, msgspec.json.encode({"well": True, **self._state()}))
        return Answer(200, self._metrics(), "text/plain; version=0.0.4")

    async def _take(self, headers: Headers, asked: Asked) -> Answer:
        now = clock.now()
        try:
            actor = doors.check(
                await self.credentials.actor_of(_token(headers), now=now), "signs:write"
            )
        except AnlanError:
            await drain(asked)
            raise
        stated = headers.get("content-length", "")
        body = await self.bodies.whole(asked, int(stated) if stated.isdecimal() else None)
        with self.bodies.held(len(body)):
            kind = headers.get("content-type", "").partition(";")[0].strip().lower()
            given = _key(headers)

            def once(key: str) -> Once | None:
                return _once(given or key, kind, body)

            take = partial(self.gatherer.take_body, actor, body, kind, once=once, now=now)
            # A large body is read in a thread of its own, so that others need not wait for it.
            large = len(body) > LARGE_BYTES
            future = await asyncio.to_thread(take, here=True) if large else take()
            return _told(await self.bridge.wait(future))

    def _full(self) -> IntakeFullError:
        return IntakeFullError(rows=self.gatherer.waiting_rows, limit=self.gatherer.most_waiting)

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
            ("reading_bytes", "gauge", "Bytes of bodies in work.", self.bodies.reading),
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


def refusal(error: AnlanError, headers: Headers) -> Answer:
    """Return a refusal in the house's form: code, what happened, what to do."""
    params = {name: str(value) for name, value in error.params.items()}
    texts = wording(
        error.code, dict(error.params), doors.language_in(headers.get("accept-language", ""))
    )
    body = {"error": {"code": error.code, **texts, "params": params}}
    more = []
    if isinstance(error, NotAuthenticatedError):
        more.append(("www-authenticate", 'Bearer realm="anlan"'))
    if isinstance(error, MethodUnknownError):
        more.append(("allow", "POST"))
    if error.http_status == 503:
        more.append(("retry-after", str(RETRY_S)))
    return Answer(error.http_status, msgspec.json.encode(body), headers=tuple(more))


def _told(receipt: BatchReceipt) -> Answer:
    if not receipt.kept:
        raise NothingKeptError(
            rows=len(receipt.refused), first=receipt.refused[0].code, quarantine=receipt.quarantine
        )
    return Answer(202, msgspec.json.encode(receipt))


def _key(headers: Headers) -> str:
    """Return the key of a message ("": none); the server hands over no text that is not ASCII."""
    found = headers.get("idempotency-key", "")
    if not found and "idempotency-key" in headers:
        raise KeyMalformedError(limit=MAX_KEY)
    return found


def _token(headers: Headers) -> str:
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise NotAuthenticatedError
    return secret.strip()


def _once(key: str, kind: str, body: bytes) -> Once | None:
    """Return a sender's key with the hash of what came with it, as the web processes make it."""
    if not key:
        return None
    return Once(key, sha256_hex(f"{ADDRESS} {kind}\n".encode(), body))
