"""Relayed warnings: kept as received, acted on only where and when they may be (I10)."""

from __future__ import annotations

import pytest

from anlan.infra import contents, journal
from anlan.infra.models import JournalEntry
from anlan.infra.workspace import WorkspaceKind
from anlan.kernel.errors import NotFoundError
from anlan.sensing import public
from anlan.sensing.domain.cap import MSG_TYPES, STATUSES
from anlan.sensing.domain.errors import CapError
from anlan.sensing.models import Quarantine, Signal
from anlan.sensing.services.signals import acted_as
from tests.sensing.conftest import GATEWAY, NOW
from tests.sensing.domain.messages import message

pytestmark = pytest.mark.django_db(databases="__all__")


def keep(xml=None, **given):
    return public.keep_signal(GATEWAY, xml or message(**given), now=NOW)


def heard():
    return [
        journal.told(e).event
        for e in JournalEntry.objects.filter(event="SignalReceived").order_by("seq")
    ]


def test_a_signal_is_kept_with_what_was_concluded(city):
    row = Signal.objects.get(pk=keep().pk)
    assert (row.hazard, row.hazard_from) == ("met.rain", "code:cn12379")
    assert (row.level, row.level_from, row.cap_severity) == (
        "red",
        "parameter:anlan.level",
        "Extreme",
    )
    assert row.areas == ["410102"]  # written with twelve digits
    (event,) = heard()
    assert event.acts
    assert (event.signal, event.areas, event.level) == (row.pk, ("410102",), "red")
    assert len(event.polygons) == 2
    assert event.polygons[0] == "34,113 34,114 35,114 34,113"


def test_the_message_itself_is_kept_as_received_and_apart(city):
    xml = message()
    row = keep(xml)
    assert contents.get(row.message_content) == xml
    assert public.signal_message(row.pk).infos[0].instruction == "i"
    images = str(list(JournalEntry.objects.values_list("images", "payload")))
    assert "气象台" not in images
    contents.destroy([row.message_content], reason="expired", now=NOW)
    assert public.signal_message(row.pk) is None


def test_the_same_message_again_is_the_same_signal(city):
    first = keep()
    assert keep() == first
    assert Signal.objects.count() == len(heard()) == 1
    assert keep(identifier="CN-410100-2") != first
    assert keep(sent="2021-07-20T08:01:00+08:00") != first


@pytest.mark.parametrize("status", STATUSES)
def test_a_live_workspace_acts_on_actual_only(city, status):
    row = keep(status=status)
    assert (row.status, row.acted_as) == (status, "Actual" if status == "Actual" else "")
    assert heard()[0].acts == (status == "Actual")


@pytest.mark.parametrize("status", STATUSES)
def test_a_rehearsal_keeps_as_received_and_acts_as_exercise(city, rehearsal, status):
    row = keep(status=status)
    acts = status in {"Actual", "Exercise"}
    assert (row.status, row.acted_as) == (status, "Exercise" if acts else "")
    assert (heard()[0].status, heard()[0].acts) == (status, acts)


@pytest.mark.parametrize("status", STATUSES)
def test_no_rehearsal_ever_acts_as_actual(status):
    assert acted_as(status, WorkspaceKind.REHEARSAL) != "Actual"


@pytest.mark.parametrize("kind", MSG_TYPES)
def test_receipts_and_errors_are_not_acted_on(city, kind):
    references = "met@example.invalid,CN-0,2021-07-20T07:00:00+08:00"
    keep(msgType=kind, references=references)
    (event,) = heard()
    assert event.acts == (kind in {"Alert", "Update", "Cancel"})
    assert event.references == ("CN-0",)


def test_an_unreadable_message_is_kept_aside_with_its_place(city):
    broken = message(scope="")
    with pytest.raises(CapError) as caught:
        keep(broken)
    row = Quarantine.objects.get(pk=caught.value.params["quarantine"])
    assert (row.door, row.error, row.place) == ("signals", "cap.missing_element", "alert/scope")
    assert contents.get(row.raw_content) == broken
    assert JournalEntry.objects.filter(event="MessageKeptAside").count() == 1
    assert not Signal.objects.exists()


def test_an_unknown_hazard_and_place_are_kept_all_the_same(city):
    text = (
        message(area="").decode().replace("11B03", "9").replace("暴雨", "x").replace("气象台", "x")
    )
    row = keep(text.encode())
    assert (row.hazard, row.areas, row.level) == ("", [], "red")


def test_a_workspace_without_a_city_keeps_signals(db):
    row = keep()
    assert (row.hazard, row.areas, row.level) == ("", [], "red")


def test_unknown_ids_are_not_found(db):
    with pytest.raises(NotFoundError):
        public.signal(1)


def test_another_message_under_the_same_identity_is_kept_aside_not_taken_for_the_first(city):
    """A red signal must not be swallowed because an orange one has its identifier."""
    first = keep()
    other = message().replace(b">red<", b">orange<")
    with pytest.raises(CapError) as caught:
        keep(other)
    assert (caught.value.code, caught.value.params["signal"]) == ("cap.identity_reused", first.pk)
    aside = Quarantine.objects.get(pk=caught.value.params["quarantine"])
    assert contents.get(aside.raw_content) == other
    assert Signal.objects.count() == len(heard()) == 1


def test_the_same_message_written_otherwise_is_the_same_signal(city):
    assert keep() == keep(message().replace(b"\n", b"\n\n"))


def test_after_the_destruction_of_its_words_a_signal_is_known_by_its_identity(city):
    first = keep()
    contents.destroy([first.message_content], reason="expired", now=NOW)
    assert keep(message().replace(b">red<", b">orange<")) == first


EARLY, LATE = "2021-07-20T08:00:00+08:00", "2021-07-20T08:05:00+08:00"
TO_A = f"met@example.invalid,A,{EARLY}"


@pytest.mark.parametrize(
    ("first", "then", "overtaken"),
    [
        ({"identifier": "B", "sent": LATE, "msgType": "Update", "references": TO_A}, {}, True),
        ({"identifier": "B", "sent": LATE, "msgType": "Cancel", "references": TO_A}, {}, True),
        ({"identifier": "B", "sent": LATE}, {}, True),
        ({"identifier": "B", "sent": LATE, "area": ""}, {}, False),
        ({"identifier": "B", "sent": LATE, "status": "Test"}, {}, False),
        ({"identifier": "B", "sent": LATE, "sender": "other"}, {}, False),
        ({"identifier": "B", "sent": EARLY}, {"sent": LATE}, False),
        # A clock that is years ahead must not silence what follows.
        (
            {"identifier": "B", "sent": "2036-01-01T00:00:00+08:00"},
            {"sent": "2026-07-20T16:00:01+08:00"},
            False,
        ),
    ],
)
def test_a_message_knows_whether_a_later_one_overtook_it(city, first, then, overtaken):
    keep(**first)
    keep(identifier="A", **{"sent": EARLY, **then})
    assert [event.overtaken for event in heard()] == [False, overtaken]


def test_a_late_cancel_of_the_old_does_not_end_the_new(city):
    keep(identifier="A", sent=EARLY)
    keep(identifier="B", sent=LATE)
    between = {"identifier": "C", "sent": "2021-07-20T08:02:00+08:00", "references": TO_A}
    keep(msgType="Cancel", **between)
    keep(msgType="Cancel", **{**between, "identifier": "D", "sent": "2021-07-20T08:06:00+08:00"})
    assert [event.overtaken for event in heard()] == [False, False, True, False]
