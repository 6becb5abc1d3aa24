"""What is known when a case is opened, and a sign that may belong to an open one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from anlan.kernel.geometry import Point
from anlan.registry.domain.rulespecs import RuleSpec

CaseKind = Literal["hidden_danger", "service", "device"]


@dataclass(frozen=True, slots=True)
class GivenTask:
    """A thing to do, given with a case.  ``title`` holds a pack's words by language."""

    key: str  # the same key is given once
    title: dict[str, str]
    within: str
    post: str = "owner"  # "owner", "superior", "commander" or a post code


@dataclass(frozen=True, slots=True)
class Crowd:
    """Many alerts that are one incident, as whoever is told of them first must know."""

    incident: int
    members: int
    worst_place: str  # of the worst of them; empty where it has none
    worst_area: str


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
    incident: Crowd | None = None  # of which the sign is the first member that has no case yet
    waits: bool = False  # the sign gets a case of its own when its turn comes
    basis: dict[str, object] = field(default_factory=dict)  # of the rule that found it
    rule: tuple[str, int] = ("anlan.opening", 1)

    @property
    def sign(self) -> str:
        """The sign that follows the case; empty when a person or Anlan itself opened it."""
        return self.origin if ":" in self.origin else ""


@dataclass(frozen=True, slots=True)
class Member:
    """One alert of an incident: what it would open if it came alone, and the rule that raised it."""

    opening: Opening
    rule: RuleSpec


class Reported(Protocol):
    """What a report says of its matter, as its event and its row both know it."""

    @property
    def number(self) -> str:
        """The receipt's number."""
        ...

    @property
    def hazard(self) -> str:
        """A hazard; empty when nobody knows yet."""
        ...

    @property
    def area(self) -> str:
        """An area code; empty when the place is not known."""
        ...

    @property
    def lat(self) -> float | None:
        """Latitude in degrees."""
        ...

    @property
    def lon(self) -> float | None:
        """Longitude in degrees."""
        ...

    @property
    def words(self) -> Sequence[str]:
        """The words of the lexicon that were found."""
        ...

    @property
    def strong(self) -> bool:
        """Whether one of them speaks of danger to life."""
        ...

    @property
    def known_at(self) -> datetime:
        """When the reporter knew."""
        ...


def opening_of_report(key: int, said: Reported) -> Opening:
    """Return the matter that the report of that key speaks of."""
    point = None
    if said.lat is not None and said.lon is not None:
        point = Point(lat=said.lat, lon=said.lon)
    return Opening(
        kind="service",
        hazard=said.hazard,
        area=said.area,
        origin=f"report:{key}",
        known_at=said.known_at,
        point=point,
        title={"report": said.number, "words": list(said.words)},
        strong=said.strong,
    )
