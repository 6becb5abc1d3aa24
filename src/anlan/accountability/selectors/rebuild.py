"""Rebuild equality: the state that the journal describes, held against the live tables (I16)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from django.db import models, transaction

from anlan.infra import journal
from anlan.infra.models import JournalEntry, JournalHead
from anlan.kernel.canonical import canonical_bytes

AT_ONCE = 2000
ROWS_AT_ONCE = 500
MOST_NAMED = 200

Key = tuple[str, object]  # (table, primary key)


class DifferenceKind(StrEnum):
    """How a live row departs from the journal."""

    MISSING = "missing"  # the journal knows it, the table does not
    EXTRA = "extra"  # the table holds it, the journal does not know it
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True)
class Difference:
    """One row whose live state is not the one that the journal describes."""

    kind: DifferenceKind
    table: str
    pk: object
    fields: tuple[str, ...] = ()  # names only: values may not be shown to everybody

    def __str__(self) -> str:
        named = f" ({', '.join(self.fields)})" if self.fields else ""
        return f"{self.kind} {self.table} {self.pk}{named}"


def _digest(fields: object) -> bytes:
    return hashlib.sha256(canonical_bytes(fields)).digest()


def rebuild() -> list[Difference]:
    """Replay every after-image and compare with the live rows; empty when they are equal.

    Only a hash of each row is held while comparing.  Contents stand outside: the rows
    hold their digests, which stay when a content is lawfully destroyed.  Others may write
    meanwhile: what seems to differ is looked at again while nobody can.
    """
    described, read_to = _described()
    suspects: dict[Key, bytes | None] = {}
    for key, fields in _live():
        expected = described.pop(key, None)
        if expected is None or expected != _digest(fields):
            suspects[key] = expected
    suspects.update(described)
    if not suspects:
        return []
    found, differing, head = _confirmed(suspects, read_to)
    found += _named(differing, head)
    return sorted(found, key=_place)


def _place(item: Difference) -> tuple[str, int, str]:
    """Return where a difference stands in a list: by table, then number, then letters."""
    return item.table, item.pk if isinstance(item.pk, int) else 0, str(item.pk)


def _described() -> tuple[dict[Key, bytes], int]:
    """Return the hash of each row that the journal describes, and the last entry read."""
    described: dict[Key, bytes] = {}
    read_to = 0
    for entry in JournalEntry.objects.order_by("seq").iterator(AT_ONCE):
        read_to = entry.seq
        for image in entry.images:
            key = (image["table"], image["pk"])
            if image["fields"] is None:
                described.pop(key, None)
            else:
                described[key] = _digest(image["fields"])
    return described, read_to


def _live() -> Iterator[tuple[Key, dict[str, object]]]:
    for model in journal.journalled_models():
        for row in model._default_manager.all().iterator(AT_ONCE):
            yield _imaged(row)


def _imaged(row: models.Model) -> tuple[Key, dict[str, object]]:
    image = journal.image_of(row)
    fields = image["fields"]
    assert isinstance(fields, dict)  # noqa: S101  narrows for the type checker
    return (row._meta.label_lower, image["pk"]), fields


@transaction.atomic
def _confirmed(
    suspects: dict[Key, bytes | None], read_to: int
) -> tuple[list[Difference], dict[Key, dict[str, object]], int]:
    """Compare the suspects once more under the head lock, with what was appended since."""
    head = JournalHead.objects.select_for_update().get(id=1).seq
    for entry in JournalEntry.objects.filter(seq__gt=read_to).order_by("seq").iterator(AT_ONCE):
        for image in entry.images:
            gone = image["fields"] is None
            suspects[image["table"], image["pk"]] = None if gone else _digest(image["fields"])
    live = dict(_rows_of(suspects))
    found, differing = [], {}
    for key, expected in suspects.items():
        if expected is None and key in live:
            found.append(Difference(DifferenceKind.EXTRA, *key))
        elif expected is not None and key not in live:
            found.append(Difference(DifferenceKind.MISSING, *key))
        elif expected is not None and _digest(live[key]) != expected:
            differing[key] = live[key]
    return found, differing, head


def _rows_of(keys: Iterable[Key]) -> Iterator[tuple[Key, dict[str, object]]]:
    by_table: dict[str, list[object]] = {}
    for table, pk in keys:
        by_table.setdefault(table, []).append(pk)
    for model in journal.journalled_models():
        wanted = by_table.get(model._meta.label_lower, [])
        for start in range(0, len(wanted), ROWS_AT_ONCE):
            part = wanted[start : start + ROWS_AT_ONCE]
            yield from map(_imaged, model._default_manager.filter(pk__in=part))


def _named(differing: dict[Key, dict[str, object]], head: int) -> list[Difference]:
    """Name the fields that differ, by a second reading of the journal for these rows."""
    wanted = dict(list(differing.items())[:MOST_NAMED])
    last: dict[Key, dict[str, object]] = {}
    if wanted:
        entries = JournalEntry.objects.filter(seq__lte=head).order_by("seq")
        for entry in entries.iterator(AT_ONCE):
            for image in entry.images:
                key = (image["table"], image["pk"])
                if key in wanted:
                    last[key] = image["fields"]
    return [
        Difference(DifferenceKind.DIFFERS, *key, _changed(last.get(key) or {}, live))
        for key, live in differing.items()
    ]


def _changed(before: dict[str, object], live: dict[str, object]) -> tuple[str, ...]:
    if not before:
        return ()
    names = sorted(before.keys() | live.keys())
    return tuple(
        name
        for name in names
        if name not in before
        or name not in live
        or canonical_bytes(before[name]) != canonical_bytes(live[name])
    )
