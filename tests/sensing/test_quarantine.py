"""What was kept aside waits, is seen by the right people, and can be tried again or discarded."""

from __future__ import annotations

import pytest

from anlan.infra import contents
from anlan.infra.models import JournalEntry
from anlan.kernel.actor import system_actor
from anlan.kernel.errors import NotFoundError
from anlan.registry import public as registry
from anlan.sensing import public
from anlan.sensing.domain.errors import (
    AlreadyReleasedError,
    CapError,
    NotARelayError,
    StillUnreadableError,
)
from anlan.sensing.models import Quarantine, Report, Signal
from anlan.sensing.services.quarantine import keep_aside
from anlan.sensing.services.release import release
from tests.registry.small_city import a_city, parsed, with_info
from tests.sensing.conftest import DUTY, GATEWAY, NOW, STREET, a_sensor, small_law
from tests.sensing.domain.messages import message

pytestmark = pytest.mark.django_db(databases="__all__")


def let(outcome, number, actor=DUTY):
    return release(actor, number, outcome=outcome, secret="s", now=NOW)


def aside(door="signals", raw=b"<x/>", actor=GATEWAY):
    return keep_aside(actor, door, raw, error="cap.not_cap", place="x", now=NOW)


def test_the_whole_city_or_the_sender_sees_it(city):
    first, second = aside(), aside(actor=STREET)
    assert [row.pk for row in public.quarantined(DUTY)] == [second.pk, first.pk]
    assert [row.pk for row in public.quarantined(STREET)] == [second.pk]
    with pytest.raises(NotFoundError):
        let("discard", first.pk, actor=STREET)


def test_discarding_is_said_and_done_once(city):
    row = aside()
    assert public.quarantine_open() == 1
    done = let("discard", row.pk)
    assert (done.outcome, done.released_by) == ("discarded", DUTY.id)
    assert public.quarantine_open() == 0
    assert public.quarantined(DUTY) == []
    assert JournalEntry.objects.get(event="MessageReleased").payload["outcome"] == "discarded"
    with pytest.raises(AlreadyReleasedError):
        let("retry", row.pk)


def test_trying_in_vain_changes_nothing(city):
    with pytest.raises(CapError) as caught:
        public.keep_signal(GATEWAY, b"<no/>", now=NOW)
    row = Quarantine.objects.get(pk=caught.value.params["quarantine"])
    with pytest.raises(StillUnreadableError) as still:
        let("retry", row.pk)
    assert still.value.params["reason"] == "cap.not_cap no"
    row.refresh_from_db()
    assert row.released_at is None
    assert Quarantine.objects.count() == 1


def test_a_message_that_can_be_read_now_becomes_a_signal(city):
    row = aside(raw=message())
    assert let("retry", row.pk).outcome == "accepted"
    assert Signal.objects.get().identifier == "CN-410100-1"


def test_only_a_relay_may_let_a_signal_in(city):
    row = aside(raw=message(), actor=STREET)
    with pytest.raises(NotARelayError):
        let("retry", row.pk, actor=STREET)
    assert not Signal.objects.exists()


def test_readings_come_in_once_their_sensor_is_registered(city):
    rows = (public.RowIn("new", NOW, 2.0, unit="m"), public.RowIn("still-unknown", NOW, 1.0))
    receipt = public.keep_observations(GATEWAY, public.BatchIn(rows), now=NOW)
    with pytest.raises(StillUnreadableError) as still:
        let("retry", receipt.quarantine)
    assert still.value.params["reason"] == "observation.stream_unknown"
    sensors = (
        a_sensor("s1"),
        a_sensor("s2", unit="cm"),
        a_sensor("west", "410103"),
        a_sensor("new"),
    )
    grown = with_info(a_city(sensors=sensors), version="2")
    registry.load_city(system_actor("test"), parsed(grown), parsed(small_law()), now=NOW)
    assert let("retry", receipt.quarantine).outcome == "accepted"
    (batch,) = public.batches_after(0, 10)
    assert [(o.stream, o.value) for o in batch.observations] == [("new", 200.0)]
    (left,) = public.quarantined(DUTY)
    assert left.rows == [[1, "observation.stream_unknown"]]


def test_a_report_that_can_be_read_now_was_known_when_it_came(city):
    row = aside("reports", raw='{"text": "燃气"}'.encode())
    let("retry", row.pk)
    report = Report.objects.get()
    assert (report.hazard, report.known_at) == ("gas.leak", NOW)


def test_after_destruction_there_is_nothing_to_try(city):
    row = aside()
    contents.destroy([row.raw_content], reason="expired", now=NOW)
    with pytest.raises(StillUnreadableError) as still:
        let("retry", row.pk)
    assert still.value.params["reason"] == "destroyed"
