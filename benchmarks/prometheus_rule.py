"""Prometheus evaluating the benchmark's rule over series of its own, where it is installed.

It scrapes a page of this process on the loopback address, evaluates
``depth > 8 for 2m`` and tells how long an evaluation took.
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

import numpy as np

SERIES = 100_000
EVALUATIONS = 4
RULE = """
groups:
  - name: depth
    interval: 5s
    rules:
      - alert: deep
        expr: depth > 8
        for: 2m
"""
CONFIG = """
global: {{scrape_interval: 5s, scrape_timeout: 5s, evaluation_interval: 5s}}
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


def evaluation_s() -> tuple[float, int] | None:
    """Return the median seconds of one evaluation and over how many series; None: not installed."""
    program = shutil.which("prometheus")
    if program is None:
        return None
    values = np.round(np.random.default_rng(1).normal(3.0, 0.5, SERIES), 2)
    lines = [f'depth{{stream="S{i:07d}"}} {value}' for i, value in enumerate(values.tolist())]
    _Page.body = ("# TYPE depth gauge\n" + "\n".join(lines) + "\n").encode()
    page = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    threading.Thread(target=page.serve_forever, daemon=True).start()
    folder = Path(tempfile.mkdtemp())
    port = _free_port()
    (folder / "rules.yml").write_text(RULE)
    (folder / "prometheus.yml").write_text(CONFIG.format(port=page.server_address[1]))
    running = subprocess.Popen(
        [
            program, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}", "--log.level=error",
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        return _watched(port), SERIES
    finally:
        running.terminate()
        running.wait(30)
        page.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


def _watched(port: int) -> float:
    """Return the median of some evaluations that saw all series."""
    seen: dict[str, float] = {}
    end = time.monotonic() + 120
    while len(seen) < EVALUATIONS and time.monotonic() < end:
        time.sleep(1)
        try:
            count = _ask(port, "/api/v1/query?query=count(depth)")["result"]
            group = _ask(port, "/api/v1/rules")["groups"][0]
        except (OSError, LookupError):
            continue
        if count and int(count[0]["value"][1]) == SERIES and group["evaluationTime"] > 0:
            seen[group["lastEvaluation"]] = group["evaluationTime"]
    if not seen:
        raise RuntimeError("prometheus did not evaluate the rule over all series")
    return float(np.median(list(seen.values())[1:] or list(seen.values())))


def _ask(port: int, path: str) -> dict[str, list[dict[str, object]]]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        return json.loads(answer.read())["data"]  # type: ignore[no-any-return]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
