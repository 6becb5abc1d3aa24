"""The edge's door, flooded: what waits is bounded, and who is known goes on being answered."""

from __future__ import annotations

import asyncio
import gc
import resource
import sys
import threading
import time
from datetime import timedelta

import pytest

from anlan.entrypoints import senders as remembering
from anlan.entrypoints.edge import bodies, credentials, serving
from anlan.registry import public as registry
from anlan.sensing.domain.columns import table_of
from anlan.sensing.domain.observations import StreamFacts
from tests.entrypoints import test_edge_door
from tests.entrypoints.test_edge_door import ROW, asking, kept, live
from tests.sensing.conftest import NOW

__all__ = ["live"]
world = test_edge_door.world
pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


def test_bodies_that_began_while_there_was_room_are_bounded_too(world, monkeypatch):
    monkeypatch.setattr(bodies, "MOST_READING", 100_000)

    async def talk(asked):
        pieces = [b" " * 10_000, 0.2, *[b" " * 10_000] * 7, 0.2, b"[]"]
        found = await asyncio.gather(*(asked.ask(pieces=pieces) for _ in range(5)))
        assert asked.door.bodies.reading == 0
        return found

    found = [said["error"]["code"] for _, said, _ in asking(talk)]
    assert set(found) == {"observation.intake_full", "observation.batch_empty"}


def test_what_was_refused_is_let_go_at_once(world):
    """The search for cycles comes late here: a large message must not wait for it."""
    large = b"[%s]" % (b" " * 50_000)
    unreadable = b"{%s" % (b" " * 50_000)

    async def talk(asked):
        for body in (large, unreadable):
            assert (await asked.ask(body))[0] >= 400
            # Of others the answer to one request may be held until the next.
            await asked.ask(ROW)
            before = sys.getrefcount(body)
            for _ in range(20):
                assert (await asked.ask(body))[0] >= 400
            await asked.ask(ROW)
            # A thread that has answered may not have come round to letting go yet.
            until = time.monotonic() + 30
            while sys.getrefcount(body) > before and time.monotonic() < until:
                await asyncio.sleep(0.01)
            assert sys.getrefcount(body) <= before

    gc.collect()
    gc.disable()
    try:
        asking(talk)
    finally:
        gc.enable()


def test_a_flood_of_unknown_tokens_leaves_the_known_alone(world, monkeypatch):
    """Who guesses fills the bound of those who are looked up; who is known is answered by memory."""
    unknown, asked_for = threading.Event(), registry.credential

    def slow(token, *, now):
        unknown.wait(60 if token.startswith("guess") else 0)
        return asked_for(token, now=now)

    monkeypatch.setattr(registry, "credential", slow)
    monkeypatch.setattr(remembering, "LOOKED_S", 3600)

    async def talk(asked):
        assert (await asked.ask(ROW))[0] == 202
        guesses = [
            asyncio.ensure_future(asked.ask(ROW, authorization=f"Bearer guess{n}"))
            for n in range(credentials.MOST_ASKING + 5)
        ]
        refused, _ = await asyncio.wait(guesses, return_when=asyncio.FIRST_COMPLETED)
        known = await asked.ask(ROW)
        look = asyncio.ensure_future(asked.credentials.look())
        unknown.set()
        await look  # it waits its turn, and is not refused
        return known, [(await one)[1]["error"]["code"] for one in guesses], len(refused)

    known, guesses, refused = asking(talk)
    assert known[0] == 202
    assert refused == guesses.count("unavailable") == 5
    assert guesses.count("token.unknown") == credentials.MOST_ASKING


def test_a_refusal_is_heard_by_who_still_sends(world):
    """Else a large body with a token that is over ends in a broken line, without a word why."""

    async def talk(asked):
        said = []
        for more in ({"authorization": "Bearer nobody"}, {"content_length": "100001"}, {}):
            left = [b" " * 50_000] * 4
            _, found, _ = await asked.ask(pieces=left, **more)
            said.append((found["error"]["code"], len(asked.left)))
        return said

    assert asking(talk) == [
        ("token.unknown", 0),
        ("input.too_large", 0),
        ("input.too_large", 0),
    ]


def test_a_clock_set_back_loses_and_doubles_nothing(world):
    """Times that are ahead now are kept aside; keys, numbers and tokens go on as before."""
    refused = {**ROW, "stream": "nope"}

    async def talk(asked):
        first = await asked.ask([ROW, refused], idempotency_key="k")
        world.now_is = NOW - timedelta(hours=1)
        return [
            first,
            await asked.ask([ROW, refused], idempotency_key="k"),
            await asked.ask({**ROW, "at": world.now_is.isoformat()}),
            await asked.ask(ROW),
        ]

    found = [(status, said) for status, said, _ in asking(talk)]
    assert found[0] == found[1]
    assert (found[2][0], found[2][1]["batch"]) == (202, 2)
    assert found[3][1]["error"]["params"]["first"] == "observation.time_ahead"
    assert [at for _, at, _, _ in kept()] == [NOW, NOW - timedelta(hours=1)]


def test_a_key_that_is_not_ascii_is_refused_and_not_passed_over(world):
    """Else the message, sent again, would be kept twice."""

    async def talk(asked):
        return [await asked.ask(ROW, idempotency_key=key) for key in ("ключ", "key")]

    (status, said, _), taken = asking(talk)
    assert (status, said["error"]["code"]) == (422, "idempotency.key_malformed")
    assert taken[0] == 202
    assert len(kept()) == 1


@pytest.mark.parametrize(
    ("soft", "hard", "then", "connections"),
    [
        (1_024, resource.RLIM_INFINITY, 15_120, 4_096),
        (1_024, 524_288, 15_120, 4_096),
        (1_024, 1_024, 1_024, 256),
        (1_024, 12_000, 12_000, 3_000),
        (20_000, 20_000, 20_000, 4_096),
    ],
)
def test_files_are_left_for_what_connections_bring(monkeypatch, soft, hard, then, connections):
    bounds = [(soft, hard)]
    monkeypatch.setattr(serving.resource, "getrlimit", lambda _: bounds[-1])
    monkeypatch.setattr(serving.resource, "setrlimit", lambda _, both: bounds.append(both))
    files = serving.raise_open_files(10_000)
    assert bounds[-1][0] == then
    assert serving.connections_within(files, 10_000) == connections


def test_codes_that_nobody_knows_are_not_remembered():
    table = table_of([(StreamFacts("known", "", ""), "")])
    assert table.numbers_of(("known", "x" * 100_000)).tolist() == [0, -1]
    assert table.asked.get(("known", "x" * 100_000)) is None
    assert table.numbers_of(("known",)).tolist() == [0]
    assert table.asked.get(("known",)) is not None
