"""Whoever keeps readings and judges them is killed at random: the alerts are those of one that never died."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.sqlite_only


def program(name, *said):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ANLAN_")}
    environment["PYTHONPATH"] = os.pathsep.join(["src", environment.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", f"tests.faults.{name}", *map(str, said)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    root = tmp_path_factory.mktemp("judged") / "workspace"
    ended = program("chain", "prepare", root)
    assert ended.returncode == 0, ended.stderr
    return root


def lives(prepared, folder, runs, seed):
    ended = program("judged", prepared, folder, runs, seed)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return {line.split()[0]: line.split()[1] for line in ended.stdout.splitlines()}


def test_twenty_lives_that_end_by_force(prepared, tmp_path):
    said = lives(prepared, tmp_path, 20, 20)
    assert int(said["alerts"]) > 5
    assert int(said["steps"]) > 20


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_a_thousand_lives_that_end_by_force(prepared, tmp_path, seed):
    assert int(lives(prepared, tmp_path, 100, seed)["alerts"]) > 50
