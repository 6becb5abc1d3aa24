"""The governance linter on the city in force: what it finds, and about what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from anlan.kernel.actor import Actor
from anlan.registry.domain import city as c
from anlan.registry.domain.entries import key_of
from anlan.registry.domain.findings import Finding, Severity
from anlan.registry.domain.lint import lint
from anlan.registry.domain.parse import CITY_LISTS, CITY_TABLES, Parsed
from anlan.registry.models import Area, Duty, Shift
from anlan.registry.selectors import packs, sheets
from anlan.registry.selectors.touched import CityMark, Touched, city_mark, touched_since
from anlan.registry.services.around import around_touched
from anlan.registry.services.exporting import jurisdiction_pack, pack_in_force

REVISIONS_KEPT = 4
MOST_AREAS = 50_000  # a pack of a whole country is checked at a terminal, not for a page


class Found(msgspec.Struct, frozen=True, gc=False):
    """A finding about the city in force, and the entry it is about.

    ``section`` is empty for what concerns the city as a whole; ``area_path`` is where
    the entry lies, empty for the whole city.
    """

    finding: Finding
    section: str
    key: str
    area_path: str

    @property
    def matter(self) -> tuple[str, str, str]:
        """What the finding is about, whatever the numbers in it."""
        return (self.finding.code, self.section, self.key)


@dataclass(frozen=True)
class Examined:
    """Every finding about the city of one revision on one day."""

    found: tuple[Found, ...]

    def seen_by(self, actor: Actor) -> tuple[Found, ...]:
        """Return what lies in the actor's areas."""
        return tuple(item for item in self.found if actor.covers(item.area_path))

    def about(self, section: str, key: str) -> tuple[Found, ...]:
        """Return what is found about one entry."""
        return tuple(x for x in self.found if (x.section, x.key) == (section, key))


def examine(pack: c.City, *, today: date) -> tuple[Finding, ...]:
    """Return what the linter finds about ``pack`` under the law in force."""
    parsed = _placed(pack)
    law = Parsed(folder=Path(), found_pack=jurisdiction_pack(), findings=(), places={})
    return tuple(lint(parsed, law, today=today))


def _placed(pack: c.City) -> Parsed[c.City]:
    """Give each entry a line of its own, so that a finding tells which one it is about."""
    places: dict[tuple[str, str], tuple[str, int]] = {("info", ""): ("city.yaml", 1)}
    for section in (*CITY_TABLES, *CITY_LISTS, "shapes"):
        file = _file_of(section)
        for line, entry in enumerate(getattr(pack, section), start=1):
            places[section, key_of(section, entry)] = (file, line)
    return Parsed(folder=Path(), found_pack=pack, findings=(), places=places)


def _file_of(section: str) -> str:
    if section in CITY_TABLES:
        return f"{CITY_TABLES[section][0]}.csv"
    return "areas.geojson" if section == "shapes" else f"{section}.yaml"


_SECTION_OF = {_file_of(section): section for section in (*CITY_TABLES, *CITY_LISTS, "shapes")}


def about(pack: c.City, found: Sequence[Finding], paths: Mapping[str, str]) -> tuple[Found, ...]:
    """Return the findings of :func:`examine` with the entries they are about."""
    where = _Where(pack, paths)
    return tuple(where.place(item) for item in found)


class _Where:
    """Leads from the line of a finding to its entry, and from the entry to its area."""

    def __init__(self, pack: c.City, paths: Mapping[str, str]) -> None:
        self.pack, self.paths = pack, paths
        self.seats = {post.code: post.area for post in pack.posts}
        self.sits: dict[str, str] = {}
        for shift in pack.shifts:
            for code in (shift.holder, shift.deputy):
                if code is not None:
                    self.sits.setdefault(code, shift.post)

    def place(self, item: Finding) -> Found:
        section = _SECTION_OF.get(item.file, "")
        if not section or not item.line:
            return Found(item, "", "", "")
        entry = getattr(self.pack, section)[item.line - 1]
        shown = "areas" if section == "shapes" else section
        return Found(item, shown, key_of(section, entry), self._path(section, entry))

    def _path(self, section: str, entry: Any) -> str:
        if section in {"areas", "shapes"}:
            return self.paths.get(entry.code, "")
        if section == "shifts":
            return self.paths.get(self.seats.get(entry.post, ""), "")
        if section == "holders":
            post = self.sits.get(entry.code, "")
            return self.paths.get(self.seats.get(post, ""), "")
        return self.paths.get(getattr(entry, "area", ""), "")


