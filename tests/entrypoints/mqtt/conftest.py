"""A small city, a door on a free port, and a Mosquitto of the test's own where one is installed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from anlan.entrypoints.mqtt.intake import Intake
from anlan.entrypoints.mqtt.running import DoorThread
from anlan.entrypoints.mqtt.settings import DoorPart
from anlan.entrypoints.mqtt.topics import Topics
from anlan.entrypoints.senders import Senders
from anlan.kernel.actor import Role, system_actor
from anlan.registry import public as registry
from anlan.sensing.public import read_observations
from tests.sensing.conftest import NOW, live, load_small_city
from tests.served import free_port

__all__ = ["live"]

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
PATIENCE_S = 60.0


@pytest.fixture(scope="session")
def mosquitto_there():
    """Skip where no Mosquitto is installed; in CI that is a failure."""
    if MOSQUITTO is None and "CI" not in os.environ:
        pytest.skip("not run: no Mosquitto (Debian: apt-get install mosquitto mosquitto-clients)")
    assert MOSQUITTO is not None, "CI must have Mosquitto: see .ci/run"
    return MOSQUITTO


@pytest.fixture
def city(transactional_db):
    load_small_city()


class Held(NamedTuple):
    """A token and its secret."""

    id: int
    secret: str


def a_token(name="gateway-1", role=Role.PROGRAM, areas=("",), scopes=None):
    account = registry.create_account(
        system_actor("test"), name, role, areas=areas, post=None, now=NOW
    )
    token, secret = registry.issue_token(
        system_actor("test"), account, scopes, areas, NOW + timedelta(days=30), now=NOW
    )
    return Held(token.pk, secret)


def eventually(found, *, within=PATIENCE_S):
    """Ask until it is so."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        if answer := found():
            return answer
        time.sleep(0.02)
    raise AssertionError("it did not come to it")


class Standing:
    """A clock that stands until it is told otherwise."""

    def __init__(self, at=NOW):
        self.at = at

    def __call__(self):
        return self.at


@pytest.fixture
def clock():
    return Standing()


@pytest.fixture
def intake(city, clock):
    found = Intake(Topics(), clock=clock)
    yield found
    found.close()


@pytest.fixture
def open_door(city, live, clock):
    """Open doors; each has an intake of its own unless it is given one."""
    opened = []

    def door(part=None, *, taker=None, rules=()):
        intake = taker or Intake(Topics(rules), clock=clock)
        found = DoorThread(
            part or DoorPart(port=0), live.root, intake, Senders(),
            clock=clock, base="http://anlan.test/sta/v1.1",
        )  # fmt: skip
        opened.append((intake, found))
        return found

    yield door
    for intake, found in opened:
        intake.close()
        found.close()


@pytest.fixture
def door(open_door):
    return open_door()


class Device:
    """A client by paho: what it published and what it was told."""

    def __init__(self, port, token, *, version=4, name="dev-1", clean=True, tls=None, **said):
        v5 = version == 5
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=name, protocol=version,
            clean_session=None if v5 else clean, reconnect_on_failure=False,
        )  # fmt: skip
        self.connected = threading.Event()
        self.gone = threading.Event()
        self.reason = self.flags = self.said = None
        self.acks = {}
        self.got = []
        self.client.username_pw_set("device", token)
        if tls is not None:
            self.client.tls_set_context(tls)
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = self._on_disconnect
        self.client.on_publish = self._on_publish
        self.client.on_message = lambda *given: self.got.append(given[2])
        self.client.connect("127.0.0.1", port, 60, **({"clean_start": clean} if v5 else {}), **said)
        self.client.loop_start()
        assert self.connected.wait(PATIENCE_S)

    def _on_connect(self, _client, _data, flags, reason, said):
        self.flags, self.reason, self.said = flags, reason, said
        self.connected.set()

    def _on_disconnect(self, _client, _data, _flags, reason, _said):
        self.gone_for = reason
        self.gone.set()

    def _on_publish(self, _client, _data, mid, reason, _said):
        self.acks[mid] = reason

    def publish(self, topic, payload, *, qos=1, retain=False):
        data = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
        return self.client.publish(topic, data, qos=qos, retain=retain)

    def told(self, info):
        """Return the reason of the PUBACK of a message."""
        eventually(lambda: info.mid in self.acks)
        return self.acks[info.mid]

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def device(city):
    """Make devices, and let them go at the end."""
    made = []

    def one(*given, **named):
        made.append(Device(*given, **named))
        return made[-1]

    yield one
    for found in made:
        found.close()


def a_row(stream="s1", minute=0, value=1.0, **more):
    at = NOW - timedelta(hours=1) + timedelta(minutes=minute)
    return {"stream": stream, "at": at.isoformat(), "value": value, **more}


def kept(stream="s1"):
    """Return the values that are kept of a stream, in order of time."""
    day = timedelta(days=1)
    return [one.value for one in read_observations(stream, NOW - day, NOW + day)]


class Mosquitto:
    """A broker of the test's own: what it is told survives its end, and it is ended by its own number."""

    def __init__(self, program: str, folder: Path, lines=()):
        self.port = free_port()
        self.folder = folder
        self._program = program
        self._file = folder / "mosquitto.conf"
        self._file.write_text(
            "\n".join(
                [
                    f"listener {self.port} 127.0.0.1",
                    *(
                        ["user root"] if os.geteuid() == 0 else []
                    ),  # else it reads no folder of a test
                    "persistence true",
                    f"persistence_location {folder}/",
                    "autosave_interval 1",
                    "autosave_on_changes true",
                    "max_queued_messages 0",
                    "max_inflight_messages 1000",
                    *(lines or ["allow_anonymous true"]),
                ]
            )
            + "\n"
        )
        self.process: subprocess.Popen | None = None
        self.start()

    def start(self):
        with (self.folder / "mosquitto.log").open("ab") as log:
            self.process = subprocess.Popen(
                [self._program, "-c", str(self._file)], stdout=log, stderr=log
            )
        eventually(self._listens)

    def _listens(self):
        import socket

        assert self.process.poll() is None, (self.folder / "mosquitto.log").read_text()
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=20)


@pytest.fixture
def mosquitto(mosquitto_there, tmp_path):
    """Start brokers; end them at the end."""
    made = []

    def start(lines=()):
        folder = tmp_path / f"broker-{len(made)}"
        folder.mkdir()
        made.append(Mosquitto(mosquitto_there, folder, lines))
        return made[-1]

    yield start
    for one in made:
        if one.process.poll() is None:
            one.stop()
