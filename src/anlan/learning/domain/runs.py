"""A run (回放记录): one replay that was asked for, how far it has come, and what it left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from anlan.kernel.errors import ConflictError, NotFoundError
from anlan.learning.domain.scenario import Fact, Words

Packs = Literal["shipped", "here", "folder"]
RunState = Literal["running", "done", "failed", "stopped", "broken"]


class RunUnknownError(NotFoundError):
    """There is no run of that number, or it has left no result."""

    code = "replay.run_unknown"


class RunningError(ConflictError):
    """A replay is running already: one at a time, so that the city keeps its machine."""

    code = "replay.running"


class StoppedError(ConflictError):
    """Somebody stopped the replay."""

    code = "replay.stopped"


class RuleUnknownError(NotFoundError):
    """A rule to be left out is not in the packs."""

    code = "replay.rule_unknown"


class RunOrder(Fact, frozen=True, kw_only=True):
    """What was asked for: it says exactly how the run differs from others."""

    scenario: str
    title: Words
    packs: Packs = (
        "shipped"  # as they come with Anlan, this city's own as it stood then, or a folder
    )
    packs_revision: str = ""  # of this city's packs
    without: tuple[str, ...] = ()  # rules that were left out
    names: dict[str, Words] = {}  # of these rules
    answer_after: str = ""  # every post acknowledges so long after; empty: nobody answers
    policy: Words | None = None  # the title of another answering policy
    weeks: int = 0  # ordinary weeks for false alarms
    asked_at: datetime
    by: str  # actor; kept for the record, not shown


class RunProgress(Fact, frozen=True, kw_only=True):
    """How far a run has come."""

    stage: Literal["city", "replay", "weeks"]
    at: str = ""  # local instant of the scenario
    done: int = 0
    total: int = 0


class RunEnd(Fact, frozen=True, kw_only=True):
    """How a run ended."""

    ended_at: datetime
    took_s: float
    code: str = ""  # of the refusal; empty: it came to its end
    params: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class RunSeen:
    """A run as a page sees it."""

    number: int
    order: RunOrder
    state: RunState
    progress: RunProgress | None
    end: RunEnd | None
    has_workspace: bool
