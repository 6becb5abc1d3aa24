"""What happens in the registry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

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
class CityEdited(Event):
    """One entry of the city in force was changed by hand, from ``effective_on`` on.

    The reason lies in the content store: people write names into reasons.
    """

    section: str
    key: str
    effective_on: date
    added: int
    changed: int
    ended: int
    reason_content: str
    reason_digest: str


@dataclass(frozen=True, slots=True)
class ContactsShown(Event):
    """Names and contacts of holders were shown to somebody, who said why.

    ``what`` is the holder, or ``pack`` when the whole city pack was handed out.
    """

    what: str
    holders: int
    reason_content: str
    reason_digest: str


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
