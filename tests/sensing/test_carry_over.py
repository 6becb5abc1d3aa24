"""A workspace of before: its readings are in the store after the upgrade, numbered on."""

import os
import subprocess
import sys
from pathlib import Path

from anlan.infra import workspace

HOUSE = Path(__file__).parents[2]


def test_readings_of_before_are_carried_over(tmp_path):
    root = tmp_path / "old"
    workspace.create(root, kind=workspace.WorkspaceKind.LIVE)
    env = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
    ran = subprocess.run(
        [sys.executable, "-m", "tests.sensing.carry_over_child"],
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
    assert ran.stdout.splitlines() == [
        "s1 2026-07-20T07:59:59.000001+00:00 1.5 good",
        "s1 2026-07-20T08:00:00+00:00 2.25 good",
        "s2 2026-07-20T08:00:00+00:00 None missing",
        "last 9",
    ]
