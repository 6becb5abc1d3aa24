"""Processes of their own, on a workspace of their own, whose words a test reads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from anlan.infra import workspace

HOUSE = Path(__file__).parents[2]


def lines_of(module: str, root: Path) -> list[str]:
    """Return what a module of the tests prints, run on a new workspace at ``root``."""
    workspace.create(root, kind=workspace.WorkspaceKind.LIVE)
    env = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
    ran = subprocess.run(
        [sys.executable, "-m", module],
        cwd=HOUSE,
        env={
            **env,
            "ANLAN_WORKSPACE": str(root),
            "DJANGO_SETTINGS_MODULE": "anlan.conf.settings",
            "PYTHONPATH": f"{HOUSE / 'src'}:{HOUSE}",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return ran.stdout.splitlines()
