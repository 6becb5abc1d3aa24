"""Database and store of readings note one another: one that is older than the other is told, and harms nothing."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import OperationalError, transaction

from anlan.infra import failpoints, workspace
from anlan.infra.models import JournalEntry
from anlan.infra.workspace import WorkspaceKind
from anlan.kernel.actor import system_actor
from anlan.kernel.errors import InvalidInputError, UnavailableError
from anlan.sensing import public
from anlan.sensing.domain.errors import NothingLostError, StoreOfAnotherError
from anlan.sensing.models import StoreMark
from anlan.sensing.services import hands, witness
from anlan.sensing.store.writer import PASSED_OVER, Known, StoreWriter
from tests.sensing.conftest import stopped
from tests.sensing.restoring import agreed, minute, nobody_remembers, send, values

__all__ = ["nobody_remembers"]
pytestmark = pytest.mark.django_db(databases="__all__")
ME = system_actor("terminal")
ALL = timedelta(0)


@contextmanager
def an_older_database():
    """Whatever happens inside, the database is afterwards as it was before."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def test_what_runs_on_agrees_and_each_notes_the_other(city):
    send(1, 2)
    assert agreed(3) == ()
    mark = StoreMark.objects.get()
    assert (mark.frame, mark.at) == (2, minute(3))
    newest = JournalEntry.objects.latest("seq")
    assert witness.read_witness() == witness.Witness(
        hands.workspace_here().id, newest.seq, newest.leaf, witness.to_us(newest.at)
    )
    public.seal_segments(now=minute(4), span=ALL)
    hands.let_go()
    send(5)
    assert agreed(6) == ()
    assert public.seen_apart() == ()
    assert StoreMark.objects.get().frame == 3
    assert public.passed_over() == (0, 0)


def test_where_nothing_was_noted_yet_it_begins_to_be(city):
    """As after an upgrade: there are segments, and neither note."""
    send(1, 2)
    public.seal_segments(now=minute(3), span=ALL)
    hands.let_go()
    send(4)
    assert not StoreMark.objects.exists()
    assert witness.read_witness() is None
    assert agreed(5) == ()
    assert StoreMark.objects.get().frame == 3
    assert public.passed_over() == (0, 0)


def test_an_empty_workspace_agrees(city):
    assert agreed(0) == ()
    assert agreed(1) == ()


def test_nothing_is_written_when_nothing_is_new(city, live, django_assert_max_num_queries):
    send(1)
    agreed(2)
    before = (live.observations / "witness.json").stat().st_ino
    with django_assert_max_num_queries(6) as seen:
        agreed(3)
    assert (live.observations / "witness.json").stat().st_ino == before
    assert not [one for one in seen.captured_queries if one["sql"].startswith(("UPDATE", "INSERT"))]


@pytest.mark.parametrize("noticed", ["before anybody writes", "when somebody has written"])
def test_a_store_that_is_older_than_the_database(city, copy, noticed):
    take, put_back = copy
    send(1, 2)
    agreed(3)
    take()
    send(4, 5)
    agreed(6)
    put_back()
    if noticed == "when somebody has written":
        send(7)
    (one,) = agreed(8)
    assert (one.code, one.first, one.since, one.until) == (
        "store_behind", 3, minute(2), minute(6)
    )  # fmt: skip
    assert public.seen_apart() == (one,)
    send(9)
    first_new = 4 + PASSED_OVER + 1
    assert [item.id for item in public.batches_after(2, 1)] == [first_new]
    assert values() == ([1, 2, 7, 9] if "somebody has" in noticed else [1, 2, 9])
    (still,) = agreed(10)
    assert still._replace(last=0) == one._replace(last=0)
    assert public.verify_segments() == ()


