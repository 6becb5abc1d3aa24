"""Bodies on their way to the edge: none too large or too slow, and not too many at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Protocol

from granian.rsgi import ProtocolClosed, ProtocolError  # type: ignore[attr-defined]

from anlan.entrypoints.web.intake import DRAINED_BYTES, BodyCutShortError
from anlan.kernel.errors import AnlanError, InvalidInputError
from anlan.sensing.domain.errors import BodyTooLargeError

BODY_S = 60.0
"""How long a body may take to come."""
DRAIN_S = 10.0
"""How long what nobody wants may go on coming."""
MOST_READING = 256 * 1024 * 1024
"""Bytes of bodies that may be on their way or in work at once."""
AT_ONCE_BYTES = 64 * 1024
"""A body of no more than this is asked for as a whole; its bytes count before they have come.

So little that all connections together, of which none sends what it announced, do not fill the bound.
"""


class Headers(Protocol):
    """The head of a request as the server (RSGI) hands it over; names are in small letters."""

    def get(self, name: str, otherwise: str, /) -> str:
        """Return what was said under a name, if that is ASCII."""

    def __contains__(self, name: str, /) -> bool:
        """Return whether anything was said under a name."""


class Asked(Protocol):
    """What the server (RSGI) lets us do with a request: read its body once, and answer."""

    async def __call__(self) -> bytes:
        """Return the body whole."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Begin to read the body in pieces."""

    async def __anext__(self) -> bytes:
        """Return the next piece; none at its end."""

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Answer."""


class BodySlowError(InvalidInputError):
    """A body took longer to come than anybody waits for."""

    code = "input.too_slow"
    http_status = 408


class Bodies:
    """Reads bodies of at most ``limit`` bytes; ``full`` makes the refusal of one too many."""

    def __init__(self, limit: int, full: Callable[[], AnlanError]) -> None:
        self.limit = limit
        self.reading = 0  # bytes that are on their way or in work
        self._full = full

    async def whole(self, asked: Asked, announced: int | None) -> bytes:
        """Return the body of a request; ``announced`` is what its head says of the length in bytes."""
        if announced is not None and announced > self.limit:
            await drain(asked)
            raise BodyTooLargeError(size=announced, limit=self.limit)
        if self.reading > MOST_READING:
            await drain(asked)
            raise self._full()
        try:
            async with asyncio.timeout(BODY_S):
                if announced is None or announced > AT_ONCE_BYTES:
                    return await self._in_pieces(asked, announced)
                with self.held(announced):
                    return await asked()
        except (ProtocolClosed, ProtocolError):
            raise BodyCutShortError(came=f"<{announced}", announced=announced) from None
        except TimeoutError:
            raise BodySlowError(seconds=int(BODY_S)) from None

    async def _in_pieces(self, asked: Asked, announced: int | None) -> bytes:
        """Return a large body, or one of which nobody knows how large it becomes.

        One without a stated length that breaks off looks like one that has ended: whoever sent it
        hears of no receipt, and what is not whole is no message in any of our forms.
        """
        pieces: list[bytes] = []
        size, wrong = 0, None
        try:
            async for piece in asked:
                size += len(piece)
                self.reading += len(piece)
                pieces.append(piece)
                # Also one that has begun: all may have begun while there was room.
                wrong = self._refused(size)
                if wrong is not None:
                    pieces.clear()
                    break
        finally:
            self.reading -= size
        if wrong is not None:
            await drain(asked, begun=True)
            raise wrong
        if announced is not None and size < announced:
            raise BodyCutShortError(came=size, announced=announced)
        return b"".join(pieces)

    def _refused(self, size: int) -> AnlanError | None:
        if size > self.limit:
            return BodyTooLargeError(size=f">{self.limit}", limit=self.limit)
        return self._full() if self.reading > MOST_READING else None

    @contextlib.contextmanager
    def held(self, size: int) -> Iterator[None]:
        """Count the bytes of a body while it comes, and while it is in work."""
        self.reading += size
        try:
            yield
        finally:
            self.reading -= size


async def drain(asked: Asked, *, begun: bool = False) -> None:
    """Throw away what still comes, so that its sender hears the refusal instead of a broken line."""
    size = 0
    with contextlib.suppress(TimeoutError, ProtocolClosed, ProtocolError, StopAsyncIteration):
        async with asyncio.timeout(DRAIN_S):
            pieces: Asked | AsyncIterator[bytes] = asked if begun else aiter(asked)
            while size <= DRAINED_BYTES:
                size += len(await anext(pieces))
