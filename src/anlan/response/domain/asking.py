"""What a person brings with a trigger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from anlan.response.domain.measuring import Measurement


@dataclass(frozen=True, slots=True)
class Picture:
    """A photo as it will be kept: a small JPEG without hidden data."""

    data: bytes
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class Asked:
    """The inputs of a move; the state table's guards say which of them it needs.

    ``note`` is free text and goes to the content store, as do ``photos``; everything else is a
    code, a number or an instant.
    """

    reason: str = ""
    until: datetime | None = None
    post: str = ""
    measurement: Measurement | None = None
    method: str = ""  # of grading
    factors: Mapping[str, float] = field(default_factory=dict)
    rating: int | None = None
    priority: int | None = None
    other: int | None = None  # the case to merge into
    note: str = ""
    photos: tuple[Picture, ...] = ()
