"""What is needed for a moment is gone afterwards, also when the process was killed meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from anlan.infra import passing, workspace
from anlan.infra.workspace import WorkspaceKind

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]
KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from anlan.infra import passing, workspace
place = workspace.load(Path(sys.argv[1]))
with passing.folder(place, now=datetime.fromisoformat(sys.argv[2])) as folder:
    (folder / "holders.csv").write_text("code,name,phone")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def place(tmp_path):
    return workspace.create(tmp_path / "w", kind=WorkspaceKind.LIVE)


def test_it_is_closed_to_others_and_gone_afterwards(place):
    with passing.folder(place, now=NOW) as folder:
        assert folder.parent == place.passing
        assert (folder.stat().st_mode & 0o777, place.passing.stat().st_mode & 0o777) == (
            0o700,
            0o700,
        )
        (folder / "holders.csv").write_text("x")
    assert list(place.passing.iterdir()) == []


def test_also_after_a_failure(place):
    def used():
        with passing.folder(place, now=NOW) as folder:
            (folder / "holders.csv").write_text("x")
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        used()
    assert list(place.passing.iterdir()) == []


def test_what_a_killed_process_left_is_swept(place):
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(place.root), NOW.isoformat()],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL
    (left,) = place.passing.iterdir()
    assert (left / "holders.csv").exists()
    assert passing.sweep(place, now=NOW + timedelta(minutes=14)) == 0
    assert passing.sweep(place, now=NOW + timedelta(minutes=15)) == 1
    assert list(place.passing.iterdir()) == []


@pytest.mark.parametrize("name", ["notes", "12-x", "99999999999-x", "x.csv"])
def test_what_says_no_end_or_one_far_ahead_is_swept_too(place, name):
    place.passing.mkdir()
    (place.passing / name).mkdir() if "-" in name else (place.passing / name).write_text("x")
    with passing.folder(place, now=NOW) as used:
        assert passing.sweep(place, now=NOW) == 1
        assert list(place.passing.iterdir()) == [used]


def test_a_link_leads_nowhere(place, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("x")
    place.passing.mkdir()
    (place.passing / "0-link").symlink_to(outside)
    assert passing.sweep(place, now=NOW) == 1
    assert (outside / "kept").exists()


def test_a_workspace_without_the_folder(place):
    assert passing.sweep(place, now=NOW) == 0
