"""Readings over HTTP at the edge: decoded, stored with fsync, judged, acknowledged.

Promises (two cores, the load generator on the same machine): batches of 500 in columns at least
0.6 million readings a second; at half of that, sent at their time whatever became of those before,
99 of 100 readings that raise an alert have it within a second; a fifth of the processor time that
Prometheus takes to read, store and judge as many.  Beside it: the same bodies sent to an
application behind the same server that does nothing with them, rows as JSON, binary records, single
readings.  Prometheus, where it is installed, has as many series and one rule over them, none firing.
``ANLAN_BENCH_SECONDS`` makes the open run shorter than a minute.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

from benchmarks import measure, prometheus_rule
from benchmarks.bench_reports import free_port, stop, wait_for

STREAMS, ROWS, CONNECTIONS, SECONDS = 200_000, 500, 64, 8.0
OPEN_SECONDS = float(os.environ.get("ANLAN_BENCH_SECONDS", "60"))
PROMISED, ALERT_S = 600_000.0, 1.0
LESS_CPU = 5.0  # times less processor time than Prometheus
COLUMNS = f"columns of {ROWS}"
PROBES = "PROBE"
SETUP = f"""
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "anlan.conf.settings"
from datetime import UTC, datetime, timedelta
from anlan.entrypoints.cli import demo_city
demo_city.prepare()
from anlan.kernel.actor import system_actor
from anlan.registry import public as registry
from anlan.registry.models import Sensor
now = datetime.now(UTC)
one = Sensor.objects.order_by("code").first()
given = {{f.attname: getattr(one, f.attname) for f in Sensor._meta.concrete_fields if not f.primary_key}}
def those(name, count, quantity, unit):
    # They speak more often than once a second here; a ring that has to grow is no daily matter.
    more = {{"quantity": quantity, "unit": unit, "interval": "1s"}}
    return [Sensor(**given | more | {{"code": f"{{name}}{{n}}"}}) for n in count]
# What is sent in masses stays far below its limits; one reading of a probe raises its alert at once.
quiet = those("BENCH-", [f"{{n:06d}}" for n in range({STREAMS})], "leakage_current", "mA")
probes = those("{PROBES}-", [f"{{n:04d}}" for n in range(2000)], "lift_trapped_minutes", "min")
Sensor.objects.bulk_create([*quiet, *probes], batch_size=2000)
actor = system_actor("bench")
account = registry.create_account(actor, "bench.gateway", "program", areas=("",), now=now)
print(registry.issue_token(actor, account, None, None, now + timedelta(days=1), now=now)[1])
"""


class Served:
    """A server process, what it used, and the load put on it."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, token: str = "") -> None:
        self.process, self.port, self.token = process, port, token

    def cpu_s(self) -> float:
        parts = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")

    def wait_for_judge(self) -> None:
        """Wait until what comes in is judged in its commit: a start has to find its memory first."""
        began = time.perf_counter()
        while True:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz") as answer:
                state = json.loads(answer.read())
            if state["judging"] and not state["not_judged"]:
                print(f"(judging in the commit after {time.perf_counter() - began:.1f} s more)")
                return
            if time.perf_counter() - began > 300:
                raise SystemExit(f"it does not judge: {state}")
            time.sleep(0.2)

    def load(self, form: str, rows: int, *, seconds: float, rate: float = 0.0) -> dict[str, float]:
        """Put load on it from a process of its own; return what that measured."""
        path = "/api/v1/observations"
        arguments = (
            self.port,
            self.token or "-",
            path,
            form,
            rows,
            CONNECTIONS,
            seconds,
            rate,
            STREAMS,
        )
        before = self.cpu_s()
        ended = subprocess.run(
            [sys.executable, "-m", "benchmarks.http_load", *map(str, arguments)],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        found = json.loads(ended.stdout)
        found["server_cpu_s"] = self.cpu_s() - before
        found["per_s"] = found["readings"] / found["seconds"]
        return found


def tell(what: str, found: dict[str, float]) -> None:
    millions = found["readings"] / 1e6 or float("nan")
    print(
        f"  {what}: p50 {found['p50_ms']:.1f} ms, p99 {found['p99_ms']:.1f} ms; CPU-seconds a million"
        f" readings: server {found['server_cpu_s'] / millions:.2f}, sender"
        f" {found['cpu_s'] / millions:.2f}; answers {found['statuses']}",
        flush=True,
    )


def echoing(form: str) -> dict[str, float]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.bare_echo", str(port)])
    try:
        wait_for(port, "/", process)
        return Served(process, port).load(form, ROWS, seconds=SECONDS)
    finally:
        stop(process)


def closed(edge: Served, spent: dict[str, float]) -> bool:
    """As fast as it is answered, form by form; ``spent``: the server's CPU-seconds a million readings."""
    found = edge.load("columns", ROWS, seconds=SECONDS)
    good = measure.line(
        f"columns, {ROWS} a message, {CONNECTIONS} connections", found["per_s"], "readings/s",
        beside="promised", limit=PROMISED, must=True,
    )  # fmt: skip
    tell("columns", found)
    spent[COLUMNS] = found["server_cpu_s"] / found["readings"] * 1e6
    measure.line(
        "  the same", found["per_s"], "readings/s",
        beside="read and thrown away", limit=echoing("columns")["per_s"],
    )  # fmt: skip
    for form, rows in (("rows", ROWS), ("binary", ROWS), ("single", 1)):
        other = edge.load(form, rows, seconds=SECONDS)
        name = "single readings as JSON" if rows == 1 else f"{form}, {rows} a message"
        measure.line(name, other["per_s"], "readings/s", beside="columns", limit=found["per_s"])
        tell(form, other)
        spent[name] = other["server_cpu_s"] / other["readings"] * 1e6
    return good


def beside_prometheus(spent: dict[str, float]) -> bool:
    """What a million readings cost, in, stored and judged, beside Prometheus' reading as many."""
    found = prometheus_rule.evaluation(STREAMS, 0, every_s=10, judged_s=10)  # as quiet as ours
    if found is None:
        print("Prometheus is not installed: not run")
        return True
    good = True
    for form, seconds in spent.items():
        is_batch = form == COLUMNS
        good &= measure.line(
            f"processor time of 1 M readings, {form}", seconds, "s",
            beside=f"Prometheus {found.cpu_s:.1f} s, by {LESS_CPU:.0f}" if is_batch else "Prometheus",
            limit=found.cpu_s / LESS_CPU if is_batch else found.cpu_s,
            more_is_better=False, must=is_batch,
        )  # fmt: skip
    return good


class Prober(threading.Thread):
    """Sends a reading that raises an alert now and then, and looks for its alert."""

    def __init__(self, edge: Served, database: Path) -> None:
        super().__init__(daemon=True)
        self.edge, self.database = edge, database
        self.waits: list[float] = []
        self.missing = 0
        self.ending = threading.Event()

    def run(self) -> None:
        number = 0
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True) as link:
            while not self.ending.wait(0.3):
                self._probe(link, f"{PROBES}-{number:04d}")
                number += 1

    def _probe(self, link: sqlite3.Connection, code: str) -> None:
        body = {"streams": code, "at_ms": time.time_ns() // 1_000_000, "value": [200.0]}
        asked = urllib.request.Request(
            f"http://127.0.0.1:{self.edge.port}/api/v1/observations",
            data=json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.edge.token}"},
        )
        began = time.perf_counter()
        with urllib.request.urlopen(asked, timeout=20) as answer:
            assert answer.status == 202
        asking = "SELECT 1 FROM warning_alertinstance WHERE subject LIKE ?"
        while time.perf_counter() - began < 10.0:
            if link.execute(asking, [f"%{code}"]).fetchone():
                self.waits.append(time.perf_counter() - began)
                return
            time.sleep(0.005)
        self.missing += 1


