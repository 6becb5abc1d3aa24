"""What is wrong in a pack: one finding per fault, with its place and its wording.

The catalogue ``findings.toml`` beside the room holds, for every code, the
severity and the words in both languages: what, why it matters, what to do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Literal

import msgspec

from anlan.kernel.catalogues import Words, words_of

Language = Literal["zh", "en"]


class Severity(StrEnum):
    """How bad a finding is: an error stops a load, a warning and a note do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Wording:
    """The catalogue entry of one finding code in one language, unfilled."""

    what: str
    why: str
    do: str


class Finding(msgspec.Struct, frozen=True, gc=False):
    """One fault of a pack (体检发现): ``line`` counts from 1; 0 means the file as a whole."""

    code: str
    severity: Severity
    file: str
    line: int
    params: Mapping[str, str] = msgspec.field(default_factory=dict)

    def words(self, language: Language) -> Wording:
        """Return the wording with the parameters filled in."""
        plain = wording(self.code, language)
        params = {"file": self.file, **self.params}
        return Wording(*(_fill(text, params) for text in (plain.what, plain.why, plain.do)))


_NAMED = re.compile(r"\{(\w+)\}")


def _fill(text: str, params: Mapping[str, str]) -> str:
    # In one pass, and without str.format: a value is shown, never read as a template.
    return _NAMED.sub(lambda found: params.get(found[1], found[0]), text)


def catalogue() -> Words:
    """Return every finding code with its severity and words."""
    return words_of("anlan.registry", "findings.toml")


def wording(code: str, language: Language) -> Wording:
    """Return the unfilled words of ``code``."""
    entry = catalogue()[code]
    return Wording(*(entry[f"{language}_{part}"] for part in ("what", "why", "do")))


def finding(code: str, file: str, line: int, /, **params: object) -> Finding:
    """Return a finding of a catalogued code; the severity is the catalogue's."""
    shown = {name: _shown(value) for name, value in params.items()}
    return Finding(code, _severity(code), file, line, shown)


@cache
def _severity(code: str) -> Severity:
    return Severity(catalogue()[code]["severity"])


def _shown(value: object) -> str:
    clean = str(value)
    if not clean.isprintable():
        clean = "".join(letter if letter.isprintable() else " " for letter in clean)
    return clean if len(clean) <= 200 else clean[:199] + "…"


_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}
# What is wrong with the files themselves: other findings may follow from it.
_READING = ("file.", "yaml.", "csv.", "geo.", "entry.")


def is_of_reading(item: Finding) -> bool:
    """Return whether a finding is about how a file is written, not about what it says."""
    return item.code.startswith(_READING)


def in_order(found: Iterable[Finding]) -> list[Finding]:
    """Return the findings worst first, faults of the files before all else, then by place."""
    return sorted(
        found,
        key=lambda item: (
            _ORDER[item.severity],
            not is_of_reading(item),
            item.file,
            item.line,
            item.code,
            sorted(item.params.items()),
        ),
    )
