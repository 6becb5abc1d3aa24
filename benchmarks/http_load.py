"""Load on an HTTP door from a process of its own: as fast as it is answered, or at a stated rate.

    python -m benchmarks.http_load PORT TOKEN PATH FORM ROWS CONNECTIONS SECONDS RATE STREAMS

FORM is columns, rows, single or binary.  RATE are requests a second, sent at their time whatever
became of those before (open loop); 0: each connection sends when it was answered (closed loop).
Bodies are made before the clock starts and get the time when they are sent, so that every reading is
news of its stream; a key of its own in each request keeps them apart.  Prints JSON.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import struct
import sys
import time
from collections import Counter, deque
from dataclasses import dataclass, field

import numpy as np

LONGEST_TURN = 4_000
"""So many different messages at most: all streams speak in turn, as far as these go."""
MS, TEXT = "@" * 13, "2001-01-01T00:00:00.000"
"""Stand in a body for the moment at which it is sent."""
RECORD = np.dtype([("stream", "<u4"), ("at_us", "<i8"), ("value", "<f8"), ("quality", "u1")])


class Body:
    """One message, to be sent again and again, each time with readings of that moment."""

    def __init__(self, form: str, rows: int, streams: int, number: int) -> None:
        chance = random.Random(number)
        codes = [f"BENCH-{(number * rows + n) % streams:06d}" for n in range(rows)]
        values = [round(chance.gauss(5, 1), 2) for _ in codes]
        self.form = form
        if form == "binary":
            names = "\n".join(codes).encode()
            self.head = struct.pack("<4sIIHH", b"ANR1", rows, len(names), 0, 0) + names
            self.records = np.zeros(rows, RECORD)
            self.records["stream"], self.records["value"] = np.arange(rows), values
            self.size = len(self.head) + self.records.nbytes
            return
        if form == "columns":
            times = ",".join(f"{MS}{n:03d}" for n in range(rows))
            text = '{"streams":%s,"at_us":[%s],"value":%s}'
            text %= (json.dumps(codes, separators=(",", ":")), times, json.dumps(values))
        else:
            found = [
                {"stream": code, "at": f"{TEXT}{n:03d}+00:00", "value": value}
                for n, (code, value) in enumerate(zip(codes, values, strict=True))
            ]
            whole = {"observations": found} if form == "rows" else found[0]
            text = json.dumps(whole, separators=(",", ":"))
        self.size = len(text)
        self.pieces = text.encode().split((MS if form == "columns" else TEXT).encode())

    def at(self, now_ms: int) -> bytes:
        """Return it with readings of this moment."""
        if self.form == "binary":
            self.records["at_us"] = now_ms * 1000 + np.arange(len(self.records))
            return self.head + self.records.tobytes()
        if self.form == "columns":
            return (b"%d" % now_ms).join(self.pieces)
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now_ms / 1000))
        return f"{at}.{now_ms % 1000:03d}".encode().join(self.pieces)


@dataclass
class Found:
    """What a run measured."""

    statuses: Counter[int] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)


class Client(asyncio.Protocol):
    """One connection: sends what waits, one request at a time."""

    def __init__(self, found: Found, wanted) -> None:
        self.found, self.wanted = found, wanted
        self.waiting: deque[tuple[float, bytes]] = deque()
        self.began = 0.0
        self.buffer = b""
        self.busy = False

    def connection_made(self, transport) -> None:
        self.transport = transport
        self.go_on()

    def go_on(self) -> None:
        one = self.waiting.popleft() if self.waiting else self.wanted()
        if one is None:
            self.busy = False
            return
        self.busy = True
        self.began, data = one
        self.transport.write(data)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        at = self.buffer.lower().find(b"content-length:")
        length = int(self.buffer[at + 15 : self.buffer.find(b"\r\n", at)])
        if len(self.buffer) < end + 4 + length:
            return
        self.found.statuses[int(self.buffer[9:12])] += 1
        self.found.waits.append(time.perf_counter() - self.began)
        self.buffer = b""
        self.go_on()

    def connection_lost(self, _error) -> None:
        self.found.statuses[0] += 1


class Requests:
    """Messages of all streams in turn, each with a key of its own."""

    def __init__(self, port, token, path, form, rows, streams) -> None:
        kind = "application/vnd.anlan.readings" if form == "binary" else "application/json"
        turn = max(1, min(LONGEST_TURN, streams // rows))
        self.bodies = [Body(form, rows, streams, number) for number in range(turn)]
        self.heads = [
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: {kind}\r\nContent-Length: {body.size}\r\n".encode()
            for body in self.bodies
        ]
        self.count = 0
        self.run = random.randrange(1 << 40)

    def next(self) -> bytes:
        """Return the next message, with readings of this moment."""
        self.count += 1
        place = self.count % len(self.bodies)
        body = self.bodies[place].at(time.time_ns() // 1_000_000)
        key = b"%x-%x" % (self.run, self.count)
        return b"%sIdempotency-Key: %s\r\n\r\n%s" % (self.heads[place], key, body)


async def send(requests, found, port, connections, seconds, rate) -> None:
    """Send for so many seconds, and wait for what is on its way."""
    end = time.perf_counter() + seconds
    closed = rate == 0

    def wanted():
        now = time.perf_counter()
        return (now, requests.next()) if closed and now < end else None

    loop = asyncio.get_running_loop()
    clients = [
        (await loop.create_connection(lambda: Client(found, wanted), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    due = time.perf_counter()
    while (now := time.perf_counter()) < end:
        while not closed and due <= now:
            # Its wait counts from when it was due, also when all connections are busy.
            # In turn: who says nothing for ten seconds is let go by the server.
            one = min(clients, key=lambda c: (c.busy, len(c.waiting), c.began))
            one.waiting.append((due, requests.next()))
            if not one.busy:
                one.go_on()
            due += 1 / rate
        await asyncio.sleep(min(0.005, max(0.0, end - now)) if closed else 0.001)
    patience = time.perf_counter() + 20
    while any(client.busy for client in clients) and time.perf_counter() < patience:
        await asyncio.sleep(0.005)


def main(port, token, path, form, rows, connections, seconds, rate, streams) -> dict:
    requests, found = Requests(port, token, path, form, rows, streams), Found()
    gc.collect()
    gc.freeze()
    worked, began = time.process_time(), time.perf_counter()
    asyncio.run(send(requests, found, port, connections, seconds, rate))
    waits = sorted(found.waits) or [0.0]
    return {
        "seconds": time.perf_counter() - began,
        "statuses": dict(found.statuses),
        "readings": found.statuses[202] * rows,
        "sent": requests.count,
        "body_bytes": requests.bodies[0].size,
        "p50_ms": waits[len(waits) // 2] * 1000,
        "p99_ms": waits[min(len(waits) - 1, int(len(waits) * 0.99))] * 1000,
        "cpu_s": time.process_time() - worked,
    }


if __name__ == "__main__":
    port, token, path, form, rows, connections, seconds, rate, streams = sys.argv[1:]
    found = main(
        int(port),
        token,
        path,
        form,
        int(rows),
        int(connections),
        float(seconds),
        float(rate),
        int(streams),
    )
    sys.stdout.write(json.dumps(found) + "\n")
