"""What happens in the registry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from anlan.kernel.events import Event


@dataclass(frozen=True, slots=True)
class CityLoaded(Event):
    """A city pack and its jurisdiction pack were brought in; counts per section."""

    city: str
    city_version: str
    jurisdiction: str
    jurisdiction_version: str
    added: int
    changed: int
    ended: int


@dataclass(frozen=True, slots=True)
class CityRowsLoaded(Event):
    """A part of a large load: so many rows of one section were added, changed or ended."""

    section: str
    rows: int


@dataclass(frozen=True, slots=True)
class AccountChanged(Event):
    """An account was made, changed or closed; ``what`` says which."""

    account: str
    what: str


@dataclass(frozen=True, slots=True)
class TokenChanged(Event):
    """A token was issued or revoked; never the token itself."""

    token: str
    account: str
    what: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class ContentsDestroyed(Event):
    """Content items were lawfully destroyed; their hashes stay, and now tell nothing."""

    ids: tuple[str, ...]
    reason: str