def examined(*, now: datetime) -> Examined | None:
    """Return the findings about the city in force today; None for a city too large for a page.

    Asked again for the same revision and day it costs two small queries.  After an edit what it
    cannot have moved is not read again (``docs/adr/0024-an-edit-is-judged-by-what-it-can-move.md``).
    """
    return _examined(packs.revision(), packs.local_day(now))


@lru_cache(maxsize=REVISIONS_KEPT)
def _examined(_revision: str, today: date) -> Examined | None:
    if Area.objects.filter(ended_at__isnull=True).count() > MOST_AREAS:
        return None
    mark = city_mark()  # before anything is read: what changes meanwhile is looked at again
    found = _since(_last[0], today) if _last else None
    examined = Examined(_in_order(found if found is not None else _found(pack_in_force(), today)))
    if mark is not None:
        _last[:] = [_Kept(today, mark, examined)]
    return examined


@dataclass(frozen=True, slots=True)
class _Kept:
    """What this process found last, and up to where the journal of the city had come then."""

    today: date
    mark: CityMark
    examined: Examined


_last: list[_Kept] = []  # one at most


def forget_examined() -> None:
    """Look at the whole city anew."""
    _last.clear()
    _examined.cache_clear()


def _found(pack: c.City, today: date) -> tuple[Found, ...]:
    paths = dict(Area.objects.filter(ended_at__isnull=True).values_list("code", "path"))
    lines = _line_numbers()
    return tuple(
        item if (line := lines.get((item.section, item.key))) is None else replace(item, key=line)
        for item in about(pack, examine(pack, today=today), paths)
    )


def _since(last: _Kept, today: date) -> tuple[Found, ...] | None:
    """Return the findings after edits: anew, but for places and streams that these cannot move.

    None where all has to be looked at: on another day, after a load, or where a stream that nobody
    touched is found otherwise, and so may be all those for which it stands.
    """
    touched = touched_since(last.mark) if last.today == today else None
    if touched is None or touched.loaded:
        return None
    only = around_touched(touched, today=today)
    pack = pack_in_force(only)
    fresh = _found(pack, today)
    there = frozenset(sensor.code for sensor in pack.sensors if not _is_touched(sensor, touched))
    was = Counter(
        x.matter for x in last.examined.found if x.section == "sensors" and x.key in there
    )
    if was != Counter(x.matter for x in fresh if x.section == "sensors" and x.key in there):
        return None
    judged = {
        "risk_points": only["risk_points"] | touched.places,
        "sensors": only["sensors"] | touched.sensors,
    }
    kept = (
        x for x in last.examined.found if x.section in judged and x.key not in judged[x.section]
    )
    return (*kept, *fresh)


def _is_touched(sensor: c.Sensor, touched: Touched) -> bool:
    return (
        sensor.code in touched.sensors
        or sensor.risk_point in touched.places
        or sensor.area in touched.areas
    )


def _in_order(found: Iterable[Found]) -> tuple[Found, ...]:
    """Return findings worst first, then by place; places and streams by code, as some are not there."""

    def rank(item: Found) -> tuple[int, str, str]:
        line = item.key if item.section in {"risk_points", "sensors"} else f"{item.finding.line:09}"
        return (_SEVERITIES[item.finding.severity], item.finding.file, line)

    return tuple(sorted(found, key=rank))


_SEVERITIES = {severity: place for place, severity in enumerate(Severity)}


def _line_numbers() -> dict[tuple[str, str], str]:
    """Return the row number of each line of rosters and duties: their pages are called by it."""
    numbers: dict[tuple[str, str], str] = {}
    for sheet, model in ((sheets.SHIFTS, Shift), (sheets.DUTIES, Duty)):
        for row in model._default_manager.filter(ended_at__isnull=True):
            numbers[sheet.section, sheet.key(sheet.entry(row))] = str(row.pk)
    return numbers


def worse(before: Sequence[Found], after: Sequence[Found]) -> tuple[Found, ...]:
    """Return the findings of ``after`` that ``before`` does not hold, as often as they are new."""
    left = Counter(item.matter for item in before)
    new = []
    for item in after:
        if left[item.matter]:
            left[item.matter] -= 1
        else:
            new.append(item)
    return tuple(new)


def errors_of(found: Sequence[Found]) -> tuple[Found, ...]:
    """Return those findings that are errors."""
    return tuple(item for item in found if item.finding.severity is Severity.ERROR)
