"""Every move of a case: whose it is, what it asks, what becomes of the clocks."""

from __future__ import annotations

import pytest

from anlan.infra.models import JournalEntry
from anlan.notices.models import Notice
from anlan.registry.models import Duty, Post
from anlan.response import public as response
from anlan.response.domain import errors
from anlan.response.models import Case, CaseClock
from anlan.response.services.orphans import give_orphans_to_arbiter
from anlan.response.services.signs import clear_sign
from tests.response.builders import (
    CITY,
    DAY,
    DUTY,
    FIRE,
    HOUR,
    LEAD,
    METRO,
    METRO_LEAD,
    METRO_MATE,
    MINUTE,
    NOW,
    SYSTEM,
    a_case,
    person,
    pull,
    report_of,
    running,
    stands,
)

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("demo")]
Asked = response.Asked


def fixed(case, actor=METRO):
    pull(actor, case, "begin")
    return pull(actor, case, "self_check", at=NOW + 20 * MINUTE)


# --- closing (I5) ---------------------------------------------------------------------------


def test_a_danger_is_put_right_rechecked_by_another_and_closed():
    case = fixed(a_case())
    assert running(case)[0].stage == "check"
    with pytest.raises(errors.SecondPersonNeededError):
        pull(METRO, case, "recheck")
    pull(METRO_MATE, case, "recheck", at=NOW + 30 * MINUTE)
    closed = pull(METRO_MATE, case, "close", at=NOW + 31 * MINUTE)
    assert (closed.state, closed.closed_how) == ("closed", "second_person")
    assert closed.closing["by"] == METRO_MATE.id
    handle = CaseClock.objects.get(case=case, stage="handle")
    assert handle.met_at == NOW + 20 * MINUTE
    assert handle.missed_at is None


def test_a_measurement_of_our_own_sensors_lets_the_handler_close():
    case = fixed(a_case(origin="alert:4"))
    clear_sign(SYSTEM, "alert:4", at=NOW + 25 * MINUTE, measured=True, now=NOW + 26 * MINUTE)
    pull(METRO, case, "recheck", at=NOW + 30 * MINUTE)
    closed = pull(METRO, case, "close", at=NOW + 31 * MINUTE)
    assert closed.closed_how == "measurement"
    assert closed.closing["readings"] == "below_clear_limit"


def test_an_alert_that_only_ran_out_is_no_measurement():
    case = fixed(a_case(origin="alert:4"))
    clear_sign(SYSTEM, "alert:4", at=NOW + 25 * MINUTE, measured=False, now=NOW + 26 * MINUTE)
    with pytest.raises(errors.SecondPersonNeededError):
        pull(METRO, case, "recheck")


def test_who_did_one_of_its_tasks_is_no_second_person():
    case = a_case()
    task = response.give_task(
        METRO, case.pk, post="P-METRO", text="抽水", due_at=NOW + HOUR, now=NOW
    )
    response.answer_task(METRO_MATE, task.pk, "done", now=NOW + MINUTE)
    case = fixed(case)
    with pytest.raises(errors.SecondPersonNeededError):
        pull(METRO_MATE, case, "recheck", at=NOW + 30 * MINUTE)
    offered = response.detail(METRO_MATE, case.pk, now=NOW + 30 * MINUTE).actions
    assert "recheck" not in {one.trigger.value for one in offered}


def test_where_a_measurement_is_asked_a_second_person_is_not_enough():
    case = fixed(a_case(evidence_to_close="measurement"))
    with pytest.raises(errors.MeasurementNeededError):
        pull(METRO_MATE, case, "recheck")
    high = response.Measurement(value=1.2, limit=1.0, unit="%LEL", points=3, minutes=10)
    with pytest.raises(errors.MeasurementAboveLimitError):
        pull(METRO_MATE, case, "recheck", measurement=high)
    at_limit = response.Measurement(value=1.0, limit=1.0, unit="%LEL", points=3, minutes=10)
    with pytest.raises(errors.MeasurementAboveLimitError):
        pull(METRO_MATE, case, "recheck", measurement=at_limit)
    low = response.Measurement(value=0.2, limit=1.0, unit="%LEL", points=3, minutes=10)
    with pytest.raises(errors.SecondPersonNeededError):  # the handler's own figure proves nothing
        pull(METRO, case, "recheck", measurement=low)
    pull(METRO_MATE, case, "recheck", measurement=low)
    closed = pull(METRO_MATE, case, "close", measurement=low)
    assert closed.closed_how == "measurement"
    assert closed.closing["measurement"]["unit"] == "%LEL"


