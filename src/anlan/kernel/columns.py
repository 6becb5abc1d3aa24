"""Columns of text for people: Chinese characters take two places on a terminal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

# What a line may be broken between: words, and single Chinese letters with their punctuation.
_OPEN, _CLOSE, _WIDE = "“‘（《", "，。、；：）》”’！？", "\u2e80-\uffef"
_PIECES = re.compile(
    rf"\s+|[{_OPEN}]*(?:[^\s{_WIDE}{_OPEN}{_CLOSE}]+|[^\s{_OPEN}{_CLOSE}])?[{_CLOSE}]*"
)


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


def wrapped(text: str, places: int) -> list[str]:
    """Return ``text`` in lines of at most ``places``; a longer word stays whole."""
    lines, line = [], ""
    for piece in _PIECES.findall(text):
        if line and width(line) + width(piece.rstrip()) > places:
            lines.append(line.rstrip())
            line = ""
        line += piece if line else piece.lstrip()
    return [*lines, line.rstrip()]


def hanging(head: str, text: str, places: int) -> list[str]:
    """Return ``text`` after ``head``, its further lines under its first one."""
    room = max(24, places - width(head))
    first, *others = wrapped(text, room)
    return [f"{head}{first}".rstrip(), *(" " * width(head) + other for other in others)]
