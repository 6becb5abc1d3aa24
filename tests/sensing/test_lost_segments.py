"""Segments that the journal knows and the store of before does not: told, never said to be held, and taken back."""

from __future__ import annotations

import shutil
from datetime import timedelta

import pytest

from anlan.infra import journal
from anlan.infra.models import JournalEntry
from anlan.kernel.actor import system_actor
from anlan.sensing import public
from anlan.sensing.models import Segment
from anlan.sensing.services import agreement, hands, witness
from anlan.sensing.store.writer import PASSED_OVER
from tests.sensing.conftest import NOW, stopped
from tests.sensing.restoring import agreed, minute, nobody_remembers, send, values

__all__ = ["nobody_remembers"]
pytestmark = pytest.mark.django_db(databases="__all__")
ME = system_actor("terminal")
ALL = timedelta(0)


def sealed(*numbers):
    for number in numbers:
        send(number)
        public.seal_segments(now=minute(number), span=ALL)


def test_a_store_whose_segments_are_gone(city, copy):
    take, put_back = copy
    send(1)
    public.seal_segments(now=minute(2), span=ALL)
    take()
    send(3)
    send(4)
    (gone,) = public.seal_segments(now=minute(5), span=ALL)
    agreed(6)
    put_back()
    (one,) = agreed(7)
    assert one.segments == (gone.name,)
    assert [item.fault for item in public.verify_segments()] == ["not_in_manifest"]
    send(8)
    public.seal_segments(now=minute(9), span=ALL)
    (still,) = agreed(10)
    assert still.segments == (gone.name,)
    assert values() == [1, 8]
    public.accept_loss(ME, reason="the disk broke", now=minute(11))
    assert agreed(12) == ()
    assert public.verify_segments() == ()
    assert Segment.objects.get(name=gone.name).replaced_by == "lost"
    assert journal.live_state()["sensing.segment"] == journal.replay_images(
        JournalEntry.objects.filter(images__isnull=False).order_by("seq")
    )["sensing.segment"]  # fmt: skip


def test_a_merge_across_what_was_lost_does_not_hold_it(city, copy):
    """The same day goes on behind the gap: the merged file reaches from before it to behind it."""
    take, put_back = copy
    sealed(1)
    take()
    sealed(2, 3)
    gone = set(Segment.objects.filter(last_batch__gt=1).values_list("name", flat=True))
    agreed(4)
    put_back()
    sealed(*range(5, 12))
    (whole,) = [item for item in hands.reader().segments() if item.replaces]
    assert (whole.first, whole.last > PASSED_OVER) == (1, True)
    (one,) = agreed(13)
    assert set(one.segments) == gone
    assert set(Segment.objects.filter(name__in=gone).values_list("replaced_by", flat=True)) == {""}
    told = JournalEntry.objects.get(event="SegmentSealed", payload__segment=whole.name)
    assert len(told.payload["replaces"]) == 7
    assert not gone & set(told.payload["replaces"])
    assert [item.fault for item in public.verify_segments()] == ["not_in_manifest"] * 2
    # What was written behind the gap, and reaches over it, is held by the next merge.
    sealed(*range(20, 28))
    hands.hand().seal(witness.to_us(NOW + timedelta(days=3)))
    public.seal_segments(now=NOW + timedelta(days=3), span=ALL)
    assert Segment.objects.get(name=whole.name).replaced_by
    assert set(agreed(30)[0].segments) == gone


def test_what_was_accepted_as_lost_and_is_put_back_counts_again(city, live, tmp_path, copy):
    take, put_back = copy
    sealed(1)
    take()
    sealed(2)
    agreed(3)
    gone = Segment.objects.get(last_batch=2)
    newest = tmp_path / "newest"
    with stopped():
        shutil.copytree(live.observations, newest)
    put_back()
    public.accept_loss(ME, reason="the disk broke", now=minute(4))
    assert Segment.objects.get(name=gone.name).replaced_by == agreement.LOST
    with stopped():
        shutil.rmtree(live.observations)
        shutil.copytree(newest, live.observations)
    (again,) = public.seal_segments(now=minute(5), span=ALL)
    assert (again.name, again.sha256, again.replaced_by) == (gone.name, gone.sha256, "")
    sealed(6)
    assert Segment.objects.filter(replaced_by="").count() == 3
    assert agreed(7) == ()
    assert public.verify_segments() == ()
    assert journal.live_state()["sensing.segment"] == journal.replay_images(
        JournalEntry.objects.filter(images__isnull=False).order_by("seq")
    )["sensing.segment"]  # fmt: skip


def test_a_store_of_before_a_merge_counts_again_by_its_own_segments(city, copy):
    take, put_back = copy
    sealed(*range(1, 8))
    parts = set(Segment.objects.values_list("name", flat=True))
    take()
    sealed(8)
    assert len(hands.reader().segments()) == 1
    put_back()
    public.seal_segments(now=minute(9), span=ALL)
    assert parts <= set(Segment.objects.filter(replaced_by="").values_list("name", flat=True))
    assert {item.fault for item in public.verify_segments()} == {"not_in_manifest"}


def test_segments_merged_twice_before_the_journal_hears_are_not_missing(city):
    for number in range(9):
        send(number)
        public.seal_segments(now=minute(number), span=ALL)
    for number in range(20, 30):
        send(number)
        hands.hand().seal(witness.to_us(minute(number)))
    hands.hand().seal(witness.to_us(NOW + timedelta(days=3)))
    hands.hand().seal(witness.to_us(NOW + timedelta(days=3)))
    assert agreed(31) == ()
    assert public.verify_segments() == ()
    public.seal_segments(now=minute(32), span=ALL)
    assert agreed(33) == ()
