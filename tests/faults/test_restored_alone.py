"""The database put back without the readings, or the readings without the database: told, and nothing destroyed.

Real files and a process for each stretch of the city's life, as after a restart.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

pytestmark = pytest.mark.sqlite_only
DATABASES = ("anlan.sqlite3", "contents.sqlite3")


def run(arguments, root, *, code=0):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ANLAN_")}
    environment["PYTHONPATH"] = os.pathsep.join(["src", environment.get("PYTHONPATH", "")])
    environment["ANLAN_WORKSPACE"] = str(root)
    environment["LANG"] = "en_US.UTF-8"
    ended = subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == code, ended.stderr + ended.stdout
    return ended.stdout


def live(root, minute):
    return json.loads(run(["tests.faults.apart", "live", root, minute], root))


@pytest.fixture(scope="module")
def lives(tmp_path_factory):
    """A workspace as it was after ten minutes, and as it was after two hours."""
    folder = tmp_path_factory.mktemp("lives")
    root = folder / "workspace"
    run(["tests.faults.chain", "prepare", root], root)
    early = live(root, 5)
    assert (early["minutes"], early["sick"], early["failing"]) == ([5], {}, [])
    shutil.copytree(root, folder / "early")
    assert live(root, 70)["sick"] == {}  # seals what came before
    late = live(root, 120)
    assert (late["minutes"], late["sick"], late["failing"]) == ([5, 70, 120], {}, [])
    return folder


@pytest.fixture
def late(lives, tmp_path):
    root = tmp_path / "workspace"
    shutil.copytree(lives / "workspace", root)
    shutil.copytree(lives / "workspace-checkpoints", tmp_path / "workspace-checkpoints")
    return root


def put_back_readings(lives, root):
    shutil.rmtree(root / "observations")
    shutil.copytree(lives / "early" / "observations", root / "observations")


def put_back_databases(lives, root):
    for name in DATABASES:
        for path in root.glob(name + "*"):
            path.unlink()
        for path in (lives / "early").glob(name + "*"):
            shutil.copy2(path, root / path.name)


def test_readings_put_back_alone(lives, late):
    put_back_readings(lives, late)
    differ = json.loads(run(["anlan", "observations", "verify", "--format", "json"], late, code=1))
    assert [one["code"] for one in differ["apart"]] == ["store_behind"]
    seen = live(late, 130)
    assert list(seen["sick"]) == ["store_behind"]
    assert "to 2026-07-20 12:0" in seen["sick"]["store_behind"]["en"]  # two hours later, local
    assert seen["cases"] == 1
    assert seen["failing"] == []
    assert seen["minutes"] == [5, 130]
    assert seen["frames"][0] == 1
    assert seen["frames"][1] > 1 << 26
    run(
        ["anlan", "observations", "accept-loss", "--reason", "the gateways have sent it again"],
        late,
    )
    after = live(late, 140)
    assert (after["sick"], after["faults"], after["minutes"]) == ({}, [], [5, 130, 140])
    assert after["ledger"] == []
    run(["anlan", "observations", "verify"], late)


def test_databases_put_back_alone(lives, late):
    put_back_databases(lives, late)
    differ = json.loads(run(["anlan", "observations", "verify", "--format", "json"], late, code=1))
    assert [one["code"] for one in differ["apart"]] == ["database_behind"]
    seen = live(late, 130)
    assert list(seen["sick"]) == ["database_behind"]
    assert seen["cases"] == 1
    assert seen["failing"] == ["step:verify ledger"]  # its own witness outside tells the same
    assert seen["minutes"] == [5, 70, 120, 130]
    assert live(late, 140)["sick"].keys() == {"database_behind"}
    run(["anlan", "observations", "accept-loss", "--reason", "entered again from paper"], late)
    after = live(late, 150)
    assert (after["sick"], after["faults"]) == ({}, [])
    assert after["minutes"] == [5, 70, 120, 130, 140, 150]


def test_the_whole_folder_of_before_is_silent(lives, tmp_path):
    root = tmp_path / "workspace"
    shutil.copytree(lives / "early", root)
    seen = live(root, 130)
    assert (seen["sick"], seen["failing"], seen["faults"]) == ({}, [], [])
    assert seen["minutes"] == [5, 130]
    assert seen["frames"] == [1, 2]


def test_both_restored_from_one_backup_are_silent(late, tmp_path):
    archive, restored = tmp_path / "kept.tar.gz", tmp_path / "restored"
    run(["anlan", "backup", archive], late)
    live(late, 130)
    run(["anlan", "restore", archive, restored], late)
    assert not (restored / "observations" / "witness.json").exists()
    seen = live(restored, 140)
    assert (seen["sick"], seen["failing"], seen["faults"]) == ({}, [], [])
    assert seen["minutes"] == [5, 70, 120, 140]
    assert seen["frames"] == [1, 2, 3, 4]
    assert (restored / "observations" / "witness.json").exists()
