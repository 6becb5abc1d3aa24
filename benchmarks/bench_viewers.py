"""200 open viewers of Watch over 10,000 open cases: how soon a change is with every one of them.

Promise: within a second.  Peer: a bare ASGI application behind the same server that hands as many
bytes to as many connections.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field

from benchmarks import bench_reports, measure, watched_city

VIEWERS, CHANGES, PROMISED_S, PATIENT_S = 200, 20, 1.0, 30.0
#: Who looks: most see the whole city, some a district, in both languages.
GROUPS = (((), "zh", 90), ((), "en", 70), (("410102",), "zh", 25), (("410102",), "en", 15))
OPEN = re.compile(rb'href="/cases">(\d+)<')
HAZARDS = ("road.manhole", "gas.leak", "fire.building", "flood.urban")


@dataclass
class Viewer:
    """One stream: how many open cases it last showed, and when it showed how many first."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter  # held, or the connection would be closed
    seen: dict[int, float] = field(default_factory=dict)
    last: int = 0
    frames: int = 0
    size: int = 0

    async def listen(self) -> None:
        """Read frames until the stream ends."""
        text = b""
        while piece := await self.reader.read(262_144):
            text += piece
            while b"\n\n" in text:
                frame, _, text = text.partition(b"\n\n")
                if b"event: lists" in frame:
                    self.frames += 1
                    self.size = len(frame)
                    found = OPEN.search(frame)
                    self.last = int(found[1]) if found else self.frames
                    self.seen.setdefault(self.last, time.perf_counter())


async def viewer(port: int, path: str, cookie: str = "") -> Viewer:
    """Open one stream."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n\r\n".encode()
    )
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 200 " not in head.partition(b"\r\n")[0]:
        raise RuntimeError(head.decode())
    return Viewer(reader, writer)


async def until(true, seconds: float = PATIENT_S) -> None:
    """Wait until something is true."""
    end = time.perf_counter() + seconds
    while not true():
        if time.perf_counter() > end:
            raise TimeoutError
        await asyncio.sleep(0.02)


def opened(place, number: int, areas: list[str]) -> None:
    """Open a case by hand, as a duty officer does."""
    body = {
        "kind": "service",
        "hazard": HAZARDS[number % len(HAZARDS)],
        "area": areas[number % len(areas)],
        "priority": 2,
    }
    asked = urllib.request.Request(
        f"{place.address}/api/v1/cases",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {place.token}", "Content-Type": "application/json"},
    )
    try:
        urllib.request.urlopen(asked, timeout=PATIENT_S).close()
    except urllib.error.HTTPError as error:
        raise RuntimeError(error.read().decode()) from error


async def watch(place) -> tuple[list[list[float]], int]:
    """Return for each change the delays of all viewers, and how many bytes a frame has."""
    # A seat each: a browser has a few streams only.
    cookies = [
        (f"/watch/live?lang={language}", f"anlan_session={secret}")
        for areas, language, count in GROUPS
        for secret in place.sessions("duty_officer", count, areas=areas)
    ]
    viewers = [await viewer(place.port, path, cookie) for path, cookie in cookies]
    listening = [asyncio.create_task(one.listen()) for one in viewers]
    await until(lambda: all(one.seen for one in viewers))
    areas, waits, answered = [f"410102{n:03}" for n in (1, 2)], [], []
    for number in range(CHANGES):
        # Changes come at any moment of the hub's round.
        await asyncio.sleep(1.0 + (number * 0.137) % 0.5)
        before = [one.last for one in viewers]
        began = time.perf_counter()
        await asyncio.to_thread(opened, place, number, areas)
        answered.append(1000 * (time.perf_counter() - began))
        await until(
            lambda b=before: all(one.last > was for one, was in zip(viewers, b, strict=True))
        )
        waits.append([one.seen[one.last] - began for one in viewers])
    for task in listening:
        task.cancel()
    print(f"  the change itself was answered after {statistics.median(answered):.0f} ms (median)")
    return waits, max(one.size for one in viewers)


async def bare(port: int) -> list[list[float]]:
    """Return the same delays of the bare application."""
    viewers = [await viewer(port, "/") for _ in range(VIEWERS)]
    listening = [asyncio.create_task(one.listen()) for one in viewers]
    waits = []
    for number in itertools.count(1):
        await asyncio.sleep(0.3)
        began = time.perf_counter()
        asked = urllib.request.Request(f"http://127.0.0.1:{port}/", data=b"", method="POST")
        await asyncio.to_thread(
            lambda a=asked: urllib.request.urlopen(a, timeout=PATIENT_S).close()
        )
        await until(lambda n=number: all(one.frames >= n for one in viewers))
        waits.append([one.seen[number] - began for one in viewers])
        if number == CHANGES:
            break
    for task in listening:
        task.cancel()
    return waits


def bare_waits(size: int) -> list[list[float]]:
    """Serve the bare application and watch it."""
    port = bench_reports.free_port()
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--port", str(port)]
    command += ["--workers", "1", "--log-level", "error", "benchmarks.bare_stream:application"]
    server = subprocess.Popen(command, env=dict(os.environ, BENCH_FRAME=str(size)))
    try:
        bench_reports.wait_for(port, "/", server)
        return asyncio.run(bare(port))
    finally:
        bench_reports.stop(server)


def last_ms(waits: list[list[float]]) -> list[float]:
    """Return, in order, after how many milliseconds the last viewer had each change."""
    return sorted(1000 * max(each) for each in waits)


def main() -> bool:
    watched_city.limit_files()
    folder = measure.workspace_folder()
    try:
        with watched_city.busy_city(folder) as place:
            waits, size = asyncio.run(watch(place))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    peer = statistics.median(last_ms(bare_waits(size)))
    everyone = sorted(1000 * wait for each in waits for wait in each)
    last = last_ms(waits)
    print(f"  {VIEWERS} viewers, {len(GROUPS)} sights, {CHANGES} changes, {size:,} bytes a frame")
    watched_city.machine_note()
    good = True
    for what, value, must in (
        ("change until a viewer has it, median", statistics.median(everyone), False),
        ("  the same, 99 %", everyone[int(0.99 * len(everyone))], False),
        ("change until every viewer has it, median", statistics.median(last), True),
        ("  the same, worst", last[-1], True),
    ):
        good &= measure.line(
            what, value, "ms", beside="promise", limit=PROMISED_S * 1000, more_is_better=False,
            must=must,
        )  # fmt: skip
    measure.line(
        "  the same, median", statistics.median(last), "ms", beside="bare fan-out", limit=peer,
        more_is_better=False,
    )  # fmt: skip
    return good


if __name__ == "__main__":
    measure.end(good=main())
