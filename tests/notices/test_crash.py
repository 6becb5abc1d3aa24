"""Kill the sender at every step: the message arrives at least once, always with the same key."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from tests.notices.test_mail import Box, server

pytestmark = pytest.mark.sqlite_only
LEASE_S = 600
# The step at which the sender dies, and how often the mail arrives in the end.
STEPS = {
    "outbox.claimed": 1,
    "outbox.tried": 2,
    "journal.appended": 2,
    "outbox.noted": 1,
}


def run(*words, failpoint=""):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ANLAN_")}
    environment["PYTHONPATH"] = os.pathsep.join(["src", environment.get("PYTHONPATH", "")])
    if failpoint:
        environment["ANLAN_FAILPOINT"] = failpoint
    command = [sys.executable, "-m", "tests.notices.sender", *map(str, words)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    root = tmp_path_factory.mktemp("sender") / "workspace"
    ended = run("prepare", root)
    assert ended.returncode == 0, ended.stderr
    return root


def rows(root, sql):
    with closing(sqlite3.connect(root / "anlan.sqlite3")) as base:
        return base.execute(sql).fetchall()


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_the_message_still_arrives_with_one_key(prepared, tmp_path, step):
    root = tmp_path / "workspace"
    shutil.copytree(prepared, root)
    box = Box()
    with server(box) as port:
        killed = run("send", root, port, 0, failpoint=f"{step}:kill")
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        again = run("send", root, port, LEASE_S)
        assert again.returncode == 0, again.stderr
    assert len(box.mails) == STEPS[step]
    assert len({mail["Message-ID"] for mail in box.mails}) == 1
    ((state, attempts),) = rows(root, "SELECT state, attempts FROM notices_delivery")
    assert (state, attempts) == ("sent", 1)
    changed = rows(root, "SELECT count(*) FROM infra_journalentry WHERE event = 'DeliveryChanged'")
    assert changed == [(1,)]
