"""Outside warnings: relayed, changed, superseded, cancelled, expired; where they hold."""

from __future__ import annotations

import pytest

from anlan.infra.models import JournalEntry
from anlan.registry import public as registry
from anlan.warning.models import AlertInstance, JudgeInbox, WarningInForce
from anlan.warning.public import warnings_in_force
from anlan.warning.services.surroundings import encloses
from tests.warning.town import a_signal, at, tick

pytestmark = pytest.mark.django_db(databases="__all__")


def told() -> list[tuple[str, str]]:
    found = JournalEntry.objects.filter(event="WarningInForceChanged").order_by("seq")
    return [(entry.payload["what"], entry.payload["level"]) for entry in found]


def test_a_repeated_warning_is_one_in_force_with_a_new_end(demo) -> None:
    a_signal(0)
    a_signal(300)
    (row,) = warnings_in_force(at=at(300))
    assert row.ends_at == at(1020)
    assert row.level_at == at(0)
    assert told() == [("began", "red"), ("changed", "red")]


def test_an_update_changes_the_level_of_what_it_refers_to(demo) -> None:
    first = a_signal(0, "yellow")
    a_signal(60, "red", msg_type="Update", references=(first,))
    (row,) = warnings_in_force(at=at(60))
    assert (row.level, row.level_at) == ("red", at(60))


def test_an_update_of_something_unknown_begins_a_warning(demo) -> None:
    a_signal(0, msg_type="Update", references=("lost",))
    assert len(warnings_in_force(at=at(0))) == 1


def test_a_cancel_ends_what_it_refers_to_and_nothing_else(demo) -> None:
    rain = a_signal(0)
    a_signal(0, hazard="met.typhoon")
    a_signal(5, "", msg_type="Cancel", references=(rain,))
    assert [row.hazard for row in warnings_in_force(at=at(6))] == ["met.typhoon"]
    assert WarningInForce.objects.get(hazard="met.rainstorm").ended_why == "cancelled"


def test_a_cancel_of_another_sender_ends_nothing(demo) -> None:
    rain = a_signal(0)
    a_signal(5, "", msg_type="Cancel", references=(rain,), sender="other@example.invalid")
    assert len(warnings_in_force(at=at(6))) == 1


@pytest.mark.parametrize("status", ["Exercise", "Test", "Draft"])
def test_what_may_not_be_acted_on_is_not(demo, status: str) -> None:
    a_signal(0, status=status, acts=False)
    tick(0)
    assert not WarningInForce.objects.exists()
    assert not AlertInstance.objects.exists()
    assert not JudgeInbox.objects.exists()


def test_a_warning_that_has_expired_on_arrival_is_not_put_in_force(demo) -> None:
    a_signal(0, ends_at=at(-5))
    assert not WarningInForce.objects.exists()


def test_a_warning_of_the_future_waits_for_its_start(demo) -> None:
    a_signal(0, starts_at=at(30))
    tick(0)
    assert not AlertInstance.objects.filter(rule__startswith="rain_red.").exists()
    tick(30)
    assert AlertInstance.objects.filter(rule__startswith="rain_red.").exists()


def test_an_unknown_hazard_is_listed_for_people_and_judged_by_nobody(demo) -> None:
    a_signal(0, "red", hazard="")
    tick(0)
    assert [row.hazard for row in warnings_in_force(at=at(0))] == [""]
    assert not AlertInstance.objects.exists()


def places() -> set[str]:
    found = AlertInstance.objects.filter(rule__startswith="rain_red.")
    return set(found.values_list("place", flat=True))


def test_a_warning_of_a_district_reaches_its_places_only(demo) -> None:
    a_signal(0, areas=("410102",))
    tick(0)
    assert "RP-METRO-5" in places()
    assert "RP-HOSP-FW" not in places()


def test_a_warning_with_an_outline_reaches_what_lies_inside(demo) -> None:
    ring = "34.74,113.63 34.76,113.63 34.76,113.66 34.74,113.66 34.74,113.63"
    a_signal(0, areas=(), polygons=(ring,))
    tick(0)
    assert "RP-TUNNEL-JG" in places()
    assert "RP-METRO-5" not in places()
    assert AlertInstance.objects.filter(rule="lag.rainstorm_red", area="410100").exists()


def test_a_warning_of_the_province_reaches_the_whole_city(demo) -> None:
    a_signal(0, areas=("410000",))
    tick(0)
    assert {"RP-METRO-5", "RP-HOSP-FW"} <= places()


def test_a_warning_of_another_city_reaches_nothing(demo) -> None:
    a_signal(0, areas=("420100",))
    tick(0)
    assert not AlertInstance.objects.exists()


@pytest.mark.parametrize(
    ("code", "root", "holds"),
    [
        ("410000", "410100", True),
        ("410000000000", "410100000000", True),
        ("420000", "410100", False),
        ("410100", "410100", False),
        ("410102", "410100", False),
        ("DE-BE", "410100", False),
        ("500000", "500100", True),
        ("000000", "410100", False),
    ],
)
def test_codes_say_which_division_holds_which(code: str, root: str, *, holds: bool) -> None:
    assert encloses(code, root) is holds


def test_the_rules_know_the_hazard_of_the_tests(demo) -> None:
    assert registry.hazard("met.rainstorm").id == "met.rainstorm"


def test_an_older_message_that_comes_late_lowers_nothing(demo) -> None:
    update = a_signal(10, "red", msg_type="Update", references=("first",))
    a_signal(11, "orange", identifier="first", sent_at=at(0), overtaken=True)
    (row,) = warnings_in_force(at=at(12))
    assert row.level == "red"
    assert set(row.identifiers) == {"first", update}
    a_signal(20, "", msg_type="Cancel", references=("first",))
    assert warnings_in_force(at=at(21)) == []


def test_a_warning_that_was_cancelled_before_it_came_does_not_begin(demo) -> None:
    a_signal(5, "", msg_type="Cancel", references=("first",))
    a_signal(6, "red", identifier="first", sent_at=at(0), overtaken=True)
    assert warnings_in_force(at=at(7)) == []


def test_the_same_identifier_at_a_later_time_changes_the_level(demo) -> None:
    first = a_signal(0, "yellow")
    a_signal(30, "red", identifier=first)
    (row,) = warnings_in_force(at=at(31))
    assert row.level == "red"
