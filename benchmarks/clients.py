"""Fifty keep-alive HTTP clients in one thread: enough to keep a two-core server busy."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Load:
    """What a run of the clients measured."""

    seconds: float = 0.0
    statuses: dict[int, int] = field(default_factory=dict)
    waits_ms: list[float] = field(default_factory=list)

    def per_s(self, status: int) -> float:
        return self.statuses.get(status, 0) / self.seconds

    def percentile(self, share: float) -> float:
        ordered = sorted(self.waits_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


async def _client(
    port: int, request: Callable[[int], bytes], first: int, until: float, load: Load
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    number = first
    while time.perf_counter() < until:
        began = time.perf_counter()
        writer.write(request(number))
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        length = 0
        for row in head.split(b"\r\n"):
            if row.lower().startswith(b"content-length:"):
                length = int(row.split(b":")[1])
        if length:
            await reader.readexactly(length)
        load.statuses[status] = load.statuses.get(status, 0) + 1
        load.waits_ms.append((time.perf_counter() - began) * 1000)
        number += 1
        if b"connection: close" in head.lower():
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()


def press(port: int, request: Callable[[int], bytes], *, clients: int, seconds: float) -> Load:
    """Send requests from ``clients`` connections for ``seconds``."""

    async def all_of_them() -> Load:
        load = Load()
        began = time.perf_counter()
        until = began + seconds
        await asyncio.gather(
            *(_client(port, request, client * 10_000_000, until, load) for client in range(clients))
        )
        load.seconds = time.perf_counter() - began
        return load

    return asyncio.run(all_of_them())


def post(path: str, body: bytes, token: str) -> bytes:
    """Return one POST as bytes."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def get(path: str) -> bytes:
    """Return one GET as bytes."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
