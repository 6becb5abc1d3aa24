"""The words of an expression, each with its place."""

from __future__ import annotations

import re
from typing import NamedTuple

from anlan.sensing.domain.sta_errors import FilterSyntaxError, FilterTooComplexError
from anlan.sensing.sta.times import INSTANT, SPAN

LONGEST = 4000
"""Letters of one expression."""

_WORDS = re.compile(
    rf"""
    (?P<space>\s+)
  | (?P<geometry>(?:geography|geometry)'(?:[^']|'')*')
  | (?P<duration>duration'[^']{{0,60}}')
  | (?P<period>{INSTANT}/(?:{INSTANT}|{SPAN})|{SPAN}/{INSTANT})
  | (?P<string>'(?:[^']|'')*')
  | (?P<instant>{INSTANT}(?![\w:]))
  | (?P<clock>\d\d:\d\d:\d\d(?:\.\d{{1,6}})?)
  | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.]))
  | (?P<name>@?[^\W\d][\w.$@-]*(?:/@?[\w.$@-]+|\[\d{{1,4}}\])*)
  | (?P<mark>[(),-])
    """,
    re.VERBOSE,
)


class Word(NamedTuple):
    """One word; ``at`` counts from 1."""

    kind: str
    text: str
    at: int


def words_of(text: str) -> list[Word]:
    """Return the words of an expression, and a last one that says that it ends.

    Raises
    ------
    FilterSyntaxError
        Where no word begins.
    FilterTooComplexError
        When it is longer than :data:`LONGEST`.
    """
    if len(text) > LONGEST:
        raise FilterTooComplexError(limit=f"{LONGEST} characters")
    found, place = [], 0
    while place < len(text):
        word = _WORDS.match(text, place)
        if word is None:
            raise FilterSyntaxError(at=place + 1, problem=_shown(text[place : place + 12]))
        if word.lastgroup != "space":
            found.append(Word(str(word.lastgroup), word.group(), place + 1))
        place = word.end()
    found.append(Word("end", "", len(text) + 1))
    return found


def _shown(text: str) -> str:
    """Return a piece of what was sent that is safe to show."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
