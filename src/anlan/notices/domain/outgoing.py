"""One message as it is handed to a channel, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from anlan.notices.domain.wording import NoticeText
from anlan.notices.domain.words import Channel


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message ready to be sent.  It holds an address, so it is never logged or kept."""

    key: str
    holder: str
    at: datetime  # instant of this try
    text: NoticeText = field(repr=False)
    language: str
    facts: Mapping[str, object] = field(repr=False)  # what a program reads
    address: str = field(repr=False)


class Verdict(StrEnum):
    """What came of one try."""

    SENT = "sent"
    DEFERRED = "deferred"  # this message not now; others to the same place may go
    REFUSED = "refused"  # this message never; trying again would change nothing
    UNREACHABLE = "unreachable"  # the place itself is away; nothing else goes there now


@dataclass(frozen=True, slots=True)
class Outcome:
    """A verdict with its kind of failure: a short code, never the other side's words."""

    verdict: Verdict
    error: str = ""


SENT = Outcome(Verdict.SENT)


class Transport(Protocol):
    """A way out.  ``send`` never raises for what the other side does; it says so."""

    @property
    def channel(self) -> Channel:
        """The channel it serves."""

    def place_of(self, address: str) -> str:
        """Return which server the address leads to: what is down for one is down for all there."""

    def send(self, message: Outgoing) -> Outcome:
        """Try once."""
