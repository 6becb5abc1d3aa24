"""One change by hand of the city in force: what the pack says before it, and after.

An edit is applied to the sections of a pack, as a load brings in a whole one; what
differs is then written in the same way.  Nothing here reads a clock or a table.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from anlan.kernel.scales import RiskGrade
from anlan.registry.domain import city as c
from anlan.registry.domain.entries import key_of
from anlan.registry.domain.entry_edits import EntriesEdit, applied

_DAY = timedelta(days=1)
AHEAD = timedelta(days=3660)  # further on nobody plans, and calendars cannot count beyond year 9999
# Controls, marks that turn or hide letters, breaks of lines: no name has them, no table holds them.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
What = Literal["added", "changed", "ended"]


@dataclass(frozen=True, slots=True)
class Sitting:
    """Who sits at a post and when: what a roster line says beside its days of validity."""

    holder: str
    deputy: str | None
    weekdays: tuple[int, ...]
    start: time
    end: time


@dataclass(frozen=True, slots=True)
class RosterEdit:
    """A change of who sits at a post (调班).

    With ``line`` the sitting takes its place from ``on`` on, or with ``until`` stands before
    it for those days only; without a sitting the line ends.  Without ``line`` it is a new one.
    """

    post: str
    on: date
    line: c.Shift | None = None
    sitting: Sitting | None = None
    until: date | None = None  # the last day, included

    section = "shifts"

    @property
    def key(self) -> str:
        """What the history of the edit is kept under."""
        return self.post


@dataclass(frozen=True, slots=True)
class RiskPointEdit:
    """Who answers for a risk point, how it is graded, and by which plan."""

    code: str
    owner_post: str | None
    grade: RiskGrade | None
    plan: str | None
    on: date

    section = "risk_points"

    @property
    def key(self) -> str:
        """What the history of the edit is kept under."""
        return self.code


@dataclass(frozen=True, slots=True)
class SensorEdit:
    """Take a sensor out of force from a day on, or bring it back."""

    code: str
    in_force: bool
    on: date

    section = "sensors"

    @property
    def key(self) -> str:
        """What the history of the edit is kept under."""
        return self.code


@dataclass(frozen=True, slots=True)
class HolderEdit:
    """How a person on the roster is reached; a field that is not named stays as it is."""

    code: str
    on: date
    fields: Mapping[str, str] = field(default_factory=dict)
    is_new: bool = False  # entered as a person whom the city does not know

    section = "holders"

    @property
    def key(self) -> str:
        """What the history of the edit is kept under."""
        return self.code


Edit = RosterEdit | RiskPointEdit | SensorEdit | HolderEdit | EntriesEdit


@dataclass(frozen=True, slots=True)
class Difference:
    """One line of what an edit changes; of personal fields only that they change."""

    what: What
    key: str
    columns: tuple[tuple[str, Any, Any], ...]
    entry: Any


def apply(edit: Edit, entries: tuple[Any, ...], *, today: date) -> tuple[Any, ...]:
    """Return the entries of the edit's section as they are after it."""
    match edit:
        case RosterEdit():
            return _roster(edit, entries, today=today)
        case RiskPointEdit():
            change = {"owner_post": edit.owner_post, "grade": edit.grade, "plan": edit.plan}
            return _changed(edit.code, entries, change)
        case SensorEdit():
            return _changed(edit.code, entries, _validity(edit, entries))
        case HolderEdit():
            if edit.code in {entry.code for entry in entries}:
                return _changed(edit.code, entries, dict(edit.fields))
            made = {name: value for name, value in edit.fields.items() if value}
            return (*entries, msgspec.convert({"code": edit.code, **made}, c.Holder))
        case EntriesEdit():
            return applied(edit, entries)


def _changed(code: str, entries: Iterable[Any], change: Mapping[str, object]) -> tuple[Any, ...]:
    return tuple(replace(entry, **change) if entry.code == code else entry for entry in entries)


