"""The edge's door, asked without a network."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

from granian.rsgi import ProtocolClosed

from anlan.entrypoints.edge import door as doors
from anlan.entrypoints.edge.credentials import Credentials
from anlan.entrypoints.edge.door import Door
from anlan.entrypoints.edge.judging import Judging
from anlan.entrypoints.senders import Senders
from anlan.sensing import public as sensing
from tests.sensing.conftest import NOW


class Line:
    """A request as the server hands it over: its body once, whole or in pieces, and its answer."""

    def __init__(self, pieces, announced):
        self.left, self.announced = pieces, announced
        self.begun = False

    def __aiter__(self):
        assert not self.begun
        self.begun = True
        return self

    async def __anext__(self):
        if not self.left:
            raise StopAsyncIteration
        piece = self.left.pop(0)
        if isinstance(piece, float):
            await asyncio.sleep(piece)
            piece = b" "
        return piece

    async def __call__(self):
        found = b"".join([piece async for piece in self])
        if len(found) < self.announced:
            raise ProtocolClosed
        return found

    def response_bytes(self, status, headers, body):
        self.answer = (status, body, dict(headers))


class Asked:
    """A door that is asked without a network."""

    def __init__(self, gatherer, token, limit):
        self.token = token
        self.gatherer = gatherer
        self.credentials = Credentials(Senders())
        self.door = Door(self.gatherer, self.credentials, Judging(), limit=limit)

    async def ask(self, body=b"", *, path=doors.ADDRESS, method="POST", pieces=None, **headers):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        given = {"authorization": f"Bearer {self.token}", "accept-language": "en"}
        if pieces is None:
            given["content-length"] = str(len(body))
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        self.left = list(pieces) if pieces is not None else [body]
        line = Line(self.left, int(given.get("content-length", 0)))
        # As the server does it: what is not ASCII is there, and empty.
        said = {n: value if value.isascii() else "" for n, value in given.items() if value}
        scope = SimpleNamespace(proto="http", path=path, method=method, headers=said)
        await self.door.__rsgi__(scope, line)
        status, told, headers = line.answer
        text = told.decode()
        is_json = headers["content-type"].startswith("application/json")
        return status, json.loads(text) if is_json and text else text, headers


def asking(talk, token, *, limit=100_000):
    """Run ``talk`` with a door; everything is closed afterwards."""
    gatherer = sensing.Gatherer(sensing.begin_writing(), now=NOW)

    async def whole():
        asked = Asked(gatherer, token, limit)
        try:
            return await talk(asked)
        finally:
            await asyncio.to_thread(asked.gatherer.close)
            await asyncio.to_thread(asked.credentials.close)
            sensing.let_go()

    return asyncio.run(whole())
