"""What the judge finds: changes of alert instances, with reason and evidence."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from anlan.kernel.scales import WarningLevel

HIGHEST_FIRST = tuple(level.value for level in WarningLevel)


class Phase(StrEnum):
    """How a rule stands on one subject.

    - ``normal``: nothing is beyond a limit.
    - ``pending``: beyond a limit, but not yet for as long as the rule asks.
    - ``raised``: an alert instance is open.
    - ``clearing``: the instance is open; calm readings have begun, not yet for long enough.
    - ``lost``: nothing fresh is heard; what is open stays open at its last level (I6).
    """

    NORMAL = "normal"
    PENDING = "pending"
    RAISED = "raised"
    CLEARING = "clearing"
    LOST = "lost"


class What(StrEnum):
    """The three changes of an alert instance."""

    RAISED = "raised"
    LEVEL = "level"
    CLEARED = "cleared"


class Reason(msgspec.Struct, frozen=True):
    """Why, as a code and its parameters; the wording is in the catalogue."""

    code: str
    params: dict[str, str | int | float] = {}


class Evidence(msgspec.Struct, frozen=True):
    """The signs that a finding rests on, the latest ones when there are many."""

    readings: tuple[tuple[str, datetime, float], ...] = ()  # stream, instant, value
    reports: tuple[int, ...] = ()
    signals: tuple[int, ...] = ()
    responses: tuple[int, ...] = ()


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one alert instance.

    ``since`` is when the condition began to hold, ``at`` when it had held long
    enough: both are evidence times, never the time of the tick.
    """

    what: What
    rule: str
    version: int
    subject: str
    hazard: str
    level: str
    before: str = ""
    area: str = ""
    place: str = ""
    carrier: str = ""  # of a silent stream
    since: datetime
    at: datetime
    reason: Reason
    evidence: Evidence = Evidence()


def rank_of(level: str) -> int:
    """Return the place of a warning level; no level at all comes last."""
    return HIGHEST_FIRST.index(level) if level else len(HIGHEST_FIRST)


def higher(a: str, b: str) -> str:
    """Return the higher of two warning levels, either of which may be empty."""
    return a if rank_of(a) <= rank_of(b) else b
