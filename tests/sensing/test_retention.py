"""Retention: what a class no longer keeps goes, provably; what is held or young stays."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

import pytest
from click.testing import CliRunner

from anlan.entrypoints.cli.observations import observations
from anlan.infra import failpoints, journal
from anlan.infra.failpoints import FailpointError
from anlan.infra.models import JournalEntry
from anlan.sensing import public
from anlan.sensing.domain.retention import (
    RetentionTooShortError,
    RetentionWrongError,
    retention_of,
)
from anlan.sensing.models import RetiredReadings, Segment
from anlan.sensing.public import BatchIn, RowIn
from anlan.sensing.services import hands, segments
from anlan.sensing.store.retiring import packed
from tests.sensing.conftest import GATEWAY, NOW, read_thinned

pytestmark = pytest.mark.django_db(databases="__all__")
CLASSES = """
[[classes]]
id = "ponding"
title_zh = "积水"
title_en = "Ponding"
basis = "City archive rule 7"
keep_days = 60
then = "{then}"
minutes = {minutes}
streams = ["s1"]
"""
LATER = NOW + timedelta(days=90)
STEPS = [
    "store.part_written",
    "store.file_in_place",
    "store.thin_written",
    "store.retired_saved",
    "journal.appended",
    "segments.before_commit",
    "segments.committed",
]


def classes(live, then="thin", minutes=10):
    text = CLASSES.format(then=then, minutes=minutes)
    (live.root / "retention.toml").write_text(text, encoding="utf-8")


def send(*rows, now=NOW):
    public.keep_observations(GATEWAY, BatchIn(tuple(rows)), now=now)


@pytest.fixture
def old(city, live):
    """Thirty minutes of two streams, long past, and one newest reading of each."""
    for minute in range(30):
        at = NOW - timedelta(minutes=40 - minute)
        send(RowIn("s1", at, minute / 100), RowIn("s2", at, float(minute)))
    public.seal_segments(now=NOW, span=timedelta(0))
    send(RowIn("s1", LATER, 0.01), RowIn("s2", LATER, 1.0), now=LATER)
    public.seal_segments(now=LATER, span=timedelta(0))
    return live


def raw(stream="s1"):
    return public.read_observations(stream, NOW - timedelta(days=1), NOW + timedelta(days=1))


def retire(held=frozenset(), now=LATER):
    return public.retire_due(held=held, now=now)


def thinned():
    return read_thinned("s1", NOW - timedelta(days=1), NOW + timedelta(days=1))


def test_without_a_file_everything_is_kept(old):
    assert retire() == ()
    assert len(raw()) == 30


def test_a_class_is_thinned_and_the_others_stay_as_they_are(old):
    classes(old)
    others, gone = raw("s2"), hands.reader().read(hands.reader().numbers(["s1"]))
    (stone,) = retire()
    assert raw() == ()
    assert raw("s2") == others
    lines = thinned()
    assert lines.counted.tolist() == [10, 10, 10]
    assert lines.least.tolist() == pytest.approx([0.0, 10.0, 20.0])
    assert lines.most.tolist() == pytest.approx([9.0, 19.0, 29.0])
    assert lines.mean[0] == pytest.approx(4.5)
    # Whoever kept a copy of what went can prove that it is what went.
    gone = gone.take(gone.at_us < gone.at_us.max())
    assert (stone.rows, stone.digest) == (30, hashlib.sha256(packed(gone)).hexdigest())
    assert stone.basis == "City archive rule 7"
    entry = JournalEntry.objects.get(event="ReadingsRetired")
    assert (entry.payload["rows"], entry.payload["digest"]) == (30, stone.digest)
    assert public.verify_segments() == ()
    assert len(public.read_observations("s1", LATER, LATER + timedelta(1))) == 1
    assert retire() == ()


def test_removed_without_a_trace_of_values_and_a_day_that_is_empty_has_an_end(city, live):
    send(RowIn("s1", NOW, 1.0), RowIn("s1", NOW + timedelta(seconds=1), 2.0))
    send(RowIn("s1", LATER, 3.0), now=LATER)
    public.seal_segments(now=LATER, span=timedelta(0))
    classes(live, "remove", 0)
    (stone,) = retire()
    assert (stone.rows, stone.thinned, thinned().size, raw()) == (2, "", 0, ())
    ended = Segment.objects.get(replaced_by="retired")
    assert ended.name.startswith("2026-07-20/")
    assert public.verify_segments() == ()


def test_the_newest_reading_of_a_stream_stays_however_old_it_is(city, live):
    send(RowIn("s1", NOW, 1.0), RowIn("s1", NOW + timedelta(seconds=1), 2.0))
    public.seal_segments(now=NOW, span=timedelta(0))
    classes(live)
    assert retire()[0].rows == 1
    assert [item.value for item in raw()] == [200.0]
    assert public.latest(["s1"])["s1"].value == 200.0


def test_what_is_held_stays(old):
    classes(old)
    assert retire(frozenset({"s1"})) == ()
    path = old.root / "retention.toml"
    hold = '\n[[holds]]\nreason = "inquiry 12"\nstreams = ["s*"]\n'
    path.write_text(path.read_text(encoding="utf-8") + hold, encoding="utf-8")
    assert retire() == ()
    assert len(raw()) == 30
    classes(old)
    assert len(retire()) == 1


def test_what_comes_late_for_a_day_that_was_thinned_joins_its_lines(old):
    classes(old)
    retire()
    send(RowIn("s1", NOW - timedelta(minutes=39, seconds=30), 5.0), now=LATER)
    public.seal_segments(now=LATER, span=timedelta(0))
    (stone,) = retire()
    assert stone.rows == 1
    assert thinned().counted[0] == 11
    assert thinned().most[0] == 500.0
    assert public.verify_segments() == ()


@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_step_is_made_good_by_the_next_run(old, step):
    classes(old)
    before = raw("s2")
    failpoints.arm(f"{step}:raise")
    with pytest.raises(FailpointError):
        retire()
    failpoints.arm("")
    hands.let_go()  # as after a death: the next writer sweeps away what nothing names
    assert {item.fault for item in public.verify_segments()} <= {"unknown_file"}
    retire()
    assert public.verify_segments() == ()
    assert raw() == ()
    assert raw("s2") == before
    assert thinned().counted.sum() == 30
    assert RetiredReadings.objects.count() == 1
    assert RetiredReadings.objects.get().rows == 30
    assert (
        journal.replay_images(JournalEntry.objects.order_by("seq"))["sensing.retiredreadings"]
        == journal.live_state()["sensing.retiredreadings"]
    )


def test_what_stays_is_proven_too(old):
    classes(old)
    (stone,) = retire()
    path = old.observations / "segments" / stone.thinned
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert [item.fault for item in public.verify_segments()] == ["changed"]


def test_sealing_afterwards_keeps_tombstones_and_lines(old):
    classes(old)
    retire()
    for turn in range(3):
        send(RowIn("s2", LATER + timedelta(seconds=turn + 1), 1.0), now=LATER)
        public.seal_segments(now=LATER, span=timedelta(0))
    assert thinned().counted.sum() == 30
    assert public.verify_segments() == ()
    assert segments.seal_segments(now=LATER) == ()


def test_the_command_says_what_would_go_and_then_lets_it_go(old):
    classes(old)
    found = CliRunner().invoke(observations, ["retention", "--dry-run", "--format", "json"])
    assert found.exit_code == 0, found.output
    assert len(raw()) == 30


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("classes = 1", RetentionWrongError),
        (CLASSES.format(then="thin", minutes=7), RetentionWrongError),
        (CLASSES.format(then="thin", minutes=0), RetentionWrongError),
        (CLASSES.format(then="remove", minutes=10), RetentionWrongError),
        (CLASSES.format(then="thin", minutes=10).replace("60", "29"), RetentionTooShortError),
        (CLASSES.format(then="thin", minutes=10).replace('"City', '" "#'), RetentionWrongError),
        (CLASSES.format(then="thin", minutes=10) * 2, RetentionWrongError),
    ],
)
def test_a_file_that_cannot_be_followed_lets_nothing_go(text, error):
    with pytest.raises(error):
        retention_of(text)


def test_a_night_s_look_that_finds_nothing_new_reads_nothing_again(old, monkeypatch):
    classes(old)
    retire()
    asked = []
    monkeypatch.setattr(hands.hand(), "retire", asked.append)
    assert retire() == ()
    assert asked == []
    assert json.loads((old.observations / "looked.json").read_bytes())
