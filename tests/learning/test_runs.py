"""Runs as folders: numbered, one at a time, and never half a file."""

import subprocess
import sys
from datetime import UTC, datetime

import pytest

from anlan.learning.domain.runs import (
    RunEnd,
    RunningError,
    RunOrder,
    RunProgress,
    RunUnknownError,
    StoppedError,
)
from anlan.learning.domain.scenario import Words
from anlan.learning.services import runs

NOW = datetime(2026, 7, 20, 8, tzinfo=UTC)
ORDER = RunOrder(scenario="x", title=Words(zh="甲", en="A"), asked_at=NOW, by="account:1")
HOLD = "import sys, time; print('here', flush=True); sys.stdin.read()"


def ended(folder, code=""):
    runs.end(folder, RunEnd(ended_at=NOW, took_s=1.5, code=code))


def test_numbers_go_up_and_the_latest_stands_first(tmp_path):
    assert [runs.new_run(tmp_path, ORDER) for _ in range(3)] == [1, 2, 3]
    assert [one.number for one in runs.runs(tmp_path)] == [3, 2, 1]
    assert runs.order_of(tmp_path, 2) == ORDER


def test_what_lies_among_the_runs_by_somebody_s_hand_breaks_nothing(tmp_path):
    number = runs.new_run(tmp_path, ORDER)
    for name in ("0001.bak", "12abc", "1 (copy)", "9x"):
        (tmp_path / "runs" / name).mkdir()
    assert [one.number for one in runs.runs(tmp_path)] == [number]
    assert runs.new_run(tmp_path, ORDER) == 2


def test_of_many_runs_only_those_asked_for_are_read(tmp_path, monkeypatch):
    for _ in range(6):
        runs.new_run(tmp_path, ORDER)
    seen = []
    read = runs._read
    monkeypatch.setattr(runs, "_read", lambda path, kind: seen.append(path) or read(path, kind))
    assert next(runs.latest(tmp_path)).number == 6
    assert {path.parent.name for path in seen} == {"0006"}


def test_a_number_that_is_taken_meanwhile_is_passed_over(tmp_path, monkeypatch):
    runs.new_run(tmp_path, ORDER)
    monkeypatch.setattr(runs, "_numbers", lambda _replays: [])
    assert runs.new_run(tmp_path, ORDER) == 2


def test_the_lock_passes_to_the_child_and_ends_with_it(tmp_path):
    number = runs.new_run(tmp_path, ORDER)
    with runs.the_only_one(tmp_path) as lock:
        runs.mark(lock, number)
        child = subprocess.Popen(
            [sys.executable, "-c", HOLD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(lock,),
        )
        child.stdout.readline()
    assert runs.running(tmp_path) == number
    assert runs.run(tmp_path, number).state == "running"
    with pytest.raises(RunningError), runs.the_only_one(tmp_path):
        pass
    child.communicate(b"")
    assert runs.running(tmp_path) is None
    assert runs.run(tmp_path, number).state == "broken"
    with runs.the_only_one(tmp_path):
        pass


@pytest.mark.parametrize(
    ("code", "state"), [("", "done"), ("replay.stopped", "stopped"), ("internal", "failed")]
)
def test_it_says_how_it_ended(tmp_path, code, state):
    number = runs.new_run(tmp_path, ORDER)
    ended(runs.folder_of(tmp_path, number), code)
    assert runs.run(tmp_path, number).state == state


def test_a_run_that_broke_off_is_not_taken_for_the_one_that_runs(tmp_path):
    broken, now = runs.new_run(tmp_path, ORDER), runs.new_run(tmp_path, ORDER)
    with runs.the_only_one(tmp_path) as lock:
        assert runs.running(tmp_path) is None
        runs.mark(lock, now)
        assert runs.running(tmp_path) == now
        ended(runs.folder_of(tmp_path, now))
        assert runs.running(tmp_path) is None
        assert runs.run(tmp_path, broken).state == "broken"


def test_progress_is_seen_and_a_run_can_be_stopped(tmp_path):
    number = runs.new_run(tmp_path, ORDER)
    folder = runs.folder_of(tmp_path, number)
    progress = RunProgress(stage="replay", at="2021-07-20T10:00:00", done=3, total=9)
    runs.note_progress(folder, progress)
    assert runs.run(tmp_path, number).progress == progress
    with runs.the_only_one(tmp_path) as lock:
        runs.mark(lock, number)
        runs.stop(tmp_path, number)
        with pytest.raises(StoppedError):
            runs.note_progress(folder, progress)


def test_stopping_what_is_over_changes_nothing(tmp_path):
    number = runs.new_run(tmp_path, ORDER)
    ended(runs.folder_of(tmp_path, number))
    runs.stop(tmp_path, number)
    assert not (runs.folder_of(tmp_path, number) / runs.STOP).exists()


def test_the_oldest_workspaces_go_and_their_results_stay(tmp_path):
    for _ in range(runs.WORKSPACES_KEPT + 2):
        number = runs.new_run(tmp_path, ORDER)
        runs.workspace_of(tmp_path, number).mkdir()
        ended(runs.folder_of(tmp_path, number))
    under_way = runs.new_run(tmp_path, ORDER)
    runs.workspace_of(tmp_path, under_way).mkdir()
    with runs.the_only_one(tmp_path) as lock:
        runs.mark(lock, under_way)
        runs.forget_workspaces(tmp_path)
    kept = [one.number for one in runs.runs(tmp_path) if one.has_workspace]
    assert kept == [under_way, *range(under_way - 1, under_way - 1 - runs.WORKSPACES_KEPT, -1)]
    assert len(runs.runs(tmp_path)) == under_way


def test_what_cannot_be_read_is_left_out_and_named(tmp_path):
    number = runs.new_run(tmp_path, ORDER)
    (runs.folder_of(tmp_path, number) / runs.ORDER).write_text("{")
    assert runs.runs(tmp_path) == []
    for ask in (runs.run, runs.order_of, runs.result_of):
        with pytest.raises(RunUnknownError):
            ask(tmp_path, number)


def test_no_lock_file_is_made_by_looking(tmp_path):
    assert not runs.is_running(tmp_path)
    assert list(tmp_path.iterdir()) == []
