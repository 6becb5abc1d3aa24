"""A table of the registry brought in: what each line would change, then the change as one edit.

What is missing from the table stays: a table never ends anything.  The bytes wait in the
content store until they are confirmed, as an uploaded pack does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from msgspec.structs import replace

from anlan.infra import contents
from anlan.infra.contents import Purpose
from anlan.kernel.actor import Actor
from anlan.kernel.errors import AnlanError
from anlan.registry import access
from anlan.registry.domain.edits import Difference, differences
from anlan.registry.domain.entries import key_of
from anlan.registry.domain.entry_edits import EntriesEdit
from anlan.registry.domain.errors import (
    EditEmptyError,
    RecordChangedError,
    TableLargeError,
    TableLineTwiceError,
    TableUnreadableError,
)
from anlan.registry.domain.findings import Finding
from anlan.registry.domain.sheetwords import read_back
from anlan.registry.selectors import packs
from anlan.registry.selectors.records import SECTIONS
from anlan.registry.services.allowing_entries import Ground
from anlan.registry.services.editing import EditShown, fingerprint_of, show_edit, take_edit
from anlan.registry.services.holders import GROUND
from anlan.registry.services.retention import destroy_contents, upload_kept

KIND = "table_upload"
KEPT = timedelta(days=1)
MOST_BYTES = 4 * 1024 * 1024
MOST_LINES = 5000
What = Literal["new", "changed", "same", "refused"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table, and what bringing it in would do."""

    number: int
    what: What
    key: str = ""
    difference: Difference | None = None
    why: AnlanError | Finding | None = None  # it is refused


@dataclass(frozen=True, slots=True)
class TableShown:
    """What a table would change (表格预览)."""

    section: str
    upload: str  # empty: there is nothing to take
    revision: str  # of the city against which it was compared
    lines: tuple[Line, ...]
    edit: EditShown | None  # what the linter says of all it would change; None: it changes nothing

    def count(self, what: What) -> int:
        """Return how many lines there are of one kind."""
        return sum(line.what == what for line in self.lines)


@dataclass(frozen=True, slots=True)
class _Compared:
    lines: tuple[Line, ...]
    entries: tuple[Any, ...]  # that are new or changed, and allowed


def show_table(actor: Actor, section: str, data: bytes, *, now: datetime) -> TableShown:
    """Return what bringing a table in would change, and keep it until tomorrow.

    One that nothing can be taken of is not kept: nobody knows what is in it.

    Raises
    ------
    NotAllowedError
        When the actor does not keep city data.
    TableUnreadableError, TableLargeError
        When it is no such table, or longer than a page takes.
    """
    access.require_city_keeper(actor)
    revision = packs.revision()
    found = _compared(actor, section, data, now=now)
    if not found.entries:
        return TableShown(section, "", revision, found.lines, None)
    edit = show_edit(actor, _edit(section, found, now), now=now)
    purpose = Purpose("table upload", GROUND, packs.local_day(now) + KEPT)
    kept = contents.put(KIND, f"{section}\n".encode() + data, purpose=purpose, now=now)
    return TableShown(section, str(kept.id), revision, found.lines, edit)


def take_table(
    actor: Actor, upload: str, *, revision: str, reason: str, now: datetime
) -> tuple[str, int]:
    """Bring a table in that was looked at; return its section and how many entries it changed.

    Raises
    ------
    PackUploadGoneError
        When it is no longer kept.
    RecordChangedError
        When the city was changed after the table was looked at.
    EditReasonMissingError, EditReasonTooLongError, EditReasonPersonalError, EditWorsensError
        See :func:`take_edit`.
    """
    access.require_city_keeper(actor)
    section, data = _kept(upload)
    if packs.revision() != revision:
        raise RecordChangedError
    found = _compared(actor, section, data, now=now)
    if not found.entries:
        raise EditEmptyError
    edit = _edit(section, found, now)
    seen = fingerprint_of(section, edit.matter)
    take_edit(actor, edit, seen=seen, reason=reason, now=now, looked_at=revision)
    destroy_contents(actor, [UUID(upload)], reason="table taken", now=now)
    return section, len(found.entries)


def discard_table(actor: Actor, upload: str, *, now: datetime) -> str:
    """Throw a table away that nobody wants to bring in; return its section."""
    access.require_city_keeper(actor)
    section, _ = _kept(upload)
    destroy_contents(actor, [UUID(upload)], reason="table not taken", now=now)
    return section


def _edit(section: str, found: _Compared, now: datetime) -> EntriesEdit:
    return EntriesEdit(section, found.entries, packs.local_day(now))


def _kept(upload: str) -> tuple[str, bytes]:
    """Return an uploaded table with its section."""
    section, _, data = upload_kept(KIND, upload).partition(b"\n")
    return section.decode(), data


def _compared(actor: Actor, section: str, data: bytes, *, now: datetime) -> _Compared:
    """Hold each line against what is there, in the order of the file."""
    if section not in SECTIONS or not data or len(data) > MOST_BYTES:
        raise TableUnreadableError
    if (count := data.count(b"\n")) > MOST_LINES:
        raise TableLargeError(lines=count, most=MOST_LINES)
    rows = list(read_back(data, section))
    read = [row for row in rows if row.entry is not None]
    if rows and not read and any(row.line <= 1 for row in rows):
        return _Compared(tuple(Line(row.line, "refused", why=row.fault) for row in rows), ())
    first: dict[str, int] = {}
    for row in read:
        first.setdefault(key_of(section, row.entry), row.line)
    told = [row.entry for row in read if first[key_of(section, row.entry)] == row.line]
    ground = Ground(actor, section, told, today=packs.local_day(now))
    refused = ground.refusals()
    lines, entries = [], []
    for row in rows:
        line = Line(row.line, "refused", why=row.fault)
        if row.entry is not None:
            line = _line(ground, row.line, row.entry, first, refused)
            if line.what in {"new", "changed"}:
                entries.append(row.entry)
        lines.append(line)
    return _Compared(tuple(lines), tuple(entries))


def _line(
    ground: Ground,
    number: int,
    entry: Any,
    first: Mapping[str, int],
    refused: Mapping[str, AnlanError],
) -> Line:
    key = key_of(ground.section, entry)
    if (before := first[key]) != number:
        return Line(number, "refused", key, why=TableLineTwiceError(line=before))
    if key in refused:
        return Line(number, "refused", key, why=refused[key])
    there = ground.before(entry)
    if there == entry:
        return Line(number, "same", key)
    (difference,) = _difference(ground.section, there, entry)
    return Line(number, "changed" if there is not None else "new", key, difference)


def _difference(section: str, before: Any | None, after: Any) -> Iterator[Difference]:
    # By itself a changed deputy is another line; here it is a change of this one.
    if before is not None and section == "shifts" and before.deputy != after.deputy:
        others = differences(section, (replace(before, deputy=after.deputy),), (after,))
        columns = (("deputy", before.deputy, after.deputy), *(x for o in others for x in o.columns))
        yield Difference("changed", "", columns, after)
        return
    yield from differences(section, () if before is None else (before,), (after,))
