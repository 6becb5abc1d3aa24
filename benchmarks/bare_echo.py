"""The smallest ASGI application behind the same server as the edge: reads a body whole and answers 202.

python -m benchmarks.bare_echo PORT
"""

from __future__ import annotations

import asyncio
import sys

from granian.constants import Interfaces
from granian.server.embed import Server

ANSWER = b'{"batch":1,"kept":500,"refused":[],"quarantine":null}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(ANSWER)).encode())]


async def application(scope, receive, send):
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 202, "headers": HEADERS})
    await send({"type": "http.response.body", "body": ANSWER})


async def main(port: int) -> None:
    server = Server(
        application,
        port=port,
        interface=Interfaces.ASGINL,
        backlog=1_024,
        websockets=False,
        log_enabled=False,
    )
    await server.serve()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
