"""Who may send: remembered while nothing about the account changes, and no longer than a second more."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import pytest

from anlan.entrypoints import senders as remembering
from anlan.entrypoints.edge import credentials
from anlan.entrypoints.senders import LIFE, Senders
from anlan.infra.asking import asking as asking_the_database
from anlan.kernel.actor import system_actor
from anlan.kernel.errors import NotAuthenticatedError
from anlan.registry import public as registry
from anlan.registry.domain.errors import TokenUnknownError
from anlan.registry.models import Area
from tests.entrypoints import test_edge_door
from tests.entrypoints.test_edge_door import ROW, asking, issue, live
from tests.sensing.conftest import NOW

__all__ = ["live"]
world = test_edge_door.world
pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


def test_who_may_send(world):
    async def talk(asked):
        async def code(token):
            _, said, _ = await asked.ask(ROW, authorization=f"Bearer {token}")
            return said["error"]["code"] if "error" in said else "taken"

        outside, reader, short = (one[1] for one in (street, auditor, brief))
        before = [await code(one) for one in ("nobody", outside, reader, short)]
        world.now_is = NOW + timedelta(seconds=30)  # remembered, and over all the same
        registered = await code(short)
        world.now_is = NOW + timedelta(days=2)
        return before, registered, await code(short)

    street = issue("street_officer", areas=("410103",))
    auditor = issue("auditor")
    brief = issue("program", days=1)
    before, during, after = asking(talk, token=brief[1])
    assert before[0] == "token.unknown"
    assert before[1:] == ["observation.nothing_kept", "not_allowed", "taken"]
    assert (during, after) == ("taken", "token.expired")


def test_a_token_taken_back_stops_within_a_second(world, monkeypatch):
    token, secret = issue()
    passed = [1000.0]
    monkeypatch.setattr(remembering.time, "monotonic", lambda: passed[0])

    async def talk(asked):
        taken = (await asked.ask(ROW))[0]
        await asyncio.to_thread(
            asking_the_database(registry.revoke_token), system_actor("test"), token.pk, now=NOW
        )
        passed[0] += remembering.LOOKED_S + 0.01  # as if nobody had looked meanwhile
        return taken, await asked.ask(ROW)

    taken, (status, said, _) = asking(talk, token=secret)
    assert remembering.LOOKED_S < 1
    assert (taken, status, said["error"]["code"]) == (202, 401, "token.revoked")


def test_a_token_is_looked_up_once(world, monkeypatch):
    monkeypatch.setattr(remembering.time, "monotonic", lambda: 1000.0)

    async def talk(asked):
        await asked.ask(ROW)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(registry, "credential", None)
            return [(await asked.ask(ROW))[0] for _ in range(5)]

    assert asking(talk) == [202] * 5


def test_an_answer_older_than_a_change_is_not_remembered(world, monkeypatch):
    """What was found before a look that forgot somebody is answered once, and asked for again."""
    token, secret = issue()
    senders, credential = Senders(), registry.credential
    senders.look()

    def overtaken(secret, *, now):
        found = credential(secret, now=now)
        registry.revoke_token(system_actor("test"), token.pk, now=NOW)
        senders.look()
        return found

    with monkeypatch.context() as patch:
        patch.setattr(registry, "credential", overtaken)
        senders.find(secret, now=NOW)
    assert senders.known(secret, now=NOW) is None
    with pytest.raises(NotAuthenticatedError):
        senders.actor_of(secret, now=NOW)


def test_a_refused_token_is_asked_for_once_until_something_changes(world, monkeypatch):
    asked, credential = [], registry.credential

    def counted(secret, *, now):
        asked.append(secret)
        return credential(secret, now=now)

    monkeypatch.setattr(registry, "credential", counted)
    senders = Senders()
    senders.look()

    def refused(now=NOW):
        with pytest.raises(TokenUnknownError):
            senders.find("anlan_guess", now=now)
        return len(asked)

    assert [refused(), refused()] == [1, 1]
    assert refused(NOW + remembering.REFUSED_FOR) == 2
    issue()
    senders.look()  # the token may be there by now
    assert refused(NOW + remembering.REFUSED_FOR) == 3


def test_guesses_and_a_database_that_hangs_hold_up_no_look(world, monkeypatch):
    may_go, looked = threading.Event(), threading.Event()
    credential = registry.credential

    def hangs(secret, *, now):
        assert may_go.wait(60)
        return credential(secret, now=now)

    async def talk(asked):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(registry, "credential", hangs)
            patch.setattr(credentials, "WAITED_S", 0.2)
            guesses = await asyncio.gather(
                *(asked.ask(ROW, authorization=f"Bearer guess{n}") for n in range(3))
            )
            patch.setattr(asked.credentials._senders, "look", looked.set)
            patch.setattr(credentials, "WAITED_S", 30)
            await asked.credentials.look()
            may_go.set()
        return [(status, said["error"]["code"]) for status, said, _ in guesses]

    assert asking(talk) == [(503, "unavailable")] * 3
    assert looked.is_set()


def test_a_change_of_the_city_forgets_somebody_only_where_areas_change(world, monkeypatch):
    secret, senders, revision = issue()[1], Senders(), ["first"]
    monkeypatch.setattr(registry, "revision", lambda: revision[0])
    senders.look()
    found = senders.find(secret, now=NOW)
    revision[0] = "second"
    senders.look()
    assert senders.known(secret, now=NOW) is found
    Area.objects.filter(code="410103").update(path="410100/elsewhere/410103")
    revision[0] = "third"
    senders.look()
    assert senders.known(secret, now=NOW) is None


def test_only_whose_account_changed_is_forgotten(world):
    (token, mine), (_, other) = issue(), issue("auditor")
    senders = Senders()
    senders.look()
    mine_is, other_is = (senders.find(one, now=NOW) for one in (mine, other))
    assert senders.find(other, now=NOW) is other_is  # one object, for who gathers by sender
    registry.revoke_token(system_actor("test"), token.pk, now=NOW)
    senders.look()
    assert mine_is is not None
    assert senders.known(mine, now=NOW) is None
    assert senders.known(other, now=NOW) is other_is
    assert senders.known(other, now=NOW + LIFE) is None