def test_a_folder_of_readings_that_is_gone(city, live):
    send(1, 2)
    agreed(3)
    with stopped():
        shutil.rmtree(live.observations)
    (one,) = agreed(4)
    assert (one.first, one.last, one.since, one.until) == (1, 2, None, minute(3))
    assert one.params["since"] == "…"
    send(5)
    assert [item.id for item in public.batches_after(0, 9)] == [2 + PASSED_OVER + 1]


def test_the_newer_store_put_back_in_time_ends_it(city, live, tmp_path, copy):
    take, put_back = copy
    send(1)
    agreed(2)
    take()
    send(3)
    agreed(4)
    newest = tmp_path / "newest"
    with stopped():
        shutil.copytree(live.observations, newest)
    put_back()
    assert len(agreed(5)) == 1
    with stopped():
        shutil.rmtree(live.observations)
        shutil.copytree(newest, live.observations)
    assert agreed(6) == ()
    send(7)
    assert values() == [1, 3, 7]
    assert public.passed_over() == (0, 0)


def test_after_a_power_cut_nothing_is_lost_that_is_in_the_log(city, live):
    """Up to where readers may read is not synced: it may be what it was a while ago."""
    pointer = live.observations / "log" / "synced"
    send(1)
    earlier = pointer.read_bytes()
    send(2, 3)
    agreed(4)
    with stopped():
        pointer.write_bytes(earlier)
    assert agreed(5) == ()
    assert public.last_frame() == 3
    with stopped():
        pointer.unlink()
    assert agreed(6) == ()
    assert values() == [1, 2, 3]
    send(7)
    assert public.passed_over() == (0, 0)


def test_a_sender_is_told_that_a_database_does_not_answer(city, monkeypatch):
    def away(*_):
        raise OperationalError("connection refused")

    with monkeypatch.context() as patched:
        patched.setattr(StoreMark.objects, "first", away)
        with pytest.raises(UnavailableError, match="does not answer"):
            hands.begin_writing()
    send(1)
    assert values() == [1]


def test_a_database_that_is_older_than_the_store(city):
    send(1)
    public.seal_segments(now=minute(2), span=ALL)
    agreed(3)
    there = JournalEntry.objects.latest("seq").seq
    with an_older_database():
        send(4, 5)
        public.seal_segments(now=minute(6), span=ALL)
        agreed(7)
        lost = JournalEntry.objects.latest("seq").seq
        seen = witness.read_witness()
    assert lost > there
    (one,) = agreed(8)
    assert (one.code, one.first, one.last) == ("database_behind", there + 1, lost)
    assert (one.since, one.until) == (minute(2), minute(6))
    assert values() == [1, 4, 5]
    # The database grows past where the other one was: it still is another one.
    for number in range(9, 13):
        send(number)
        public.seal_segments(now=minute(number), span=ALL)
    assert JournalEntry.objects.latest("seq").seq > lost
    (still,) = agreed(14)
    assert (still.first, still.last, still.since) == (one.first, one.last, one.since)
    assert witness.read_witness() == seen
    assert public.verify_segments() == ()
    public.accept_loss(ME, reason="restored", now=minute(15))
    assert agreed(16) == ()
    assert witness.read_witness().seq > lost


def test_both_as_they_were_at_one_moment_are_silent(city, copy):
    take, put_back = copy
    send(1)
    public.seal_segments(now=minute(2), span=ALL)
    agreed(3)
    take()
    with an_older_database():
        send(4, 5)
        public.seal_segments(now=minute(6), span=ALL)
        agreed(7)
    put_back()
    assert agreed(8) == ()
    send(9)
    assert agreed(10) == ()
    assert [item.id for item in public.batches_after(1, 1)] == [2]


def test_both_older_and_the_database_more_so(city, copy):
    take, put_back = copy
    send(1)
    agreed(2)
    with an_older_database():
        send(3)
        public.seal_segments(now=minute(4), span=ALL)
        agreed(5)
        take()
        send(6)
        agreed(7)
    put_back()
    assert [one.code for one in agreed(8)] == ["database_behind"]
    assert values() == [1, 3]