def _validity(edit: SensorEdit, entries: Iterable[c.Sensor]) -> dict[str, date | None]:
    sensor = next(entry for entry in entries if entry.code == edit.code)
    if not edit.in_force:
        # An end lies after the beginning: taken out before it began, its first day remains.
        return {"valid_to": max(edit.on, (sensor.valid_from or date.min) + _DAY)}
    if sensor.valid_to is None:
        return {}
    if edit.on <= sensor.valid_to:
        return {"valid_to": None}  # it goes on as if no end had been set
    return {"valid_from": edit.on, "valid_to": None}


def _roster(edit: RosterEdit, entries: tuple[c.Shift, ...], *, today: date) -> tuple[c.Shift, ...]:
    kept = list(entries)
    if edit.line is not None and edit.until is None:
        place = kept.index(edit.line)
        before = kept.pop(place)
        began = before.valid_from < edit.on
        if began and edit.on > today:
            # What is planned is written as a plan; what changes today ends with the edit itself.
            end = edit.on if before.valid_to is None else min(edit.on, before.valid_to)
            kept.insert(place, replace(before, valid_to=end))
    if edit.sitting is not None:
        line = edited_line(edit)
        if line in entries:
            return entries
        kept.append(line)
    return tuple(kept)


def is_plain(text: str) -> bool:
    """Return whether a text can be read as it stands, and written into a table of a pack."""
    return not any(unicodedata.category(letter) in _HIDDEN for letter in text)


def edited_line(edit: RosterEdit) -> c.Shift:
    """Return the new line of a roster edit that has a sitting."""
    assert edit.sitting is not None  # noqa: S101  callers look before they ask
    sat = edit.sitting
    end = edit.until + _DAY if edit.until is not None else None
    if end is None and edit.line is not None:
        end = edit.line.valid_to  # who takes a place has it for as long as it was there
    return c.Shift(
        post=edit.post,
        holder=sat.holder,
        deputy=sat.deputy,
        weekdays=sat.weekdays,
        start=sat.start,
        end=sat.end,
        valid_from=edit.on,
        valid_to=end,
    )


def fingerprint(entries: Iterable[Any]) -> str:
    """Return what tells whether the entries an edit is about are as they were shown."""
    told = sorted(repr(entry) for entry in entries)
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:20]


def differences(
    section: str, before: Iterable[Any], after: Iterable[Any]
) -> tuple[Difference, ...]:
    """Return what differs between two states of one section, as a person reads it."""
    old = {_line_key(section, entry): entry for entry in before}
    new = {_line_key(section, entry): entry for entry in after}
    found = []
    for key in [*old, *(key for key in new if key not in old)]:
        was, now = old.get(key), new.get(key)
        if was == now:
            continue
        if now is None:
            found.append(Difference("ended", key, (), was))
        elif was is None:
            found.append(Difference("added", key, _columns(section, None, now), now))
        else:
            found.append(Difference("changed", key, _columns(section, was, now), now))
    return tuple(found)


def days_left(found: Iterable[Difference]) -> frozenset[date]:
    """Return the days from which on entries no longer count that counted then before."""
    days: set[date | None] = set()
    ends = {getattr(item.entry, "valid_to", None) for item in found if item.what == "ended"}
    for item in found:
        if item.what == "changed":
            days |= {now for name, _, now in item.columns if name == "valid_to"}
            days |= {was for name, was, _ in item.columns if name == "valid_from"}
        elif item.what == "added" and ends:  # in the place of a line that ends now
            days |= {getattr(item.entry, "valid_to", None)} - ends
    return frozenset(day for day in days if day is not None)


def _line_key(section: str, entry: Any) -> str:
    # Another deputy is another line, as in a load.
    extra = f"/{entry.deputy}" if section == "shifts" else ""
    return key_of(section, entry) + extra


def _columns(section: str, was: Any, now: Any) -> tuple[tuple[str, Any, Any], ...]:
    columns = []
    for name in now.__struct_fields__:
        a, b = getattr(was, name, None), getattr(now, name)
        if a != b and not (was is None and b in (None, "", ())):
            hidden = section == "holders" and name != "code"
            columns.append((name, None, None) if hidden else (name, a, b))
    return tuple(columns)
