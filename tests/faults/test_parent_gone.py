"""``anlan up`` is killed and can tell nobody: nothing that it started goes on serving."""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest

from tests.faults.test_edge import PATIENCE_S, ROOT, environment, prepared  # noqa: F401  a fixture
from tests.served import free_port

pytestmark = pytest.mark.sqlite_only


@pytest.fixture
def root(prepared, tmp_path):  # noqa: F811
    shutil.copytree(prepared[0], tmp_path / "workspace")
    return tmp_path / "workspace"


def answers(port):
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(line):
        line.request("GET", "/healthz")
        return bool(line.getresponse().read())
    return False


def held(file):
    """Return whether a process holds a lock of the workspace."""
    with file.open("a") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def wait_until(so):
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if so():
            return
        time.sleep(0.1)
    raise AssertionError("it did not come to it")


def test_silent_lines_are_let_go_and_a_killed_parent_takes_everything_with_it(root):
    web, edge = free_port(), free_port()
    variables = environment(root, edge) | {"ANLAN_PORT": str(web), "ANLAN_DISK_ALARM": "0.999"}
    parent = subprocess.Popen(
        [sys.executable, "-m", "anlan", "up"],
        env=variables, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        locks = [root / "observations" / "writer.lock", root / "worker.lock"]
        wait_until(lambda: answers(web) and answers(edge) and all(map(held, locks)))
        for port in (web, edge):  # while it lives: a line that says nothing is let go
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as silent:
                assert silent.recv(1) == b""
        parent.kill()
        parent.wait()
        wait_until(lambda: not (answers(web) or answers(edge) or any(map(held, locks))))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(parent.pid, signal.SIGKILL)
        parent.wait()


@pytest.mark.parametrize("command", [["edge"], ["worker"], ["mqtt", "run"]])
def test_a_parent_that_died_while_a_process_started_is_noticed(root, command):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (root / "mqtt.toml").write_text(f"[door]\nport = {free_port()}\n")
    variables = environment(root, free_port()) | {"ANLAN_PARENT": str(gone.pid)}
    started = subprocess.Popen(
        [sys.executable, "-m", "anlan", *command],
        env=variables, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert started.wait(PATIENCE_S) in {0, -signal.SIGTERM}
    finally:
        started.kill()
        started.wait()
