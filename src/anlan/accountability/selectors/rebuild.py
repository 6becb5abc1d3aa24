"""Rebuild equality: the state that the journal describes, held against the live tables (I16)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from anlan.infra import journal
from anlan.infra.models import JournalEntry
from anlan.kernel.canonical import canonical_bytes

AT_ONCE = 2000
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
    hold their digests, which stay when a content is lawfully destroyed.
    """
    described: dict[Key, bytes] = {}
    for entry in JournalEntry.objects.order_by("seq").iterator(AT_ONCE):
        for image in entry.images:
            key = (image["table"], image["pk"])
            if image["fields"] is None:
                described.pop(key, None)
            else:
                described[key] = _digest(image["fields"])
    found: list[Difference] = []
    differing: dict[Key, dict[str, object]] = {}
    for key, fields in _live():
        expected = described.pop(key, None)
        if expected is None:
            found.append(Difference(DifferenceKind.EXTRA, *key))
        elif expected != _digest(fields):
            differing[key] = fields
    found += [Difference(DifferenceKind.MISSING, *key) for key in described]
    found += _named(differing)
    return sorted(found, key=lambda item: (item.table, str(item.pk)))


def _live() -> Iterator[tuple[Key, dict[str, object]]]:
    for model in journal.journalled_models():
        table = model._meta.label_lower
        for row in model._default_manager.all().iterator(AT_ONCE):
            image = journal.image_of(row)
            fields = image["fields"]
            assert isinstance(fields, dict)  # noqa: S101  narrows for the type checker
            yield (table, image["pk"]), fields


def _named(differing: dict[Key, dict[str, object]]) -> list[Difference]:
    """Name the fields that differ, by a second reading of the journal for these rows."""
    wanted = dict(list(differing.items())[:MOST_NAMED])
    last: dict[Key, dict[str, object]] = {}
    if wanted:
        for entry in JournalEntry.objects.order_by("seq").iterator(AT_ONCE):
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
