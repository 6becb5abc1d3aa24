"""How an entry of the registry is put into words: its title, its facts, what changed in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from typing import Any
from urllib.parse import quote

from anlan.entrypoints.web.wording import knows, name_in, say
from anlan.registry import public as registry
from anlan.registry.domain.packwords import Text
from anlan.registry.public import Names, Record
from anlan.warning.domain.ruletext import span_words

#: Address word of each kind of entry, and the section of the pack it stands in.
KINDS: Mapping[str, str] = {
    "areas": "areas",
    "organisations": "organisations",
    "posts": "posts",
    "rosters": "shifts",
    "duties": "duties",
    "risk-points": "risk_points",
    "sensors": "sensors",
}
ADDRESSES = {section: kind for kind, section in KINDS.items()} | {"holders": "holders"}
GRADES = {"major": "red", "considerable": "orange", "general": "yellow", "low": "blue"}
#: The facts of each kind, in the order in which they are told.
FACTS: Mapping[str, tuple[str, ...]] = {
    "areas": (
        "kind", "parent", "touches", "succeeds", "external_codes", "valid_from", "valid_to",
    ),
    "organisations": ("kind", "area"),
    "posts": ("organisation", "area", "superior"),
    "shifts": (
        "post", "holder", "deputy", "weekdays", "start", "end", "valid_from", "valid_to",
    ),
    "duties": ("area", "hazard", "level", "post", "basis", "valid_from", "valid_to"),
    "risk_points": (
        "kind", "area", "owner_post", "grade", "plan", "place", "valid_from", "valid_to",
    ),
    "sensors": (
        "quantity", "unit", "interval", "area", "risk_point", "place",
        "device", "operator", "gateway", "installed_on", "calibration_due", "valid_from", "valid_to",
    ),
    "holders": (),
}  # fmt: skip
#: What a line of a list says beside the title.
BRIEF: Mapping[str, tuple[str, ...]] = {
    "areas": ("kind", "parent"),
    "organisations": ("kind", "area"),
    "posts": ("organisation", "area"),
    "shifts": ("holder", "deputy", "weekdays"),
    "duties": ("post", "level", "basis"),
    "risk_points": ("kind", "area", "owner_post"),
    "sensors": ("quantity", "unit", "interval", "area"),
}
_REFERENCES: Mapping[str, str] = {
    "area": "areas", "parent": "areas", "touches": "areas", "succeeds": "areas",
    "organisation": "organisations", "operator": "organisations",
    "post": "posts", "superior": "posts", "owner_post": "posts",
    "holder": "holders", "deputy": "holders",
    "risk_point": "risk_points",
}  # fmt: skip
_NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Said:
    """A value in words, and where it leads."""

    text: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact of an entry: its name, and what stands there."""

    name: str
    values: tuple[Said, ...]


def address_of(section: str, key: str) -> str:
    """Return where the page of an entry is; empty where it has none."""
    if section in {"rules", "clocks"}:
        return f"/{section}/{key.split('/', maxsplit=1)[0]}"
    kind = ADDRESSES.get(section)
    # Codes are of any letters, also of those by which an address is divided.
    return f"/registry/{kind}/{quote(key, safe='')}" if kind else ""


def actor_name(actor: str, language: str) -> str:
    """Return what whoever changed something is called: a seat, or a part of the system."""
    key = f"actor.{actor.removeprefix('system:')}"
    return say(key, language) if actor.startswith("system:") and knows(key) else actor


def column_of(name: str) -> str:
    """Return the pack's name of a column of a table."""
    return {"starts": "start", "ends": "end"}.get(name, name.removesuffix("_id"))


