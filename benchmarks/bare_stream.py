"""The smallest server of streams: what the same server does that only hands bytes to its viewers."""

from __future__ import annotations

import asyncio
import os

FRAME = b"event: lists\ndata: " + b"x" * int(os.environ.get("BENCH_FRAME", "20000")) + b"\n\n"
_viewers: set[asyncio.Queue[bytes]] = set()


async def application(scope, _receive, send) -> None:
    """Stream on GET; on POST hand the next frame to everybody."""
    if scope["type"] != "http":
        return
    if scope["method"] == "POST":
        for queue in _viewers:
            queue.put_nowait(FRAME)
        await _answer(send, b"ok", (b"content-length", b"2"))
        return
    queue: asyncio.Queue[bytes] = asyncio.Queue()
    _viewers.add(queue)
    try:
        head = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": b": here\n\n", "more_body": True})
        while True:
            body = await queue.get()
            await send({"type": "http.response.body", "body": body, "more_body": True})
    finally:
        _viewers.discard(queue)


async def _answer(send, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})