def test_the_checker_who_is_not_satisfied_sends_it_back_and_a_new_limit_runs():
    case = fixed(a_case())
    with pytest.raises(errors.SecondPersonNeededError):
        pull(METRO, case, "reject")
    back = pull(METRO_MATE, case, "reject", at=NOW + HOUR)
    assert back.state == "fixing"
    (clock,) = running(back)
    assert (clock.stage, clock.started_at, clock.start_event) == ("handle", NOW + HOUR, "CaseMoved")


def test_a_service_case_goes_from_report_to_rating():
    case = response.take_sign(SYSTEM, report_of(1), now=NOW)
    assert case.state == "reported"
    for step, state in (
        ("accept", "accepted"),
        ("verify", "verified"),
        ("open", "opened"),
        ("handle", "handling"),
        ("feed_back", "fed_back"),
    ):
        assert pull(FIRE, case, step).state == state
    other = person("fire-2", "P-FIRE")
    assert pull(other, case, "check").state == "checked"
    assert pull(DUTY, case, "close").state == "closed"
    with pytest.raises(errors.RatingNeededError):
        pull(DUTY, case, "rate", rating=6)
    assert pull(DUTY, case, "rate", rating=4).rating == 4


def test_a_false_alarm_needs_a_reason_and_somebody_above():
    case = a_case()
    with pytest.raises(errors.NotYourMoveError):
        pull(METRO, case, "dismiss", reason="nothing_found")
    with pytest.raises(errors.ReasonNeededError) as refused:
        pull(DUTY, case, "dismiss", reason="bored")
    assert "nothing_found" in refused.value.params["known"]
    gone = pull(DUTY, case, "dismiss", reason="nothing_found")
    assert (gone.state, gone.closed_how, gone.is_open) == ("dismissed", "false_alarm", False)


def test_a_danger_that_needs_a_measurement_is_not_talked_away_as_a_false_alarm():
    case = a_case(evidence_to_close="measurement")
    with pytest.raises(errors.MeasurementNeededError):
        pull(DUTY, case, "dismiss", reason="nothing_found")


def test_reopening_restarts_clock_and_ladder():
    case = fixed(a_case())
    pull(METRO_MATE, case, "recheck")
    pull(METRO_MATE, case, "close")
    with pytest.raises(errors.ReasonNeededError):
        pull(DUTY, case, "reopen")
    again = pull(DUTY, case, "reopen", reason="danger_returned", at=NOW + DAY)
    assert (again.state, again.reopened, again.closed_at) == ("fixing", 1, None)
    (clock,) = running(again)
    assert (clock.started_at, clock.due_at) == (NOW + DAY, NOW + DAY + HOUR)
    assert again.hands == []


# --- return, decide, reassign ----------------------------------------------------------------


def test_a_wrong_owner_returns_once_and_the_arbiter_decides_by_a_deadline():
    case = a_case()
    back = pull(METRO, case, "return", reason="not_my_duty")
    assert (back.state, back.owner_post) == ("arbitrating", "P-DUTY-LEAD")
    assert running(back)[0].stage == "arbitrate"
    with pytest.raises(errors.PostNeededError):
        pull(LEAD, case, "decide", post="P-NOBODY")
    decided = pull(LEAD, case, "decide", post="P-METRO", at=NOW + 10 * MINUTE)
    assert (decided.state, decided.owner_post) == ("assigned", "P-METRO")
    assert running(decided)[0].due_at == NOW + 10 * MINUTE + HOUR
    with pytest.raises(errors.ReturnedAlreadyError):
        pull(METRO, case, "return", reason="not_my_duty")
    subjects = Notice.objects.filter(about=f"case:{case.pk}").values_list("post", "subject")
    assert ("P-METRO", "case.assigned") in subjects
    events = JournalEntry.objects.filter(event="CaseOwnerChanged").order_by("seq")
    assert [entry.payload["owner"] for entry in events] == ["P-DUTY-LEAD", "P-METRO"]


