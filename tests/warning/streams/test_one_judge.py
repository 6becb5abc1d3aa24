"""One process judges; its memory survives what happens to files, rows and databases."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from anlan.infra.here import workspace
from anlan.kernel.errors import ConflictError
from anlan.sensing import public as sensing
from anlan.warning.columns import state
from anlan.warning.models import AlertInstance, JudgeCut, JudgeState
from anlan.warning.services.streams import cuts, judge
from anlan.warning.services.streams.here import stream_judge
from anlan.warning.services.streams.judge import StreamJudge
from tests.warning import town
from tests.warning.town import at, readings, tick

pytestmark = pytest.mark.django_db(databases="__all__")


def crowd() -> AlertInstance:
    return AlertInstance.objects.get(rule="crowd.density")


def test_the_clockwork_gives_way_to_a_process_that_takes_readings_in(demo) -> None:
    readings("CROWD-01", 4, 4, 4)
    tick(2)
    edge = StreamJudge(workspace().judge)
    edge.start()
    assert edge.tick(now=at(2)).readings == 0  # the clockwork still has the memory
    readings("CROWD-01", *[1] * 12, start=3)
    assert tick(14).readings == 0
    assert edge.tick(now=at(14)).readings > 0
    assert crowd().cleared_reason == "threshold.calm"
    with pytest.raises(ConflictError):
        StreamJudge(workspace().judge).start()
    readings("CROWD-01", 4, 4, 4, start=15)
    assert tick(17).readings == 0
    edge.close()
    tick(17)
    assert AlertInstance.objects.filter(rule="crowd.density").count() == 2


def test_a_commit_is_judged_before_its_sender_is_answered(demo) -> None:
    edge = StreamJudge(workspace().judge)
    edge.start()
    edge.tick(now=at(0))
    readings("CROWD-01", 4, 4, 4)
    assert edge.behind == 0
    assert not AlertInstance.objects.filter(rule="crowd.density").exists()
    assert edge.tick(now=at(2)).changes
    assert crowd().level == "orange"
    sensing.hear_kept(None)
    readings("CROWD-01", *[1] * 12, start=3)
    with CaptureQueriesContext(connection) as queries:
        edge.heard(sensing.frames_after(1, 10))
    assert len(queries) == 0
    assert edge.tick(now=at(14)).changes
    assert crowd().cleared_reason == "threshold.calm"
    edge.close()


def test_a_locked_database_holds_up_nobody_and_nothing_is_lost(demo, monkeypatch) -> None:
    edge = StreamJudge(workspace().judge)
    edge.start()
    edge.tick(now=at(0))
    monkeypatch.setattr(judge, "MOST_WAITING", 3)
    real = cuts.write_some

    def locked(*_args, **_kwargs):
        raise OperationalError("database is locked")

    monkeypatch.setattr(cuts, "write_some", locked)
    for minute in range(0, 60, 15):
        readings("CROWD-01", 4, 4, 4, *[1] * 12, start=minute)
    with pytest.raises(OperationalError):
        edge.tick(now=at(59))
    assert edge.behind > 0
    monkeypatch.setattr(cuts, "write_some", real)
    edge.tick(now=at(59))
    assert edge.behind == 0
    assert AlertInstance.objects.filter(rule="crowd.density").count() == 4
    edge.close()


def test_a_memory_that_breaks_in_a_commit_is_found_again(demo, monkeypatch) -> None:
    edge = StreamJudge(workspace().judge)
    edge.start()
    edge.tick(now=at(0))
    readings("CROWD-01", 4, 4, 4)
    with monkeypatch.context() as patch:
        patch.setattr("anlan.warning.columns.step", _broken)
        readings("CROWD-01", *[1] * 12, start=3)
    readings("CROWD-01", 4, 4, 4, start=20)
    edge.tick(now=at(22))
    assert AlertInstance.objects.filter(rule="crowd.density").count() == 2
    assert edge.mended == 0
    edge.close()


def test_the_disk_is_read_only_for_what_no_commit_has_brought(demo, monkeypatch) -> None:
    edge = StreamJudge(workspace().judge)
    edge.start()
    edge.tick(now=at(0))
    readings("CROWD-01", 1)
    edge.tick(now=at(0))
    read: list[int] = []
    monkeypatch.setattr(judge.sensing, "frames_after", _noting(read, sensing.frames_after))
    readings("CROWD-01", 1, start=1)
    edge.tick(now=at(1))
    assert not read
    sensing.hear_kept(None)  # as between a commit's write and its being heard
    readings("CROWD-01", 4, 4, 4, start=2)
    edge.tick(now=at(4))
    assert not read
    edge.tick(now=at(4))
    assert read
    assert crowd().level == "orange"
    edge.close()


def _noting(read, frames_after):
    def noted(number, limit):
        read.append(number)
        return frames_after(number, limit)

    return noted


def _broken(*_args, **_kwargs):
    raise ArithmeticError("broken in the middle")


@pytest.mark.parametrize("harm", ["gone", "torn", "older", "of another version"])
def test_a_memory_that_is_lost_is_made_again_and_clears_what_is_open(
    demo, harm, monkeypatch
) -> None:
    tick(0)
    file = workspace().judge / "streams.npz"
    kept = file.read_bytes()
    readings("CROWD-01", 4, 4, 4)
    tick(2)
    assert crowd().cleared_at is None
    with monkeypatch.context() as patch:
        if harm == "of another version":
            patch.setattr(state, "VERSION", state.ALONE - 1)
        stream_judge().close()
    if harm == "gone":
        file.unlink()
    elif harm != "of another version":
        file.write_bytes(file.read_bytes()[:1000] if harm == "torn" else kept)
    readings("CROWD-01", 2.5, 2.5, start=3)  # between the limits: stays open
    tick(4)
    assert stream_judge().mended == 1
    assert crowd().cleared_at is None
    readings("CROWD-01", *[1] * 15, start=5)
    tick(19)
    assert crowd().cleared_reason == "threshold.calm"
    assert AlertInstance.objects.filter(rule="crowd.density").count() == 1


def test_a_database_that_was_restored_is_told_what_it_lacks(demo) -> None:
    tick(0)
    rows = list(JudgeState.objects.filter(key=cuts.STREAMS).values())
    readings("CROWD-01", 4, 4, 4)
    tick(2)
    stream_judge().close()
    # As if the database were the one of before: the judge's file is ahead of it.
    AlertInstance.objects.all().delete()
    JudgeCut.objects.all().delete()
    JudgeState.objects.filter(key=cuts.STREAMS).delete()
    JudgeState.objects.bulk_create(JudgeState(**row) for row in rows)
    tick(2)
    assert stream_judge().mended == 1
    assert crowd().level == "orange"


def test_silence_that_was_open_is_still_open_and_clears(demo) -> None:
    tick(0)
    tick(6)
    silent = AlertInstance.objects.filter(rule="device.silence", subject="stream:TUN-01")
    assert silent.count() == 1
    town.begin_anew(keep_file=False)
    tick(7)
    assert silent.get().cleared_at is None
    readings("TUN-01", 0, start=8)
    tick(8)
    assert silent.get().cleared_reason == "silence.heard_again"


@pytest.mark.parametrize("losses", [(), (2,), (1, 3, 4)])
def test_patience_with_what_never_spoke_outlives_a_memory_that_is_lost(demo, losses) -> None:
    tick(0)
    for minute in losses:
        town.begin_anew(keep_file=False)
        tick(minute)
    tick(6)
    assert stream_judge().mended == (1 if losses else 0)
    silent = AlertInstance.objects.get(rule="device.silence", subject="stream:TUN-01")
    assert (silent.active_at, silent.raised_at) == (at(0), at(5))


def test_silence_is_expected_where_somebody_works(demo) -> None:
    tick(0)
    sensing.set_maintenance(
        town.an_officer(), "TUN-01", starts_at=at(1), ends_at=at(30), why="Gauge cleaned", now=at(0)
    )
    tick(2)
    tick(20)
    silent = AlertInstance.objects.filter(rule="device.silence")
    assert silent.filter(subject="stream:POND-01").exists()
    assert not silent.filter(subject="stream:TUN-01").exists()
    tick(31)
    assert silent.filter(subject="stream:TUN-01").exists()


def test_a_tick_costs_by_what_is_new(demo) -> None:
    tick(0)
    streams = ["TUN-01", "POND-01", "CROWD-01"]
    counts = []
    for number, rows in enumerate((1, 330), start=1):
        batch = tuple(
            sensing.RowIn(stream, at(number + second / 600), 0.0)
            for stream in streams
            for second in range(rows)
        )
        sensing.keep_observations(town.SENDER, sensing.BatchIn(batch), now=at(number + 1))
        with CaptureQueriesContext(connection) as queries:
            assert tick(number + 1).readings == len(batch)
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[0] <= 6


def test_what_the_judge_before_this_one_had_open_is_taken_over(demo) -> None:
    readings("CROWD-01", 4, 4, 4)
    tick(2)
    # As the judge that kept a row for each stream left it.
    town.begin_anew(keep_file=False)
    JudgeCut.objects.all().delete()
    JudgeState.objects.filter(key=cuts.STREAMS).delete()
    JudgeState.objects.create(key="stream:CROWD-01", blob=b"memory")
    city = JudgeState.objects.get(key="city")
    city.cursors["batch"] = sensing.last_frame()
    city.save()
    readings("CROWD-01", *[1] * 12, start=3)
    import_module("anlan.warning.migrations.0002_streams_in_columns").take_over(apps, None)
    assert not JudgeState.objects.filter(key__startswith="stream:").exists()
    tick(14)
    assert crowd().cleared_reason == "threshold.calm"
    assert "batch" not in JudgeState.objects.get(key="city").cursors
