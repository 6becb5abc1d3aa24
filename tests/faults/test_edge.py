"""The edge dies, comes back, meets a second one: no acknowledged reading is lost, none is doubled."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from anlan.sensing.domain.columns import micros
from anlan.sensing.store import StoreReader
from anlan.sensing.store.verify import verify
from tests.served import free_port
from tests.served import prepared as the_demo_city

pytestmark = pytest.mark.sqlite_only
ROOT = Path(__file__).resolve().parents[2]
SENDERS, ROWS, PATIENCE_S = 4, 7, 240
HAND_OVER = """
import sys
from datetime import datetime, timedelta
from anlan.entrypoints.cli import screen
screen.open_workspace()
from anlan.entrypoints import clock
from anlan.kernel.actor import system_actor
from anlan.registry import public as registry
from anlan.sensing import public as sensing
stream = min(one.code for one in registry.sensors(at=clock.now()))
actor = system_actor("web")
for line in sys.stdin:
    number = int(line)
    at = datetime.fromisoformat(sys.argv[1]) + timedelta(milliseconds=number)
    batch = sensing.BatchIn((sensing.RowIn(stream, at, 0.0),))
    receipt = sensing.keep_observations(actor, batch, now=clock.now())
    print(receipt.kept, flush=True)
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    root = tmp_path_factory.mktemp("edge") / "workspace"
    return root, the_demo_city(root, environment(root, 0))


def environment(root, port):
    found = {k: v for k, v in os.environ.items() if not k.startswith("ANLAN_")}
    return found | {
        "PYTHONPATH": str(ROOT / "src"),
        "DJANGO_SETTINGS_MODULE": "anlan.conf.settings",
        "ANLAN_WORKSPACE": str(root),
        "ANLAN_EDGE_PORT": str(port),
        "ANLAN_LANG": "en",
    }


class City:
    """A workspace, the edge that serves it, and what senders were told."""

    def __init__(self, root, token):
        self.root, self.token, self.port = root, token, free_port()
        self.begin = datetime(2021, 7, 20, tzinfo=UTC)
        self.edge = None
        self.told = {}  # number of the batch -> the frame that keeps it
        self.stream = ""
        self.stopping = threading.Event()

    def start(self):
        self.edge = subprocess.Popen(
            [sys.executable, "-m", "anlan", "edge"],
            env=environment(self.root, self.port), cwd=ROOT, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            assert self.edge.poll() is None, self.edge.stderr.read()
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.ask("GET", "/healthz")[0] == 200:
                    return
            time.sleep(0.1)
        raise AssertionError("the edge does not answer")

    def end(self, number=signal.SIGTERM):
        self.edge.send_signal(number)
        assert self.edge.wait(PATIENCE_S) == (0 if number == signal.SIGTERM else -number)
        self.edge.stderr.close()

    def ask(self, method, path, body=None, key=""):
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            head = {"Authorization": f"Bearer {self.token}"} | (
                {"Idempotency-Key": key} if key else {}
            )
            line.request(method, path, body, head)
            answer = line.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            line.close()

    def batch(self, number):
        at = micros(self.begin + timedelta(milliseconds=number))
        return {
            "streams": self.stream,
            "at_us": [at + row for row in range(ROWS)],
            "value": [number + row / 8 for row in range(ROWS)],
        }

    def send_on(self, sender):
        """Send one batch after another; each again, under its key, until it is acknowledged."""
        number = sender
        while not self.stopping.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException):
                status, said = self.ask(
                    "POST", "/api/v1/observations", json.dumps(self.batch(number)), f"k{number}"
                )
                assert status in {202, 503}, said
                if status == 202:
                    assert said["kept"] == ROWS
                    self.told[number] = said["batch"]
                    number += SENDERS
                    continue
            time.sleep(0.05)

    def found(self):
        reader = StoreReader(self.root / "observations")
        rows = reader.read(
            None, micros(self.begin), micros(self.begin + timedelta(hours=2)), history=True
        )
        return Counter(zip(rows.at_us.tolist(), rows.value.tolist(), strict=True))


