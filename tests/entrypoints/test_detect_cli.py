"""``anlan detect``: what it writes, what it refuses, and how it ends."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from anlan.entrypoints.cli import series
from anlan.entrypoints.cli.detect import detect
from anlan.kernel.errors import AnlanError

START = np.datetime64("2026-03-02T00:00:00")


def run(*words: str | Path, language: str = "en") -> Result:
    return CliRunner().invoke(
        detect, list(map(str, words)), env={"ANLAN_LANG": language}, catch_exceptions=False
    )


def stamps(count: int, step_s: int = 300) -> list[str]:
    return [str(START + np.timedelta64(step_s * k, "s")).replace("T", " ") for k in range(count)]


def one_stream(path: Path, count: int = 1_500) -> Path:
    values = 10 + np.random.default_rng(51).normal(size=count)
    values[1_200:1_203] = 40
    lines = [f"{at},{value:.4f}" for at, value in zip(stamps(count), values, strict=True)]
    path.write_text("timestamp,value\n" + "\n".join(lines) + "\n")
    return path


def an_asset(path: Path) -> Path:
    rng = np.random.default_rng(52)
    speed = 50 + rng.normal(size=900)
    flow = 2 * speed + rng.normal(size=900) * 0.3
    flow[700:800] -= 4
    rows = zip(stamps(900, 1), speed, flow, np.arange(900) >= 700, strict=True)
    path.write_text(
        "datetime;Speed;Flow;anomaly\n" + "".join(f"{a};{b:.4f};{c:.4f};{float(d)}\n" for a, b, c, d in rows)
    )  # fmt: skip
    return path


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_row_is_scored_and_written_word_for_word(tmp_path: Path) -> None:
    source = one_stream(tmp_path / "in.csv")
    done = run(source, tmp_path / "out.csv")
    assert done.exit_code == 0
    rows, given = read(tmp_path / "out.csv"), read(source)
    assert list(rows[0]) == ["timestamp", "value", "anomaly_score", "label"]
    assert [(row["timestamp"], row["value"]) for row in rows] == [
        (row["timestamp"], row["value"]) for row in given
    ]
    assert all(0 <= float(row["anomaly_score"]) <= 1 for row in rows)
    assert [row["label"] for row in rows] == [
        str(int(float(row["anomaly_score"]) >= 0.5)) for row in rows
    ]
    assert rows[1_200]["label"] == "1"
    assert f"{len(rows)} rows" in done.output
    assert "行异常" in run(source, tmp_path / "out.csv", language="zh").output


def test_a_file_that_is_cut_short_is_scored_as_its_head_was(tmp_path: Path) -> None:
    source = one_stream(tmp_path / "in.csv")
    run(source, tmp_path / "whole.csv", "--reasons")
    lines = source.read_text().splitlines(keepends=True)
    for end in (2, 60, 1_202):
        (tmp_path / "part.csv").write_text("".join(lines[:end]))
        run(tmp_path / "part.csv", tmp_path / "out.csv", "--reasons")
        whole = (tmp_path / "whole.csv").read_text().splitlines()
        assert (tmp_path / "out.csv").read_text().splitlines() == whole[:end]


def test_pieces_make_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for source, words in (
        (one_stream(tmp_path / "one.csv"), ()),
        (an_asset(tmp_path / "asset.csv"), ("--multivariate",)),
    ):
        run(source, tmp_path / "whole.csv", *words, "--reasons")
        monkeypatch.setattr(series, "PIECE", 7)
        run(source, tmp_path / "pieces.csv", *words, "--reasons")
        monkeypatch.undo()
        assert (tmp_path / "pieces.csv").read_text() == (tmp_path / "whole.csv").read_text()


def test_reasons_and_the_end_are_told_to_people_and_machines(tmp_path: Path) -> None:
    source = one_stream(tmp_path / "in.csv")
    done = run(source, tmp_path / "out.csv", "--reasons", "--format", "json")
    said = json.loads(done.output)
    rows = read(tmp_path / "out.csv")
    assert rows[1_200]["reason"] in {"jump", "range", "season"}
    told = [row for row in rows if row["label"] == "1"]
    assert (said["rows"], said["told"], said["first"]) == (1_500, len(told), told[0]["timestamp"])


def test_a_higher_threshold_tells_less_and_changes_no_score(tmp_path: Path) -> None:
    source = one_stream(tmp_path / "in.csv")
    run(source, tmp_path / "a.csv")
    run(source, tmp_path / "b.csv", "--threshold", "0.7")
    a, b = read(tmp_path / "a.csv"), read(tmp_path / "b.csv")
    assert [row["anomaly_score"] for row in a] == [row["anomaly_score"] for row in b]
    assert sum(row["label"] == "1" for row in a) > sum(row["label"] == "1" for row in b) > 0


def test_streams_of_an_asset_are_scored_together_and_answers_are_never_looked_at(
    tmp_path: Path,
) -> None:
    source = an_asset(tmp_path / "asset.csv")
    done = run(source, tmp_path / "out.csv", "--multivariate", "--reasons")
    assert done.exit_code == 0, done.output
    rows = read(tmp_path / "out.csv")
    assert list(rows[0]) == ["timestamp", "Speed", "Flow", "anomaly_score", "label", "stream", "partner"]  # fmt: skip
    labels = np.array([row["label"] == "1" for row in rows])
    assert not labels[:400].any()
    assert labels[720:800].mean() > 0.9
    assert labels[400:700].mean() < 0.05
    assert {row["stream"] for row in rows[750:800]} <= {"Speed", "Flow"}
    turned = source.read_text().replace(";0.0\n", ";x\n").replace(";1.0\n", ";\n")
    (tmp_path / "turned.csv").write_text(turned)
    run(tmp_path / "turned.csv", tmp_path / "other.csv", "--multivariate", "--reasons")
    assert (tmp_path / "other.csv").read_text() == (tmp_path / "out.csv").read_text()


def test_columns_are_named_or_found(tmp_path: Path) -> None:
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    lines = [f"{k},{at},{k % 7},{k % 5}" for k, at in enumerate(stamps(80))]
    source.write_text("n,Time,A,Label\n" + "\n".join(lines))
    refused(run_error(source, out), "series.column_missing")
    assert run(source, out, "--value", "a").exit_code == 0
    assert run(source, out, "--leave-out", "n").exit_code == 0
    assert [row["value"] for row in read(out)][:3] == ["0", "1", "2"]
    refused(run_error(source, out, "--value", "B"), "series.column_missing")
    refused(run_error(source, out, "--leave-out", "B"), "series.column_missing")
    refused(run_error(source, out, "--multivariate", "--leave-out", "n"), "series.column_missing")


def run_error(*words: str | Path) -> AnlanError:
    with pytest.raises(AnlanError) as caught:
        CliRunner().invoke(detect, list(map(str, words)), catch_exceptions=False)
    return caught.value


def refused(error: AnlanError, code: str, **params: object) -> None:
    assert error.code == code
    assert {name: error.params[name] for name in params} == params


GOOD = "timestamp,value\n2026-01-01 00:00:00,1\n2026-01-01 00:05:00,2\n"


@pytest.mark.parametrize(
    ("text", "code", "params"),
    [
        ("", "series.empty", {}),
        ("\n\n", "series.empty", {}),
        ("timestamp,value\n", "series.empty", {}),
        ("timestamp,value\n\n\n", "series.empty", {}),
        ("2026-01-01 00:00:00,1\n", "series.head_missing", {}),
        ("timestamp\n2026-01-01\n", "series.column_missing", {}),
        (GOOD + "yesterday,3\n", "series.bad_time", {"line": 4, "text": "yesterday"}),
        (GOOD + "2026-02-30,3\n", "series.bad_time", {"line": 4}),
        (GOOD + "nan,3\n", "series.bad_time", {"line": 4}),
        (GOOD + "1e300,3\n", "series.bad_time", {"line": 4}),
        (GOOD + "\n2026-01-01 00:10:00,three\n", "series.bad_value", {"line": 5, "column": "value"}),
        (GOOD + "2026-01-01 00:10:00\n", "series.bad_row", {"line": 4}),
        (GOOD + "2026-01-01T00:10:00+08:00,3\n", "series.mixed_zones", {"line": 4}),
        (GOOD + "1767225600,3\n", "series.mixed_zones", {"line": 4}),
        ("timestamp,value\n" + "x" * 200_000, "series.bad_row", {}),
    ],
)  # fmt: skip
def test_garbage_is_refused_by_line_and_leaves_no_output(
    tmp_path: Path, text: str, code: str, params: dict[str, object]
) -> None:
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text(text)
    error = run_error(source, out)
    refused(error, code, **params)
    assert error.http_status == 422  # ends with 1
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_what_was_written_before_stays_when_the_next_run_fails(tmp_path: Path) -> None:
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    out.write_text("kept")
    source.write_text(GOOD + "?,3\n")
    run_error(source, out)
    assert out.read_text() == "kept"


def test_doubled_and_backward_times_are_scored_and_told_or_refused(tmp_path: Path) -> None:
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text(GOOD + "2026-01-01 00:05:00,2\n2025-12-31 23:00:00,1\n2025-12-31 23:05:00,\n")
    done = run(source, out)
    assert done.exit_code == 0
    assert "1 rows with a doubled time, 1 that go backwards (first in line 4)" in done.output
    assert len(read(out)) == 5
    refused(run_error(source, out, "--strict"), "series.not_in_order", line=4)
    said = json.loads(run(source, out, "--format", "json").output)
    assert (said["doubled"], said["backwards"], said["without_value"]) == (1, 1, 1)


def test_other_encodings_are_named(tmp_path: Path) -> None:
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes("时间,水位\n2026年1月1日 8:00,1.5\n2026/1/1 8:05,1.6\n".encode("gb18030"))
    refused(run_error(source, out), "series.not_text")
    assert run(source, out, "--encoding", "gb18030").exit_code == 0
    source.write_bytes(b"a,b\n2026-01-01,1\n2026-01-02,\xff\n")
    refused(run_error(source, out), "series.not_text")
    assert run(source, out, "--encoding", "klingon").exit_code == 2


def test_misuse_ends_with_two(tmp_path: Path) -> None:
    source = one_stream(tmp_path / "in.csv", 1_300)
    for words in (
        (source, source),
        (tmp_path / "none.csv", tmp_path / "out.csv"),
        (source, tmp_path / "out.csv", "--multivariate", "--value", "value"),
        (source, tmp_path / "out.csv", "--head", "10"),
        (source, tmp_path / "out.csv", "--threshold", "0"),
    ):
        assert run(*words).exit_code == 2, words


def test_too_few_rows_to_score_could_not_be_checked(tmp_path: Path) -> None:
    source = an_asset(tmp_path / "asset.csv")
    error = run_error(source, tmp_path / "out.csv", "--multivariate", "--head", "900")
    refused(error, "detect.too_short", rows=900, head=900)
    assert error.http_status == 503  # ends with 3
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1970-01-02", 86_400), ("1970-01-01 00:01", 60), ("1970-01-01T08:00:00+08:00", 0),
        ("1970-01-01T00:00:01.5Z", 1.5), ("1970/1/1 0:02:03", 123), ("60", 60), ("1767225600000", 1_767_225_600),
        ("19700102", 86_400), ("1970年1月1日 01:00", 3_600),
    ],
)  # fmt: skip
def test_instants_are_read_as_they_are_written(text: str, at: float) -> None:
    found = series.instant(text)
    assert found is not None
    assert found[0] == at


def test_the_time_of_day_is_that_of_the_place(tmp_path: Path) -> None:
    found = series.instant("2026-05-01T08:00:00+08:00")
    assert found is not None
    assert series.slots_of(np.array([found[1]]), 24).tolist() == [8]
    days = np.array([(np.datetime64(d) - np.datetime64("1970-01-01")).astype(int) * 86_400.0 for d in (
        "2026-05-01", "2026-05-02", "2026-05-03", "2026-05-09")])  # fmt: skip
    assert series.Calendar().kinds(days).tolist() == [0, 1, 1, 1]
    path = tmp_path / "days.txt"
    path.write_text("2026-05-01 rest  # Labour Day\n\n2026-05-03\n2026-05-09,work\n")
    assert series.Calendar(path).kinds(days).tolist() == [1, 1, 1, 0]
    path.write_text("2026-05-01 party\n")
    with pytest.raises(series.SeriesTimeError):
        series.Calendar(path)


@pytest.mark.sqlite_only
def test_it_starts_without_the_framework_and_ends_as_the_house_does(tmp_path: Path) -> None:
    source = one_stream(tmp_path / "in.csv", 1_300)
    code = (
        "import sys; sys.argv = ['anlan', *sys.argv[1:]]\n"
        "import tests.without_django\n"
        "from anlan.entrypoints.cli import main\n"
        "main()"
    )
    root = Path(__file__).resolve().parents[2]
    environment = dict(os.environ, PYTHONPATH=f"{root / 'src'}{os.pathsep}{root}", ANLAN_LANG="en")

    def ends(*words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, "detect", *map(str, words)],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    done = ends(source, tmp_path / "out.csv")
    assert (done.returncode, done.stderr) == (0, "")
    source.write_text(GOOD + "?,3\n")
    done = ends(source, tmp_path / "out.csv")
    assert done.returncode == 1
    assert done.stderr.startswith("series.bad_time: “?” in line 4 is no time.")
    assert ends(source, source).returncode == 2
    source.write_text("t,a,b\n2026-01-01,1,2\n")
    assert ends(source, tmp_path / "out.csv", "--multivariate").returncode == 3


def days_of(path: Path, *, burst: int = 0) -> Path:
    """Two hundred days of counts that follow the week, and one with ``burst`` more."""
    rng = np.random.default_rng(53)
    counts = rng.poisson(np.tile([20, 22, 21, 20, 24, 9, 7], 29)[:200])
    counts[180] += burst
    lines = [f"{at},{n}" for at, n in zip(stamps(200, 86_400), counts, strict=True)]
    lines[150] = lines[150].rpartition(",")[0] + ","
    path.write_text("timestamp,value\n" + "\n".join(lines) + "\n")
    return path


def test_counts_of_days_are_told_when_there_are_too_many(tmp_path: Path) -> None:
    done = run(
        days_of(tmp_path / "in.csv", burst=25), tmp_path / "out.csv", "--counts", "day", "--reasons"
    )
    assert done.exit_code == 0
    rows = read(tmp_path / "out.csv")
    assert len(rows) == 200
    assert rows[180]["label"] == "1"
    assert rows[180]["reason"] == "more"
    assert float(rows[180]["expected"]) < 40
    assert {row["reason"] for row in rows[:90]} == {"learning"}
    assert {row["anomaly_score"] for row in rows[:90]} == {"0.000000"}
    assert (rows[150]["reason"], rows[150]["label"]) == ("missing", "0")
    assert sum(row["label"] == "1" for row in rows) <= 3
    quiet = run(days_of(tmp_path / "quiet.csv"), tmp_path / "quiet-out.csv", "--counts", "day")
    assert quiet.exit_code == 0
    assert read(tmp_path / "quiet-out.csv")[180]["label"] == "0"


def test_the_file_in_pieces_gives_the_same_counts_scores(tmp_path: Path, monkeypatch) -> None:
    source = days_of(tmp_path / "in.csv", burst=25)
    run(source, tmp_path / "whole.csv", "--counts", "day", "--reasons")
    monkeypatch.setattr(series, "PIECE", 7)
    run(source, tmp_path / "pieces.csv", "--counts", "day", "--reasons")
    assert (tmp_path / "whole.csv").read_bytes() == (tmp_path / "pieces.csv").read_bytes()


@pytest.mark.parametrize("value", ["-1", "2.5"])
def test_what_is_no_count_is_refused(tmp_path: Path, value: str) -> None:
    source = tmp_path / "in.csv"
    source.write_text(f"timestamp,value\n2026-01-01,3\n2026-01-02,{value}\n")
    with pytest.raises(AnlanError) as refused:
        run(source, tmp_path / "out.csv", "--counts", "day")
    assert refused.value.code == "detect.not_a_count"
    assert not (tmp_path / "out.csv").exists()
    assert run(source, tmp_path / "out.csv", "--counts", "day", "--multivariate").exit_code == 2
