"""Columns of text for people: Chinese characters take two places on a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def width(text: str) -> int:
    """Return how many places a terminal gives to ``text``."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def padded(text: str, places: int) -> str:
    """Return ``text`` with blanks up to ``places``; longer text stays whole."""
    return text + " " * (places - width(text))


def widths(rows: Sequence[Sequence[str]]) -> list[int]:
    """Return how wide each column must be; all rows have as many cells as the first."""
    return [max(map(width, column)) for column in zip(*rows, strict=True)]


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return each row as a line with its cells under those of the other rows."""
    sizes = widths(rows)
    return ["  ".join(map(padded, row, sizes)).rstrip() for row in rows]
