"""The rows that an edit by hand changes: only those of what it is about are read and compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC
from typing import Any

from anlan.registry.domain import city as c
from anlan.registry.domain.edits import Difference, Edit
from anlan.registry.domain.entry_edits import VERSIONED
from anlan.registry.domain.errors import AreaDeepError, AreaMovesManyError
from anlan.registry.models import Area, Duty, PackEntry, Shift
from anlan.registry.selectors import packs, sheets
from anlan.registry.selectors.areas import under
from anlan.registry.services import areas, entries, holders, sections
from anlan.registry.services.changes import Change
from anlan.registry.services.sections import Moment

LONGEST_PATH = 480  # letters, as the table keeps them
MOST_MOVED = 5000  # areas below one that gets another parent; a pack moves more


def edit_changes(
    edit: Edit, after: c.City, differences: Iterable[Difference], moment: Moment
) -> Iterator[Change]:
    """Yield the changes of rows by which ``differences`` come into force.

    Raises
    ------
    AreaMovesManyError
        When an area with very many below it would move.
    AreaDeepError
        When an area would lie below so many others that its path cannot be kept.
    """
    if edit.section == holders.SECTION:
        # Only this person's: a contact that ran out elsewhere is no change of this edit.
        own = (x for x in holders.holder_changes(after.holders, moment) if x.key == edit.key)
        yield from holders.keep(own, after, moment)
    elif edit.section == "areas":
        yield from _area_changes(after, differences)
    elif edit.section in VERSIONED:
        yield from _version_changes(edit.section, after, differences, moment)
    else:
        yield from _row_changes(edit.section, after, differences, moment)


def _row_changes(
    section: str, after: c.City, differences: Iterable[Difference], moment: Moment
) -> Iterator[Change]:
    sheet = sheets.BY_SECTION[section]
    if section == "shifts":
        posts = {item.entry.post for item in differences}
        yield from _begun(_line_changes(sheet, after.shifts, "post", posts, moment), moment)
    elif section == "duties":
        named = {item.entry.area for item in differences}
        yield from _begun(_line_changes(sheet, after.duties, "area", named, moment), moment)
    else:
        codes = {item.key for item in differences}
        wanted = [entry for entry in getattr(after, section) if entry.code in codes]
        rows = sheet.model._default_manager.filter(pk__in=codes)
        yield from sections.coded_changes(sheet, wanted, moment, rows=rows)


def _line_changes(
    sheet: sheets.Sheet, lines: Iterable[Any], of: str, codes: set[str], moment: Moment
) -> Iterator[Change]:
    wanted = [line for line in lines if getattr(line, of) in codes]
    rows = sheet.model._default_manager.filter(ended_at__isnull=True, **{f"{of}__in": codes})
    return sections.line_changes(sheet, wanted, moment, rows=rows)


def _begun(changes: Iterator[Change], moment: Moment) -> Iterator[Change]:
    for change in changes:
        row = change.row
        if isinstance(row, Duty | Shift) and change.what == "added" and row.valid_from is not None:
            # Who sat or answered there this morning stays who did.
            row.began_at = moment.now if row.valid_from <= moment.day else None
        yield change


# --- areas ---------------------------------------------------------------------------------


def _area_changes(after: c.City, differences: Iterable[Difference]) -> Iterator[Change]:
    codes = {_area_of(item) for item in differences}
    shapes = {shape.code: shape for shape in after.shapes}
    wanted = {entry.code: entry for entry in after.areas if entry.code in codes}
    known = Area.objects.in_bulk(sorted(codes | {x.parent for x in wanted.values() if x.parent}))
    paths = _paths(wanted, known)
    # Those above first: a new area comes after the new one that governs it.
    for code in sorted(wanted, key=lambda code: (paths[code].count("/"), code)):
        yield from _one_area(known.get(code), wanted[code], paths[code], shapes.get(code))


def _area_of(item: Difference) -> str:
    return str(item.entry.code)


def _paths(wanted: Mapping[str, c.Area], known: Mapping[str, Area]) -> dict[str, str]:
    """Return where areas lie after the edit, which the linter found free of circles."""
    paths: dict[str, str] = {}
    for code in wanted:
        chain = [code]
        while (above := wanted[chain[-1]].parent) in wanted and above not in paths:
            chain.append(str(above))
        for step in reversed(chain):
            over = wanted[step].parent
            before = "" if over is None else f"{paths.get(over) or known[over].path}/"
            paths[step] = _checked(f"{before}{step}")
    return paths


def _checked(path: str) -> str:
    if len(path) > LONGEST_PATH:
        raise AreaDeepError(letters=len(path), most=LONGEST_PATH)
    return path


def _one_area(
    row: Area | None, entry: c.Area, path: str, shape: c.Shape | None
) -> Iterator[Change]:
    values = areas.values_of(entry, path, shape)
    if row is None:
        yield Change("areas", "added", entry.code, Area(**values))
        return
    before = row.path
    if columns := sheets.changed_columns(row, values):
        for name, value in values.items():
            setattr(row, name, value)
        yield Change("areas", "changed", entry.code, row, columns)
    if path != before:
        yield from _moved(before, path)


def _moved(before: str, path: str) -> Iterator[Change]:
    """Yield everything below an area that has another place now."""
    below = Area.objects.filter(under(before, "path")).exclude(path=before).order_by("path")
    if (count := below.count()) > MOST_MOVED:
        raise AreaMovesManyError(count=count, most=MOST_MOVED)
    for row in below:
        row.path = _checked(path + row.path[len(before) :])
        yield Change("areas", "changed", row.pk, row, ("path",))


# --- rules and clocks ----------------------------------------------------------------------


def _version_changes(
    section: str, after: c.City, differences: Iterable[Difference], moment: Moment
) -> Iterator[Change]:
    codes = {str(item.entry.id) for item in differences}
    wanted = [entry for entry in getattr(after, section) if entry.id in codes]
    load = entries.loading(moment.now, packs.timezone())
    for change in entries.entry_changes(section, "city", wanted, load, codes=codes):
        row = change.row
        if isinstance(row, PackEntry) and row._state.adding:
            # Entered at noon, it did not judge this morning.
            row.effective_from = max(row.effective_from, moment.now.astimezone(UTC))
        yield change
