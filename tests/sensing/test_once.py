"""The same key at the same moment: one effect, one answer."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, connections

from anlan.infra.contents import ALIAS
from anlan.infra.models import ContentItem, JournalEntry, JournalHead
from anlan.sensing import public
from anlan.sensing.domain.errors import KeyMalformedError, KeyReusedError
from anlan.sensing.models import IdempotencyKey, Report, Signal
from anlan.sensing.services import once as once_module
from tests.sensing.conftest import GATEWAY, NOW, load_small_city
from tests.sensing.domain.messages import message

THREADS = 6


@pytest.fixture
def committed(transactional_db):
    """A city in databases whose transactions really end; these tests empty them afterwards."""
    JournalHead.objects.get_or_create(id=1)
    load_small_city()


@pytest.fixture
def together(monkeypatch):
    """Let all threads look up their key before any of them acts on it: the worst moment."""
    gate = threading.Barrier(THREADS, timeout=30)
    look = once_module.earlier_answer
    first = threading.local()

    def look_then_wait(*args, **kwargs):
        found = look(*args, **kwargs)
        if not getattr(first, "done", False):
            first.done = True
            gate.wait()
        return found

    for room in ("reports", "observations", "signals"):
        monkeypatch.setattr(f"anlan.sensing.services.{room}.earlier_answer", look_then_wait)


def at_once(act):
    def run(index):
        try:
            return act(index)
        except KeyReusedError as error:
            return error.code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


@pytest.mark.django_db(databases="__all__", transaction=True)
def test_one_report(committed, together):
    entries = JournalEntry.objects.count()
    report = public.ReportIn(text="x")
    rows = at_once(
        lambda i: (
            public.keep_report(
                GATEWAY, report, secret="s", now=NOW, once=public.Once("k", "0" * 64)
            ).number
        )
    )
    assert len(set(rows)) == Report.objects.count() == IdempotencyKey.objects.count() == 1
    assert JournalEntry.objects.count() == entries + 1
    kept = ContentItem.objects.using(ALIAS).filter(kind="report")
    assert kept.filter(destroyed_at__isnull=True).count() == 1  # what the others stored is gone


@pytest.mark.django_db(databases="__all__", transaction=True)
def test_one_batch(committed, together):
    batch = public.BatchIn((public.RowIn("s1", NOW, 1.0),))
    once = public.Once("k", "0" * 64)
    receipts = at_once(lambda i: public.keep_observations(GATEWAY, batch, now=NOW, once=once))
    assert len(set(receipts)) == public.last_batch_id() == 1


@pytest.mark.django_db(databases="__all__", transaction=True)
def test_one_signal_without_any_key(committed, together):
    rows = at_once(lambda i: public.keep_signal(GATEWAY, message(), now=NOW).pk)
    assert len(set(rows)) == Signal.objects.count() == 1


@pytest.mark.django_db(databases="__all__", transaction=True)
def test_of_two_bodies_under_one_key_one_is_refused(committed, together):
    found = at_once(
        lambda i: (
            public.keep_report(
                GATEWAY,
                public.ReportIn(text=str(i)),
                secret="s",
                now=NOW,
                once=public.Once("k", f"{i:064d}"),
            ).number
        )
    )
    assert found.count("idempotency.key_reused") == THREADS - 1
    assert Report.objects.count() == 1
    kept = ContentItem.objects.using(ALIAS).filter(kind="report", destroyed_at__isnull=True)
    assert kept.count() == 1  # nothing names the words of the others: they are gone


@pytest.mark.django_db(databases="__all__", transaction=True)
def test_many_at_once_get_numbers_without_gaps_or_doubles(committed):
    before = JournalEntry.objects.count()
    report = public.ReportIn(text="x")
    rows = at_once(
        lambda i: [public.keep_report(GATEWAY, report, secret="s", now=NOW).pk for _ in range(5)]
    )
    assert sorted(number for part in rows for number in part) == list(range(1, 5 * THREADS + 1))
    assert JournalEntry.objects.count() == before + 5 * THREADS


@pytest.mark.django_db(databases="__all__", transaction=True)
def test_a_key_that_is_too_old_is_free_again_before_it_is_swept(committed):
    def keep(text, hashed, now):
        once = public.Once("k", hashed * 64)
        report = public.ReportIn(text=text)
        return public.keep_report(GATEWAY, report, secret="s", now=now, once=once).pk

    first = keep("x", "0", NOW)
    later = NOW + once_module.KEPT_FOR
    assert keep("x", "0", later - timedelta(seconds=1)) == first
    second = keep("y", "1", later)
    assert second != first
    assert keep("y", "1", later) == second


@pytest.mark.parametrize("key", ["", "x" * 201, "a\nb", "\x00"])
def test_a_key_is_short_and_printable(key):
    with pytest.raises(KeyMalformedError):
        public.Once(key, "0" * 64)


def test_numbers_are_taken_within_a_transaction(db):
    from anlan.sensing.services.numbering import take_number

    assert take_number("x") == 1
    assert take_number("x") == 2
    assert take_number("y") == 1
    assert connection.in_atomic_block
