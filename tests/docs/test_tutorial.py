"""The tutorial is run as it stands: every block, in order, from the checkout on."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "tutorial" / "first-day.md"


def blocks() -> list[str]:
    return re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


MISSING = [name for name in ("bash", "curl") if shutil.which(name) is None]


@pytest.mark.sqlite_only
@pytest.mark.skipif(
    bool(MISSING) and "CI" not in os.environ, reason=f"not run: {MISSING} not installed"
)
def test_every_command_of_the_first_day_works(tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    shim = programs / "anlan"
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m anlan "$@"\n')
    shim.chmod(0o755)
    port = free_port()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ANLAN_")}
    environment |= {
        "PATH": f"{programs}{os.pathsep}{environment['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
        "ANLAN_PORT": str(port),
        "ANLAN_EDGE_PORT": "",
        "ANLAN_LANG": "en",
        "TMPDIR": str(tmp_path),
    }
    stop = "trap 'kill \"$(cat server.pid)\" 2>/dev/null || true' EXIT\n"
    script = "set -eu\n" + stop + "\n".join(blocks())
    try:
        ended = subprocess.run(
            ["bash", "-c", script], cwd=ROOT, env=environment,
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
    finally:
        for pid in tmp_path.glob("*/server.pid"):
            subprocess.run(["kill", pid.read_text().strip()], capture_output=True, check=False)
    assert ended.returncode == 0, f"{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}"
    assert "gas" in ended.stdout
    assert "The ledger holds." in ended.stdout
    assert "Restored to journal entry" in ended.stdout
