"""Prometheus evaluating the benchmark's rule over series of its own, where it is installed.

It scrapes a page of this process on the loopback address, evaluates
``depth > 8 for 2m`` and tells how long an evaluation took, once those series
that stand above the limit have been told.  All the series of the benchmark are
there: its evaluation does not grow in step with their number.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

EVALUATIONS = 4
SCRAPED_EVERY_S, JUDGED_EVERY_S = 30, 15  # a page of a million series takes it some seconds to read
PATIENCE_S = 420
RULE = """
groups:
  - name: depth
    interval: {judged}s
    rules:
      - alert: deep
        expr: depth > 8
        for: 2m
"""
CONFIG = """
global: {{scrape_interval: {every}s, scrape_timeout: {every}s, evaluation_interval: {judged}s}}
rule_files: [rules.yml]
scrape_configs:
  - job_name: city
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


class _Page(BaseHTTPRequestHandler):
    body = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        pass


class Watched(NamedTuple):
    """What Prometheus did: seconds of an evaluation, its alerts, and its processor time.

    ``evaluation_s`` is the median.  ``cpu_s`` is that of a million readings: read from a page, stored
    and, where it judges as often as it reads, judged.
    """

    evaluation_s: float
    firing: int
    cpu_s: float


def evaluation(
    series: int, hot: int, *, every_s: int = SCRAPED_EVERY_S, judged_s: int = JUDGED_EVERY_S
) -> Watched | None:
    """Return what it did with ``series`` of which ``hot`` fire; None: not installed.

    It reads them each ``every_s`` seconds and judges them each ``judged_s``.
    """
    program = shutil.which("prometheus")
    if program is None:
        return None
    values = np.round(np.random.default_rng(1).normal(3.0, 0.5, series), 2)
    values[:hot] += 7.0
    lines = [f'depth{{stream="S{i:07d}"}} {value}' for i, value in enumerate(values.tolist())]
    _Page.body = ("# TYPE depth gauge\n" + "\n".join(lines) + "\n").encode()
    page = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    threading.Thread(target=page.serve_forever, daemon=True).start()
    folder = Path(tempfile.mkdtemp())
    port = _free_port()
    (folder / "rules.yml").write_text(RULE.format(judged=judged_s))
    (folder / "prometheus.yml").write_text(
        CONFIG.format(port=page.server_address[1], every=every_s, judged=judged_s)
    )
    running = subprocess.Popen(
        [
            program, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}", "--log.level=error",
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        return _watched(port, series, hot)
    finally:
        running.terminate()
        running.wait(30)
        page.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


def _watched(port: int, series: int, hot: int) -> Watched:
    """Return the median of some evaluations after all series were seen and the hot ones fired.

    Only its own figures are asked for meanwhile: a query over all series would cost it more.
    """
    firing = _wait_for_all(port, series, hot)
    seen: dict[float, float] = {}
    first: dict[str, float] = {}
    figures = _figures(port)
    end = time.monotonic() + PATIENCE_S
    while len(seen) <= EVALUATIONS and time.monotonic() < end:
        time.sleep(1)
        figures = _figures(port)
        seen[figures[_JUDGED_AT]] = figures[_JUDGED_IN]
        if len(seen) == 2 and not first:  # from just after one evaluation to just after another
            first = figures
    if len(seen) <= EVALUATIONS:
        raise RuntimeError("prometheus did not go on to evaluate the rule")
    cpu, stored = (figures[name] - first[name] for name in (_PROCESSOR, _STORED))
    return Watched(float(np.median(list(seen.values())[1:])), firing, 1e6 * cpu / stored)


def _wait_for_all(port: int, series: int, hot: int) -> int:
    """Wait until all series are seen and the hot ones fire; return how many do."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        time.sleep(3)
        try:
            count = _ask(port, "/api/v1/query?query=count(depth)")["result"]
            alerts = _ask(port, "/api/v1/query?query=count(ALERTS%7Balertstate%3D%22firing%22%7D)")
        except (OSError, LookupError):
            continue
        firing = _number(alerts["result"])
        if _number(count) == series and firing >= 0.95 * hot:
            return firing
    raise RuntimeError("prometheus did not evaluate the rule over all series")


_PROCESSOR, _STORED = "process_cpu_seconds_total", "prometheus_tsdb_head_samples_appended_total"
_JUDGED_AT = "prometheus_rule_group_last_evaluation_timestamp_seconds"
_JUDGED_IN = "prometheus_rule_group_last_duration_seconds"


def _figures(port: int) -> dict[str, float]:
    """Return what it says of itself; of a figure by kinds, the sum."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        lines = answer.read().decode().splitlines()
    found = {}
    for name in (_PROCESSOR, _STORED, _JUDGED_AT, _JUDGED_IN):
        said = [line for line in lines if line.startswith((f"{name} ", f"{name}{{"))]
        if not said:
            raise LookupError(f"prometheus does not say its {name}")
        found[name] = sum(float(line.rpartition(" ")[2]) for line in said)
    return found


def _number(result: Any) -> int:
    return int(result[0]["value"][1]) if result else 0


def _ask(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
        return json.loads(answer.read())["data"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
