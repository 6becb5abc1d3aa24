"""What comes in by MQTT, on its way to the store, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Protocol

from anlan.kernel.actor import Actor


class Fate(IntEnum):
    """What became of a message; whoever sent it is told only then."""

    KEPT = 0  # every reading in it is durable, or lies durably aside
    OVER_BOUND = (
        1  # part of it could not be read, and so much of it lies aside that it was only counted
    )
    PASSED = 2  # nothing to keep: a retained message that does not say when it was true


class Letter:
    """One message: from whom, under which topic; ``mark`` is for its home to know it by.

    With an ``error``, the code of what is wrong with it as a message, it is kept aside unread.
    """

    __slots__ = ("actor", "error", "home", "mark", "payload", "retained", "topic")

    def __init__(
        self,
        home: Home,
        actor: Actor,
        topic: str,
        payload: bytes,
        *,
        retained: bool,
        mark: Any,
        error: str = "",
    ) -> None:
        self.home = home
        self.actor = actor
        self.topic = topic
        self.payload = payload
        self.retained = retained
        self.mark = mark
        self.error = error


Settled = list[tuple[Letter, Fate]]


class Home(Protocol):
    """Where letters came in, and where it is said that they are kept."""

    def settled(self, letters: Settled) -> None:
        """Hear what became of letters, in the order in which they came; called by another thread."""


class Taker(Protocol):
    """Whoever keeps letters: it tells the home of each, once it is durable and not before."""

    def take(self, letters: Sequence[Letter]) -> None:
        """Take letters; returns at once."""

    @property
    def is_full(self) -> bool:
        """Whether so much waits that no more should be read from any line."""
