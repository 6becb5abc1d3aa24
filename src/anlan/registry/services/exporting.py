"""Give the city back as a pack: what is in force now, equal to what was loaded."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from anlan.kernel.actor import Actor
from anlan.registry import access
from anlan.registry.domain import city as c
from anlan.registry.domain import jurisdiction as j
from anlan.registry.domain.errors import FolderNotEmptyError
from anlan.registry.domain.facts import Contact
from anlan.registry.domain.parse import (
    CITY_LISTS,
    JURISDICTION_LISTS,
    PackUnknownError,
    jurisdiction_folder,
    read_jurisdiction,
)
from anlan.registry.domain.write import write_city, write_jurisdiction
from anlan.registry.models import Area, Holder, PackEntry
from anlan.registry.selectors import packs, sheets
from anlan.registry.services.areas import LOOK_UP, chunks
from anlan.registry.services.holders import kept_contacts

_WHOLE: Mapping[str, Collection[str]] = {}


def _entries(sheet: sheets.Sheet, codes: Collection[str] | None) -> tuple[Any, ...]:
    rows = sheet.model._default_manager.filter(ended_at__isnull=True).order_by("pk")
    if codes is None:
        return tuple(sheet.entries(rows))
    if len(codes) <= LOOK_UP:
        rows = rows.filter(pk__in=codes)
    found = sheet.entries(rows)  # in the order of the database also where very many are named
    return tuple(entry for entry in found if entry.code in codes)


def _areas(codes: Collection[str] | None) -> tuple[tuple[c.Area, ...], tuple[c.Shape, ...]]:
    areas, shapes = [], []
    for row in _area_rows(codes):
        areas.append(sheets.AREAS.entry(row))
        if row.shape is not None:
            shapes.append(c.Shape(code=row.code, schematic=row.schematic, geometry=row.shape))
    return tuple(areas), tuple(shapes)


def _area_rows(codes: Collection[str] | None) -> Iterator[Area]:
    rows = Area.objects.filter(ended_at__isnull=True)
    if codes is None:
        yield from rows.order_by("path").iterator(2000)
        return
    found = [row for chunk in chunks(codes, LOOK_UP) for row in rows.filter(pk__in=chunk)]
    yield from sorted(found, key=lambda row: row.path)


def _holders() -> tuple[c.Holder, ...]:
    rows = list(Holder.objects.filter(ended_at__isnull=True).order_by("code"))
    kept = kept_contacts(rows)
    nobody = Contact(name="", email="", phone="", webhook="", language="zh")
    found = []
    for row in rows:
        data = kept.get(row.code)
        contact = msgspec.json.decode(data, type=Contact) if data else nobody
        found.append(c.Holder(code=row.code, **msgspec.to_builtins(contact)))
    return tuple(found)


def _lists(source: str, sections: Any) -> dict[str, tuple[Any, ...]]:
    rows = PackEntry.objects.filter(source=source, in_pack=True)
    found: dict[str, list[Any]] = {section: [] for section in sections}
    for row in rows.order_by("section", "code", "version"):
        found[row.section].append(packs.decode(row.section, row.spec))
    return {section: tuple(entries) for section, entries in found.items()}


def city_pack(actor: Actor) -> c.City:
    """Return the city pack in force, holders with their contacts included.

    Raises
    ------
    NotAllowedError
        When the actor does not keep city data: the pack holds personal data.
    NoCityError
        When no city was loaded.
    """
    access.require_city_keeper(actor)
    return pack_in_force()


def pack_in_force(only: Mapping[str, Collection[str]] = _WHOLE) -> c.City:
    """Return the city pack in force; for the room itself, which shows nothing personal of it.

    Of a section that ``only`` names it holds only these codes: areas, risk points and sensors
    are too many to be read for one edit.

    Raises
    ------
    NoCityError
        When no city was loaded.
    """
    info = packs.city()
    kept, shapes = _areas(only.get("areas"))
    tables = {
        sheet.section: _entries(sheet, only.get(sheet.section))
        for sheet in (*sheets.CODED, sheets.SHIFTS, sheets.DUTIES, *sheets.PLACED)
    }
    lists = _lists("city", CITY_LISTS)
    return c.City(info=info, areas=kept, shapes=shapes, holders=_holders(), **tables, **lists)


def jurisdiction_pack() -> j.Jurisdiction:
    """Return the jurisdiction pack in force."""
    lists = _lists("jurisdiction", JURISDICTION_LISTS)
    return j.Jurisdiction(info=packs.jurisdiction_info(), **lists)


def export_city(actor: Actor, folder: Path) -> c.City:
    """Write the city pack in force into an empty folder and return it.

    A jurisdiction pack that is not the shipped one of its name is the city's own: it goes
    into the folder beside, where ``city load`` looks for it first.

    Raises
    ------
    FolderNotEmptyError
        When the folder holds anything, or the one beside holds another pack.
    NotAllowedError, NoCityError
        See :func:`city_pack`.
    """
    _refuse_taken(folder)
    pack, law = city_pack(actor), jurisdiction_pack()
    if not _is_shipped(law):
        beside = folder.resolve().parent / pack.info.jurisdiction
        _refuse_taken(beside)
        write_jurisdiction(law, beside)
    write_city(pack, folder)
    return pack


def _refuse_taken(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FolderNotEmptyError(folder=folder.name)


def _is_shipped(law: j.Jurisdiction) -> bool:
    """Return whether the jurisdiction pack in force is what its name stands for everywhere."""
    try:
        shipped = read_jurisdiction(jurisdiction_folder(law.info.id)).pack
    except PackUnknownError:
        return False
    return shipped is not None and _in_any_order(shipped) == _in_any_order(law)


def _in_any_order(law: j.Jurisdiction) -> tuple[object, ...]:
    lists = (getattr(law, section) for section in JURISDICTION_LISTS)
    return law.info, *(sorted(map(repr, entries)) for entries in lists)
