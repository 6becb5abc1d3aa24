"""What the jurisdiction pack names: kinds of hazards and places, reasons, levels, and words of reports."""

from __future__ import annotations

from typing import cast

from anlan.registry.domain import jurisdiction as j
from anlan.registry.domain.packwords import Text
from anlan.registry.selectors.packs import current, named


def hazard(slug: str) -> j.HazardKind:
    """Return a hazard kind.

    Raises
    ------
    EntryUnknownError
        When the jurisdiction pack does not know it.
    """
    return cast("j.HazardKind", named("hazards", slug, lambda entry: entry.id))


def hazards() -> tuple[j.HazardKind, ...]:
    """Return every hazard kind."""
    return current("hazards")


def hazard_of_code(scheme: str, code: str) -> str | None:
    """Return the hazard slug for a code of an outside scheme, or None."""
    for entry in current("hazards"):
        if code in entry.codes.get(scheme, ()):
            return cast("str", entry.id)
    return None


def place_kind(slug: str) -> j.PlaceKind:
    """Return a kind of place."""
    return cast("j.PlaceKind", named("place_kinds", slug, lambda entry: entry.id))


def names_in(section: str) -> dict[str, Text]:
    """Return the names of all entries of a section that have one, by id: one small query."""
    return {str(entry.id): entry.name for entry in current(section)}


def lexicon() -> tuple[j.Lexicon, ...]:
    """Return the words by which a report's hazard is recognised."""
    return current("lexicon")


def reasons(use: str) -> tuple[j.Reason, ...]:
    """Return the list of reasons for one use, as "return" or "false_alarm"."""
    return tuple(entry for entry in current("reasons") if entry.use == use)


def level_name(scale: str, level: str, language: str) -> str:
    """Return the official word of a level, or the level itself where the pack has none."""
    for entry in current("level_names"):
        if entry.scale == scale and entry.level == level:
            return cast("str", entry.name.en if language == "en" else entry.name.zh)
    return level
