"""What breaks while several commit together: nobody is told that something is kept which is not."""

from __future__ import annotations

import threading
import time

import pytest
from django.db import IntegrityError, OperationalError, connection, connections, transaction
from django.db.transaction import TransactionManagementError

from anlan.infra import contents, together
from anlan.infra.baton import BATON
from anlan.infra.models import ParkedEvent
from anlan.kernel.errors import InvalidInputError
from anlan.sensing.models import ReportPhoto
from tests.infra.test_together import all_at_once, fail, item, park

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


def kept():
    return set(ParkedEvent.objects.values_list("seq", flat=True))


def lose_the_savepoint():
    """Fail so that the savepoint cannot be gone back to: as after a lost line, or lack of memory."""
    with connection.cursor() as cursor:
        cursor.execute(f'RELEASE SAVEPOINT "{connection.savepoint_ids[-1]}"')
    raise InvalidInputError(where="x", problem="y")


def test_nobody_is_told_that_it_is_kept_when_a_savepoint_was_lost():
    heard = all_at_once([park(1), lose_the_savepoint, park(2)], expected=3)
    told = {answer for answer in heard.values() if isinstance(answer, int)}
    assert told <= kept()
    assert [type(heard[n]) for n in range(3)] == [OperationalError] * 3


def swallow():
    """Catch an error of the database without a savepoint: then nothing more can be kept."""
    park(7)()
    with pytest.raises(IntegrityError):
        ParkedEvent.objects.create(pk=ParkedEvent.objects.get().pk, seq=8, parked_at=None)
    return 7


@pytest.mark.parametrize("others", [0, 2])
def test_an_effect_that_hides_a_failed_statement_is_not_called_kept(others):
    effects = [swallow, *(park(n) for n in range(others))]
    heard = all_at_once(effects, expected=len(effects))
    assert isinstance(heard[0], TransactionManagementError)
    assert kept() == set(range(others))
    assert [heard[n + 1] for n in range(others)] == list(range(others))


def test_within_a_transaction_too_a_failed_statement_is_not_hidden():
    with transaction.atomic():
        with pytest.raises(TransactionManagementError):
            together.commit(swallow)
        assert together.commit(park(3)) == 3
    assert kept() == {3}


def test_a_reference_that_is_checked_at_the_commit_lets_all_hear_that_nothing_is_kept():
    def dangles():
        ReportPhoto.objects.create(
            report_id=12345, position=0, photo_digest="", width_px=1, height_px=1,
            photo_content=item(b"x").pk,
        )  # fmt: skip

    heard = all_at_once([park(1), dangles, park(2)], expected=3)
    assert [type(heard[n]) for n in range(3)] == [OperationalError] * 3
    assert not kept()
    assert together.commit(park(4)) == 4


def test_a_hook_that_fails_after_the_commit_makes_nobody_believe_that_nothing_was_kept():
    ran = []

    def effect():
        transaction.on_commit(lambda: 1 / 0)
        transaction.on_commit(lambda: ran.append(1))
        return park(1)()

    assert all_at_once([effect, park(2)], expected=2) == {0: 1, 1: 2}
    assert kept() == {1, 2}
    assert ran == [1]
    assert together.commit(park(3)) == 3


def test_when_the_leader_gets_no_turn_those_behind_it_hear_so():
    held, turn = threading.Event(), together._turn
    broken = iter([True])

    class Turn:
        def __enter__(self):
            if next(broken, False):
                with BATON.aside():
                    assert held.wait(20)
                raise MemoryError
            self.inner = turn()
            self.inner.__enter__()

        def __exit__(self, *error):
            return self.inner.__exit__(*error)

    heard = {}

    def bring(n):
        try:
            with BATON.held():
                heard[n] = together.commit(park(n))
        except BaseException as error:  # noqa: BLE001  compared below
            heard[n] = error
        finally:
            connections.close_all()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(together, "_turn", Turn)
        threads = [threading.Thread(target=bring, args=(n,), daemon=True) for n in range(3)]
        for thread in threads:
            thread.start()
        end = time.monotonic() + 20
        while len(together._queue) < 3 and time.monotonic() < end:
            time.sleep(0.001)
        held.set()
        for thread in threads:
            thread.join(5)
    assert not any(thread.is_alive() for thread in threads)
    assert len(heard) == 3


def test_who_was_refused_because_of_rows_that_were_lost_hears_that_they_were_lost():
    effects = [park(1), fail(IntegrityError("twice")), fail(OperationalError("disk is full"))]
    heard = all_at_once(effects, expected=3)
    assert [type(heard[n]) for n in range(3)] == [OperationalError] * 3


class LeftError(BaseException):
    """As SystemExit, which a thread of a test would not tell."""


def test_an_exit_undoes_what_is_committed_with_it_and_is_heard_where_it_belongs():
    heard = all_at_once([park(1), fail(LeftError()), park(2)], expected=3)
    assert isinstance(heard[0], OperationalError)
    assert isinstance(heard[1], LeftError)
    assert isinstance(heard[2], OperationalError)
    assert not kept()
    assert together.commit(park(4)) == 4


def test_who_gives_up_waiting_leaves_the_lead_to_another(monkeypatch):
    mine = together._Waiting(park(1), ())
    with together._lock:
        together._queue.append(mine)
        monkeypatch.setattr(together, "_led", True)
    mine.leads = True
    monkeypatch.setattr(mine.woken, "wait", fail(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        together._await(mine)
    assert not together._queue
    assert together.commit(park(2)) == 2


def test_an_effect_that_commits_by_itself_is_part_of_the_same_commit():
    def effect():
        assert together.commit(park(5), items=[item(b"inner")]) == 5
        with pytest.raises(InvalidInputError):
            together.commit(fail(InvalidInputError(where="x", problem="y")))
        return park(6)()

    assert all_at_once([effect, park(7)], expected=2) == {0: 6, 1: 7}
    assert kept() == {5, 6, 7}


@pytest.mark.sqlite_only
def test_contents_kept_within_a_transaction_do_not_wait_for_a_thread_that_waits_for_the_baton():
    """One has the turn of the contents and waits to work; the other works and wants that turn."""
    has_turn, errors = threading.Event(), []

    def keeps_outside():
        try:
            with BATON.held():
                apart = connections[contents.ALIAS]
                locked = apart._locked

                def noted(ending, end):
                    found = locked(ending, end)
                    if ending == "-turn":
                        has_turn.set()
                        time.sleep(0.3)
                    return found

                apart._locked = noted
                contents.keep([item(b"outside")])
        except Exception as error:  # noqa: BLE001  compared below
            errors.append(error)
        finally:
            connections.close_all()

    with BATON.held():
        other = threading.Thread(target=keeps_outside)
        with transaction.atomic():
            park(1)()
            with BATON.aside():
                other.start()
                assert has_turn.wait(20)
            began = time.monotonic()
            contents.keep([item(b"inside")])
            waited = time.monotonic() - began
    other.join(40)
    assert not errors
    assert waited < 5
