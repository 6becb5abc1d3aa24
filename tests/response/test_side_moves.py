"""The side moves of a case: time given, pressure, priority, merging."""

from __future__ import annotations

import pytest

from anlan.kernel.actor import Role
from anlan.notices.models import Notice
from anlan.response import access
from anlan.response import public as response
from anlan.response.domain import errors
from anlan.response.models import Case, CaseFollower, CaseTask
from anlan.response.services.signs import change_level
from tests.response.builders import (
    COMMANDER,
    DAY,
    DUTY,
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
    running,
    stands,
)

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("demo")]
Asked = response.Asked


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
    assert access.case_for_actor(officer, far.pk).pk == far.pk
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
