"""The names of many things at once: what a page shows instead of codes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from anlan.registry.models import Area, Post, RiskPoint


@dataclass(frozen=True, slots=True)
class Names:
    """Chinese and English names by code; a code that nobody knows stands for itself."""

    areas: dict[str, tuple[str, str]]
    posts: dict[str, tuple[str, str]]
    places: dict[str, tuple[str, str]]

    def area(self, code: str, language: str) -> str:
        """Return the name of an area."""
        return _of(self.areas, code, language)

    def post(self, code: str, language: str) -> str:
        """Return the name of a post."""
        return _of(self.posts, code, language)

    def place(self, code: str, language: str) -> str:
        """Return the name of a risk point."""
        return _of(self.places, code, language)


def _of(names: dict[str, tuple[str, str]], code: str, language: str) -> str:
    zh, en = names.get(code, ("", ""))
    return (en if language == "en" and en else zh) or code


def names_of(
    *, areas: Iterable[str] = (), posts: Iterable[str] = (), places: Iterable[str] = ()
) -> Names:
    """Return the names of stated things, also of those that have left the pack (three queries)."""
    found = [
        {
            code: (zh, en)
            for code, zh, en in model.objects.filter(code__in=set(codes)).values_list(
                "code", "name_zh", "name_en"
            )
        }
        for model, codes in ((Area, areas), (Post, posts), (RiskPoint, places))
    ]
    return Names(*found)
