"""Lists and details: who sees what, in bounded queries, page after page."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from anlan.infra.models import JournalEntry
from anlan.kernel.errors import NotFoundError
from anlan.response import public as response
from anlan.response.domain.errors import CursorInvalidError
from tests.response.builders import (
    AUDITOR,
    COMMANDER,
    DUTY,
    FIRE,
    HOUR,
    METRO,
    METRO_LEAD,
    METRO_MATE,
    MINUTE,
    NOW,
    STRANGER,
    SYSTEM,
    a_case,
    person,
    report_of,
)

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("demo")]
Filters = response.CaseFilters


def a_few():
    return [
        a_case(origin="alert:1"),
        a_case(origin="alert:2", place="RP-HOSP-FW", level="yellow", now=NOW + MINUTE),
        a_case(origin="alert:3", place="RP-TUNNEL-JG", hazard="tunnel.danger", level="orange"),
        response.take_sign(SYSTEM, report_of(1), now=NOW + 2 * MINUTE),
    ]


def listed(actor, **filters):
    return {case.pk for case in response.cases(actor, Filters(**filters)).cases}


def test_filters():
    metro, hospital, tunnel, fire = a_few()
    response.sweep(now=NOW + HOUR)
    everything = {metro.pk, hospital.pk, tunnel.pk, fire.pk}
    assert listed(DUTY) == everything
    assert listed(DUTY, area="410122") == {hospital.pk}
    assert listed(DUTY, area="410102") == {metro.pk, fire.pk}
    assert listed(DUTY, kind="service") == {fire.pk}
    assert listed(DUTY, hazard="tunnel.danger") == {tunnel.pk}
    assert listed(DUTY, place="RP-METRO-5") == {metro.pk}
    assert listed(DUTY, owner="P-HOSP") == {hospital.pk}
    assert listed(DUTY, state="reported") == {fire.pk}
    assert listed(DUTY, priority=2) == {metro.pk, tunnel.pk}
    assert listed(DUTY, overdue=True) >= {metro.pk}
    assert listed(DUTY, overdue=False) == everything - listed(DUTY, overdue=True)
    assert listed(DUTY, escalated=True) >= {metro.pk}
    assert listed(DUTY, listed=True) == set()
    assert listed(DUTY, is_open=False, order="newest") == set()
    with pytest.raises(NotFoundError):
        listed(DUTY, area="999999")


def test_an_actor_sees_its_areas_its_own_cases_and_those_of_its_tasks():
    metro, hospital, _, _ = a_few()
    assert listed(STRANGER) == {hospital.pk}
    owner = person("m", "P-METRO", areas=())
    assert listed(owner) == {metro.pk}
    response.give_task(METRO, metro.pk, post="P-410122", text="x", due_at=NOW + HOUR, now=NOW)
    assert listed(STRANGER) == {hospital.pk, metro.pk}
    assert listed(AUDITOR) == listed(DUTY)
    assert listed(person("p", None, role="program")) == set()


@pytest.mark.parametrize("order", ["due", "newest"])
def test_pages_show_each_case_once_and_in_order(order):
    for number in range(7):
        # Some share an instant: the key settles it.
        a_case(origin=f"alert:{number}", cause=f"c{number}", now=NOW + number // 3 * MINUTE)
    found, cursor = [], ""
    while True:
        page = response.cases(DUTY, Filters(order=order), cursor=cursor, limit=2)
        found += page.cases
        cursor = page.next_cursor
        if not cursor:
            break
    column = "next_at" if order == "due" else "opened_at"
    keys = [(getattr(case, column), case.pk) for case in found]
    assert keys == sorted(keys, reverse=order == "newest")
    assert len(set(keys)) == 7


@pytest.mark.parametrize("cursor", ["x", "####", "bmV4dF9hdA", "b3BlbmVkX2F0fDIwMjF8MQ"])
def test_a_cursor_of_another_kind_is_refused(cursor):
    with pytest.raises(CursorInvalidError):
        response.cases(DUTY, Filters(), cursor=cursor)


def queries(call):
    with CaptureQueriesContext(connection) as spent:
        call()
    return len(spent)


def test_a_list_costs_the_same_for_few_and_many():
    a_few()
    few = queries(lambda: response.cases(STRANGER, Filters(area="410122")))
    for number in range(10, 20):
        a_case(origin=f"alert:{number}", cause=f"c{number}", place="RP-HOSP-FW")
    many = queries(lambda: response.cases(STRANGER, Filters(area="410122")))
    assert few == many == 3
    assert queries(lambda: response.cases(DUTY, Filters())) == 2


def test_a_detail_costs_a_bounded_number_of_queries():
    case = a_case(origin="alert:1")
    before = queries(lambda: response.detail(METRO, case.pk, now=NOW))
    for number in range(3):
        response.give_task(
            METRO, case.pk, post="P-FIRE", text=f"t{number}", due_at=NOW + HOUR, now=NOW
        )
    assert queries(lambda: response.detail(METRO, case.pk, now=NOW)) == before
    assert before <= 40


def test_only_what_one_may_do_is_offered_and_all_of_it():
    """Whatever is offered is not refused for who asks; whatever is not offered is refused."""
    case = a_case()
    offered = {
        actor.id: {item.trigger.value for item in response.actions_allowed(actor, case, now=NOW)}
        for actor in (METRO, METRO_LEAD, DUTY, COMMANDER, AUDITOR)
    }
    assert {"begin", "self_check", "return", "grade"} <= offered[METRO.id]
    assert "suspend" not in offered[METRO.id]
    assert {"suspend", "extend", "urge"} <= offered[METRO_LEAD.id]
    assert {"urge", "merge", "reassign"} <= offered[DUTY.id]
    assert offered[AUDITOR.id] == set()


def test_the_handler_is_not_offered_what_a_second_person_must_do():
    case = a_case()
    response.pull(METRO, case.pk, "self_check", now=NOW)
    case.refresh_from_db()

    def offered(actor):
        return {item.trigger.value for item in response.actions_allowed(actor, case, now=NOW)}

    assert "recheck" not in offered(METRO)
    assert "recheck" in offered(METRO_MATE)
    assert "recheck" in offered(FIRE)


def test_an_offer_says_what_it_asks_for():
    case = a_case(evidence_to_close="measurement")
    response.pull(METRO, case.pk, "self_check", now=NOW)
    case.refresh_from_db()
    offers = {item.trigger: item for item in response.actions_allowed(DUTY, case, now=NOW)}
    assert offers["recheck"].asks == ("measurement",)
    assert offers["suspend"].asks == ("reason", "end")
    assert "funding" in offers["suspend"].reasons


def test_the_history_is_the_journals_own():
    case = a_case(origin="alert:1")
    response.pull(METRO, case.pk, "begin", now=NOW + MINUTE)
    other = a_case(place="RP-YARD-WLK")
    happened = response.history(METRO, case.pk)
    assert [entry["event"] for entry in happened] == ["CaseOpened", "CaseMoved"]
    assert happened[1]["actor"] == METRO.id
    later = response.history(METRO, case.pk, after=happened[0]["seq"])
    assert [entry["event"] for entry in later] == ["CaseMoved"]
    assert len(response.history(METRO, other.pk)) == 1
    with pytest.raises(NotFoundError):
        response.history(STRANGER, case.pk)


def test_every_entry_that_names_a_case_stands_in_its_history():
    first, second = a_case(origin="alert:1", level="yellow"), a_case(place="RP-YARD-WLK")
    response.give_task(METRO, first.pk, post="P-FIRE", text="x", due_at=NOW + HOUR, now=NOW)
    response.pull(DUTY, first.pk, "urge", now=NOW)
    response.sweep(now=NOW + 400 * HOUR)
    merge = response.Asked(reason="same_matter", other=second.pk)
    response.pull(DUTY, first.pk, "merge", merge, now=NOW + 400 * HOUR)
    for case in (first, second):
        named = {
            entry.seq
            for entry in JournalEntry.objects.exclude(event__in=["NoticePosted", "CasesMerged"])
            if entry.payload.get("case") == case.pk
        }
        shown = {entry["seq"] for entry in response.history(DUTY, case.pk)}
        assert named <= shown
    merged = JournalEntry.objects.get(event="CasesMerged").seq
    assert merged in {entry["seq"] for entry in response.history(DUTY, second.pk)}


def test_the_case_of_a_sign():
    case = response.take_sign(SYSTEM, report_of(1), now=NOW)
    assert response.case_of_sign("report:1").pk == case.pk
    assert response.case_of_sign("report:2") is None
