"""Bring a city pack and its jurisdiction pack into force: only what differs is written."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
from django.db import IntegrityError, transaction

from anlan.infra import journal
from anlan.infra.models import JournalHead
from anlan.kernel.actor import Actor
from anlan.kernel.canonical import canonical_bytes
from anlan.registry import access
from anlan.registry.domain import city as c
from anlan.registry.domain import jurisdiction as j
from anlan.registry.domain.errors import (
    AnotherCityError,
    CityHasErrorsError,
    JurisdictionMismatchError,
    LoadCrossedError,
)
from anlan.registry.domain.events import CityLoaded, CityRowsLoaded
from anlan.registry.domain.lint import why_not_loaded
from anlan.registry.domain.parse import CITY_LISTS, JURISDICTION_LISTS, Parsed
from anlan.registry.models import CityState
from anlan.registry.selectors import sheets
from anlan.registry.selectors.packs import revision
from anlan.registry.services import areas, entries, holders, sections
from anlan.registry.services.changes import Change, CityDiff, Progress, silent

CHUNK = 5000  # rows in one journal entry, and in memory at once


@dataclass(frozen=True)
class Packs:
    """Two sound packs that belong together, and who governs whom in the city."""

    city: Parsed[c.City]
    jurisdiction: Parsed[j.Jurisdiction]
    governed: areas.Governance
    shapes: dict[str, c.Shape]
    tz: ZoneInfo

    @property
    def infos(self) -> tuple[object, object]:
        """The heads of both packs as they are kept."""
        return (
            msgspec.to_builtins(self.city.pack.info),
            msgspec.to_builtins(self.jurisdiction.pack.info),
        )


def _sound(city: Parsed[c.City], jurisdiction: Parsed[j.Jurisdiction], now: datetime) -> Packs:
    """Return both packs, or refuse before anything is written."""
    wanted, given = city.pack.info.jurisdiction, jurisdiction.pack.info.id
    if wanted != given:
        raise JurisdictionMismatchError(wanted=wanted, given=given)
    # The city's own day would need its time zone, which may be what is wrong.
    if wrong := why_not_loaded(city, jurisdiction, today=now.date()):
        raise CityHasErrorsError(
            count=len(wrong), file=wrong[0].file, line=wrong[0].line, finding=wrong[0].code
        )
    state = CityState.objects.filter(pk=1).first()
    if state is not None and state.info["id"] != city.pack.info.id:
        raise AnotherCityError(loaded=state.info["id"], given=city.pack.info.id)
    governed = areas.governance(areas.feed_of(city))
    sections.check_references(city.pack, governed.codes)
    shapes = {shape.code: shape for shape in city.pack.shapes}
    return Packs(city, jurisdiction, governed, shapes, ZoneInfo(city.pack.info.timezone))


def _area_rows(packs: Packs, progress: Progress) -> tuple[Iterator[Change], Iterator[Change]]:
    """Return the changes of governing areas, then of the areas that govern none."""
    feed = areas.feed_of(packs.city)
    governed = packs.governed
    leaves = (area for area in feed() if area.code not in governed.paths)
    return (
        areas.area_changes(governed.above, governed, packs.shapes, progress),
        areas.area_changes(leaves, governed, packs.shapes, progress, len(governed.above)),
    )


def _row_sections(
    packs: Packs, now: datetime, *, keep_contacts: bool
) -> Iterator[tuple[str, Iterator[Change]]]:
    """Yield the changes of every table beside the areas, in the order of their references."""
    pack = packs.city.pack
    moment = sections.Moment(now=now, day=now.astimezone(packs.tz).date())
    for sheet in sheets.CODED:
        yield sheet.section, sections.coded_changes(sheet, getattr(pack, sheet.section), moment)
    found = holders.holder_changes(pack.holders, moment)
    yield holders.SECTION, holders.keep(found, pack, moment) if keep_contacts else found
    for sheet in (sheets.SHIFTS, sheets.DUTIES):
        yield sheet.section, sections.line_changes(sheet, getattr(pack, sheet.section), moment)
    for sheet in sheets.PLACED:
        yield sheet.section, sections.coded_changes(sheet, getattr(pack, sheet.section), moment)


def _entry_sections(packs: Packs, now: datetime) -> Iterator[tuple[str, Iterator[Change]]]:
    """Yield the changes of rules, clocks, words: the jurisdiction's first, then the city's own."""
    load = entries.loading(now, packs.tz)
    for section in JURISDICTION_LISTS:
        wanted = getattr(packs.jurisdiction.pack, section)
        yield section, entries.entry_changes(section, "jurisdiction", wanted, load)
    for section in CITY_LISTS:
        wanted = getattr(packs.city.pack, section)
        yield section, entries.entry_changes(section, "city", wanted, load)


def _heads_differ(packs: Packs) -> bool:
    state = CityState.objects.filter(pk=1).first()
    return state is None or (state.info, state.jurisdiction) != packs.infos


def diff_city(
    city: Parsed[c.City],
    jurisdiction: Parsed[j.Jurisdiction],
    *,
    now: datetime,
    progress: Progress = silent,
    watched: frozenset[tuple[str, str]] = frozenset(),
) -> CityDiff:
    """Return what :func:`load_city` would change at ``now``; writes nothing.

    Which of the ``watched`` entries (section, code) would change is told whatever the number
    of differences.

    Raises
    ------
    CityHasErrorsError, JurisdictionMismatchError, AnotherCityError, AreaBrokenError,
    UnknownCodeError
        When the packs cannot be loaded.
    """
    packs = _sound(city, jurisdiction, now)
    diff = CityDiff(watched=watched)
    streams = [
        *_area_rows(packs, progress),
        areas.area_endings(packs.governed, now),
        *(found for _, found in _row_sections(packs, now, keep_contacts=False)),
        *(found for _, found in _entry_sections(packs, now)),
    ]
    for stream in streams:
        for change in stream:
            diff.count(change)
    if _heads_differ(packs):
        diff.note_heads()
    return diff


@dataclass
class _Writer:
    """Writes changes in chunks, each with its journal entry, and keeps count."""

    actor: Actor
    now: datetime
    diff: CityDiff = field(default_factory=CityDiff)
    chain: hashlib._Hash = field(default_factory=hashlib.sha256)

    def write(self, section: str, changes: Iterable[Change]) -> None:
        """Write the changes of one section; rows to come in before rows to replace."""
        waiting: dict[bool, list[Change]] = {True: [], False: []}
        for change in changes:
            self.diff.count(change)
            link(self.chain, change)
            waiting[change.row._state.adding].append(change)
            if max(len(waiting[True]), len(waiting[False])) >= CHUNK:
                self._flush(section, waiting)
        self._flush(section, waiting)

    def _flush(self, section: str, waiting: dict[bool, list[Change]]) -> None:
        # New rows first: a changed row may refer to one of them.
        for is_new in (True, False):
            rows = [change.row for change in waiting[is_new]]
            waiting[is_new] = []
            if not rows:
                continue
            with transaction.atomic():
                journal.record_bulk(
                    CityRowsLoaded(section=section, rows=len(rows)),
                    actor=self.actor,
                    now=self.now,
                    rows=rows,
                    update=not is_new,
                )


def link(chain: hashlib._Hash, change: Change) -> None:
    """Make a change part of the revision that it leads to."""
    row = change.row
    # A content reference is random, and would make equal loads differ.
    holds_reference = change.section == holders.SECTION
    names = () if holds_reference else [field.attname for field in row._meta.concrete_fields]
    values = [getattr(row, name) for name in names if name != "id"]
    # repr, not canonical bytes: it is told from other revisions only, and must be fast.
    chain.update(repr((change.section, change.what, change.key, values)).encode())


def load_city(
    actor: Actor,
    city: Parsed[c.City],
    jurisdiction: Parsed[j.Jurisdiction],
    *,
    now: datetime,
    progress: Progress = silent,
    seen: str | None = None,
) -> CityDiff:
    """Bring packs into force and return what changed; loading them again changes nothing.

    With ``seen``, the revision against which the differences were shown, it is refused
    when the city in force is another one by now.

    Areas are written and committed in chunks (a country has 660,000), everything else in
    one transaction with the new revision, so that a load that is cut off leaves the
    packs in force as they were, and the next one goes on where it stopped.  Rows that
    left the pack are ended, never deleted.

    Raises
    ------
    NotAllowedError
        When the actor does not keep city data.
    CityHasErrorsError, JurisdictionMismatchError, AnotherCityError, AreaBrokenError,
    UnknownCodeError
        When the packs cannot be loaded; nothing was written.
    LoadCrossedError
        When another load or an edit wrote meanwhile; its city is in force.
    """
    access.require_city_keeper(actor)
    if seen is not None and seen != revision():
        raise LoadCrossedError
    packs = _sound(city, jurisdiction, now)
    writer = _Writer(actor=actor, now=now)
    try:
        _write(writer, packs, progress, seen)
    except IntegrityError as crossed:
        # Codes were compared before they were written, and no row of a pack is there twice.
        raise LoadCrossedError from crossed
    return writer.diff


def _write(writer: _Writer, packs: Packs, progress: Progress, seen: str | None) -> None:
    now = writer.now
    for found in _area_rows(packs, progress):
        writer.write("areas", found)
    with transaction.atomic():
        JournalHead.objects.select_for_update().filter(pk=1).first()  # one load at a time
        if seen is not None and seen != revision():
            raise LoadCrossedError
        writer.write("areas", areas.area_endings(packs.governed, now))
        for section, found in _row_sections(packs, now, keep_contacts=True):
            writer.write(section, found)
            progress(section, len(getattr(packs.city.pack, section)))
        for section, found in _entry_sections(packs, now):
            writer.write(section, found)
        _close(writer, packs)


def _close(writer: _Writer, packs: Packs) -> None:
    """Put the new revision in force, if anything changed."""
    if _heads_differ(packs):
        writer.diff.note_heads()
    if writer.diff.is_empty:
        return
    info, law = packs.infos
    state = CityState.objects.filter(pk=1).first()
    writer.chain.update(canonical_bytes([state.revision if state else "", info, law]))
    city, jurisdiction = packs.city.pack.info, packs.jurisdiction.pack.info
    diff = writer.diff
    event = CityLoaded(
        city=city.id,
        city_version=city.version,
        jurisdiction=jurisdiction.id,
        jurisdiction_version=jurisdiction.version,
        added=diff.total("added"),
        changed=diff.total("changed"),
        ended=diff.total("ended"),
    )
    row = state if state is not None else CityState()
    row.info, row.jurisdiction = info, law
    row.revision, row.loaded_at = writer.chain.hexdigest(), writer.now
    journal.record(event, actor=writer.actor, now=writer.now, rows=[row])
