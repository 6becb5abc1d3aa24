"""Who comes in at the door: what a token allows, for how long, and how many lines it may hold."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import OperationalError

from anlan.entrypoints.mqtt.settings import DoorPart
from anlan.entrypoints.senders import LOOK_S
from anlan.kernel.actor import Role, system_actor
from anlan.registry import public as registry
from anlan.sensing.models import Quarantine
from tests.entrypoints.mqtt.conftest import a_row, a_token, eventually, kept
from tests.sensing.conftest import NOW

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")
OWN = "anlan/observations"


@pytest.mark.parametrize("version", [4, 5])
def test_strangers_are_refused(door, device, version):
    good = a_token()
    assert device(door.port, "anlan_nobody", version=version).reason.is_failure
    assert device(door.port, "", version=version).reason.is_failure
    assert device(door.port, good.secret[:-1], version=version).reason.is_failure
    registry.revoke_token(system_actor("test"), good.id, now=NOW)
    assert device(door.port, good.secret, version=version).reason.is_failure
    assert kept() == []


def test_no_more_than_the_token_allows(door, device):
    readers = a_token("reader-1", Role.DUTY_OFFICER, scopes=("signs:read",))
    old = device(door.port, readers.secret)
    old.publish(OWN, a_row())
    assert old.gone.wait(60)  # 3.1.1 has no other refusal
    new = device(door.port, readers.secret, version=5, name="dev-2")
    assert new.told(new.publish(OWN, a_row())).getName() == "Not authorized"
    west = a_token("west-1", areas=("410100/410103",))
    dev = device(door.port, west.secret, name="dev-3")
    dev.told(dev.publish(OWN, [a_row(), a_row("west")]))
    assert (kept(), kept("west")) == ([], [100.0])
    assert Quarantine.objects.get().rows == [[0, "observation.stream_unknown"]]


def test_a_token_that_is_revoked_ends_its_lines_alone(door, device, monkeypatch):
    gone, stays = a_token(), a_token("gateway-2")
    dev = device(door.port, gone.secret, version=5)
    other = device(door.port, stays.secret, version=5, name="dev-2")
    asked, credential = [], registry.credential
    monkeypatch.setattr(
        registry, "credential", lambda token, *, now: asked.append(token) or credential(token, now=now)
    )  # fmt: skip
    registry.revoke_token(system_actor("test"), gone.id, now=NOW)
    assert dev.gone.wait(60)
    assert dev.gone_for.getName() == "Not authorized"
    assert set(asked) == {gone.secret}  # whose account has not changed is not asked for
    assert not other.told(other.publish(OWN, a_row())).is_failure


def test_a_revoked_line_does_not_wait_until_all_are_asked_for(door, device, monkeypatch):
    others = [a_token(f"other-{number}") for number in range(6)]
    for one in others:
        device(door.port, one.secret)
    goes = a_token()
    dev = device(door.port, goes.secret)
    asked, credential = [], registry.credential

    def slow(token, *, now):
        asked.append(token)
        if token != goes.secret:
            threading.Event().wait(LOOK_S)
        return credential(token, now=now)

    monkeypatch.setattr(registry, "credential", slow)
    door.door._senders._held.clear()  # as when areas changed
    eventually(lambda: asked)
    registry.revoke_token(system_actor("test"), goes.id, now=NOW)
    assert dev.gone.wait(60)
    assert goes.secret in asked[:5]


def test_a_token_that_ends_ends_its_line(door, device, clock):
    dev = device(door.port, a_token().secret, version=5)
    clock.at = NOW + timedelta(days=31)
    assert dev.gone.wait(60)
    assert dev.gone_for.getName() == "Not authorized"


def test_a_database_that_is_away_ends_no_line(door, device, monkeypatch):
    tried = []

    def away():
        tried.append(1)
        raise OperationalError

    dev = device(door.port, a_token().secret, version=5)
    with monkeypatch.context() as patch:
        patch.setattr("anlan.infra.journal.head", away)
        eventually(lambda: len(tried) >= 3)
    assert not dev.gone.is_set()
    assert not dev.told(dev.publish(OWN, a_row())).is_failure


@pytest.mark.parametrize(("version", "told"), [(4, "Server unavailable"), (5, "Quota exceeded")])
def test_one_token_holds_so_many_lines_and_no_more(open_door, device, version, told):
    door = open_door(DoorPart(port=0, lines_per_token=2))
    token, other = a_token().secret, a_token("gateway-2").secret
    first, second = (device(door.port, token, version=5, name=name) for name in "ab")
    refused = device(door.port, token, version=version, name="c")
    assert refused.reason.getName() == told
    assert door.door.counts["over_lines"] == 1
    assert not device(door.port, other, version=version, name="c").reason.is_failure
    again = device(door.port, token, version=5, name="b")  # its own line, once more
    assert second.gone.wait(60)
    assert not again.reason.is_failure
    first.close()
    eventually(lambda: door.door.clients == 2)
    assert not device(door.port, token, version=version, name="d").reason.is_failure


def test_sessions_of_one_token_drive_out_no_other_s(open_door, device, monkeypatch):
    monkeypatch.setattr("anlan.entrypoints.mqtt.door.SWEEP_S", 0.1)
    door = open_door(DoorPart(port=0, clients=3, lines_per_token=2))
    honest, other = a_token("gateway-2"), a_token()
    for token, name in ((honest, "h"), *((other, name) for name in "abcd")):
        device(door.port, token.secret, name=name, clean=False).close()
        eventually(lambda: door.door.clients == 0)
    sessions = door.door._sessions
    eventually(lambda: {name for _, name in list(sessions)} == {"h", "c", "d"})
