"""The smallest RSGI application behind the same server as the edge: reads a body whole and answers 202.

python -m benchmarks.bare_echo PORT
"""

from __future__ import annotations

import asyncio
import sys

from granian.constants import Interfaces
from granian.server.embed import Server

ANSWER = b'{"batch":1,"kept":500,"refused":[],"quarantine":null}'
HEADERS = [("content-type", "application/json")]


async def application(scope, asked):
    if scope.proto == "http":
        await asked()
        asked.response_bytes(202, HEADERS, ANSWER)


async def main(port: int) -> None:
    server = Server(
        application,
        port=port,
        interface=Interfaces.RSGI,
        backlog=1_024,
        websockets=False,
        log_enabled=False,
    )
    await server.serve()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
