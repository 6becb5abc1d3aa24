"""The names of many things at once: what a page shows instead of codes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from anlan.registry.domain.packwords import Text, written
from anlan.registry.models import Area, Organisation, Post, RiskPoint
from anlan.registry.selectors import packs


@dataclass(frozen=True, slots=True)
class Names:
    """Chinese and English names by code; a code that nobody knows stands for itself."""

    areas: dict[str, tuple[str, str]]
    posts: dict[str, tuple[str, str]]
    places: dict[str, tuple[str, str]]
    hazards: dict[str, tuple[str, str]]
    levels: dict[str, tuple[str, str]]  # of warnings
    reasons: dict[str, tuple[str, str]]
    units: dict[str, Text] = field(default_factory=dict)
    organisations: dict[str, tuple[str, str]] = field(default_factory=dict)

    def area(self, code: str, language: str) -> str:
        """Return the name of an area."""
        return _of(self.areas, code, language)

    def post(self, code: str, language: str) -> str:
        """Return the name of a post."""
        return _of(self.posts, code, language)

    def place(self, code: str, language: str) -> str:
        """Return the name of a risk point."""
        return _of(self.places, code, language)

    def organisation(self, code: str, language: str) -> str:
        """Return the name of an organisation."""
        return _of(self.organisations, code, language)

    def hazard(self, slug: str, language: str) -> str:
        """Return the name of a hazard kind."""
        return _of(self.hazards, slug, language)

    def warning_level(self, level: str, language: str) -> str:
        """Return the official word of a warning level."""
        return _of(self.levels, level, language)

    def unit(self, code: str, language: str) -> str:
        """Return how a unit is written beside a number."""
        return written(self.units, code, language)

    def reason(self, code: str, language: str) -> str:
        """Return the words of a reason from the pack's lists."""
        return _of(self.reasons, code, language)


def _of(names: dict[str, tuple[str, str]], code: str, language: str) -> str:
    zh, en = names.get(code, ("", ""))
    return (en if language == "en" and en else zh) or code


def names_of(
    *,
    areas: Iterable[str] = (),
    posts: Iterable[str] = (),
    places: Iterable[str] = (),
    organisations: Iterable[str] | None = None,
) -> Names:
    """Return the names of stated things, also of those that have left the pack.

    Three queries, one more where organisations are asked for, and a few for the words of
    the packs, however many things are named.
    """
    names = Names(_named(Area, areas), _named(Post, posts), _named(RiskPoint, places), *_words())
    if organisations is None:
        return names
    return replace(names, organisations=_named(Organisation, organisations))


def _named(
    model: type[Area | Organisation | Post | RiskPoint], codes: Iterable[str]
) -> dict[str, tuple[str, str]]:
    rows = model._default_manager.filter(code__in=set(codes))
    return {code: (zh, en) for code, zh, en in rows.values_list("code", "name_zh", "name_en")}


def _words() -> tuple[Any, ...]:
    """Return the packs' words for hazards, warning levels, reasons and units; none without a city."""
    if not packs.is_loaded():
        return {}, {}, {}, {}
    hazards, levels, reasons, units = packs.currents("hazards", "level_names", "reasons", "units")
    return (
        {one.id: (one.name.zh, one.name.en) for one in hazards},
        {one.level: (one.name.zh, one.name.en) for one in levels if one.scale == "warning"},
        {one.id: (one.name.zh, one.name.en) for one in reasons},
        {one.id: one.name for one in units},
    )


def paths_by_area(areas: Iterable[str]) -> dict[str, str]:
    """Return the governing path of each area, also of those that have left the pack (one query)."""
    rows = Area.objects.filter(code__in=set(areas))
    return dict(rows.values_list("code", "path"))


def organisations_of(posts: Iterable[str]) -> dict[str, str]:
    """Return the organisation of each post (one query)."""
    rows = Post.objects.filter(code__in=set(posts))
    return dict(rows.values_list("code", "organisation_id"))


def organisation_names(codes: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return the Chinese and English names of organisations (one query)."""
    rows = Organisation.objects.filter(code__in=set(codes))
    return {code: (zh, en) for code, zh, en in rows.values_list("code", "name_zh", "name_en")}
