"""The words that every pack entry is made of: names, legal basis, confidence, validity."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from enum import StrEnum
from typing import Annotated

import msgspec

# Patterns end in \Z: "$" would let a line break through.
Slug = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]+([._-][a-z0-9]+)*\Z", max_length=80)]
# A slug, or "*" for every one: a union with Literal["*"] would hold "*" to the slug's pattern.
AnySlug = Annotated[str, msgspec.Meta(pattern=r"^(\*|[a-z0-9]+([._-][a-z0-9]+)*)\Z", max_length=80)]
Code = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[^\s/,;]+\Z")]
Span = Annotated[str, msgspec.Meta(pattern=r"^([0-9]{1,6}(\.[0-9]{1,3})?[smhd])+\Z", max_length=12)]
# A limit, window or repeat of no length would be due at once and for ever.
PositiveSpan = Annotated[
    str, msgspec.Meta(pattern=r"^(?=.*[1-9])([0-9]{1,6}(\.[0-9]{1,3})?[smhd])+\Z", max_length=12)
]
LocalTime = Annotated[time, msgspec.Meta(tz=False)]  # a time of day where the city is
Latitude = Annotated[float, msgspec.Meta(ge=-90, le=90)]  # WGS-84 degrees
Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180)]


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something written in a pack: unknown keys are refused, values never change."""


class Text(Entry, frozen=True, kw_only=True):
    """A text in both languages; neither may be missing."""

    zh: Annotated[str, msgspec.Meta(min_length=1)]
    en: Annotated[str, msgspec.Meta(min_length=1)]


def written(names: Mapping[str, Text], unit: str, language: str) -> str:
    """Return how a unit is written in "zh" or "en" beside a number, by the names of the packs.

    A rate is written by the name of its unit; what has no name is written as it is.
    """
    of = unit if unit in names else unit.removesuffix("/h")
    found = names.get(of)
    return unit if found is None else getattr(found, language) + unit.removeprefix(of)


class Confidence(StrEnum):
    """How sure we are of a fact."""

    VERIFIED_LAW = "V:L"  # read in the full text of the law
    VERIFIED_WEB = "V:W"  # seen on a public page
    VERIFIED_CODE = "V:C"  # seen in public code or data
    MEMORY_HIGH = "M:H"  # known well, not seen again
    MEMORY_MEDIUM = "M:M"  # believed, not seen again
    MEMORY_LOW = "M:L"  # only in entries labelled as examples (I18)
    DEFAULT = "default"  # Anlan's own default, no outside claim
    LOCAL = "local"  # the city's own decision, named in `title`


class Basis(Entry, frozen=True, kw_only=True):
    """The legal or technical ground on which an entry stands."""

    title: Annotated[str, msgspec.Meta(min_length=1)]  # law, standard, local decision
    article: str = ""
    url: str = ""
    note: str = ""


class Grounded(Entry, frozen=True, kw_only=True):
    """An entry that states what it rests on and when it is in force."""

    basis: Basis
    confidence: Confidence
    example: bool = False  # shown as an example, not as a rule that others keep
    version: Annotated[int, msgspec.Meta(ge=1)] = 1
    effective_from: date  # the first local day on which it is in force
    effective_to: date | None = None  # the first day on which it is no longer
