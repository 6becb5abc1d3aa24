"""The report of a period or a replay with the names of what it speaks of; stored for replays."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from anlan.accountability.public import PeriodRead
from anlan.registry import public as registry

Pairs = dict[str, tuple[str, str]]


class NamedReview(msgspec.Struct, frozen=True):
    """A report, and what its codes are called in Chinese and English."""

    read: PeriodRead
    hazards: Pairs
    areas: Pairs
    organisations: Pairs


def named(read: PeriodRead) -> NamedReview:
    """Return a report with its names (two queries, and a few for the words of the packs)."""
    review = read.review
    names = registry.names_of(areas=[line.code for line in review.by_area])
    organisations = registry.organisation_names(line.code for line in review.by_organisation)
    return NamedReview(
        read=read,
        hazards=_only(names.hazards, (line.code for line in review.by_hazard)),
        areas=names.areas,
        organisations=organisations,
    )


def _only(names: Pairs, codes: Iterable[str]) -> Pairs:
    return {code: names[code] for code in codes if code in names}


def to_json(review: NamedReview) -> bytes:
    """Return the bytes that are stored."""
    return msgspec.json.encode(review, order="deterministic")


def stored(path: Path) -> NamedReview | None:
    """Return a stored report, or None when there is none that this version can read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=NamedReview)
    except (OSError, msgspec.DecodeError):
        return None