@pytest.fixture
def city(prepared, tmp_path):
    root, token = prepared
    copy = tmp_path / "workspace"
    shutil.copytree(root, copy)
    made = City(copy, token)
    listed = subprocess.run(
        [sys.executable, "-c",
         "from anlan.entrypoints.cli import screen; screen.open_workspace();"
         "from anlan.entrypoints import clock; from anlan.registry import public as registry;"
         "print(min(one.code for one in registry.sensors(at=clock.now())))"],
        env=environment(copy, 0), cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    made.stream = listed.stdout.strip()
    yield made
    made.stopping.set()
    if made.edge is not None and made.edge.poll() is None:
        made.edge.kill()
        made.edge.wait()


def test_killed_while_clients_send(city):
    senders = [threading.Thread(target=city.send_on, args=[n]) for n in range(SENDERS)]
    city.start()
    for one in senders:
        one.start()
    for life in range(3):
        before = len(city.told)
        end = time.monotonic() + PATIENCE_S
        while len(city.told) < before + 20 and time.monotonic() < end:
            time.sleep(0.01)
        assert len(city.told) >= before + 20
        city.end(signal.SIGKILL if life < 2 else signal.SIGTERM)
        if life < 2:
            city.start()
    city.stopping.set()
    for one in senders:
        one.join()
    assert not verify(city.root / "observations")
    found = city.found()
    for number in city.told:
        sent = city.batch(number)
        for row in zip(sent["at_us"], sent["value"], strict=True):
            assert found[row] == 1, number
    assert set(found.values()) == {1}
    # Each batch has a frame of its own.
    assert len(set(city.told.values())) == len(city.told)


def test_a_second_edge_is_refused_and_the_first_goes_on(city):
    city.start()
    second = subprocess.run(
        [sys.executable, "-m", "anlan", "edge"],
        env=environment(city.root, free_port()), cwd=ROOT, capture_output=True, text=True,
        timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert second.returncode == 1, second.stderr
    assert "another edge process writes" in second.stderr + second.stdout
    assert city.ask("POST", "/api/v1/observations", json.dumps(city.batch(1)))[0] == 202
    city.end()


def test_lines_that_say_nothing_are_let_go(city):
    """A few thousand of them would keep every sender out."""
    city.start()
    lines = [socket.create_connection(("127.0.0.1", city.port), timeout=60) for _ in range(3)]
    lines[1].sendall(b"POST /api/v1/observations HTTP/1.1\r\nHost: a\r\n")
    lines[2].sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
    for line in lines:
        with line:
            while line.recv(4096):
                pass
    city.end()


def test_others_hand_over_and_take_the_edges_place_while_it_is_away(city):
    """What the web processes do, in a process that is not the edge."""
    other = subprocess.Popen(
        [sys.executable, "-c", HAND_OVER, city.begin.isoformat()],
        env=environment(city.root, 0), cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    sent = 0

    def hand_over(count=3):
        nonlocal sent
        for _ in range(count):
            sent += 1
            other.stdin.write(f"{sent}\n")
            other.stdin.flush()
            assert other.stdout.readline() == "1\n"

    try:
        hand_over()  # nobody writes: it does
        city.start()  # it gives way
        hand_over()
        assert city.ask("POST", "/api/v1/observations", json.dumps(city.batch(999)))[0] == 202
        city.end()
        hand_over()
        city.start()
        hand_over()
        city.end(signal.SIGKILL)
        hand_over()
        city.start()
        hand_over()
        assert city.ask("GET", "/healthz")[1]["kept_rows"] == 0  # through the lock, not the door
        city.end()
    finally:
        other.stdin.close()
        assert other.wait(PATIENCE_S) == 0
        other.stdout.close()
    found = city.found()
    assert sum(found.values()) == sent + ROWS
    assert set(found.values()) == {1}
    assert not verify(city.root / "observations")
