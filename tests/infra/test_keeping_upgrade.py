"""Upgrade a real workspace in a process of its own."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.sqlite_only


def test_a_workspace_that_lacks_a_step_is_backed_up_and_brought_up(tmp_path):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ANLAN_")}
    environment["PYTHONPATH"] = os.pathsep.join(["src", environment.get("PYTHONPATH", "")])
    ended = subprocess.run(
        [sys.executable, "-m", "tests.infra.upgrader", str(tmp_path)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout)
    assert said["failed"] == "failed.tar.gz"
    assert "notices.0001_initial" in said["applied"]
    assert said["again"] == []
    assert said["back"] is True
    assert said["newer"] == "notices.0999_later"
    for lost in ("anlan.sqlite3", "contents.sqlite3"):
        assert said[f"lost {lost}"] == lost  # new tables would only hide that it is gone
    assert said["files"] == ["back", "failed.tar.gz", "first.tar.gz", "live"]
