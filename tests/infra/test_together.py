"""Work that waits for the same turn is committed together; each piece stands by itself."""

from __future__ import annotations

import threading
import time
from datetime import date

import pytest
from django.db import IntegrityError, OperationalError, connection, connections, transaction

from anlan.infra import contents, together
from anlan.infra.baton import BATON, Baton
from anlan.infra.models import ContentItem, ParkedEvent
from anlan.kernel.errors import InvalidInputError
from tests.infra.kept import NOW

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")
WRITERS = 8
PURPOSE = contents.Purpose("note", "test", date(2030, 1, 1))


def park(seq):
    return lambda: ParkedEvent.objects.create(listener="x", seq=seq, error="", parked_at=NOW).seq


def fail(error):
    def effect():
        park(0)()
        raise error

    return effect


def item(text):
    return contents.prepared("note", text, purpose=PURPOSE, now=NOW)


@pytest.fixture
def batches(monkeypatch):
    """How many pieces each commit held."""
    sizes = []
    gathered = together._gathered

    def noted():
        batch = gathered()
        sizes.append(len(batch))
        return batch

    monkeypatch.setattr(together, "_gathered", noted)
    return sizes


def all_at_once(effects, items=(), *, expected):
    """Bring every effect in a thread of its own while the first is kept from its turn."""
    heard, held = {}, threading.Event()
    turn = together._turn

    def bring(number, effect):
        try:
            with BATON.held():
                heard[number] = together.commit(effect, items=items)
                # Seen by a connection of its own only once it was committed.
                assert ParkedEvent.objects.filter(seq=heard[number]).exists()
        except BaseException as error:  # noqa: BLE001  what was heard is compared below
            heard[number] = error
        finally:
            connections.close_all()

    class Waiting:
        def __enter__(self):
            with BATON.aside():
                assert held.wait(20)
            self.inner = turn()
            self.inner.__enter__()

        def __exit__(self, *error):
            return self.inner.__exit__(*error)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(together, "_turn", Waiting)
        threads = [threading.Thread(target=bring, args=one) for one in enumerate(effects)]
        for thread in threads:
            thread.start()
        end = time.monotonic() + 20
        while len(together._queue) < expected and time.monotonic() < end:
            time.sleep(0.001)
        held.set()
        for thread in threads:
            thread.join(30)
    return heard


def test_what_waits_is_committed_at_once_and_each_hears_its_own_answer(batches):
    heard = all_at_once([park(n) for n in range(WRITERS)], expected=WRITERS)
    assert heard == {n: n for n in range(WRITERS)}
    assert batches == [WRITERS]
    assert ParkedEvent.objects.count() == WRITERS


def test_one_that_fails_undoes_nothing_else(batches):
    refused = InvalidInputError(where="x", problem="y")
    effects = [park(1), fail(refused), park(2), fail(IntegrityError("twice")), park(3)]
    heard = all_at_once(effects, expected=len(effects))
    assert [heard[0], heard[2], heard[4]] == [1, 2, 3]
    assert heard[1] is refused
    assert isinstance(heard[3], IntegrityError)
    assert batches == [len(effects)]
    assert set(ParkedEvent.objects.values_list("seq", flat=True)) == {1, 2, 3}


def test_where_nothing_can_be_kept_everybody_hears_it():
    effects = [park(1), fail(OperationalError("disk is full")), park(2)]
    heard = all_at_once(effects, expected=len(effects))
    assert [type(heard[n]) for n in range(3)] == [OperationalError] * 3
    assert not ParkedEvent.objects.exists()
    assert together.commit(park(4)) == 4  # and the next one gets through


def test_contents_are_kept_before_the_rows_and_stay_when_those_fail():
    def effect():
        assert ContentItem.objects.using(contents.ALIAS).filter(pk=kept.pk).exists()
        raise InvalidInputError(where="x", problem="y")

    kept = item(b"words")
    with pytest.raises(InvalidInputError):
        together.commit(effect, items=[kept])
    assert contents.get(kept.pk) == b"words"


def test_more_than_fit_go_in_several_commits(batches, monkeypatch):
    monkeypatch.setattr(together, "MOST", 3)
    heard = all_at_once([park(n) for n in range(WRITERS)], expected=WRITERS)
    assert heard == {n: n for n in range(WRITERS)}
    assert batches == [3, 3, 2]


def test_within_a_transaction_it_is_a_part_of_that_one():
    with transaction.atomic():
        assert together.commit(park(1)) == 1
        transaction.set_rollback(True)
    assert not ParkedEvent.objects.exists()


def test_a_leader_that_gets_no_turn_says_so_and_leaves_the_lead(monkeypatch):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(together, "_turn", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            together.commit(park(1))
    assert together.commit(park(2)) == 2
    assert not connection.in_atomic_block


def test_one_works_at_a_time_and_who_comes_back_goes_first():
    baton, at_work, order = Baton(), [], []
    waits, back = threading.Event(), threading.Event()

    def work(name):
        with baton.held():
            at_work.append(name)
            assert at_work == [name]
            if name == "first":
                at_work.clear()
                with baton.aside():
                    waits.set()
                    assert back.wait(20)
                order.append(name)
                return
            time.sleep(0.01)
            order.append(name)
            at_work.clear()

    first = threading.Thread(target=work, args=("first",))
    first.start()
    assert waits.wait(20)
    with baton.held():  # somebody works; the first wants to come back, others to begin
        others = [threading.Thread(target=work, args=(f"other {n}",)) for n in range(3)]
        for thread in others:
            thread.start()
        back.set()
        end = time.monotonic() + 20
        while not baton._coming_back and time.monotonic() < end:
            time.sleep(0.001)
    for thread in [first, *others]:
        thread.join(20)
    assert order[0] == "first"
    assert len(order) == 4
