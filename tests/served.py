"""A real server on a free port of 127.0.0.1, over a workspace of its own with the demo city."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PASSWORD = "four unrelated words here"
PREPARE = "from anlan.entrypoints.cli import demo_city; demo_city.prepare()"
#: Both commands in one process: starting one takes longer than what it does.
SEAT = """
import sys
from anlan.entrypoints.cli import root
root(["token", "issue", *sys.argv[1:]], standalone_mode=False)
root(["admin", "invite", sys.argv[1]], standalone_mode=False)
"""
#: As many sessions of one seat as are asked for, without a password for each.
SESSIONS = """
import sys
from datetime import timedelta
from anlan.entrypoints.cli import screen
screen.open_workspace()
from django.db import transaction
from anlan.entrypoints import clock
from anlan.kernel.actor import system_actor
from anlan.registry import public as registry
from anlan.registry.domain.permissions import PERMISSIONS
from anlan.registry.services.accounts import new_token
now, actor = clock.now(), system_actor("test")
name, role, count, post, *areas = sys.argv[1:]
account = registry.create_account(
    actor, name, role, areas=areas or ("",), post=post or None, now=now
)
end = now + timedelta(hours=12)
with transaction.atomic():
    for _ in range(int(count)):
        scopes = sorted(PERMISSIONS[account.role])
        print(new_token(actor, account, scopes, account.areas, end, purpose="session", now=now)[1])
"""
PATIENCE_S = 180


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Served:
    """A running server: where it is, and the ways into it."""

    port: int
    environment: dict[str, str]
    token: str = ""
    invitations: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Where the pages are."""
        return f"http://127.0.0.1:{self.port}"

    def command(self, *arguments: str) -> str:
        """Run a command of Anlan on the workspace; return what it printed."""
        ended = subprocess.run(
            [sys.executable, *arguments],
            env=self.environment, cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def invitation(self, role: str, *, areas: tuple[str, ...] = (), post: str = "") -> str:
        """Make a seat with a role; return the link with which its holder chooses a password."""
        name = f"{role}-{len(self.invitations)}"
        given = ["--role", role, *(part for area in areas for part in ("--area", area))]
        given += ["--post", post] if post else []
        printed = self.command("-c", SEAT, name, *given)
        self.invitations[name] = re.search(r"invitation=(\S+)", printed).group(1)
        return f"{self.address}/welcome?invitation={self.invitations[name]}"

    def sessions(
        self, role: str, count: int = 1, *, post: str = "", areas: tuple[str, ...] = ()
    ) -> list[str]:
        """Sign a new seat in so many times; return the secret of each session."""
        name = f"{role}-{len(self.invitations)}"
        self.invitations[name] = ""
        return self.command("-c", SESSIONS, name, role, str(count), post, *areas).split()

    def report(self, text: str, **given: object) -> str:
        """Report a danger over the interface, as a program does; return its number."""
        asked = urllib.request.Request(
            f"{self.address}/api/v1/reports",
            data=json.dumps({"text": text, **given}).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(asked, timeout=20) as answer:
            return json.load(answer)["number"]

    def asked(self, path: str) -> dict[str, Any]:
        """Return what the interface answers, as a program asks it."""
        head = {"Authorization": f"Bearer {self.token}"}
        asked = urllib.request.Request(f"{self.address}/api/v1/{path}", headers=head)
        with urllib.request.urlopen(asked, timeout=20) as answer:
            return json.load(answer)

    def case_of(self, report: str) -> int:
        """Wait until the clockwork has given a report to a case; return that case's key."""
        sign = f"report:{int(report.rsplit('-', 1)[1])}"
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            for listed in self.asked("cases?order=newest&limit=20")["cases"]:
                case = self.asked(f"cases/{listed['id']}")
                if sign in {one["sign"] for one in case["followers"]}:
                    return int(case["id"])
            time.sleep(0.2)
        raise AssertionError(f"{report} has no owner")

    def healthy(self) -> bool:
        """Return whether the server and its clockwork do what they should."""
        try:
            with urllib.request.urlopen(f"{self.address}/healthz", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False


def prepared(root: Path, environment: dict[str, str]) -> str:
    """Lay the workspace of the demo city at ``root``; return its first token.

    It is made once a run of the tests and copied: to make it takes as long as to start a server.
    """
    if "TESTS_MADE_ONCE" not in os.environ:  # started by no test
        return _made(root, environment)
    home = Path(os.environ["TESTS_MADE_ONCE"])
    token = home / "demo.token"
    with (home / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not token.exists():
            shutil.rmtree(home / "demo", ignore_errors=True)  # half of it, after a failure
            token.write_text(_made(home / "demo", environment))
    shutil.copytree(home / "demo", root)
    return token.read_text()


def _made(root: Path, environment: dict[str, str]) -> str:
    ended = subprocess.run(
        [sys.executable, "-c", PREPARE],
        env=environment | {"ANLAN_WORKSPACE": str(root)},
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return re.search(r"^  (anlan_\S+)$", ended.stdout, re.MULTILINE).group(1)


@contextmanager
def served(folder: Path, *, fill: str = "") -> Iterator[Served]:
    """Serve the demo city from a workspace in ``folder`` until the block ends.

    ``fill`` is a program that is run on the workspace before the server is started.
    """
    port = free_port()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ANLAN_")}
    environment |= {
        "PYTHONPATH": str(ROOT / "src"),
        "ANLAN_WORKSPACE": str(folder / "workspace"),
        "ANLAN_PORT": str(port),
        "ANLAN_EDGE_PORT": "",
        "ANLAN_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "ANLAN_LANG": "en",
        "DJANGO_SETTINGS_MODULE": "anlan.conf.settings",
        "ANLAN_DISK_ALARM": "0.999",
    }
    place = Served(port, environment)
    place.token = prepared(folder / "workspace", environment)
    if fill:
        place.command("-c", fill)
    with (folder / "server.log").open("wb") as said:
        running = subprocess.Popen(
            [sys.executable, "-m", "anlan", "up"],
            env=environment, cwd=ROOT, stdout=said, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        until = time.monotonic() + PATIENCE_S
        while not place.healthy():
            assert running.poll() is None, (folder / "server.log").read_text()
            assert time.monotonic() < until, (folder / "server.log").read_text()
            time.sleep(0.2)
        yield place
    finally:
        running.send_signal(signal.SIGTERM)
        try:
            running.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            raise
