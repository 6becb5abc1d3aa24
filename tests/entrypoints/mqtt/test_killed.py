"""kill -9 under load, at the door and behind a broker: what was acknowledged is kept, exactly once."""

from __future__ import annotations

import json
import os
import random
import re
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.entrypoints.mqtt.conftest import eventually
from tests.served import ROOT, free_port, prepared

pytestmark = [pytest.mark.sqlite_only]
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
MESSAGES = 3000
KEPT = """
import json
from anlan.entrypoints.cli import screen
screen.open_workspace()
from datetime import UTC, datetime
from anlan.sensing import public
found = public.read_observations("GAS-01", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC))
print(json.dumps([one.value for one in found]))
"""


class Running:
    """A workspace, and the edge process on it, ended by its own number."""

    def __init__(self, folder, broker=None):
        self.root, self.port = folder / "workspace", free_port()
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("ANLAN_")}
        self.environment |= {
            "PYTHONPATH": str(ROOT / "src"),
            "ANLAN_WORKSPACE": str(self.root),
            "ANLAN_LANG": "en",
            "ANLAN_EDGE_PORT": str(free_port()),
            "DJANGO_SETTINGS_MODULE": "anlan.conf.settings",
        }
        prepared(self.root, self.environment)
        printed = self.command("-m", "anlan", "token", "issue", "gateway-1", "--role", "program")
        self.token = re.search(r"anlan_\S+", printed).group(0)
        lines = f"[door]\nport = {self.port}\n"
        if broker is not None:
            secret = self.root / "keys" / "gateway.token"
            secret.touch(mode=0o600)
            secret.write_text(self.token)
            lines += (
                f'[[broker]]\nname = "b"\nhost = "127.0.0.1"\nport = {broker}\ntls = false\n'
                'token_file = "keys/gateway.token"\n[[broker.topics]]\nfilter = "anlan/#"\n'
            )
        (self.root / "mqtt.toml").write_text(lines)
        self.process = None
        self.start()

    def command(self, *arguments):
        ended = subprocess.run(
            [sys.executable, *arguments], env=self.environment, cwd=ROOT, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "anlan", "edge"], env=self.environment, cwd=ROOT
        )
        eventually(self._listens)

    def _listens(self):
        assert self.process.poll() is None
        with socket.socket() as line:
            return line.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self):
        self.process.kill()
        self.process.wait()

    def values(self):
        return json.loads(self.command("-c", KEPT))


@pytest.fixture
def running(tmp_path):
    made = []

    def run(broker=None):
        made.append(Running(tmp_path, broker))
        return made[-1]

    yield run
    for one in made:
        one.kill()


def publisher(port, token, acked):
    """A device that goes on through broken lines, and remembers what was acknowledged."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="pump", clean_session=False)
    client.username_pw_set("pump", token)
    client.reconnect_delay_set(1, 1)
    client.max_queued_messages_set(0)
    client.max_inflight_messages_set(100)
    client.on_publish = lambda _c, _d, mid, _r, _p: acked.append(mid)
    client.connect_async("127.0.0.1", port)
    client.loop_start()
    return client


def publish(client, number):
    row = {
        "stream": "GAS-01",
        "at": (BEGAN + timedelta(seconds=number)).isoformat(),
        "value": number % 50,
    }
    return client.publish("anlan/observations", msgspec.json.encode(row), qos=1)


def check_all_kept_once(running):
    running.kill()
    assert "0 faults" in running.command("-m", "anlan", "observations", "verify")
    values = running.values()
    assert values == [float(number % 50) for number in range(MESSAGES)]
    running.start()


@pytest.mark.parametrize("way", ["door", "broker"])
def test_anlan_is_killed_under_load(running, mosquitto, way):
    chance = random.Random(7)
    broker = mosquitto() if way == "broker" else None
    anlan = running(broker.port if broker else None)
    if broker:  # it must know the subscription before anything is published
        eventually(lambda: _stands(anlan))
    acked = []
    client = publisher(broker.port if broker else anlan.port, anlan.token, acked)
    try:
        infos = []
        for number in range(MESSAGES):
            infos.append(publish(client, number))
            if number % 1000 == 500:
                eventually(lambda: len(acked) > len(infos) - chance.randrange(200, 900))
                anlan.kill()
                anlan.start()
        eventually(lambda: {info.mid for info in infos} <= set(acked), within=120)
    finally:
        client.disconnect()
        client.loop_stop()
    if broker:
        eventually(lambda: len(anlan.values()) == MESSAGES, within=120)
    check_all_kept_once(anlan)


def _stands(anlan):
    file = anlan.root / "mqtt.state"
    return file.exists() and json.loads(file.read_text())["down"] == {}