class Teller:
    """Puts entries into one language, with all their names asked for at once."""

    def __init__(self, names: Names, language: str) -> None:
        self.names, self.language = names, language
        self.known: dict[str, Mapping[str, Text]] = {}
        self.grades: dict[str, str] = {}

    @classmethod
    def of(
        cls, language: str, records: Iterable[Record], more: Iterable[Mapping[str, Any]] = ()
    ) -> Teller:
        """Return a teller that knows every name in ``records`` and in the columns of ``more``."""
        wanted: dict[str, set[str]] = {kind: set() for kind in set(_REFERENCES.values())}
        entries = [
            {name: getattr(item.entry, name) for name in item.entry.__struct_fields__}
            for item in records
        ]
        for columns in (*entries, *more):
            for column, value in columns.items():
                kind = _REFERENCES.get(column_of(column))
                if kind is not None:
                    several = value if isinstance(value, list | tuple) else (value,)
                    wanted[kind] |= {str(code) for code in several if code}
        names = registry.names_of(
            areas=wanted["areas"],
            posts=wanted["posts"],
            places=wanted["risk_points"],
            organisations=wanted["organisations"],
        )
        return cls(names, language)

    def title(self, record: Record) -> str:
        """Return what an entry is called."""
        entry = record.entry
        if record.section == "shifts":
            return f"{self.name('posts', entry.post)} {entry.start:%H:%M}–{entry.end:%H:%M}"
        if record.section == "duties":
            hazard = self._hazard(entry.hazard)
            return f"{self.name('areas', entry.area)} · {hazard}"
        if record.section == "holders":
            return record.key
        return name_in(self.language, entry.name_zh, entry.name_en)

    def name(self, section: str, code: str) -> str:
        """Return the name of an entry that another one refers to."""
        find = {
            "areas": self.names.area,
            "organisations": self.names.organisation,
            "posts": self.names.post,
            "risk_points": self.names.place,
        }.get(section)
        return find(code, self.language) if find is not None else code

    def facts(self, record: Record) -> list[Fact]:
        """Return the facts of an entry."""
        return [
            Fact(say(f"fact.{column}", self.language), self.column(record, column))
            for column in FACTS[record.section]
            # Most entries count from the beginning and have no end: nothing to read there.
            if not column.startswith("valid_") or getattr(record.entry, column) is not None
        ]

    def brief(self, record: Record) -> str:
        """Return the short facts of a line in a list."""
        texts = []
        for column in BRIEF[record.section]:
            text = ", ".join(x.text for x in self.column(record, column))
            if text != _NOTHING:
                # Two codes side by side do not tell which of them stands in.
                said = say("fact.deputy", self.language) if column == "deputy" else ""
                texts.append(f"{said} {text}".strip())
        if record.section == "shifts":
            texts += self.days_of(record.entry.valid_from, record.entry.valid_to)
        return " · ".join(texts)

    def days_of(self, first: date | None, end: date | None) -> list[str]:
        """Return the days of a line that ends: from the first to the last, both included."""
        if end is None:
            return []
        last = end - timedelta(days=1)
        return [say("registry.days", self.language, first=first or _NOTHING, last=last)]

    def column(self, record: Record, column: str) -> tuple[Said, ...]:
        """Return one fact of an entry in words."""
        entry = record.entry
        if column == "place":
            if entry.lat is None or entry.lon is None:
                return (Said(_NOTHING),)
            return (Said(f"{entry.lat:.5f}, {entry.lon:.5f} (WGS-84)"),)
        return self.value(record.section, column, getattr(entry, column))

    def value(self, section: str, column: str, raw: Any) -> tuple[Said, ...]:
        """Return what stands in a column, as the pack or the journal wrote it."""
        column = column_of(column)
        if raw is None or raw == "" or raw in ([], ()):
            empty = "registry.every_level" if (section, column) == ("duties", "level") else ""
            return (Said(say(empty, self.language) if empty else _NOTHING),)
        if column in _REFERENCES:
            several = raw if isinstance(raw, list | tuple) else (raw,)
            kind = _REFERENCES[column]
            return tuple(Said(self.name(kind, x), address_of(kind, x)) for x in several)
        return (Said(self._plain(section, column, raw)),)

    def _plain(self, section: str, column: str, raw: Any) -> str:
        raw = raw.value if isinstance(raw, Enum) else raw
        words: Mapping[str, Callable[[], str]] = {
            "kind": lambda: self._kind(section, str(raw)),
            "quantity": lambda: self._entry_name("quantities", str(raw)),
            "plan": lambda: self._entry_name("plans", str(raw)),
            "hazard": lambda: self._hazard(str(raw)),
            "level": lambda: self.names.warning_level(str(raw), self.language),
            "grade": lambda: self._grade(str(raw)),
            "weekdays": lambda: self.weekdays(raw),
            "interval": lambda: span_words(str(raw), self.language),
            "start": lambda: str(raw)[:5],
            "end": lambda: str(raw)[:5],
            "shape": lambda: say("registry.drawn", self.language),
        }
        return words.get(column, lambda: self._other(raw))()

    def _other(self, raw: Any) -> str:
        if isinstance(raw, date):
            return raw.isoformat()
        if isinstance(raw, bool):
            return say("registry.yes", self.language) if raw else say("registry.no", self.language)
        if isinstance(raw, list | tuple):
            return ", ".join(str(item) for item in raw)
        return str(raw)

    def _kind(self, section: str, raw: str) -> str:
        if section == "risk_points":
            return self._entry_name("place_kinds", raw)
        key = f"{'area' if section == 'areas' else 'unit'}_kind.{raw}"
        return say(key, self.language) if knows(key) else raw

    def _entry_name(self, section: str, slug: str) -> str:
        if section not in self.known:
            self.known[section] = registry.names_in(section)
        name = self.known[section].get(slug)
        return str(getattr(name, self.language)) if name is not None else slug

    def _grade(self, grade: str) -> str:
        if grade not in self.grades:
            self.grades[grade] = registry.level_name("risk", grade, self.language)
        return self.grades[grade]

    def _hazard(self, pattern: str) -> str:
        if pattern == "*":
            return say("registry.every_hazard", self.language)
        if pattern.endswith(".*"):
            group = pattern.removesuffix(".*")
            word = f"hazard_group.{group}"  # a pack may have groups of its own
            named = say(word, self.language) if knows(word) else group
            return say("registry.hazard_group", self.language, group=named)
        return self.names.hazard(pattern, self.language)

    def weekdays(self, days: Iterable[int]) -> str:
        """Return days of the week in words."""
        numbers = sorted(int(day) for day in days)
        if numbers == list(range(1, 8)):
            return say("registry.every_day", self.language)
        return ", ".join(say(f"weekday.{day}", self.language) for day in numbers)
