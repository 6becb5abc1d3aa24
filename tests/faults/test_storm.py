"""Kill the process in the middle of a storm: every alarm is there once, in one case, told once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

pytestmark = pytest.mark.sqlite_only
# What a storm passes, where between two of them a life may end; the long test goes through all.
STEPS = (
    "judge.findings_kept",
    "judge.cut_written",
    "judge.checkpoint_saved",
    "delivery.run_heard",
    "delivery.heard",
    "journal.rows_saved",
    "journal.appended",
)
IN_TURN = (
    "observations.synced:kill:4",  # the readings that make it a storm are kept and not judged
    "judge.findings_kept:kill:2",  # some alerts are written
    "judge.cut_written:kill:1",
    "delivery.run_heard:kill:1",  # a run of members is in its case, and not noted as heard
    "delivery.heard:kill:3",
    "journal.appended:kill:2",
)
TOGETHER = 12
WHOLE = {
    "alerts": 60,
    "sensors": 60,
    "told_by_the_judge": 60,
    "incidents": [[60, "410102002", "orange"]],
    "of_an_incident": 60,
    "cases": [[True, 60, "orange"]],
    "held": [60],
    "followers": 60,
    "back": 0,
    "open": 60,
    "elsewhere": 0,
    "owner_told": 1,
    "parked": 0,
    "rebuilt_differs": [],
}


#: All silent behind one gateway, and all but one back.
SILENT = WHOLE | {
    "incidents": [[60, "410102002001", "yellow"]],
    "cases": [[True, 60, "yellow"]],
    "back": 59,
    "open": 1,
}
STORMS = {"alarms": ((), WHOLE), "silence": (("--silent",), SILENT)}


def storm(what, root, *specs):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ANLAN_")}
    environment["PYTHONPATH"] = os.pathsep.join(["src", environment.get("PYTHONPATH", "")])
    ended = subprocess.run(
        [sys.executable, "-m", "tests.faults.storm", what, str(root), *specs],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout) if ended.stdout else None


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    root = tmp_path_factory.mktemp("storm") / "workspace"
    storm("prepare", root)
    return root


@pytest.mark.parametrize("kind", STORMS)
def test_killed_again_and_again_in_one_storm(kind, prepared, tmp_path):
    flags, whole = STORMS[kind]
    root = tmp_path / "workspace"
    shutil.copytree(prepared, root)
    found = storm("turns", root, *IN_TURN, *flags)
    # A quick life may have told everything before the later steps come again.
    killed = found["ends"].index(0) if 0 in found["ends"] else len(IN_TURN)
    assert killed >= 3
    assert found["ends"] == [-9] * killed + [0] * (len(IN_TURN) - killed)
    assert found["found"] == whole


@pytest.mark.long
@pytest.mark.parametrize("kind", STORMS)
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_every_passage_of_every_step_of_a_storm(step, kind, prepared, tmp_path):
    flags, whole = STORMS[kind]
    root = tmp_path / "workspace"
    shutil.copytree(prepared, root)
    passages = storm("trace", root, *flags)[step]
    for first in range(1, passages + 1, TOGETHER):
        last = min(first + TOGETHER - 1, passages)
        specs = [f"{step}:kill:{passage}" for passage in range(first, last + 1)]
        for one in storm("each", prepared, *specs, *flags):
            assert one["ended"] == -9, one["failpoint"]
            assert one["found"] == whole, one["failpoint"]
