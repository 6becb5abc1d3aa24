"""kill -9 at every step of keeping, sealing and letting go: nothing acknowledged is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from anlan.infra import workspace


def test_killed_at_every_step(tmp_path):
    root = tmp_path / "killed"
    workspace.create(root, kind=workspace.WorkspaceKind.LIVE)
    house = Path(__file__).parents[2]
    env = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
    ran = subprocess.run(
        [sys.executable, "-m", "tests.sensing.killed_child"],
        cwd=house,
        env={
            **env,
            "ANLAN_WORKSPACE": str(root),
            "DJANGO_SETTINGS_MODULE": "anlan.conf.settings",
            "PYTHONPATH": f"{house / 'src'}:{house}",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    lines = ran.stdout.splitlines()
    assert len(lines) == 28
    assert lines[-1] == "done"
