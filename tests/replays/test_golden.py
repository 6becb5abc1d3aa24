"""Key facts of each replay: what was raised when, lead and gain, what was refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
# The whole of Zhengzhou is three days; the hours around the first red signal say the most.
AROUND_THE_FIRST_RED = ("2021-07-19T17:30", "2021-07-19T22:02")


def replayed(name: str, folder: Path, *stretch: str) -> dict:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ANLAN_")}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    ended = subprocess.run(
        [sys.executable, "-m", "tests.replays.drive", name, str(folder / name), *stretch],
        capture_output=True,
        text=True,
        env=environment,
        cwd=ROOT,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    return json.loads(ended.stdout)


def assert_has(rows: list[dict], wanted: dict) -> None:
    found = [row for row in rows if all(row[key] == value for key, value in wanted.items())]
    assert found, f"no row has {wanted}; there are {json.dumps(rows, ensure_ascii=False)[:3000]}"


@pytest.mark.parametrize("name", ["bund-2014", "itaewon-2022", "shiyan-2021"])
def test_a_replay_says_what_it_said_before(name, tmp_path):
    summary = replayed(name, tmp_path)
    expected = json.loads((HERE / name / "expected.json").read_text())
    for section, rows in expected.items():
        if section == "figures":
            assert len(summary["figures"]) == len(rows)
        for row in rows:
            assert_has(summary[section], row)
    assert summary["ordinary"] is None


def test_the_first_red_signal_leads_within_a_minute_to_every_place_and_to_a_lag_alert(tmp_path):
    summary = replayed("zhengzhou-2021", tmp_path, *AROUND_THE_FIRST_RED)
    expected = json.loads((HERE / "zhengzhou-2021" / "expected.json").read_text())
    within = [
        row
        for row in summary["raised"]
        if "2021-07-19T21:59:00" <= row["at"] <= "2021-07-19T22:00:00"
    ]
    for row in expected["within_a_minute"]:
        assert_has(within, row)
    assert all(row["tasks"] for row in within if row["level"] == "red"), within
    for row in expected["figures"]:
        assert_has(summary["figures"], row)
    assert summary["unanswered_notices"] == summary["notices"]


@pytest.mark.long
def test_a_second_run_in_the_same_place_gives_the_same_summary_and_finds_nothing_forged(tmp_path):
    first, second = (replayed("shiyan-2021", tmp_path) for _ in (1, 2))
    assert first == second
