"""Readings by MQTT, QoS 1, from the device to the PUBACK: decoded, stored with fsync, judged, acknowledged.

At the door, and by a Mosquitto with Anlan as its client.  The publisher runs on the same machine; as over
HTTP 20,000 streams are spoken of.  Promises: 15,000 messages of one reading, and 0.4 million readings in
batches of 50, a second.  Beside it: bare Mosquitto forwarding the same messages to its own client.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.bench_intake_http import SETUP, STREAMS

HERE = Path(__file__).resolve().parent
SINGLES, BATCHES, ROWS = 60_000, 12_000, 50
WINDOW, WARM_S = 2000, 10.0
PROMISED = {1: 15_000, ROWS: 400_000}
TOPIC = "anlan/observations"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Anlan:
    """The edge process of a workspace of the bench's own, in which MQTT runs."""

    def __init__(self, root: Path, broker: int | None) -> None:
        self.root, self.port = root, free_port()
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("ANLAN_")}
        self.environment |= {
            "ANLAN_WORKSPACE": str(root),
            "ANLAN_LANG": "en",
            "ANLAN_EDGE_PORT": str(free_port()),
            "DJANGO_SETTINGS_MODULE": "anlan.conf.settings",
        }
        token = self.command("-c", SETUP).split()[-1]
        self.secret = root / "keys" / "bench.token"
        self.secret.touch(mode=0o600)
        self.secret.write_text(token)
        lines = ["[door]", f"port = {self.port}"]
        if broker is not None:
            lines += [
                "[[broker]]", 'name = "bench"', 'host = "127.0.0.1"', f"port = {broker}", "tls = false",
                'token_file = "keys/bench.token"', "[[broker.topics]]", 'filter = "anlan/#"',
            ]  # fmt: skip
        (root / "mqtt.toml").write_text("\n".join(lines) + "\n")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "anlan", "edge"], env=self.environment
        )
        while not self.listens():
            time.sleep(0.1)

    def command(self, *arguments: str) -> str:
        return subprocess.run(
            [sys.executable, *arguments],
            env=self.environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def listens(self) -> bool:
        with socket.socket() as line:
            return line.connect_ex(("127.0.0.1", self.port)) == 0

    def cpu_s(self) -> float:
        found = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(found[11]) + int(found[12])) / os.sysconf("SC_CLK_TCK")

    def state(self) -> dict:
        try:
            return json.loads((self.root / "mqtt.state").read_text())
        except (OSError, ValueError):
            return {}

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=60)


def load(port: int, secret: str, messages: int, rows: int, *, form: str = "rows") -> dict:
    began = datetime.now(UTC).isoformat()
    asked = [sys.executable, str(HERE / "mqtt_load.py"), "127.0.0.1", str(port), secret, TOPIC]
    asked += [str(messages), str(rows), str(WINDOW), "--streams", str(STREAMS), "--from", began]
    asked += ["--columns"] if form == "columns" else []
    return json.loads(subprocess.run(asked, check=True, capture_output=True, text=True).stdout)


@contextmanager
def mosquitto(folder: Path):
    program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        yield None
        return
    port = free_port()
    file = folder / "mosquitto.conf"
    file.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages {WINDOW}\n"
    )
    broker = subprocess.Popen([program, "-c", str(file)], stderr=subprocess.DEVNULL)
    time.sleep(1)
    try:
        yield port
    finally:
        broker.terminate()
        broker.wait(timeout=20)


def bare(port: int, messages: int, rows: int) -> float:
    """Return how many messages a second bare Mosquitto forwards to its own client."""
    heard = subprocess.Popen(
        [
            "mosquitto_sub",
            "-p",
            str(port),
            "-q",
            "1",
            "-t",
            TOPIC,
            "-C",
            str(messages),
            "-i",
            "bare",
            "-c",
        ],
        stdout=subprocess.DEVNULL,
    )
    time.sleep(1)
    sent = load(port, "-", messages, rows)
    heard.wait(timeout=300)
    return messages / (time.time() - sent["first_at"])


def told(
    name: str, rows: int, messages: int, seconds: float, cpu: float, sent: dict, limit: float | None
) -> bool:
    rate = messages * rows / seconds
    ratio = f"{rate / rows / limit:4.2f} of bare Mosquitto" if limit else "no Mosquitto here"
    print(
        f"{name:28} {rate:12,.0f} readings/s  PUBACK p50 {sent['p50_ms']:7.1f} ms  p99 {sent['p99_ms']:7.1f} ms"
        f"  {cpu / (messages * rows) * 1e6:6.1f} CPU-s/M  {ratio}  {rate / PROMISED[rows]:4.2f} of what is promised"
    )
    return rate >= PROMISED[rows]


def main() -> int:
    print(f"(other programs may run on this machine: load {os.getloadavg()[0]:.1f})")
    good = True
    with tempfile.TemporaryDirectory() as name, mosquitto(Path(name)) as broker:
        counts = {1: SINGLES, ROWS: BATCHES}
        limits = {rows: bare(broker, counts[rows], rows) if broker else None for rows in counts}
        anlan = Anlan(Path(name) / "workspace", broker)
        try:
            load(
                anlan.port, str(anlan.secret), 4000, ROWS
            )  # the judge compiles at its first reading
            time.sleep(WARM_S)
            for rows, messages, form in (
                *((*one, "rows") for one in counts.items()),
                (ROWS, BATCHES, "columns"),
            ):
                cpu = anlan.cpu_s()
                sent = load(anlan.port, str(anlan.secret), messages, rows, form=form)
                spent = anlan.cpu_s() - cpu
                what = f"door, {rows} a message" + (", in columns" if form == "columns" else "")
                good &= told(what, rows, messages, sent["seconds"], spent, sent, limits[rows])
            for rows, messages in counts.items() if broker else ():
                good &= by_broker(anlan, broker, rows, messages, limits[rows])
        finally:
            anlan.close()
    return 0 if good else 1


def by_broker(anlan: Anlan, broker: int, rows: int, messages: int, limit: float | None) -> bool:
    while anlan.state().get("down", {"?": 1}):
        time.sleep(0.2)
    time.sleep(6)  # the state is written every five seconds
    before, cpu = anlan.state()["kept"], anlan.cpu_s()
    sent = load(broker, "-", messages, rows)
    while anlan.state().get("kept", 0) < before + messages:
        time.sleep(0.1)
    # The state is written every five seconds; it says when the last message was kept.
    seconds = datetime.fromisoformat(max(anlan.state()["kept_at"])).timestamp() - sent["first_at"]
    what = f"Mosquitto, {rows} a message"
    return told(what, rows, messages, seconds, anlan.cpu_s() - cpu, sent, limit)


if __name__ == "__main__":
    sys.exit(main())
