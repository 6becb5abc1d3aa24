"""From plain data to typed entries, and from the converter's complaint to a finding."""

from __future__ import annotations

import math
import re
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from anlan.registry.domain.findings import Finding, finding

Path = tuple[str | int, ...]

_PLACE = re.compile(r" - at `(?:key` in `)?\$(?P<path>[^`]*)`\Z")
_STEP = re.compile(r"\.(?P<name>[A-Za-z_][A-Za-z0-9_]*)|\[(?P<index>\d+)\]|\[\.\.\.\]")
_COMPLAINTS = (
    ("entry.missing", re.compile(r"Object missing required field `(?P<key>[^`]+)`")),
    ("entry.unknown", re.compile(r"Object contains unknown field `(?P<key>[^`]+)`")),
    ("entry.word", re.compile(r"Invalid (?:enum )?value '?(?P<value>[^']*)'?")),
    ("entry.date", re.compile(r"Invalid RFC3339 encoded (?P<kind>\w+)")),
    ("entry.type", re.compile(r"Expected `(?P<expected>[^`]+)`, got `(?P<got>[^`]+)`")),
    ("entry.length", re.compile(r"Expected `\w+` of length (?P<bound>[<>]=? \d+)")),
    ("entry.range", re.compile(r"Expected `(?:int|float)` (?P<bound>[<>]=? \S+)")),
    # Every pattern for spans ends in units of time, and no other pattern does.
    ("entry.span", re.compile(r"Expected `str` matching regex '.*\[smhd\]\)\+\\+Z'")),
    ("entry.name", re.compile(r"Expected `str` matching regex '.*'")),
)


class EntryProblem(NamedTuple):
    """What the converter refused: the finding code, its parameters and the path inside."""

    code: str
    params: dict[str, str]
    path: Path

    def at(self, file: str, line: int) -> Finding:
        """Return the finding at a place."""
        shown = ".".join(str(step) for step in self.path) or "-"
        return finding(self.code, file, line, where=shown, **self.params)


def entry_problem(error: msgspec.ValidationError) -> EntryProblem:
    """Return what ``error`` says as a catalogued problem."""
    text = str(error)
    place = _PLACE.search(text)
    path = _path(place["path"]) if place else ()
    said = text[: place.start()] if place else text
    for code, pattern in _COMPLAINTS:
        if found := pattern.fullmatch(said):
            params = found.groupdict()
            inside = (*path, params["key"]) if code == "entry.unknown" else path
            return EntryProblem(code, params, inside)
    return EntryProblem("entry.refused", {"problem": said}, path)


def _path(text: str) -> Path:
    steps: list[str | int] = []
    for found in _STEP.finditer(text):
        if found["name"]:
            steps.append(found["name"])
        elif found["index"]:
            steps.append(int(found["index"]))
        else:  # a dict key that the converter does not name
            break
    return tuple(steps)


def is_sound(value: Any) -> bool:
    """Return whether every number inside ``value`` is finite."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, msgspec.Struct):
        return not _may_hold_floats(type(value)) or all(
            is_sound(getattr(value, name)) for name in value.__struct_fields__
        )
    if isinstance(value, dict):
        return all(is_sound(item) for item in value.values())
    if isinstance(value, tuple):
        return all(is_sound(item) for item in value)
    return True


@cache
def _may_hold_floats(kind: type[msgspec.Struct]) -> bool:
    """Return whether a schema mentions a float anywhere; tables of mere words skip the walk."""
    return '"number"' in msgspec.json.encode(msgspec.json.schema(kind)).decode()


def key_of(section: str, entry: object) -> str:
    """Return the key by which an entry of a section is told from the others."""
    key = _KEY_IN[section](entry)
    return "/".join(map(str, key)) if isinstance(key, tuple) else str(key)


KEYS: dict[str, tuple[str, ...]] = {
    "areas": ("code",),
    "shapes": ("code",),
    "organisations": ("code",),
    "posts": ("code",),
    "holders": ("code",),
    "shifts": ("post", "holder", "weekdays", "start", "end", "valid_from"),
    "duties": ("area", "hazard", "level", "post", "valid_from"),
    "risk_points": ("code",),
    "sensors": ("code",),
    "ladders": ("id", "version"),
    "plans": ("id", "version"),
    "rules": ("id", "version"),
    "clocks": ("id", "version"),
    "incidents": ("id", "version"),
    "checks": ("id", "version"),
    "hazards": ("id",),
    "place_kinds": ("id",),
    "quantities": ("id",),
    "units": ("id",),
    "domains": ("id",),
    "calendars": ("id",),
    "lexicon": ("hazard",),
    "reasons": ("use", "id"),
    "accident_tables": ("id", "version"),
    "risk_methods": ("id", "version"),
    "signals": ("id", "version"),
    "level_names": ("scale", "level"),
}
_KEY_IN = {section: attrgetter(*names) for section, names in KEYS.items()}
