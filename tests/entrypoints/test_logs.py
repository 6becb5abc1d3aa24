"""Structured logs: one object a line, rotated also by many, and nothing of what was sent."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys

import pytest

from anlan.entrypoints import logs

WRITER = """
import logging, sys
from pathlib import Path
from anlan.entrypoints import logs
logs.MAX_BYTES, logs.KEPT_FILES = 4000, 100
logs.set_up(Path(sys.argv[1]), process="web")
for number in range(300):
    logging.getLogger("t").info("line", extra={"who": sys.argv[2], "number": number})
"""


@pytest.fixture(autouse=True)
def handlers_as_before():
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    for handler in set(root.handlers) - set(before):
        handler.close()
    root.handlers[:] = before
    root.setLevel(level)


def test_many_processes_rotate_one_file_and_no_line_is_lost_or_broken(tmp_path):
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), name], env=logs_environment()
        )
        for name in "abc"
    ]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    files = list(tmp_path.glob("web.log*"))
    lines = [
        json.loads(line)
        for file in files
        if file.suffix != ".lock"
        for line in file.read_text().splitlines()
    ]
    seen = sorted((line["who"], line["number"]) for line in lines)
    assert seen == sorted((name, number) for name in "abc" for number in range(300))
    assert len(files) > 10
    assert max(file.stat().st_size for file in files) < 2 * 4000


def test_an_error_is_told_by_class_and_place_and_never_by_what_was_sent(tmp_path):
    logs.set_up(tmp_path, process="web")
    try:
        int("王某 13800000000")
    except ValueError:
        logging.getLogger("anlan.request").exception("unexpected")
    (line,) = (tmp_path / "web.log").read_text().splitlines()
    said = json.loads(line)
    assert (said["level"], said["text"], said["error"]) == ("ERROR", "unexpected", "ValueError")
    assert "13800000000" not in line


def test_the_servers_processes_write_into_the_workspace(tmp_path):
    """The server's own set-up of its logging closes the file that the command had opened."""
    program = (
        "import logging\n"
        "from anlan.entrypoints import founding\n"
        "from anlan.infra.workspace import WorkspaceKind\n"
        "from anlan.conf import env\n"
        "root = env.load().workspace_path\n"
        "founding.found(root, kind=WorkspaceKind.LIVE, timezone='Asia/Shanghai')\n"
        "import anlan.conf.wsgi\n"
        "logging.getLogger('anlan.request').error('unexpected')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**logs_environment(), "ANLAN_WORKSPACE": str(tmp_path / "ws")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (line,) = (tmp_path / "ws" / "logs" / "web.log").read_text().splitlines()
    assert json.loads(line)["logger"] == "anlan.request"


def logs_environment():
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANLAN_")}
    return {**kept, "PYTHONPATH": "src", "DJANGO_SETTINGS_MODULE": "anlan.conf.settings"}