def half_load(edge: Served, database: Path) -> bool:
    """Half of what was promised, each message at its time; meanwhile readings that raise alerts."""
    prober = Prober(edge, database)
    prober.start()
    rate = PROMISED / 2 / ROWS
    found = edge.load("columns", ROWS, seconds=OPEN_SECONDS, rate=rate)
    prober.ending.set()
    prober.join()
    measure.line(
        f"columns at half load for {OPEN_SECONDS:.0f} s", found["per_s"], "readings/s",
        beside="sent", limit=PROMISED / 2,
    )  # fmt: skip
    tell("half load", found)
    waits = sorted(prober.waits) or [float("inf")]
    last = waits[min(len(waits) - 1, int(0.99 * len(waits)))]
    print(
        f"  from reading to alert: {len(prober.waits)} alerts, p50 {statistics.median(waits):.3f} s;"
        f" without one after 10 s: {prober.missing}"
    )
    return measure.line(
        "from reading to alert, 99 %", last, "s",
        beside="at most", limit=ALERT_S, more_is_better=False, must=True,
    ) and not prober.missing  # fmt: skip


def main() -> bool:
    print(f"(other programs may run on this machine: load {os.getloadavg()[0]:.1f})")
    root = measure.workspace_folder()
    port = free_port()
    environment = dict(
        os.environ, ANLAN_WORKSPACE=str(root / "workspace"), ANLAN_EDGE_PORT=str(port)
    )
    running: list[subprocess.Popen[bytes]] = []
    try:
        made = subprocess.run(
            [sys.executable, "-c", SETUP],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        running += [
            subprocess.Popen([sys.executable, "-m", "anlan", command], env=environment)
            for command in ("edge", "worker")
        ]
        wait_for(port, "/healthz", running[0])
        edge = Served(running[0], port, made.stdout.split()[-1])
        edge.load("columns", ROWS, seconds=2.0)  # all streams have spoken
        edge.wait_for_judge()
        spent: dict[str, float] = {}
        good = closed(edge, spent) & half_load(edge, root / "workspace" / "anlan.sqlite3")
    finally:
        for process in reversed(running):
            stop(process)
        shutil.rmtree(root, ignore_errors=True)
    return good & beside_prometheus(spent)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
