"""Organisations, posts, rosters, duties, places and sensors of a pack against their tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from anlan.registry.domain import city as c
from anlan.registry.domain.dutymatrix import Validity
from anlan.registry.domain.entries import key_of
from anlan.registry.domain.errors import UnknownCodeError
from anlan.registry.models import Duty, PackRow, Shift
from anlan.registry.selectors.sheets import SHIFTS, Sheet, changed_columns
from anlan.registry.services.changes import Change


@dataclass(frozen=True, slots=True)
class Moment:
    """The instant of a load and the city's local day then."""

    now: datetime
    day: date


def coded_changes(
    sheet: Sheet, entries: Iterable[Any], moment: Moment, *, rows: Iterable[PackRow] | None = None
) -> Iterator[Change]:
    """Yield the differences of a section whose rows have codes of their own.

    With ``rows``, ``entries`` are compared with these instead of the whole table.
    """
    found = sheet.model._default_manager.all() if rows is None else rows
    known: dict[str, Any] = {row.pk: row for row in found}
    for entry in entries:
        values = {**sheet.values(entry), "ended_at": None}
        row = known.pop(entry.code, None)
        if row is None:
            yield Change(sheet.section, "added", entry.code, sheet.model(**values))
        elif columns := changed_columns(row, values):
            for name, value in values.items():
                setattr(row, name, value)
            yield Change(sheet.section, "changed", entry.code, row, columns)
    yield from endings(sheet.section, known, moment)


def endings(section: str, left: dict[str, Any], moment: Moment) -> Iterator[Change]:
    """Yield the rows that are in force and that the pack no longer holds."""
    for key, row in left.items():
        if row.ended_at is None:
            row.ended_at = moment.now
            yield Change(section, "ended", key, row, ("ended_at",))


def _line_key(sheet: Sheet, entry: Any) -> str:
    # Another deputy is another line: who stood in on that day must stay readable.
    deputy = f"/{entry.deputy}" if sheet is SHIFTS else ""
    return sheet.key(entry) + deputy


def _matter(row: Duty | Shift) -> tuple[str, ...]:
    """Return what a line speaks of: a new line on the same matter takes the old one's place."""
    if isinstance(row, Duty):
        return (row.area_id, row.hazard, row.level)
    return (row.post_id,)


def line_changes(
    sheet: Sheet, entries: Iterable[Any], moment: Moment, *, rows: Iterable[PackRow] | None = None
) -> Iterator[Change]:
    """Yield the differences of duties or shifts: a replaced line stays readable for its time.

    With ``rows``, ``entries`` are compared with these instead of every line in force.
    """
    if rows is None:
        rows = sheet.model._default_manager.filter(ended_at__isnull=True)
    known: dict[str, Any] = {_line_key(sheet, sheet.entry(row)): row for row in rows}
    fresh: list[tuple[str, Any]] = []
    for entry in entries:
        key = _line_key(sheet, entry)
        values = sheet.values(entry)
        row = known.pop(key, None)
        if row is None:
            fresh.append((key, sheet.model(**values)))
        elif columns := changed_columns(row, values):
            for name, value in values.items():
                setattr(row, name, value)
            yield Change(sheet.section, "changed", key, row, columns)
    replaced = {_matter(row) for row in known.values() if _holds(row, moment)}
    yield from endings(sheet.section, known, moment)
    for key, row in fresh:
        if _matter(row) in replaced and (row.valid_from is None or row.valid_from <= moment.day):
            row.began_at = moment.now
        yield Change(sheet.section, "added", key, row)


def _holds(row: PackRow, moment: Moment) -> bool:
    validity = Validity(row.valid_from, row.valid_to, row.began_at, row.ended_at)
    return validity.holds(moment.now, moment.day)


def check_references(pack: c.City, areas: frozenset[str]) -> None:
    """Refuse a pack whose rows name codes that it does not hold.

    Raises
    ------
    UnknownCodeError
        With the section, the row and the code; the linter names every one with its line.
        What city.yaml names beside the root area was looked at before (``why_not_loaded``).
    """
    held = {
        "area": areas,
        "organisation": {item.code for item in pack.organisations},
        "post": {item.code for item in pack.posts},
        "holder": {item.code for item in pack.holders},
        "risk_point": {item.code for item in pack.risk_points},
    }
    roles = {
        "superior": "post",
        "owner_post": "post",
        "deputy": "holder",
        "operator": "organisation",
    }
    for section in ("organisations", "posts", "shifts", "duties", "risk_points", "sensors"):
        for entry in getattr(pack, section):
            for name in entry.__struct_fields__:
                known = held.get(roles.get(name, name))
                code = getattr(entry, name)
                if known is not None and code is not None and code not in known:
                    key = key_of(section, entry)
                    raise UnknownCodeError(section=section, entry=key, field=name, code=code)
    if pack.info.root_area not in areas:
        raise UnknownCodeError(
            section="city.yaml", entry="root_area", field="root_area", code=pack.info.root_area
        )
