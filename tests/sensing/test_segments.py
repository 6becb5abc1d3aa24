"""Sealing: no acknowledged reading is lost or doubled, whatever step fails."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from anlan.infra import failpoints, journal
from anlan.infra.failpoints import FailpointError
from anlan.infra.models import JournalEntry
from anlan.sensing import public
from anlan.sensing.models import ObservationBatch, Segment
from anlan.sensing.public import BatchIn, RowIn
from anlan.sensing.services import segments
from tests.sensing.conftest import GATEWAY, NOW

pytestmark = pytest.mark.django_db(databases="__all__")
STEPS = [
    "segments.begun",
    "segments.part_written",
    "segments.file_in_place",
    "segments.batches_deleted",
    "journal.appended",
    "segments.before_commit",
    "segments.committed",
]
ALL = timedelta(0)


def send(count: int = 4, *, now: datetime = NOW) -> None:
    for index in range(count):
        rows = (
            RowIn("s2", NOW + timedelta(seconds=index), float(index)),
            RowIn("s1", NOW, None),
        )
        public.keep_observations(GATEWAY, BatchIn(rows), now=now)


def everything() -> list:
    return [(b.id, b.received_at, b.observations) for b in public.batches_after(0, 1000)]


def test_a_segment_holds_exactly_its_batches_and_is_one_entry(city, live):
    send()
    before = everything()
    (segment,) = public.seal_segments(now=NOW, span=ALL)
    assert not ObservationBatch.objects.exists()
    assert everything() == before
    assert (segment.first_batch, segment.last_batch, segment.rows) == (1, 4, 8)
    entry = JournalEntry.objects.get(event="SegmentSealed")
    assert (
        entry.payload["sha256"]
        == segment.sha256
        == segments.sha256_of(live.segments / segment.name)[0]
    )
    assert (
        journal.replay_images([entry])["sensing.segment"] == journal.live_state()["sensing.segment"]
    )
    assert public.verify_segments() == ()


def test_sealing_waits_until_there_is_something_worth_a_file(city):
    send()
    assert public.seal_segments(now=NOW + timedelta(minutes=59)) == ()
    send(1, now=NOW + timedelta(minutes=50))
    (segment,) = public.seal_segments(now=NOW + timedelta(minutes=60))
    assert segment.last_batch == 4  # the one of ten minutes ago rests
    assert ObservationBatch.objects.count() == 1
    assert public.seal_segments(now=NOW + timedelta(minutes=61)) == ()


def test_very_many_rows_do_not_wait(city, monkeypatch):
    monkeypatch.setattr(segments, "MAX_ROWS", 3)
    send()
    assert public.seal_segments(now=NOW) == ()  # all came within the last minutes
    sealed = public.seal_segments(now=NOW + segments.REST)
    assert [item.rows for item in sealed] == [2, 2, 2, 2]


def test_the_same_readings_give_the_same_file(city, live, tmp_path):
    send()
    batches = public.batches_after(0, 100)
    table = segments.table_of(batches)
    first = segments.write_file(table, tmp_path / "a.parquet")
    assert segments.write_file(segments.table_of(batches), tmp_path / "b.parquet") == first


@pytest.mark.parametrize("step", STEPS)
def test_a_failure_at_any_step_loses_and_doubles_nothing(city, live, step):
    send()
    before = everything()
    failpoints.arm(f"{step}:raise")
    with pytest.raises(FailpointError):
        public.seal_segments(now=NOW, span=ALL)
    assert everything() == before
    public.seal_segments(now=NOW, span=ALL)
    assert everything() == before
    assert (
        Segment.objects.count() == JournalEntry.objects.filter(event="SegmentSealed").count() == 1
    )
    assert public.verify_segments() == ()
    assert [p.suffix for p in sorted(live.segments.iterdir())] == [".parquet", ".lock"]


def test_two_sealers_do_not_meet(city):
    send()
    with segments._alone(segments.workspace_here().segments) as alone:
        assert alone
        assert public.seal_segments(now=NOW, span=ALL) == ()
    assert len(public.seal_segments(now=NOW, span=ALL)) == 1


def test_any_change_of_a_sealed_file_is_found(city, live):
    send()
    (segment,) = public.seal_segments(now=NOW, span=ALL)
    path = live.segments / segment.name
    whole = path.read_bytes()
    for position in (0, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        assert [f.fault for f in public.verify_segments()] == ["changed"]
    path.write_bytes(whole)
    (live.segments / "extra.parquet").write_bytes(whole)
    assert [f.fault for f in public.verify_segments()] == ["unknown_file"]
    path.unlink()
    assert [f.fault for f in public.verify_segments()] == ["missing", "unknown_file"]


def test_instants_survive_to_the_microsecond(city):
    at = datetime(2026, 7, 20, 7, 59, 59, 123457, tzinfo=UTC)
    public.keep_observations(GATEWAY, BatchIn((RowIn("s2", at, 0.1),)), now=NOW)
    public.seal_segments(now=NOW, span=ALL)
    (reading,) = public.read_observations("s2", at, at + timedelta(microseconds=1))
    assert (reading.at, reading.value) == (at, 0.1)
