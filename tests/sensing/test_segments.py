"""Sealing: no acknowledged reading is lost or doubled, whatever step fails."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from anlan.entrypoints.cli.observations import observations
from anlan.infra import failpoints, journal
from anlan.infra.failpoints import FailpointError
from anlan.infra.models import JournalEntry
from anlan.sensing import public
from anlan.sensing.models import Segment
from anlan.sensing.public import BatchIn, RowIn
from anlan.sensing.services import hands, segments
from anlan.sensing.store.segments import hashed
from anlan.sensing.store.verify import StoreFault
from tests.sensing.conftest import GATEWAY, NOW

pytestmark = pytest.mark.django_db(databases="__all__")
STEPS = [
    "store.part_written",
    "store.file_in_place",
    "store.segments_written",
    "store.latest_saved",
    "store.manifest_saved",
    "journal.appended",
    "segments.before_commit",
    "segments.committed",
]
ALL = timedelta(0)


def send(count: int = 4, *, now: datetime = NOW) -> None:
    for index in range(count):
        rows = (
            RowIn("s2", NOW + timedelta(seconds=index), float(index)),
            RowIn("s1", NOW + timedelta(seconds=index), None),
        )
        public.keep_observations(GATEWAY, BatchIn(rows), now=now)


def everything() -> list:
    return [(b.id, b.received_at, b.observations) for b in public.batches_after(0, 1000)]


def test_a_segment_holds_exactly_its_batches_and_is_one_entry(city, live):
    send()
    before = everything()
    (segment,) = public.seal_segments(now=NOW, span=ALL)
    assert everything() == before
    assert (segment.first_batch, segment.last_batch, segment.rows) == (1, 4, 8)
    entry = JournalEntry.objects.get(event="SegmentSealed")
    path = live.observations / "segments" / segment.name
    assert entry.payload["sha256"] == segment.sha256 == hashed(path).sha256
    assert (
        journal.replay_images([entry])["sensing.segment"] == journal.live_state()["sensing.segment"]
    )
    assert public.verify_segments() == ()


def test_sealing_waits_until_there_is_something_worth_a_file(city):
    send()
    assert public.seal_segments(now=NOW + timedelta(minutes=59)) == ()
    (segment,) = public.seal_segments(now=NOW + timedelta(minutes=60))
    assert segment.last_batch == 4
    assert public.seal_segments(now=NOW + timedelta(minutes=61)) == ()


def test_very_many_rows_do_not_wait(city, monkeypatch):
    monkeypatch.setattr(segments, "MAX_ROWS", 8)
    send(3)
    assert public.seal_segments(now=NOW) == ()
    send(1)
    assert [item.rows for item in public.seal_segments(now=NOW)] == [8]


def test_merged_segments_are_one_entry_that_names_what_it_replaces(city):
    for hour in range(9):
        send(1, now=NOW + timedelta(hours=hour, seconds=1))
        public.seal_segments(now=NOW + timedelta(hours=hour, seconds=1), span=ALL)
    merged = Segment.objects.exclude(replaced_by="")
    (into,) = set(merged.values_list("replaced_by", flat=True))
    entry = JournalEntry.objects.get(event="SegmentSealed", payload__segment=into)
    assert sorted(entry.payload["replaces"]) == sorted(merged.values_list("name", flat=True))
    entries = JournalEntry.objects.filter(event="SegmentSealed").order_by("seq")
    assert (
        journal.replay_images(entries)["sensing.segment"] == journal.live_state()["sensing.segment"]
    )
    assert public.verify_segments() == ()


@pytest.mark.parametrize("step", STEPS)
def test_a_failure_at_any_step_loses_and_doubles_nothing(city, live, step):
    send()
    before = everything()
    failpoints.arm(f"{step}:raise")
    with pytest.raises(FailpointError):
        public.seal_segments(now=NOW, span=ALL)
    hands.let_go()
    assert everything() == before
    public.seal_segments(now=NOW, span=ALL)
    assert everything() == before
    assert (
        Segment.objects.count() == JournalEntry.objects.filter(event="SegmentSealed").count() == 1
    )
    assert public.verify_segments() == ()
    files = [path for path in (live.observations / "segments").rglob("*") if path.is_file()]
    assert len(files) == 2, "one segment and its table of frames"


def test_any_change_of_a_sealed_file_is_found(city, live):
    send()
    (segment,) = public.seal_segments(now=NOW, span=ALL)
    path = live.observations / "segments" / segment.name
    whole = path.read_bytes()
    for position in (0, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        assert [f.fault for f in public.verify_segments()] == ["changed"]
    path.write_bytes(whole)
    path.with_name("extra.parquet").write_bytes(whole)
    assert [f.fault for f in public.verify_segments()] == ["unknown_file"]
    path.unlink()
    assert sorted(f.fault for f in public.verify_segments()) == ["missing", "unknown_file"]


def test_a_segment_put_in_the_place_of_another_is_found(city, live):
    send()
    (segment,) = public.seal_segments(now=NOW, span=ALL)
    Segment.objects.filter(pk=segment.pk).update(sha256="0" * 64)
    assert [f.fault for f in public.verify_segments()] == ["not_as_journalled"]
    other = "2026-07-20/obs-gone.parquet"
    Segment.objects.filter(pk=segment.pk).update(sha256=segment.sha256)
    segment.name = other
    segment.save(force_insert=True)
    assert public.verify_segments() == (StoreFault(other, "not_in_manifest"),)


def test_instants_survive_to_the_microsecond(city):
    at = datetime(2026, 7, 20, 7, 59, 59, 123457, tzinfo=UTC)
    public.keep_observations(GATEWAY, BatchIn((RowIn("s2", at, 0.1),)), now=NOW)
    public.seal_segments(now=NOW, span=ALL)
    (reading,) = public.read_observations("s2", at, at + timedelta(microseconds=1))
    assert (reading.at, reading.value) == (at, 0.1)


def test_the_command_proves_the_store_and_fails_when_it_cannot(city, live):
    send()
    (segment,) = public.seal_segments(now=NOW, span=ALL)
    ran = CliRunner().invoke(observations, ["verify", "--format", "json"])
    assert (ran.exit_code, json.loads(ran.output)["sealed_rows"]) == (0, 8), ran.output
    path = live.observations / "segments" / segment.name
    path.write_bytes(path.read_bytes()[:-1])
    ran = CliRunner().invoke(observations, ["verify"])
    assert ran.exit_code == 1
    assert "changed" in ran.output
