"""Every move of a case: whose it is, what it asks, what becomes of the clocks."""

from __future__ import annotations

import pytest

from anlan.infra.models import JournalEntry
from anlan.kernel.actor import Role
from anlan.notices.models import Notice
from anlan.registry.models import Duty, Post
from anlan.response import access
from anlan.response import public as response
from anlan.response.domain import errors
from anlan.response.models import Case, CaseClock, CaseFollower, CaseTask
from anlan.response.services.orphans import give_orphans_to_arbiter
from anlan.response.services.signs import change_level, clear_sign
from tests.response.builders import (
    CITY,
    COMMANDER,
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


# --- suspend, resume, extend -------------------------------------------------------------------


def test_a_suspension_is_a_clock_with_an_approver_and_an_end():
    case = a_case(level="yellow")
    with pytest.raises(errors.NotYourMoveError):
        pull(METRO, case, "suspend", reason="funding", until=NOW + DAY)
    for until in (None, NOW, NOW + 400 * DAY):
        with pytest.raises(errors.EndNeededError):
            pull(METRO_LEAD, case, "suspend", reason="funding", until=until)
    due = case.next_at
    still = pull(METRO_LEAD, case, "suspend", reason="funding", until=NOW + DAY, at=NOW + HOUR)
    (clock,) = running(still)
    assert (clock.kind, clock.due_at, clock.approver) == ("suspension", NOW + DAY, METRO_LEAD.id)
    with pytest.raises(errors.WrongStateError):
        pull(METRO, case, "begin")
    on = pull(METRO, case, "resume", at=NOW + 5 * HOUR)
    assert on.state == "assigned"
    assert running(on)[0].due_at == due + 4 * HOUR  # what was left is left


def test_a_suspension_ends_by_itself():
    case = a_case(level="yellow")
    due = case.next_at
    pull(METRO_LEAD, case, "suspend", reason="funding", until=NOW + DAY, at=NOW)
    response.sweep(now=NOW + DAY)
    stands(case)
    assert case.state == "assigned"
    assert case.next_at == due + DAY
    assert Notice.objects.filter(about=f"case:{case.pk}", subject="case.resumed").exists()


def test_a_suspended_task_waits_too():
    task = response.GivenTask(key="alert:1:1", title={"zh": "查", "en": "Look"}, within="2h")
    case = a_case(level="yellow", tasks=(task,))
    pull(METRO_LEAD, case, "suspend", reason="funding", until=NOW + DAY, at=NOW + HOUR)
    pull(METRO, case, "resume", at=NOW + 3 * HOUR)
    given = CaseTask.objects.get()
    assert given.due_at == NOW + 4 * HOUR
    assert given.clock.due_at == given.due_at


def test_an_extension_is_a_new_promise_approved_from_above():
    case = a_case()
    first = running(case)[0]
    with pytest.raises(errors.NotYourMoveError):
        pull(METRO, case, "extend", reason="work_is_larger", until=NOW + DAY)
    longer = pull(METRO_LEAD, case, "extend", reason="work_is_larger", until=NOW + DAY)
    assert longer.next_at == NOW + DAY
    first.refresh_from_db()
    assert first.stop_reason == "extended"
    assert running(longer)[0].basis["approver"] == METRO_LEAD.id


def test_an_extension_takes_no_time_away():
    case = a_case(level="yellow")
    with pytest.raises(errors.EndNotLaterError):
        pull(METRO_LEAD, case, "extend", reason="work_is_larger", until=case.next_at - MINUTE)
    case.refresh_from_db()
    assert case.extended == 0


def test_an_extension_of_an_overdue_case_stops_the_climb():
    case = a_case()
    response.sweep(now=NOW + HOUR)
    longer = pull(
        METRO_LEAD, case, "extend", reason="work_is_larger", until=NOW + DAY, at=NOW + 2 * HOUR
    )
    assert longer.overdue_since is None
    assert [clock.kind for clock in running(longer)] == ["stage"]


# --- urge, list, enforce, raise, merge ------------------------------------------------------------


def test_urging_is_counted_and_heard():
    case = a_case()
    with pytest.raises(errors.NotYourMoveError):
        pull(METRO, case, "urge")
    assert pull(DUTY, case, "urge").urged == 1
    assert pull(DUTY, case, "urge").urged == 2
    heard = Notice.objects.filter(subject="case.urged", post="P-METRO", mark="")
    assert heard.count() == 2


def test_listed_supervision_has_an_end():
    case = a_case()
    with pytest.raises(errors.EndNeededError):
        pull(COMMANDER, case, "list")
    listed = pull(COMMANDER, case, "list", until=NOW + 30 * DAY)
    assert listed.listed_until == NOW + 30 * DAY
    assert Notice.objects.filter(subject="case.listed", post="P-METRO").exists()
    (clock,) = [item for item in running(listed) if item.kind == "listing"]
    assert (clock.due_at, clock.approver) == (NOW + 30 * DAY, COMMANDER.id)
    again = pull(COMMANDER, case, "list", until=NOW + 20 * DAY)
    (clock,) = [item for item in running(again) if item.kind == "listing"]
    assert clock.due_at == again.listed_until == NOW + 20 * DAY
    pull(DUTY, case, "suspend", reason="funding", until=NOW + HOUR)
    response.sweep(now=NOW + 20 * DAY)
    case.refresh_from_db()
    stands(case)
    assert case.listed_until is None
    told = Notice.objects.filter(subject="case.listing_over", mark="")
    assert {notice.post for notice in told} == {"P-METRO", "P-METRO-LEAD", "P-COMMANDER"}


def test_a_danger_goes_to_law_enforcement_and_stays_a_duty():
    sent = pull(METRO, a_case(), "enforce")
    assert sent.enforcement_at == NOW + MINUTE
    assert sent.is_open


def test_raising_the_priority_tightens_the_clock():
    case = a_case(level="yellow")
    assert case.priority == 3
    with pytest.raises(errors.PriorityNeededError):
        pull(METRO, case, "raise", reason="danger_to_life", priority=3)
    raised = pull(METRO, case, "raise", reason="danger_to_life", priority=1)
    assert raised.next_at == NOW + MINUTE + HOUR
    assert Notice.objects.filter(subject="case.watch", post="P-COMMANDER").exists()


def test_merging_keeps_followers_tasks_and_urgency():
    into = a_case(level="yellow", origin="alert:1")
    task = response.GivenTask(key="alert:2:1", title={"zh": "查", "en": "Look"}, within="2h")
    case = a_case(
        level="red",
        origin="alert:2",
        place="RP-YARD-WLK",
        tasks=(task,),
        evidence_to_close="measurement",
    )
    with pytest.raises(errors.OtherCaseNeededError):
        pull(DUTY, case, "merge", reason="same_matter", other=case.pk)
    pull(DUTY, case, "merge", reason="same_matter", other=into.pk)
    into.refresh_from_db()
    stands(into)
    assert case.pk != into.pk
    merged = Case.objects.get(pk=case.pk)
    assert (merged.state, merged.merged_into_id) == ("merged", into.pk)
    followers = CaseFollower.objects.filter(case=into).order_by("sign")
    assert [follower.sign for follower in followers] == ["alert:1", "alert:2"]
    assert followers[1].came_from_id == case.pk
    given = CaseTask.objects.get()
    assert (given.case_id, given.state) == (into.pk, "given")
    assert into.priority == 1
    assert into.level == "red"
    assert into.evidence_to_close == "measurement"


def test_who_handled_a_merged_danger_cannot_close_the_joint_one_alone():
    into, case = a_case(), a_case(place="RP-YARD-WLK")
    pull(METRO, case, "begin")
    pull(METRO_MATE, into, "self_check")
    pull(DUTY, case, "merge", reason="same_matter", other=into.pk)
    with pytest.raises(errors.SecondPersonNeededError):
        pull(METRO, into, "recheck")
    assert pull(LEAD, into, "recheck").state == "rechecked"


def test_a_case_is_merged_only_where_one_may_confirm():
    """Who sees a case elsewhere for a task there does not bring other cases into it."""
    case = a_case()
    task = response.GivenTask(key="t", title={}, within="2h", post="P-DUTY")
    far = a_case(place="RP-HOSP-FW", origin="alert:9", tasks=(task,))
    officer = person("desk", "P-DUTY", role=Role.DUTY_OFFICER, areas=("410100/410102",))
    assert access.visible(officer)
    with pytest.raises(errors.OtherCaseNeededError):
        pull(officer, case, "merge", reason="same_matter", other=far.pk)


def test_a_listed_case_stays_listed_where_it_is_merged_into():
    into, case = a_case(), a_case(place="RP-YARD-WLK")
    pull(COMMANDER, case, "list", until=NOW + DAY)
    pull(DUTY, case, "merge", reason="same_matter", other=into.pk)
    into.refresh_from_db()
    stands(into)
    assert into.listed_until == NOW + DAY


def test_a_merged_case_does_not_come_back():
    into, case = a_case(), a_case(place="RP-YARD-WLK")
    pull(DUTY, case, "merge", reason="same_matter", other=into.pk)
    with pytest.raises(errors.WrongStateError):
        pull(DUTY, case, "reopen", reason="new_facts")


def test_reopening_beside_an_open_case_of_the_same_cause_is_refused():
    case = a_case(cause="c", origin="alert:1")
    pull(DUTY, case, "dismiss", reason="nothing_found")
    a_case(cause="c", origin="alert:2")
    with pytest.raises(errors.SameCauseOpenError):
        pull(DUTY, case, "reopen", reason="new_facts")


def test_a_rising_alert_raises_its_case_and_reopens_a_closed_one():
    case = a_case(level="yellow", origin="alert:1")
    change_level(SYSTEM, "alert:1", "orange", now=NOW + MINUTE)
    stands(case)
    assert (case.level, case.priority) == ("orange", 2)
    change_level(SYSTEM, "alert:1", "blue", now=NOW + 2 * MINUTE)
    stands(case)
    assert case.level == "orange"
    pull(DUTY, case, "dismiss", reason="nothing_found")
    change_level(SYSTEM, "alert:1", "red", now=NOW + HOUR)
    stands(case)
    assert (case.state, case.priority, case.reopened) == ("assigned", 1, 1)
