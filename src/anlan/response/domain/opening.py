"""What is known when a case is opened, and a sign that may belong to an open one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from anlan.kernel.geometry import Point

CaseKind = Literal["hidden_danger", "service", "device"]


@dataclass(frozen=True, slots=True)
class GivenTask:
    """A thing to do, given with a case.  ``title`` holds a pack's words by language."""

    key: str  # the same key is given once
    title: dict[str, str]
    within: str
    post: str = "owner"  # "owner", "superior", "commander" or a post code


@dataclass(frozen=True, slots=True)
class Opening:
    """A matter that needs an owner and a clock.

    ``origin`` names the first sign ("alert:7", "report:12") or says "manual" or "watch".
    ``cause`` is the key of the cause: there is one open case for each.  ``known_at`` is
    when somebody first knew; it is never edited.
    """

    kind: CaseKind
    hazard: str
    area: str
    origin: str
    known_at: datetime
    place: str = ""
    point: Point | None = None
    level: str = ""  # a WarningLevel, where a rule gave one
    priority: int | None = None  # None: from the level and the signs
    cause: str = ""
    title: dict[str, object] = field(default_factory=dict)
    evidence_to_close: Literal["second_person", "measurement"] = "second_person"
    owner_post: str = ""  # empty: found through the duty matrix
    strong: bool = False  # the sign speaks of danger to life
    found_by_rule: bool = False
    tasks: tuple[GivenTask, ...] = ()
    tell: tuple[str, ...] = ()  # watchers: "superior", "commander" or post codes
    basis: dict[str, object] = field(default_factory=dict)  # of the rule that found it
    rule: tuple[str, int] = ("anlan.opening", 1)

    @property
    def sign(self) -> str:
        """The sign that follows the case; empty when a person or Anlan itself opened it."""
        return self.origin if ":" in self.origin else ""