def test_a_return_needs_a_reason_from_the_list():
    with pytest.raises(errors.ReasonNeededError):
        pull(METRO, a_case(), "return")


@pytest.mark.parametrize("trigger", ["reassign", "dispatch", "decide", "task"])
def test_a_post_that_left_the_packs_gets_no_duty(trigger):
    Post.objects.filter(code="P-FIRE").update(ended_at=NOW - DAY)
    if trigger == "task":
        with pytest.raises(errors.PostNeededError):
            response.give_task(
                METRO, a_case().pk, post="P-FIRE", text="x", due_at=NOW + HOUR, now=NOW
            )
        return
    case = a_case(kind="service" if trigger == "dispatch" else "hidden_danger", found_by_rule=False)
    if trigger == "dispatch":
        pull(METRO, case, "accept")
    if trigger == "decide":
        pull(METRO, case, "return", reason="not_my_duty")
    with pytest.raises(errors.PostNeededError):
        pull(LEAD, case, trigger, post="P-FIRE")


def test_the_post_of_a_place_that_left_the_packs_owns_nothing():
    Duty.objects.filter(post="P-METRO").update(ended_at=NOW - DAY)
    Post.objects.filter(code="P-METRO").update(ended_at=NOW - DAY)
    assert a_case().owner_post != "P-METRO"
    with pytest.raises(errors.OpeningInvalidError):
        a_case(actor=DUTY, owner_post="P-METRO", place="", area=CITY)


@pytest.mark.parametrize("before", ["assigned", "suspended", "arbitrating"])
def test_the_cases_of_a_post_that_left_the_packs_go_to_the_arbiter(before):
    case, other = a_case(), a_case(place="RP-HOSP-FW")
    if before == "suspended":
        pull(METRO_LEAD, case, "suspend", reason="funding", until=NOW + HOUR)
    if before == "arbitrating":
        Case.objects.filter(pk=case.pk).update(owner_post="P-METRO", state="arbitrating")
    Post.objects.filter(code="P-METRO").update(ended_at=NOW)
    at = NOW + 2 * MINUTE
    assert give_orphans_to_arbiter(SYSTEM, now=at) == 1
    assert give_orphans_to_arbiter(SYSTEM, now=at) == 0
    case.refresh_from_db()
    stands(case)
    assert case.owner_post == "P-DUTY-LEAD"
    assert case.state == ("suspended" if before == "suspended" else "arbitrating")
    assert Notice.objects.filter(subject="case.assigned", post="P-DUTY-LEAD").exists()
    other.refresh_from_db()
    assert other.owner_post == "P-HOSP"


def test_a_reassigned_case_climbs_above_its_new_owner():
    case = a_case()
    response.sweep(now=case.next_at)  # overdue: the first rung is told at once
    at = case.next_at + MINUTE
    pull(DUTY, case, "reassign", post="P-RES", at=at)
    response.sweep(now=at + HOUR)
    told = Notice.objects.filter(subject="case.escalated", mark="").order_by("pk")
    assert [notice.post for notice in told] == ["P-METRO-LEAD", "P-WATER"]
    case.refresh_from_db()
    stands(case)


def test_reassigning_leaves_the_clock_running():
    case = a_case()
    clock = running(case)[0]
    moved = pull(DUTY, case, "reassign", post="P-FIRE")
    assert moved.owner_post == "P-FIRE"
    assert running(moved)[0].pk == clock.pk
