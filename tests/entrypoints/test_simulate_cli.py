"""``anlan simulate``: into files, into a rehearsal, to a server."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from anlan.entrypoints.cli.simulate import simulate
from anlan.kernel.errors import AnlanError
from anlan.learning.domain.simulator.planting import KINDS
from anlan.learning.domain.simulator.truth import Truth
from anlan.registry.domain.parse import read_city
from anlan.sensing.domain.wire import row_from_json
from tests.served import ROOT, served

START = "2026-07-20T00:00:00+08:00"


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(
        simulate, list(map(str, words)), env={"ANLAN_LANG": "en"}, catch_exceptions=False
    )


def commanded(workspace: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own: it serves its own workspace."""
    command = [sys.executable, "-m", "anlan", "--workspace", str(workspace), "simulate", *words]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=500
    )


def test_files_hold_readings_truth_and_the_city(tmp_path: Path) -> None:
    words = ("demo", "--sensors", "60", "--hours", "3", "--start", START, "--faults", "0.1")
    done = run(*words, "--out", tmp_path / "one")
    assert done.exit_code == 0
    assert "Simulated data" in done.output
    with (tmp_path / "one" / "readings.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    truth = msgspec.json.decode((tmp_path / "one" / "truth.json").read_bytes(), type=Truth)
    assert f"{len(rows)} readings" in done.output
    assert len(truth.incidents) == len(KINDS)
    city = read_city(tmp_path / "one" / "city")
    assert not [one for one in city.findings if one.severity.value == "error"]
    codes = {one.code for one in city.pack.sensors}
    assert {row["stream"] for row in rows} <= codes
    assert [row["received_at"] for row in rows] == sorted(row["received_at"] for row in rows)
    cells: dict[str, object] = {**rows[0], "value": float(rows[0]["value"])}
    taken = row_from_json(msgspec.json.encode(cells))
    assert taken.stream in codes
    assert taken.at is not None
    with (tmp_path / "one" / "truth.csv").open(encoding="utf-8", newline="") as file:
        listed = list(csv.DictReader(file))
    assert {row["what"] for row in listed} == {"incident", "due", "fault"}

    again = run(*words, "--out", tmp_path / "two", "--parquet")
    assert again.exit_code == 0
    table = pq.read_table(tmp_path / "two" / "readings.parquet").to_pydict()
    assert table["stream"] == [row["stream"] for row in rows]
    assert table["value"] == [float(row["value"]) for row in rows]
    assert (tmp_path / "one" / "truth.json").read_bytes() == (tmp_path / "two" / "truth.json").read_bytes()  # fmt: skip


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(AnlanError) as refused:
        run("demo", "--hours", "1", "--out", tmp_path)
    assert refused.value.code == "simulate.folder_taken"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_what_does_not_go_together_is_said(tmp_path: Path) -> None:
    assert run("demo", "--to", "http://127.0.0.1:9").exit_code == 2
    (tmp_path / "token").write_text("none")
    with pytest.raises(AnlanError) as refused:
        run("demo", "--to", "ftp://x", "--token-file", tmp_path / "token", "--hours", "0.1")
    assert refused.value.code == "simulate.target_refused"


@pytest.mark.sqlite_only
def test_every_planted_incident_is_found_by_the_real_path_and_nothing_else(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    words = ("demo", "--sensors", "60", "--hours", "3", "--start", START, "--seed", "2")
    ended = commanded(tmp_path / "live", *words, "--faults", "0", "--tick", "5m", "--report", str(report))  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-3000:]
    found = json.loads(report.read_bytes())["score"]
    assert found["simulated"] is True
    assert {one["kind"] for one in found["incidents"]} == set(KINDS)
    for one in found["incidents"]:
        assert one["level"] == one["expected"] != "", one
        assert 0 <= one["behind_s"] <= 330, one  # the line, and up to one tick
    assert found["missed"] == []
    assert found["false"] == []
    assert found["readings"] > 6_000


@pytest.mark.long
@pytest.mark.sqlite_only
def test_a_quiet_city_is_quiet_and_a_silent_sensor_is_told_of(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    words = ("demo", "--sensors", "40", "--hours", "4", "--start", START, "--seed", "4")
    words += ("--incidents", "0", "--faults", "0.2", "--tick", "10m", "--report", str(report))
    ended = commanded(tmp_path / "live", *words)
    assert ended.returncode == 0, ended.stderr[-3000:]
    found = json.loads(report.read_bytes())["score"]
    kinds = {one["kind"]: one for one in found["faults"]}
    assert len(kinds) == 8
    assert kinds["gap"]["rule"] == "device.silence"
    assert kinds["battery"]["rule"] == "device.silence"
    # The checks of quality find what four hours can show, and doubt no healthy device.
    assert kinds["duplicates"]["checks"] == ["duplicate"]
    assert "spike" in kinds["spike"]["flags"]
    assert "no_value" in kinds["out_of_range"]["flags"]
    assert found["false_faults"] == []
    # What a healthy instrument says in a city in which nothing happens raises nothing.
    assert [row for row in found["false"] if row["alerts"] > row["on_faulty"]] == []


@pytest.mark.long
@pytest.mark.sqlite_only
def test_a_running_server_acknowledges_what_is_sent_in_time(tmp_path: Path) -> None:
    with served(tmp_path / "server") as place:
        (tmp_path / "token").write_text(place.token)
        words = ("demo", "--hours", "0.1", "--speed", "60", "--format", "json")
        words += ("--to", place.address, "--token-file", str(tmp_path / "token"))
        ended = commanded(tmp_path / "none", *words)
        assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
        sent = json.loads(ended.stdout)["sent"]
        assert sent["sent"] == sent["kept"] > 50
        assert sent["refused"] == sent["lost"] == 0
        stranger = ("demo", "--sensors", "5", *words[1:])
        refused = commanded(tmp_path / "none", *stranger)
    assert refused.returncode == 1
    assert "simulate.target_refused" in refused.stderr
