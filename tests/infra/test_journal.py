"""The journal: changes commit with their entry, in order, and can be rebuilt."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from anlan.infra import delivery, failpoints, journal
from anlan.infra.models import JournalEntry, JournalHead, ListenerCursor, ParkedEvent
from anlan.kernel.actor import system_actor
from anlan.registry.domain.events import AccountChanged
from anlan.registry.models import Account

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
ME = system_actor("test")
pytestmark = pytest.mark.django_db(databases="__all__")


def an_account(name="duty-desk", **values):
    return Account(username=name, role="duty_officer", created_at=NOW, password="x", **values)


def record(row=None, what="made", now=NOW):
    with transaction.atomic():
        row = row or an_account()
        return journal.record(
            AccountChanged(account=row.username, what=what), actor=ME, now=now, rows=[row]
        )


def test_an_entry_holds_the_event_and_the_after_image():
    entry = record()
    assert entry.event == "AccountChanged"
    assert entry.payload == {"account": "duty-desk", "what": "made"}
    (image,) = entry.images
    assert image["table"] == "registry.account"
    assert image["fields"]["role"] == "duty_officer"
    assert "password" not in image["fields"], "secrets are left out of the journal"


def test_numbers_have_no_gaps_even_after_a_rollback():
    first = record()

    def half() -> None:
        with transaction.atomic():
            journal.record(AccountChanged(account="x", what="made"), actor=ME, now=NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    second = record(an_account("other"))
    assert second.seq == first.seq + 1
    assert JournalHead.objects.get().seq == second.seq


def test_the_leaf_is_the_hash_of_the_canonical_entry():
    entry = JournalEntry.objects.get(pk=record().pk)
    data = journal.entry_bytes(
        entry.seq, entry.event, entry.at, entry.actor, entry.payload, entry.images
    )
    assert json.loads(data)["seq"] == entry.seq
    assert hashlib.sha256(b"\0" + data).hexdigest() == entry.leaf


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_outside_a_transaction_nothing_is_recorded():
    with pytest.raises(RuntimeError, match="transaction"):
        journal.record(AccountChanged(account="x", what="made"), actor=ME, now=NOW)


@pytest.mark.parametrize("point", ["journal.rows_saved", "journal.appended"])
def test_a_failure_at_any_step_leaves_neither_change_nor_entry(point):
    before = JournalHead.objects.get().seq
    failpoints.arm(f"{point}:raise")
    with pytest.raises(failpoints.FailpointError):
        record()
    assert not Account.objects.exists()
    assert JournalHead.objects.get().seq == before


def test_rebuilt_state_equals_live_state_and_knows_the_past():
    row = an_account()
    record(row)
    row.role = "commander"
    record(row, "changed", NOW + timedelta(hours=1))
    rebuilt = journal.replay_images(JournalEntry.objects.order_by("seq"))
    live = journal.live_state()
    assert rebuilt["registry.account"] == live["registry.account"]
    then = journal.replay_images(JournalEntry.objects.filter(at__lte=NOW).order_by("seq"))
    assert then["registry.account"][row.pk]["role"] == "duty_officer"


def test_a_row_that_is_gone_is_gone_from_the_rebuilt_state():
    row = an_account()
    record(row)
    with transaction.atomic():
        journal.record(
            AccountChanged(account="duty-desk", what="gone"), actor=ME, now=NOW, gone=[row]
        )
    assert journal.replay_images(JournalEntry.objects.order_by("seq"))["registry.account"] == {}


heard: list[str] = []


def listener(told, *, now):
    if told.event.account == "poison":
        raise ValueError("cannot take this one")
    heard.append(told.event.account)


FLOW = {AccountChanged: (listener,)}


@pytest.fixture(autouse=True)
def _quiet():
    heard.clear()


def test_a_listener_hears_everything_once_and_in_order():
    for name in ("a", "b", "c"):
        record(an_account(name))
    assert delivery.settle(FLOW, now=NOW) == 3
    assert heard == ["a", "b", "c"]
    assert delivery.settle(FLOW, now=NOW) == 0


def test_a_crash_after_hearing_repeats_the_event_not_its_effects():
    record(an_account("a"))
    failpoints.arm("delivery.heard:raise")
    delivery.deliver(FLOW, now=NOW)
    assert ListenerCursor.objects.get().seq < JournalHead.objects.get().seq
    delivery.settle(FLOW, now=NOW + timedelta(minutes=5))
    assert heard == ["a", "a"], "heard again, because the first hearing did not commit"


def test_an_event_that_cannot_be_taken_is_parked_and_stops_nobody():
    for name in ("poison", "b"):
        record(an_account(name))
    now = NOW
    for _ in range(delivery.MAX_ATTEMPTS + 1):
        delivery.deliver(FLOW, now=now)
        now += timedelta(minutes=10)
    assert heard == ["b"]
    parked = ParkedEvent.objects.get()
    assert parked.error == "ValueError", "the class only: a message may hold personal data"


def test_a_failing_listener_waits_longer_each_time():
    record(an_account("poison"))
    waits = []
    now = NOW
    for _ in range(4):
        delivery.deliver(FLOW, now=now)
        cursor = ListenerCursor.objects.get()
        waits.append((cursor.retry_at - now).total_seconds())
        now = cursor.retry_at
    assert waits == [2, 4, 8, 16]


def also_listens(told, *, now):
    heard.append(f"also {told.event.account}")


def test_in_slices_one_listener_keeps_no_other_waiting_and_nothing_is_missed():
    for name in ("a", "b", "c"):
        record(an_account(name))
    both = {AccountChanged: (listener, also_listens)}
    assert delivery.settle(both, now=NOW, most=1, goes_on=lambda: len(heard) < 4) == 4
    assert heard == ["a", "also a", "b", "also b"]
    assert delivery.settle(both, now=NOW, most=2) == 2
    assert heard[4:] == ["c", "also c"]
