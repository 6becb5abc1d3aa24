"""The edge's door, flooded: what waits is bounded, and who is known goes on being answered."""

from __future__ import annotations

import asyncio
import threading

import pytest

from anlan.entrypoints.edge import credentials as remembering
from anlan.entrypoints.edge import door as doors
from anlan.registry import public as registry
from tests.entrypoints import test_edge_door
from tests.entrypoints.test_edge_door import ROW, asking, live

__all__ = ["live"]
world = test_edge_door.world
pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


def test_bodies_that_began_while_there_was_room_are_bounded_too(world, monkeypatch):
    monkeypatch.setattr(doors, "MOST_READING", 100_000)

    async def talk(asked):
        pieces = [b" " * 10_000, 0.2, *[b" " * 10_000] * 7, 0.2, b"[]"]
        found = await asyncio.gather(*(asked.ask(pieces=pieces) for _ in range(5)))
        assert asked.door.reading == 0
        return found

    found = [said["error"]["code"] for _, said, _ in asking(talk)]
    assert set(found) == {"observation.intake_full", "observation.batch_empty"}


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
            for n in range(remembering.MOST_ASKING + 5)
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
    assert guesses.count("token.unknown") == remembering.MOST_ASKING


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
