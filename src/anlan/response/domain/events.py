"""What becomes of a duty."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from anlan.kernel.events import Event


@dataclass(frozen=True, slots=True)
class CaseOpened(Event):
    """A duty was born: it has an owner, a clock and a ladder from this instant."""

    case: int
    number: str
    kind: str
    hazard: str
    area: str
    place: str
    priority: int
    owner: str
    origin: str  # "alert:7", "report:12", "manual", "watch"


@dataclass(frozen=True, slots=True)
class CaseMoved(Event):
    """A trigger of the state table was pulled."""

    case: int
    trigger: str
    before: str
    after: str
    reason: str  # from a list, or ""


@dataclass(frozen=True, slots=True)
class CaseOwnerChanged(Event):
    """The duty went to another post."""

    case: int
    before: str
    owner: str
    why: str


@dataclass(frozen=True, slots=True)
class CasePriorityRaised(Event):
    """Another sign of the same matter raised the priority (I4); 1 is the highest."""

    case: int
    before: int
    priority: int
    why: str


@dataclass(frozen=True, slots=True)
class SignLeftCase(Event):
    """A sign that was held with many of the same source got a case of its own, or joined one."""

    case: int
    sign: str
    into: int


@dataclass(frozen=True, slots=True)
class SignJoinedCase(Event):
    """A further sign was joined to an open case; its reporter follows it."""

    case: int
    sign: str  # "report:12", "alert:7"


@dataclass(frozen=True, slots=True)
class MembersJoined(Event):
    """Further alerts of its incident joined an open case, many at once."""

    case: int
    incident: int
    signs: tuple[str, ...]  # "alert:7"


@dataclass(frozen=True, slots=True)
class MembersCleared(Event):
    """The readings behind alerts of an incident fell below their clear limits, many at once."""

    case: int
    incident: int
    signs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IncidentTold(Event):
    """The owner was told how far an incident has grown since it was last spoken of."""

    case: int
    incident: int
    members: int


@dataclass(frozen=True, slots=True)
class CaseClockMissed(Event):
    """A deadline passed unmet."""

    case: int
    clock: int
    rule: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class CaseEscalated(Event):
    """The next rung of the frozen ladder was told."""

    case: int
    rung: int
    post: str
    reminder: bool  # the top rung, told again


@dataclass(frozen=True, slots=True)
class CaseUrged(Event):
    """Somebody with the right to do so pressed the owner (督办)."""

    case: int
    listed: bool  # 挂牌督办
    by: str


@dataclass(frozen=True, slots=True)
class CasesMerged(Event):
    """``case`` was found to be the same matter as ``into`` and closed into it."""

    case: int
    into: int


@dataclass(frozen=True, slots=True)
class TaskGiven(Event):
    """A thing to do was given to a post with the case."""

    task: int
    case: int
    post: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class TaskAnswered(Event):
    """A task was done or refused."""

    task: int
    case: int
    outcome: str


@dataclass(frozen=True, slots=True)
class CaseSignCleared(Event):
    """The readings behind an alert that the case follows fell below the clear limit."""

    case: int
    sign: str


@dataclass(frozen=True, slots=True)
class CaseLevelRaised(Event):
    """An alert of the case rose to a higher warning level."""

    case: int
    sign: str
    level: str


@dataclass(frozen=True, slots=True)
class CaseNoted(Event):
    """Something was written of a case; the words are in the content store."""

    case: int
    note: int
    about: str
