"""The watcher against real cases, broken by hand as only a fault or an intruder could."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection

from anlan.accountability import public
from anlan.accountability.models import Breach, Checkpoint, WatchRun
from anlan.infra.models import JournalEntry, JournalHead, ListenerCursor, ParkedEvent
from anlan.kernel.actor import system_actor
from anlan.registry.services.loading import load_city
from anlan.response import public as response
from anlan.response.models import Case, CaseClock
from tests.registry import small_city

from .conftest import grow

NOW = small_city.NOW
pytestmark = pytest.mark.django_db(databases="__all__")


def a_case(cause="flood", *, now=NOW):
    return response.open_case(
        system_actor("test"),
        response.Opening(
            kind="service",
            hazard="met.rain",
            area="410102001",
            origin="manual",
            known_at=now,
            cause=cause,
            owner_post="east-desk",
        ),
        now=now,
    )


def watch(places, *, now=NOW, listeners=None):
    return public.watch(now=now, places=places, listeners=listeners)


def open_pairs(found):
    return {(item.invariant, item.subject) for item in found}


class loose:
    """Break what the database itself forbids: constraints and triggers off, then on again."""

    def __enter__(self):
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute(
                    "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
                    " AND tbl_name IN ('response_case', 'response_caseclock')"
                )
                self.triggers = cursor.fetchall()
                for name, _ in self.triggers:
                    cursor.execute(f"DROP TRIGGER {name}")
                cursor.execute("PRAGMA ignore_check_constraints = ON")
            else:
                # The test's transaction is rolled back, and the constraints come back with it.
                # Foreign keys are checked at its end; tables with checks pending do not change.
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute(
                    "SELECT conname, conrelid::regclass FROM pg_constraint WHERE contype = 'c'"
                    " AND conrelid IN ('response_case'::regclass, 'response_caseclock'::regclass)"
                )
                for name, table in cursor.fetchall():
                    cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
                cursor.execute("ALTER TABLE response_case DISABLE TRIGGER USER")
                cursor.execute("ALTER TABLE response_caseclock DISABLE TRIGGER USER")

    def __exit__(self, *_):
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute("PRAGMA ignore_check_constraints = OFF")
                for _, sql in self.triggers:
                    cursor.execute(sql)
            else:
                cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def test_a_healthy_city_has_no_breach(places, city):
    a_case()
    assert watch(places) == []
    run = WatchRun.objects.get()
    assert (run.cases, run.breaches) == (1, 0)
    assert run.journal_seq == JournalHead.objects.get().seq


@pytest.mark.parametrize(
    ("invariant", "detail", "breaks"),
    [
        ("I1.owner", "no_owner", lambda case: {"owner_post": ""}),
        ("I1.owner", "owner_unknown", lambda case: {"owner_post": "nobody"}),
        ("I1.next", "no_next_instant", lambda case: {"next_at": None}),
        (
            "I1.next",
            "next_is_not_the_earliest",
            lambda case: {"next_at": case.next_at + timedelta(hours=1)},
        ),
        ("I1.clock", "stands_on_no_running_clock", lambda case: {"running_clock": None}),
        ("I1.state", "open_and_ended", lambda case: {"closed_at": NOW}),
    ],
)
def test_a_broken_case_is_found_and_raises_one_case(places, city, invariant, detail, breaks):
    case = a_case()
    with loose():
        Case.objects.filter(pk=case.pk).update(**breaks(case))
    (found,) = watch(places)
    assert (found.invariant, found.subject, found.detail) == (invariant, f"case:{case.pk}", detail)
    raised = Case.objects.get(pk=found.case)
    assert (raised.owner_post, raised.kind, raised.hazard) == (
        "operator",
        "device",
        "system.breach",
    )
    assert raised.is_open
    assert raised.priority == 1
    for minute in range(1, 4):
        watch(places, now=NOW + timedelta(minutes=minute))
    assert Case.objects.count() == 2, "one breach, one case"
    assert JournalEntry.objects.filter(event="BreachFound").count() == 1


@pytest.mark.parametrize(
    ("invariant", "detail", "change"),
    [
        ("I1.clock", "no_running_clock", {"stopped_at": NOW}),
        ("I2.ground", "deadline_without_ground", {"rule_id": ""}),
        ("I2.ground", "deadline_without_ground", {"start_event": ""}),
        ("I2.ground", "deadline_without_ground", {"basis": {}}),
        ("I2.ground", "deadline_without_ground", {"calendar": "someday"}),
    ],
)
def test_a_broken_clock_is_found(places, city, invariant, detail, change):
    case = a_case()
    with loose():
        CaseClock.objects.filter(case=case).update(**change)
    found = watch(places)
    assert (invariant, f"case:{case.pk}") in open_pairs(found)
    assert detail in {item.detail for item in found}


def test_a_due_clock_that_nobody_swept_is_found_after_five_minutes(places, city):
    case = a_case()
    due = case.next_at
    assert watch(places, now=due + timedelta(minutes=5)) == []
    (found,) = watch(places, now=due + timedelta(minutes=5, seconds=1))
    assert (found.invariant, found.detail) == ("I1.sweep", "due_and_not_swept")


def test_a_mended_breach_ends_by_itself_and_a_new_one_raises_again(places, city):
    case = a_case()
    with loose():
        Case.objects.filter(pk=case.pk).update(owner_post="nobody")
    watch(places)
    Case.objects.filter(pk=case.pk).update(owner_post="east-desk")
    assert watch(places, now=NOW + timedelta(minutes=1)) == []
    assert Breach.objects.get().mended_at == NOW + timedelta(minutes=1)
    with loose():
        Case.objects.filter(pk=case.pk).update(owner_post="nobody")
    assert len(watch(places, now=NOW + timedelta(minutes=2))) == 1
    assert Breach.objects.count() == 2


def test_a_breach_of_the_watchers_own_case_raises_no_further_case(places, city):
    case = a_case()
    with loose():
        Case.objects.filter(pk=case.pk).update(owner_post="nobody")
    (found,) = watch(places)
    with loose():
        Case.objects.filter(pk=found.case).update(owner_post="nobody")
    both = watch(places, now=NOW + timedelta(minutes=1))
    assert len(both) == 2
    assert Case.objects.count() == 2


def test_a_breach_before_there_is_a_city_raises_its_case_later(places):
    grow(1)
    JournalHead.objects.update(seq=5)
    (found,) = watch(places)
    assert found.invariant == "I16.journal"
    assert found.case is None
    load_city(
        small_city.ADMIN,
        small_city.parsed(small_city.a_city()),
        small_city.parsed(small_city.a_jurisdiction()),
        now=NOW,
    )
    (found,) = watch(places, now=NOW + timedelta(minutes=1))
    assert found.case is not None


def test_a_gap_in_the_journal_is_found_once_and_stays(places, city):
    grow(3, now=NOW)
    assert watch(places) == []
    grow(3, now=NOW)
    JournalEntry.objects.filter(seq=JournalHead.objects.get().seq - 1).delete()
    for _ in range(3):
        (found,) = watch(places)
        assert (found.invariant, found.subject) == ("I16.journal", "journal")


def test_a_listener_that_stands_still_is_found(places, city):
    grow(2, now=NOW)
    ListenerCursor.objects.create(listener="response.handlers.on_report", seq=0)
    ListenerCursor.objects.create(listener="gone.handlers.on_nothing", seq=0)
    known = {"response.handlers.on_report"}
    assert watch(places, now=NOW + timedelta(minutes=10), listeners=known) == []
    (found,) = watch(places, now=NOW + timedelta(minutes=11), listeners=known)
    assert found.subject == "listener:response.handlers.on_report"


def test_a_parked_event_is_found_until_somebody_deals_with_it(places, city):
    parked = ParkedEvent.objects.create(
        listener="warning.handlers.on_signal", seq=4, error="KeyError", parked_at=NOW
    )
    (found,) = watch(places)
    assert (found.invariant, found.detail) == ("I16.parked", "KeyError")
    parked.resolved_at = NOW
    parked.save()
    assert watch(places) == []


def test_a_witness_that_knows_more_than_the_journal_is_found(places, city):
    grow(2, now=NOW)
    first = public.seal(now=NOW, places=places)
    grow(2, now=NOW)
    public.seal(now=NOW, places=places)
    assert watch(places) == []
    JournalEntry.objects.filter(seq__gt=first.size + 1).delete()
    JournalHead.objects.update(seq=first.size + 1)
    Checkpoint.objects.filter(size__gt=first.size).delete()
    WatchRun.objects.all().delete()
    (found,) = watch(places)
    assert (found.invariant, found.detail) == ("I17.witness", "journal_is_shorter")


def test_a_witness_of_another_history_is_found(places, city):
    grow(3, now=NOW)
    public.seal(now=NOW, places=places)
    JournalEntry.objects.filter(seq=2).update(leaf="0" * 64)
    (found,) = watch(places)
    assert (found.invariant, found.detail) == ("I17.witness", "root_differs")


def test_one_look_asks_a_fixed_number_of_questions(places, city, django_assert_max_num_queries):
    for number in range(30):
        a_case(f"cause-{number}")
    with django_assert_max_num_queries(32):
        assert watch(places) == []


def test_old_rounds_are_forgotten(places, city):
    watch(places)
    watch(places, now=NOW + timedelta(days=8))
    assert WatchRun.objects.count() == 1


def test_rebuild_equals_live_after_everything_the_watcher_did(places, city):
    case = a_case()
    with loose():
        Case.objects.filter(pk=case.pk).update(owner_post="nobody")
    watch(places)
    Case.objects.filter(pk=case.pk).update(owner_post="east-desk")
    watch(places, now=NOW + timedelta(minutes=1))
    assert public.rebuild() == []
