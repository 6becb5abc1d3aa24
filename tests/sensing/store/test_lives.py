"""A writer that is killed anywhere loses nothing that it acknowledged, and doubles nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def lives(folder, runs, seed):
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    environment = dict(os.environ, PYTHONPATH=paths, PYTHONWARNINGS="ignore::DeprecationWarning")
    command = [sys.executable, "-m", "tests.sensing.store.lives", str(folder), str(runs), str(seed)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_twenty_lives_that_end_by_force(tmp_path):
    ended = lives(tmp_path, 20, 20)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert int(ended.stdout.split("messages ")[1].split()[0]) > 100


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_a_thousand_lives_that_end_by_force(tmp_path, seed):
    ended = lives(tmp_path, 250, seed)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "ended with" not in ended.stdout
