"""Reports a second with everything on: real server, worker, journal, contents, 50 clients.

Promise: at least 500 a second on two cores.  Peers of the same run: durable commits of
the same disk, and a Django application that does nothing behind the same server.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import clients, measure

CLIENTS = 50
SECONDS = 15.0
PROMISED = 500.0
SETUP = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "anlan.conf.settings"
from datetime import UTC, datetime, timedelta
from anlan.entrypoints.cli import demo_city
demo_city.prepare()
from anlan.kernel.actor import system_actor
from anlan.registry import public as registry
now = datetime.now(UTC)
actor = system_actor("bench")
account = registry.create_account(actor, "bench.gateway", "program", areas=("",), now=now)
print(registry.issue_token(actor, account, None, None, now + timedelta(days=1), now=now)[1])
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, path: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError("the server ended before it answered")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as link:
                link.sendall(clients.get(path))
                if link.recv(12).startswith(b"HTTP/1."):
                    return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("the server did not answer within a minute")


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def ping_per_s() -> float:
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port)]
    command += ["--workers", "2", "--blocking-threads", "1", "--log-level", "error"]
    server = subprocess.Popen([*command, "benchmarks.bare_ping:application"])
    try:
        wait_for(port, "/", server)
        return clients.press(port, lambda _n: clients.get("/"), clients=CLIENTS, seconds=5.0).per_s(
            200
        )
    finally:
        stop(server)


def reports_load(root: Path) -> tuple[clients.Load, float]:
    port = free_port()
    environment = dict(os.environ, ANLAN_WORKSPACE=str(root / "workspace"), ANLAN_PORT=str(port))
    environment["ANLAN_EDGE_PORT"] = ""
    made = subprocess.run(
        [sys.executable, "-c", SETUP], env=environment, check=True, capture_output=True, text=True
    )
    token = made.stdout.split()[-1]
    server = subprocess.Popen([sys.executable, "-m", "anlan", "up"], env=environment)

    def request(number: int) -> bytes:
        # Places a few hundred metres apart, so that not everything joins one case.
        body = {
            "text": f"路口积水 {number}",
            "lat": 34.66 + (number * 7919 % 1000) / 5000,
            "lon": 113.5 + (number * 104729 % 1000) / 2500,
            "contact": {"name": "甲", "phone": f"139{number % 10**8:08d}"},
        }
        return clients.post("/api/v1/reports", json.dumps(body).encode(), token)

    database = root / "workspace" / "anlan.sqlite3"
    try:
        wait_for(port, "/healthz", server)
        clients.press(port, request, clients=CLIENTS, seconds=2.0)
        before = owned(database)
        load = clients.press(
            port, lambda n: request(n + 5_000_000), clients=CLIENTS, seconds=SECONDS
        )
        return load, (owned(database) - before) / load.seconds
    finally:
        stop(server)


def owned(database: Path) -> int:
    """Return how many reports have a case by now."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as link:
        found = link.execute(
            "SELECT count(*) FROM response_casefollower WHERE sign LIKE 'report:%'"
        )
        return int(found.fetchone()[0])


def main() -> bool:
    root = measure.workspace_folder()
    try:
        commits = measure.sqlite_commits_per_s(root)
        pings = ping_per_s()
        load, owned_per_s = reports_load(root)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    accepted = load.per_s(201)
    good = measure.line(
        "reports accepted, 50 clients, everything on", accepted, "/s",
        beside="promised", limit=PROMISED, must=True,
    )  # fmt: skip
    measure.line("  the same", accepted, "/s", beside="raw durable SQLite commits", limit=commits)
    measure.line("  the same", accepted, "/s", beside="bare Django ping", limit=pings)
    measure.line(
        "  meanwhile reports given to a case", owned_per_s, "/s", beside="accepted", limit=accepted
    )
    others = {status: count for status, count in load.statuses.items() if status != 201}
    print(
        f"  waits: median {load.percentile(0.5):.0f} ms, 99 % {load.percentile(0.99):.0f} ms; "
        f"answers other than 201: {others or 'none'}"
    )
    return good and not others


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