def test_a_loss_is_accepted_with_a_reason_and_told_in_the_journal(city, copy):
    take, put_back = copy
    send(1, 2)
    agreed(3)
    take()
    send(4)
    agreed(5)
    put_back()
    send(6)
    with pytest.raises(InvalidInputError):
        public.accept_loss(ME, reason=" ", now=minute(7))
    (one,) = public.accept_loss(ME, reason="disk of the gateway room broke", now=minute(7))
    entry = JournalEntry.objects.get(event="LossAccepted")
    assert entry.actor == ME.id
    assert entry.payload["what"] == "readings"
    assert (entry.payload["first"], entry.payload["last"]) == (one.first, one.last)
    assert agreed(8) == ()
    assert public.seen_apart() == ()
    with pytest.raises(NothingLostError):
        public.accept_loss(ME, reason="again", now=minute(9))
    assert values() == [1, 2, 6]


def test_a_loss_accepted_before_anybody_writes_stays_accepted_and_the_next_one_is_told(city, copy):
    take, put_back = copy
    send(1)
    agreed(2)
    take()
    send(3)
    agreed(4)
    put_back()
    public.accept_loss(ME, reason="known", now=minute(5))
    assert agreed(6) == ()
    send(7)
    assert public.passed_over()[0] == 1
    assert agreed(8) == ()
    put_back()
    assert [one.code for one in agreed(9)] == ["store_behind"]
    send(10)
    assert [one.code for one in agreed(11)] == ["store_behind"]


def test_who_remembers_a_frame_of_any_store_that_is_gone_may_not_go_on_from_it(city, copy):
    take, put_back = copy
    send(1)
    agreed(2)
    take()
    send(3, 4)
    agreed(5)
    put_back()
    send(6)
    (first,) = hands.reader().kept().lost
    agreed(7)
    with stopped():
        root = hands.workspace_here().observations
        StoreWriter(root, lambda: Known(first.upto + 9, 0)).close()
    _, second = hands.reader().kept().lost
    there = [0, 1, first.upto, first.upto + 1, second.upto]
    gone = [2, 3, first.upto - 1, second.after + 1, second.upto - 1, second.upto + 1]
    assert [public.is_of_this_store(frame) for frame in there] == [True] * len(there)
    assert [public.is_of_this_store(frame) for frame in gone] == [False] * len(gone)


def test_a_break_before_the_acceptance_is_kept_leaves_it_open(city, copy):
    take, put_back = copy
    send(1)
    agreed(2)
    take()
    send(3)
    agreed(4)
    put_back()
    failpoints.arm("agreement.before_commit:raise")
    with pytest.raises(failpoints.FailpointError):
        public.accept_loss(ME, reason="known", now=minute(5))
    assert len(agreed(6)) == 1
    assert not JournalEntry.objects.filter(event="LossAccepted").exists()


@pytest.mark.parametrize("content", [b"", b"{", b'{"workspace": 1}'])
def test_a_note_that_cannot_be_read_is_begun_anew(city, live, content):
    send(1)
    agreed(2)
    (live.observations / "witness.json").write_bytes(content)
    assert agreed(3) == ()
    assert witness.read_witness() is not None


def test_readings_of_another_workspace_are_not_written_into(city, live, tmp_path, settings):
    send(1)
    agreed(2)
    other = workspace.create(tmp_path / "other", kind=WorkspaceKind.LIVE)
    with stopped():
        shutil.rmtree(other.observations)
        shutil.copytree(live.observations, other.observations)
    settings.WORKSPACE = other
    before = {path: path.read_bytes() for path in other.observations.rglob("*.log")}
    with pytest.raises(StoreOfAnotherError):
        send(3)
    with pytest.raises(StoreOfAnotherError):
        public.begin_writing()
    with pytest.raises(StoreOfAnotherError):
        agreed(4)
    assert before == {path: path.read_bytes() for path in other.observations.rglob("*.log")}
