"""What a load would change: added, changed and ended rows, section by section."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from django.db import models

What = Literal["added", "changed", "ended"]
EXAMPLES = 20
Progress = Callable[[str, int], None]  # section, rows looked at so far


def silent(_section: str, _rows: int) -> None:
    """Show no progress."""


@dataclass(frozen=True, slots=True)
class Change:
    """One row that a load adds, changes or ends."""

    section: str
    what: What
    key: str
    row: models.Model
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """A changed row as a person reads it."""

    what: What
    key: str
    columns: tuple[str, ...]


@dataclass
class SectionDiff:
    """The differences of one section: how many, and the first few by name."""

    added: int = 0
    changed: int = 0
    ended: int = 0
    examples: list[Example] = field(default_factory=list)

    def count(self, change: Change) -> None:
        """Take one change into account."""
        setattr(self, change.what, getattr(self, change.what) + 1)
        if len(self.examples) < EXAMPLES:
            self.examples.append(Example(change.what, change.key, change.columns))


@dataclass
class CityDiff:
    """What loading a pack changes, without or before doing it (差异)."""

    sections: dict[str, SectionDiff] = field(default_factory=dict)
    # Section and code of entries to look out for, and those of them that would change.
    watched: frozenset[tuple[str, str]] = frozenset()
    met: set[tuple[str, str]] = field(default_factory=set)

    def count(self, change: Change) -> None:
        """Take one change into account."""
        # A line of a roster: its post; of the duty matrix: its area; a version: its entry.
        matter = (change.section, change.key.split("/")[0].split(" v")[0])
        if matter in self.watched:
            self.met.add(matter)
        self.sections.setdefault(change.section, SectionDiff()).count(change)

    def note_heads(self) -> None:
        """Take into account that city.yaml or jurisdiction.yaml differs."""
        found = self.sections.setdefault("info", SectionDiff())
        found.changed += 1
        found.examples.append(Example("changed", "city.yaml, jurisdiction.yaml", ()))

    @property
    def is_empty(self) -> bool:
        """Whether the packs are in force exactly as they stand."""
        return not self.sections

    def total(self, what: What) -> int:
        """Return how many rows are added, changed or ended in all sections."""
        return sum(int(getattr(section, what)) for section in self.sections.values())

    def table(self) -> list[tuple[str, int, int, int]]:
        """Return one line per section with differences: name, added, changed, ended."""
        return [
            (name, found.added, found.changed, found.ended) for name, found in self.sections.items()
        ]

    def as_data(self) -> dict[str, object]:
        """Return the differences as JSON-able data."""
        return {
            name: {
                "added": found.added,
                "changed": found.changed,
                "ended": found.ended,
                "examples": [
                    {"what": item.what, "key": item.key, "columns": list(item.columns)}
                    for item in found.examples
                ],
            }
            for name, found in self.sections.items()
        }
