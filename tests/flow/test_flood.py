"""Many reports at once: the same journal as one by one, in fewer transactions and questions."""

from __future__ import annotations

import json
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from anlan import flow
from anlan.accountability import public as accountability
from anlan.infra import delivery, recall
from anlan.infra.models import JournalEntry, ListenerCursor, ParkedEvent
from anlan.kernel.actor import system_actor
from anlan.registry import public as registry
from anlan.registry.selectors import packs
from anlan.response.models import CaseFollower
from anlan.sensing.domain.wire import report_from_json
from anlan.sensing.services.reports import keep_report
from anlan.warning import public as warning
from tests.cities import load_demo

pytestmark = pytest.mark.django_db(databases="__all__")
NOW = datetime(2026, 7, 20, 2, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
DOOR = system_actor("door")


@pytest.fixture
def city():
    packs.forget_facts()  # another test may have loaded the same packs at another time
    load_demo(now=NOW - timedelta(days=1))
    yield
    packs.forget_facts()


def reported(count, *, first=0):
    """Keep reports: some join one case, some make clusters, some stand alone, one names no place."""
    for number in range(first, first + count):
        said = {"text": ("路口积水", "楼道里有燃气味", "井盖没了", "不知道")[number % 4]}
        if number % 7:
            spread = 1000 if number % 3 else 20_000
            said |= {"lat": 34.70 + number % 5 / spread, "lon": 113.60 + number % 11 / spread}
        body = json.dumps(said | {"contact": {"name": "甲", "phone": "13900000000"}}).encode()
        at = NOW + timedelta(seconds=number)
        keep_report(DOOR, report_from_json(body), secret=f"secret-{number}" * 4, now=at)


def work_off():
    """Deliver and judge until nothing is new."""
    for _ in range(3):
        delivery.settle(flow.REACTIONS, now=LATER, most=20)
        warning.judge(now=LATER)


def journal():
    rows = JournalEntry.objects.order_by("seq")
    return list(rows.values_list("seq", "event", "at", "actor", "payload", "images", "leaf"))


@contextmanager
def undone():
    """Undo in the end whatever is done in the block."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def one_by_one(monkeypatch):
    """Let each event have its transaction, and everything be asked anew."""
    monkeypatch.setattr(delivery, "_hear_together", lambda *_, **__: 0)
    monkeypatch.setattr(delivery, "recalling", nullcontext)


# On PostgreSQL each event has a transaction of its own, and numbers are not given back.
@pytest.mark.sqlite_only
def test_the_journal_is_the_same_as_one_by_one(city, monkeypatch):
    reported(60)
    with undone():
        work_off()
        together = journal()
        assert CaseFollower.objects.filter(sign__startswith="report:").count() == 60
        assert accountability.rebuild() == []
    with monkeypatch.context() as patched, undone():
        one_by_one(patched)
        assert not recall.is_on()
        work_off()
        apart = journal()
        assert accountability.rebuild() == []
    assert len(together) > 200
    assert together == apart


@pytest.mark.sqlite_only
def test_what_a_report_costs(city, monkeypatch):
    monkeypatch.setattr(delivery, "TURN", timedelta(seconds=9))  # whatever this machine does
    reported(20)
    work_off()
    asked = {}
    for count in (20, 60):
        reported(count, first=100 + count)
        with CaptureQueriesContext(connection) as seen:
            work_off()
        asked[count] = len(seen) / count
    assert asked[60] <= asked[20] + 2
    assert asked[60] <= 40, asked


@pytest.mark.sqlite_only
def test_a_registry_fact_is_asked_once_for_a_revision(city, monkeypatch):
    reported(20)
    work_off()
    reported(20, first=100)
    with CaptureQueriesContext(connection) as seen:
        work_off()
    tables = ("registry_area", "registry_post", "registry_duty", "registry_shift")
    again = [one["sql"] for one in seen if any(f'FROM "{table}"' in one["sql"] for table in tables)]
    assert len(again) <= 10


def test_outside_of_a_delivery_nothing_is_kept(city):
    from anlan.registry.models import Area

    with recall.recalling():
        before = registry.area("410102")
    Area.objects.filter(code="410102").update(name_en="Renamed")
    assert registry.area("410102").name_en == "Renamed"
    with recall.recalling():
        assert registry.area("410102") == before  # the same revision: nothing can have changed
    packs.forget_facts()
    with recall.recalling():
        assert registry.area("410102").name_en == "Renamed"


@pytest.mark.parametrize("bad", [0, 3, 9])
def test_one_that_fails_holds_up_nothing_before_it_and_is_parked(city, bad):
    reported(10)
    heard = []
    seqs = list(JournalEntry.objects.filter(event="ReportReceived").values_list("seq", flat=True))

    def listens(told, *, now):
        if told.seq == seqs[bad]:
            raise RuntimeError("cannot hear this")
        heard.append(told.seq)

    from anlan.sensing.domain.events import ReportReceived

    reactions = {ReportReceived: (listens,)}
    delivery.deliver(reactions, now=NOW)
    place = ListenerCursor.objects.get(listener=delivery.listener_name(listens))
    assert place.seq == (seqs[bad - 1] if bad else 0)
    assert place.attempts == 1
    for number in range(1, 12):
        delivery.deliver(reactions, now=NOW + timedelta(hours=number))
    assert sorted(set(heard)) == [seq for seq in seqs if seq != seqs[bad]]
    assert ParkedEvent.objects.get().seq == seqs[bad]
