"""The database itself refuses to let a duty drop, whoever writes to it (I1, I2)."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction

from anlan.response import public as response
from anlan.response.domain.words import ENDED
from anlan.response.models import ENDED_STATES, Case, CaseClock
from tests.response.builders import DAY, METRO_LEAD, MINUTE, NOW, a_case, running

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("demo")]


def refused(statement, *params):
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, params)


@pytest.mark.parametrize(
    "change",
    [
        "owner_post = ''",
        "next_at = NULL",
        "running_clock_id = NULL",
        "number = NULL",
        "state = 'closed'",
        "state = 'new'",
        "priority = 0",
        "priority = 5",
    ],
)
def test_an_open_case_keeps_owner_clock_and_instant(change):
    case = a_case()
    refused(f"UPDATE response_case SET {change} WHERE id = %s", case.pk)


def test_an_open_case_is_due_when_its_clock_is():
    case = a_case()
    refused("UPDATE response_case SET next_at = opened_at WHERE id = %s", case.pk)


def test_an_open_case_stands_on_a_clock_of_its_own():
    case, other = a_case(), a_case(place="RP-YARD-WLK")
    refused(
        "UPDATE response_case SET running_clock_id = %s WHERE id = %s",
        other.running_clock_id,
        case.pk,
    )


def test_an_open_case_does_not_stand_on_a_stopped_clock():
    case = a_case()
    first = running(case)[0]
    asked = response.Asked(reason="work_is_larger", until=NOW + DAY)
    response.pull(METRO_LEAD, case.pk, "extend", asked, now=NOW + MINUTE)
    refused(
        "UPDATE response_case SET running_clock_id = %s, next_at = "
        "(SELECT due_at FROM response_caseclock WHERE id = %s) WHERE id = %s",
        first.pk,
        first.pk,
        case.pk,
    )


@pytest.mark.parametrize("column", ["met_at", "missed_at", "stopped_at"])
def test_the_clock_under_an_open_case_is_not_ended(column):
    clock = running(a_case())[0]
    refused(f"UPDATE response_caseclock SET {column} = started_at WHERE id = %s", clock.pk)


def test_the_clock_under_an_open_case_is_not_deleted():
    clock = running(a_case())[0]
    refused("DELETE FROM response_caseclock WHERE id = %s", clock.pk)


@pytest.mark.parametrize(
    "change",
    [
        "due_at = started_at",
        "rule_id = 'another'",
        "rule_version = 99",
        "calendar = 'working_days'",
        "start_event = 'never'",
        "\"limit\" = '99d'",
        'basis = \'{"title": "another law"}\'',
        "kind = 'task'",
        "stage = 'check'",
        "approver = 'account:somebody'",
    ],
)
def test_what_a_clock_promised_is_not_rewritten(change):
    clock = running(a_case())[0]
    refused(f"UPDATE response_caseclock SET {change} WHERE id = %s", clock.pk)


@pytest.mark.parametrize(
    "gap",
    [
        {"rule_id": ""},
        {"calendar": ""},
        {"start_event": ""},
        {"basis": {}},
        {"rule_version": 0},
        {"due_at": NOW - DAY},
        {"kind": "suspension", "approver": ""},
    ],
)
def test_a_clock_without_its_ground_is_refused(gap):
    case = a_case()
    sound = {
        "case": case,
        "kind": "stage",
        "stage": "handle",
        "rule_id": "r",
        "rule_version": 1,
        "limit": "1h",
        "calendar": "natural",
        "start_event": "CaseOpened",
        "basis": {"title": "t"},
        "started_at": NOW,
        "due_at": NOW + DAY,
    }
    with transaction.atomic():
        CaseClock(**sound).save()
    with pytest.raises(IntegrityError), transaction.atomic():
        CaseClock(**{**sound, **gap}).save()


def test_no_second_open_case_of_one_cause():
    case = a_case(cause="c", origin="alert:1")
    other = a_case(cause="d", origin="alert:2", place="RP-YARD-WLK")
    with pytest.raises(IntegrityError), transaction.atomic():
        Case.objects.filter(pk=other.pk).update(cause=case.cause)


def test_an_open_case_is_not_inserted_without_a_clock():
    case = a_case()
    copy = Case.objects.get(pk=case.pk)
    copy.pk, copy.number = None, "H-copy"
    with pytest.raises(IntegrityError), transaction.atomic():
        copy.save(force_insert=True)


def test_an_ended_case_says_when():
    case = a_case()
    refused(
        "UPDATE response_case SET is_open = %s, state = 'closed', running_clock_id = NULL, "
        "next_at = NULL WHERE id = %s",
        False,
        case.pk,
    )


def test_a_sign_follows_one_case_only():
    first, second = a_case(origin="alert:1"), a_case(place="RP-YARD-WLK")
    with pytest.raises(IntegrityError), transaction.atomic():
        second.followers.create(sign="alert:1", joined_at=NOW)
    assert first.followers.count() == 1


def test_the_table_of_the_database_knows_the_ended_states_of_the_decisions():
    assert set(ENDED_STATES) == {state.value for state in ENDED} | {"new"}
