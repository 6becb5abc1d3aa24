"""A deadline that passes is noted, told, and told higher, for ever."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from anlan.infra.models import JournalEntry
from anlan.kernel.errors import IntegrityBreachError
from anlan.notices.models import Notice
from anlan.response import public as response
from anlan.response.models import Case, CaseClock
from anlan.response.services import sweeping
from tests.response.builders import (
    DAY,
    FIRE,
    HOUR,
    METRO,
    METRO_LEAD,
    METRO_MATE,
    MINUTE,
    NOW,
    SYSTEM,
    a_case,
    report_of,
    running,
    stands,
)

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("demo")]
DUE = NOW + HOUR  # a red danger is to be handled within an hour


def escalations(case):
    entries = JournalEntry.objects.filter(event="CaseEscalated", payload__case=case.pk)
    return [
        (entry.payload["post"], entry.payload["reminder"], entry.at)
        for entry in entries.order_by("seq")
    ]


def sweep(case, at):
    swept = response.sweep(now=at)
    stands(case)
    return swept


def test_nothing_is_due_a_moment_before():
    case = a_case()
    assert sweep(case, DUE - MINUTE) == response.Swept(handled=0, failed=0)
    assert case.overdue_since is None


def test_the_ladder_is_climbed_rung_by_rung_and_the_top_is_reminded_for_ever():
    case = a_case()
    for minutes in range(0, 5 * 60, 10):
        sweep(case, DUE + minutes * MINUTE)
    assert escalations(case) == [
        ("P-METRO-LEAD", False, DUE),
        ("P-DUTY-LEAD", False, DUE + 30 * MINUTE),
        ("P-COMMANDER", False, DUE + 2 * HOUR),
        ("P-COMMANDER", True, DUE + 3 * HOUR),
        ("P-COMMANDER", True, DUE + 4 * HOUR),
    ]
    assert case.overdue_since == DUE
    assert case.rung == 5
    missed = CaseClock.objects.get(case=case, kind="stage")
    assert missed.missed_at == DUE
    assert running(case)[0].due_at == DUE + 5 * HOUR


def test_each_rung_is_told_in_the_same_transaction(monkeypatch):
    case = a_case()
    entries = JournalEntry.objects.count()

    def broken(*_args, **_more):
        raise IntegrityBreachError(invariant="test")

    monkeypatch.setattr(sweeping.telling, "tell", broken)
    assert sweep(case, DUE).failed == 1
    assert JournalEntry.objects.count() == entries  # nothing told: nothing climbed
    assert case.next_at == DUE
    monkeypatch.undo()
    assert sweep(case, DUE + MINUTE).handled == 1
    assert Notice.objects.filter(subject="case.escalated", post="P-METRO-LEAD").exists()


def test_one_case_that_fails_does_not_stop_the_others(monkeypatch):
    first, second = a_case(), a_case(place="RP-YARD-WLK")
    whole = sweeping.sweep_case

    def picky(case_id, *, now):
        if case_id == first.pk:
            raise IntegrityBreachError(invariant="test")
        return whole(case_id, now=now)

    monkeypatch.setattr(sweeping, "sweep_case", picky)
    assert response.sweep(now=DUE) == response.Swept(handled=1, failed=1)
    second.refresh_from_db()
    assert second.overdue_since == DUE


def test_after_an_outage_each_rung_is_told_once():
    case = a_case()
    sweep(case, DUE + 3 * DAY)
    posts = [(post, reminder) for post, reminder, _ in escalations(case)]
    assert posts == [("P-METRO-LEAD", False), ("P-DUTY-LEAD", False), ("P-COMMANDER", False)]
    assert running(case)[0].due_at == DUE + 3 * DAY + HOUR


def test_sweeping_twice_at_one_instant_changes_nothing():
    case = a_case()
    sweep(case, DUE)
    entries = JournalEntry.objects.count()
    assert sweep(case, DUE).handled == 0
    assert JournalEntry.objects.count() == entries


def test_work_done_late_ends_the_climb_and_keeps_the_lateness():
    case = a_case()
    sweep(case, DUE)
    response.pull(METRO, case.pk, "self_check", now=DUE + 10 * MINUTE)
    stands(case)
    assert case.overdue_since is None
    assert case.rung == 0
    handle = CaseClock.objects.get(case=case, kind="stage", stage="handle")
    assert (handle.missed_at, handle.met_at) == (DUE, DUE + 10 * MINUTE)
    assert {clock.kind for clock in running(case)} == {"stage"}
    sweep(case, DUE + 40 * MINUTE)
    assert len(escalations(case)) == 1


def test_time_spent_suspended_does_not_count_for_the_next_rung():
    case = a_case()
    sweep(case, DUE)
    asked = response.Asked(reason="funding", until=DUE + 10 * HOUR)
    response.pull(METRO_LEAD, case.pk, "suspend", asked, now=DUE + 10 * MINUTE)
    sweep(case, DUE + 5 * HOUR)
    assert len(escalations(case)) == 1
    response.pull(METRO, case.pk, "resume", now=DUE + 6 * HOUR)
    stands(case)
    # 20 of the 30 minutes were left.
    assert case.next_at == DUE + 6 * HOUR + 20 * MINUTE
    sweep(case, case.next_at)
    # The third rung is two hours after the miss, less nearly six hours of standing still.
    assert case.next_at == DUE + 2 * HOUR + (5 * HOUR + 50 * MINUTE)


def test_the_frozen_ladder_is_climbed_whatever_the_packs_say_later():
    case = a_case()
    ladder = {**case.ladder, "rungs": [{"after": "5m", "calendar": "natural", "post": "P-FIRE"}]}
    Case.objects.filter(pk=case.pk).update(ladder=ladder)
    sweep(case, DUE)
    sweep(case, DUE + 5 * MINUTE)
    assert escalations(case) == [("P-FIRE", False, DUE + 5 * MINUTE)]


def test_a_missed_task_climbs_from_its_own_post():
    task = response.GivenTask(
        key="alert:1:1", title={"zh": "撤", "en": "Leave"}, within="15m", post="P-HOSP"
    )
    case = a_case(tasks=(task,))
    sweep(case, NOW + 15 * MINUTE)
    assert escalations(case) == [("P-HEALTH", False, NOW + 15 * MINUTE)]
    assert case.overdue_since is None  # the case itself is in time
    told = Notice.objects.filter(subject="case.task_overdue").values_list("post", flat=True)
    assert {"P-HOSP", "P-METRO"} <= set(told)
    given = case.tasks.get()
    response.answer_task(SYSTEM, given.pk, "done", now=NOW + 20 * MINUTE)
    stands(case)
    assert [clock.kind for clock in running(case)] == ["stage"]


def test_missed_tasks_of_one_post_climb_once_until_the_last_is_answered():
    tasks = tuple(
        response.GivenTask(
            key=f"alert:1:{n}", title={"zh": "撤", "en": "Leave"}, within="15m", post="P-HOSP"
        )
        for n in range(3)
    )
    case = a_case(tasks=tasks)
    sweep(case, NOW + 15 * MINUTE)
    assert escalations(case) == [("P-HEALTH", False, NOW + 15 * MINUTE)], "one matter, told once"
    first, second, third = case.tasks.order_by("pk")
    response.answer_task(SYSTEM, first.pk, "done", now=NOW + 16 * MINUTE)
    stands(case)
    assert "escalation" in [clock.kind for clock in running(case)], "two are still unanswered"
    for task in (second, third):
        response.answer_task(SYSTEM, task.pk, "done", now=NOW + 17 * MINUTE)
    stands(case)
    assert [clock.kind for clock in running(case)] == ["stage"]


def test_a_service_case_climbs_on_working_days():
    case = response.take_sign(SYSTEM, report_of(1), now=NOW)
    response.pull(FIRE, case.pk, "accept", now=NOW + MINUTE)
    stands(case)
    friday = NOW + 3 * DAY
    due = case.next_at
    assert due > friday
    sweep(case, due)
    (first,) = escalations(case)
    assert first[0] == "P-DUTY-LEAD"
    assert case.next_at - due >= DAY
    assert running(case)[0].calendar == "working_days"


def test_the_last_step_is_due_again_even_without_a_superior():
    case = a_case(owner_post="P-COMMANDER")
    sweep(case, DUE)
    assert escalations(case) == [("P-COMMANDER", False, DUE)]


def test_finding_what_is_due_is_one_query_whatever_the_number():
    for number in range(8):
        a_case(origin=f"alert:{number}", cause=f"c{number}")
    with CaptureQueriesContext(
        connection,
    ) as idle:
        response.sweep(now=DUE - MINUTE)
    assert len(idle) == 1
    with CaptureQueriesContext(connection) as found:
        assert len(sweeping.due_cases(now=DUE, limit=500)) == 8
    assert len(found) == 1
    plan = found[0]["sql"]
    assert "next_at" in plan


def test_a_swept_case_costs_a_bounded_number_of_queries():
    costs = []
    for number in range(2):
        case = a_case(origin=f"alert:{number}", cause=f"c{number}", owner_post="P-HOSP")
        for _ in range(number * 5):
            response.pull(SYSTEM, case.pk, "enforce", now=NOW)
        with CaptureQueriesContext(connection) as spent:
            sweeping.sweep_case(case.pk, now=DUE)
        costs.append(len(spent))
    assert costs[0] == costs[1]  # not more with a longer history
    assert costs[0] <= 90


def test_the_limit_takes_the_longest_due_first():
    late = a_case(origin="alert:1", cause="a")
    later = a_case(origin="alert:2", cause="b", now=NOW + MINUTE)
    assert response.sweep(now=DUE + HOUR, limit=1).handled == 1
    stands(late)
    stands(later)
    assert late.overdue_since is not None
    assert later.overdue_since is None


def test_a_person_of_the_post_sees_what_happens_next():
    case = a_case()
    steps = response.detail(METRO_MATE, case.pk, now=NOW).next_steps
    assert [(step.post, step.after, step.at) for step in steps] == [
        ("superior", "0s", None),
        ("superior", "30m", None),
        ("commander", "2h", None),
        ("commander", "1h", None),
    ]
    sweep(case, DUE)
    steps = response.detail(METRO_MATE, case.pk, now=DUE).next_steps
    assert steps[0].rung == 1
    assert steps[0].at == DUE + 30 * MINUTE
    assert steps[-1].is_reminder
