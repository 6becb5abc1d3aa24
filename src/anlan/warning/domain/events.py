"""What the judge found, and what the authorities have in force."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from anlan.kernel.events import Event


@dataclass(frozen=True, slots=True)
class AlertRaised(Event):
    """A rule fired on a subject: one alert instance, whatever follows."""

    alert: int
    rule: str
    rule_version: int
    subject: str  # "stream:S1", "place:P1", "cluster:…", "area:410100"
    hazard: str
    level: str  # a WarningLevel
    area: str
    place: str  # risk point code, or ""
    at: datetime  # evidence time, not the time of writing
    incident: int = 0  # the incident it belongs to; 0: it came alone


@dataclass(frozen=True, slots=True)
class AlertLevelChanged(Event):
    """The same alert instance rose or fell on the warning scale."""

    alert: int
    rule: str
    subject: str
    hazard: str
    area: str
    place: str
    before: str
    level: str
    at: datetime
    incident: int = 0


@dataclass(frozen=True, slots=True)
class AlertCleared(Event):
    """The condition no longer holds; the case stays open until somebody closes it."""

    alert: int
    rule: str
    subject: str
    reason: str
    at: datetime
    incident: int = 0


@dataclass(frozen=True, slots=True)
class IncidentGrew(Event):
    """So many alerts of one hazard came in one small area that they are one incident, or more of it.

    The alerts that were raised with it stand before it in the journal.
    """

    incident: int
    rule: str  # of the packs, by which it is one
    rule_version: int
    hazard: str
    case: str  # kind of case; "none": told only
    area: str
    level: str  # the highest at which a member was raised
    members: int  # in all
    drawn: tuple[int, ...]  # alerts that had come alone before
    at: datetime  # evidence time of its latest member


@dataclass(frozen=True, slots=True)
class WarningInForceChanged(Event):
    """A relayed warning came into force, changed level, or ended."""

    in_force: int
    hazard: str
    level: str
    areas: tuple[str, ...]
    what: str  # "began", "changed", "ended"
    at: datetime


@dataclass(frozen=True, slots=True)
class ResponseDeclared(Event):
    """The authorities declared or ended a response (I8: matter, level, duration, measures)."""

    response: int
    hazard: str
    level: str  # a ResponseLevel; "" when it ended
    area: str
    expected_until: datetime | None
    at: datetime
