"""What is wrong at the moment, as pages and commands show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class BreachSeen:
    """An invariant found broken; ``case`` is the number of the case raised for it."""

    id: int
    invariant: str
    subject: str
    detail: str
    found_at: datetime
    mended_at: datetime | None
    case: int | None

    def as_dict(self) -> dict[str, object]:
        """Return the fields by name, for machines."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class SicknessSeen:
    """A part of the system that is not well; ``texts`` holds its title by language."""

    id: int
    part: str
    ailment: str
    params: Mapping[str, object]
    since: datetime
    well_at: datetime | None
    case: int | None
    texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def detail(self) -> str:
        """The code of what ails the part."""
        return self.ailment
