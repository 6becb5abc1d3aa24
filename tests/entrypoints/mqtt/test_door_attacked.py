"""The door, flooded by who has no token, by who has one, and by what cannot be kept."""

from __future__ import annotations

import threading

import pytest
from django.db import DataError

from anlan.entrypoints.mqtt.door import Door
from anlan.entrypoints.mqtt.intake import Intake
from anlan.infra.mqtt.wire import packet, text
from anlan.kernel.actor import system_actor
from anlan.registry import public as registry
from anlan.registry.domain.errors import TokenUnknownError
from anlan.sensing import public as sensing
from anlan.sensing.models import Quarantine
from tests.entrypoints.mqtt.conftest import a_row, a_token, eventually, kept
from tests.entrypoints.mqtt.test_door import OWN, closed, connected, hello, say_hello
from tests.sensing.conftest import NOW

__all__ = ["connected"]
pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


def test_who_says_nothing_keeps_nobody_out(open_door, connected, monkeypatch):
    monkeypatch.setattr("anlan.entrypoints.mqtt.door.SILENT_AT_ONCE", 3)
    door = open_door()
    token = a_token().secret
    idle = [connected(door.port) for _ in range(5)]
    assert closed(idle[0]) == closed(idle[1]) == b""
    say_hello(connected(door.port), token)
    assert closed(idle[2]) == b""
    assert door.door.clients == 1


def test_a_key_that_cannot_be_one_costs_its_message_alone(door, device, monkeypatch):
    alone = []
    monkeypatch.setattr(Intake, "_keep_alone", lambda *given: alone.append(given))
    dev = device(door.port, a_token().secret)
    sent = [
        dev.publish(OWN, {"observations": [a_row(minute=1)], "key": "k\n"}),
        dev.publish(OWN, {"observations": [a_row(minute=2)], "key": "x" * 201}),
        dev.publish(OWN, a_row(minute=3, value=3)),
    ]
    for info in sent:
        dev.told(info)
    assert kept() == [300.0]
    assert alone == []
    assert {one.error for one in Quarantine.objects.all()} == {"idempotency.key_malformed"}


def test_a_sender_that_cannot_be_told_does_not_hold_up_the_others(open_door, device, monkeypatch):
    door = open_door()
    dev = device(door.port, a_token().secret)
    settled, failed = Door.settled, []

    def fails_once(self, letters):
        if not failed:
            failed.append(letters)
            raise ValueError
        settled(self, letters)

    monkeypatch.setattr(Door, "settled", fails_once)
    dev.publish(OWN, a_row(minute=1))
    eventually(lambda: failed)
    dev.told(dev.publish(OWN, a_row(minute=2)))
    assert kept() == [100.0, 100.0]


def test_a_flood_of_subscriptions_is_read_no_faster_than_it_is_answered(
    open_door, connected, monkeypatch
):
    may_go, asked = threading.Event(), []

    def slow():
        asked.append(1)
        assert may_go.wait(60)
        return 0

    monkeypatch.setattr("anlan.sensing.sta.announcing.last_frame", slow)
    door = open_door()
    line = say_hello(connected(door.port), a_token().secret)
    one = packet(0x82, b"\0\1" + text("v1.1/Observations") + b"\0")
    line.sendall(one)
    eventually(lambda: asked)
    line.sendall(one * 100)
    threading.Event().wait(0.3)
    assert door.door._asking._work_queue.qsize() == 0
    may_go.set()
    eventually(lambda: len(asked) == 101)


def test_a_flood_of_strangers_keeps_in_who_is_known_and_out_who_is_revoked(
    open_door, connected, device, monkeypatch
):
    monkeypatch.setattr("anlan.entrypoints.mqtt.door.ADMITTING_AT_ONCE", 4)
    door, goes, stays = open_door(), a_token(), a_token("gateway-2")
    first, _ = device(door.port, goes.secret), device(door.port, stays.secret, name="a")
    may_go, asked, credential = threading.Event(), [], registry.credential

    def slow(token, *, now):
        if token.startswith("anlan_guess"):
            asked.append(token)
            assert may_go.wait(60)
        return credential(token, now=now)

    monkeypatch.setattr(registry, "credential", slow)
    for number in range(4):
        hello(connected(door.port), f"anlan_guess{number}")
    eventually(lambda: door.door._admitting == 4)
    one_more = device(door.port, "anlan_guess4", version=5)
    assert one_more.reason.getName() == "Server unavailable"
    assert not device(door.port, stays.secret, name="b").reason.is_failure
    registry.revoke_token(system_actor("test"), goes.id, now=NOW)
    assert first.gone.wait(30)
    assert len(asked) == 2  # two threads, both still held up
    may_go.set()
    eventually(lambda: door.door._admitting == 0)


def test_whom_no_database_tells_of_is_let_go(open_door, connected, monkeypatch):
    may_go, answered = threading.Event(), []

    def hangs(_token, *, now):
        may_go.wait(60)
        answered.append(now)
        raise TokenUnknownError

    monkeypatch.setattr("anlan.entrypoints.mqtt.peer.ONCE_IN", 0.2)
    monkeypatch.setattr(registry, "credential", hangs)
    door = open_door()
    line = connected(door.port)
    hello(line, "anlan_guess")
    assert closed(line) == b""
    assert answered == []
    may_go.set()


def test_what_no_database_takes_costs_itself_alone(door, device, monkeypatch):
    """A value that a column refuses is refused each time: it must not be tried for ever."""
    keep = sensing.keep_observations

    def refusing(actor, batch, **more):
        if any(row.value == 13 for row in batch.rows):
            raise DataError
        return keep(actor, batch, **more)

    monkeypatch.setattr(sensing, "keep_observations", refusing)
    dev = device(door.port, a_token().secret)
    for info in [dev.publish(OWN, a_row(minute=n, value=v)) for n, v in enumerate((1, 13, 2))]:
        dev.told(info)
    assert kept() == [100.0, 200.0]
    assert Quarantine.objects.get().error == "internal"
