"""Declared responses (I8) and the lag that they end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from anlan.infra import contents
from anlan.infra.models import JournalEntry
from anlan.kernel.errors import NotFoundError
from anlan.warning.access import ResponseEndedError
from anlan.warning.models import AlertInstance, ResponseInForce
from anlan.warning.public import declare_response, end_response, response_in_force
from anlan.warning.services.responses import ResponseIncompleteError, ResponseTextTooLongError
from tests.warning.town import CITY, a_declaration, a_signal, an_officer, at, tick

pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        ({"hazard": ""}, "hazard"),
        ({"level": ""}, "level"),
        ({"level": "V"}, "level"),
        ({"area": ""}, "area"),
        ({"matter": " "}, "matter"),
        ({"measures": ""}, "measures"),
        ({"expected_until": None}, "expected_until"),
        ({"expected_until": at(0)}, "expected_until"),
        ({"began_at": at(10)}, "began_at"),
    ],
)
def test_a_declaration_without_what_the_law_asks_is_refused(demo, said, missing) -> None:
    declaration = a_declaration(**({"level": "II"} | said))
    with pytest.raises(ResponseIncompleteError) as refusal:
        declare_response(an_officer(), declaration, now=at(0))
    assert refusal.value.params["missing"] == missing
    assert not ResponseInForce.objects.exists()


def test_the_wording_is_in_the_content_store_only(demo) -> None:
    row = declare_response(an_officer(), a_declaration(matter="机密事项"), now=at(0))
    assert contents.get_text(row.matter_content) == "机密事项"
    assert contents.get_text(row.measures_content) == "停课、停工"
    entry = JournalEntry.objects.get(event="ResponseDeclared")
    assert "机密事项" not in str(entry.payload) + str(entry.images)


def test_a_text_too_long_is_refused_before_anything_is_kept(demo) -> None:
    with pytest.raises(ResponseTextTooLongError):
        declare_response(an_officer(), a_declaration(measures="x" * 10_001), now=at(0))
    assert not ResponseInForce.objects.exists()


def test_another_level_replaces_the_one_in_force(demo) -> None:
    first = declare_response(an_officer(), a_declaration("II"), now=at(0))
    second = declare_response(an_officer(), a_declaration("I"), now=at(60))
    first.refresh_from_db()
    assert first.ended_at == at(60)
    assert response_in_force("met.rainstorm", "410102") == second
    levels = [
        entry.payload["level"]
        for entry in JournalEntry.objects.filter(event="ResponseDeclared").order_by("seq")
    ]
    assert levels == ["II", "", "I"]


def test_the_end_is_declared_once(demo) -> None:
    row = declare_response(an_officer(), a_declaration(), now=at(0))
    end_response(an_officer(), row.pk, now=at(10))
    assert response_in_force("met.rainstorm", CITY) is None
    with pytest.raises(ResponseEndedError):
        end_response(an_officer(), row.pk, now=at(11))


def test_an_officer_of_one_district_cannot_touch_the_city(demo) -> None:
    row = declare_response(an_officer(), a_declaration(), now=at(0))
    district = an_officer("410100/410102")
    with pytest.raises(NotFoundError):
        end_response(district, row.pk, now=at(1))
    with pytest.raises(NotFoundError):
        declare_response(district, a_declaration(), now=at(1))
    declare_response(district, a_declaration(area="410102"), now=at(1))


def test_an_unknown_area_or_hazard_is_not_found(demo) -> None:
    for said in ({"area": "999"}, {"hazard": "met.unknown"}):
        with pytest.raises(NotFoundError):
            declare_response(an_officer(), a_declaration(**said), now=at(0))


def test_the_database_holds_the_duration_and_the_level(demo) -> None:
    row = declare_response(an_officer(), a_declaration(), now=at(0))
    for change in ({"level": "V"}, {"expected_until": row.began_at - timedelta(hours=1)}):
        with pytest.raises(IntegrityError), transaction.atomic():
            ResponseInForce.objects.filter(pk=row.pk).update(**change)


def open_lags() -> set[str]:
    rows = AlertInstance.objects.filter(rule__startswith="lag.", cleared_at__isnull=True)
    return set(rows.values_list("rule", flat=True))


def test_the_lag_is_told_until_the_response_is_reached(demo) -> None:
    declare_response(an_officer(), a_declaration("II"), now=at(-60))
    a_signal(0)
    tick(0)
    assert open_lags() == {"lag.rainstorm_red"}
    a_signal(300)
    tick(300)
    assert "lag.rainstorm_repeat" in open_lags()
    declare_response(an_officer(), a_declaration("I"), now=at(400))
    tick(400)
    assert open_lags() == set()
    row = AlertInstance.objects.get(rule="lag.rainstorm_red")
    assert row.cleared_reason == "lag.response_reached"


def test_a_response_that_ends_too_early_opens_the_lag_again(demo) -> None:
    row = declare_response(an_officer(), a_declaration("I"), now=at(-60))
    a_signal(0)
    tick(0)
    assert open_lags() == set()
    end_response(an_officer(), row.pk, now=at(30))
    tick(31)
    assert "lag.rainstorm_red" in open_lags()
    assert AlertInstance.objects.get(rule="lag.rainstorm_red").active_at == at(30)
