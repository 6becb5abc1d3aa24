"""Entries of a pack as they shall stand: what a form changes in one, or a table in many.

Entries with a code are changed in their place.  Lines of the duty matrix, rules and clocks have
days of their own: a new line takes the old one's place from a day on.  What is planned is written
as a plan; what changes today ends the old line with the edit itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from msgspec.structs import replace

from anlan.registry.domain import city as c
from anlan.registry.domain.entries import key_of

CODED = frozenset({"areas", "organisations", "posts", "risk_points", "sensors"})
LINES = frozenset({"shifts", "duties"})
VERSIONED = frozenset({"rules", "clocks"})
EntryT = TypeVar("EntryT")


@dataclass(frozen=True, slots=True)
class EntriesEdit:
    """A change of entries of one section, by what they shall say from then on."""

    section: str
    entries: tuple[Any, ...]  # each takes the place of the entry with its key, or is a new one
    on: date
    key: str = ""  # what it is told by in the journal; empty for a table of many
    about: str = ""  # whose fingerprint a form was opened on, where that is not the key
    gone: frozenset[str] = frozenset()  # keys of entries that end
    shapes: tuple[c.Shape, ...] = ()  # outlines of areas, beside the areas themselves
    is_new: bool = False  # entered as something that the city does not know

    @property
    def matter(self) -> str:
        """What the fingerprint is of; a line that is new has nothing to be compared with."""
        return self.about or ("" if self.section in LINES else self.key)


def applied(edit: EntriesEdit, entries: Iterable[Any]) -> tuple[Any, ...]:
    """Return the entries of the edit's section as they are after it."""
    made = {key_of(edit.section, entry): entry for entry in edit.entries}
    kept = []
    for entry in entries:
        key = key_of(edit.section, entry)
        if key in made:
            kept.append(made.pop(key))
        elif key not in edit.gone:
            kept.append(entry)
    return (*kept, *made.values())


def applied_shapes(edit: EntriesEdit, shapes: Iterable[c.Shape]) -> tuple[c.Shape, ...]:
    """Return the outlines as they are after an edit."""
    made = {shape.code: shape for shape in edit.shapes}
    return (*(made.pop(shape.code, shape) for shape in shapes), *made.values())


def following(
    section: str,
    lines: Sequence[EntryT],
    new: EntryT | None,
    *,
    on: date,
    today: date,
) -> tuple[tuple[EntryT, ...], frozenset[str]]:
    """Return the entries and the keys gone by which ``new`` follows ``lines`` from ``on`` on.

    ``lines`` speak of one matter.  Those that begin on ``on`` or later make way; those that
    reach beyond it end there.  Without ``new`` the matter ends.
    """
    first, end = _days(section)
    entries: list[EntryT] = []
    gone = set()
    for line in lines:
        begins, ends = getattr(line, first), getattr(line, end)
        if ends is not None and ends <= on:
            continue
        if begins >= on or on <= today:
            gone.add(key_of(section, line))
        else:
            entries.append(replace(line, **{end: on}))  # type: ignore[type-var]
    if new is not None:
        entries.append(replace(new, **{first: on}))  # type: ignore[type-var]
    return tuple(entries), frozenset(gone)


def _days(section: str) -> tuple[str, str]:
    if section in VERSIONED:
        return "effective_from", "effective_to"
    return "valid_from", "valid_to"
