"""What a disk does to the judge: it goes on with what is left, and what is open stays open."""

from __future__ import annotations

import random
import resource
from contextlib import contextmanager
from datetime import timedelta

import pytest

from anlan.infra.here import workspace
from anlan.kernel.errors import IntegrityBreachError
from anlan.sensing import public as sensing
from anlan.warning import columns
from anlan.warning.models import AlertInstance, JudgeCut
from anlan.warning.services.streams.here import stream_judge
from tests.warning import town
from tests.warning.town import at, readings, tick

pytestmark = pytest.mark.django_db(databases="__all__")


def crowd() -> AlertInstance:
    return AlertInstance.objects.get(rule="crowd.density")


def file_of_the_judge():
    return workspace().judge / "streams.npz"


@contextmanager
def no_file_over(size):
    """Let no file grow beyond ``size`` bytes: a disk that takes the beginning and then no more."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_no_flipped_bit_of_the_memory_is_more_than_its_loss(tmp_path) -> None:
    path, dice = tmp_path / "streams.npz", random.Random(7)
    columns.save(columns.new_state(), path, cursor=3)
    whole, lost = path.read_bytes(), 0
    for _ in range(600):
        data = bytearray(whole)
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        path.write_bytes(data[: dice.randrange(len(data))] if dice.random() < 0.1 else data)
        try:
            assert columns.load(path).cursor == 3
        except IntegrityBreachError:
            lost += 1
    assert lost > 300


def test_a_full_disk_at_the_checkpoint_costs_nothing_and_is_not_kept_full(demo) -> None:
    tick(0)
    before = file_of_the_judge().read_bytes()
    readings("CROWD-01", 4, 4, 4)
    tick(2)
    with no_file_over(len(before) // 2), pytest.raises(OSError, match="large"):
        stream_judge().close()
    assert file_of_the_judge().read_bytes() == before
    assert {path.suffix for path in workspace().judge.iterdir()} == {".npz", ".lock"}
    readings("CROWD-01", *[1] * 12, start=3)
    tick(14)
    assert stream_judge().mended == 0
    assert crowd().cleared_reason == "threshold.calm"
    stream_judge().close()
    assert not JudgeCut.objects.exists()


def test_a_memory_of_another_workspace_is_not_taken_for_this_ones(demo, tmp_path) -> None:
    readings("CROWD-01", 4, 4, 4)
    tick(2)
    stream_judge().close()
    foreign = file_of_the_judge().read_bytes()
    AlertInstance.objects.all().delete()
    town.begin_anew(keep_file=False)
    JudgeCut.objects.all().delete()
    from anlan.warning.models import JudgeState

    JudgeState.objects.all().delete()
    tick(3)  # another database's judge, whose readings are the same
    assert crowd().level == "orange"
    stream_judge().close()
    file_of_the_judge().write_bytes(foreign)
    tick(4)
    assert stream_judge().mended == 1
    readings("CROWD-01", *[1] * 12, start=4)
    tick(15)
    assert crowd().cleared_reason == "threshold.calm"


def harm_the_segments() -> None:
    """Tear every segment of readings, and let nobody know it from before."""
    from anlan.sensing.services import hands

    hands.let_go()
    paths = list((workspace().observations / "segments").rglob("obs-*.parquet"))
    assert paths
    for path in paths:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_a_torn_segment_keeps_nobody_from_judging_what_follows(demo) -> None:
    tick(0)
    readings("CROWD-01", 4, 4, 4)
    tick(2)
    sensing.seal_segments(now=at(2), span=timedelta(0))
    town.begin_anew(keep_file=False)
    harm_the_segments()
    tick(3)
    assert crowd().cleared_at is None  # what is open stays open, though nothing says why any more
    readings("CROWD-01", *[1] * 14, start=4)
    tick(17)
    assert crowd().cleared_reason == "threshold.calm"
    readings("CROWD-01", 4, 4, 4, start=20)
    tick(22)
    assert AlertInstance.objects.filter(rule="crowd.density", cleared_at=None).count() == 1


def test_frames_that_were_lost_before_they_were_judged_hold_up_no_others(demo) -> None:
    tick(0)
    stream_judge().close()
    readings("CROWD-01", 4, 4, 4)
    sensing.seal_segments(now=at(2), span=timedelta(0))
    harm_the_segments()
    readings("POND-01", 45, 45, 45, 45, 45, 45, start=3)
    tick(9)
    assert AlertInstance.objects.filter(subject="stream:POND-01", cleared_at=None).exists()
    assert [item.fault for item in sensing.verify_segments()] == ["changed"]
