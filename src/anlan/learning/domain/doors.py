"""What a replay needs from outside: doors, a clock and the clockwork, handed in by the caller.

The rooms may not import entry points; whoever starts a replay passes the real ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import msgspec

from anlan.kernel.errors import ConflictError


class NotRehearsalError(ConflictError):
    """A replay was started in a live workspace (I10)."""

    code = "replay.not_rehearsal"


class DoorRefusedError(ConflictError):
    """A door did not take an input of the scenario: the scenario or the city pack is wrong."""

    code = "replay.door_refused"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a door answered."""

    status: int
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the door took it."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Return the decoded body."""
        return msgspec.json.decode(self.body)

    def error_code(self) -> str:
        """Return the stable code of a refusal, or ``""``."""
        try:
            found = self.json()
        except msgspec.DecodeError:
            return ""
        error = found.get("error") if isinstance(found, dict) else None
        return str(error.get("code", "")) if isinstance(error, dict) else ""


class Door(Protocol):
    """The city's HTTP API, called in this process through the real application."""

    def __call__(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send one request and return the answer."""
        ...


class Clock(Protocol):
    """The rehearsal's simulated clock."""

    def now(self) -> datetime:
        """Return the instant to which the rehearsal has come."""
        ...

    def set(self, instant: datetime) -> None:
        """Move the clock on; it never runs backwards."""
        ...


class Tick(Protocol):
    """One round of the live worker: deliver events, judge, sweep clocks, seal."""

    def __call__(self, *, now: datetime) -> object:
        """Run the round at ``now``."""
        ...


class Tokens(Protocol):
    """Real tokens of the rehearsal's own accounts."""

    def program(self) -> str:
        """Return the secret of a program that brings signs in."""
        ...

    def duty_officer(self) -> str:
        """Return the secret of the duty officer who declares responses."""
        ...

    def of_post(self, post: str) -> str:
        """Return the secret of somebody at ``post``."""
        ...


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Everything of one rehearsal workspace that a replay works with."""

    door: Door
    clock: Clock
    tick: Tick
    tokens: Tokens
