"""Entries, checkpoints and keys as the auditor sees them: bytes and texts."""

from __future__ import annotations

from collections.abc import Iterator

from anlan.accountability.domain.audit import KeyRecord, LeafEntry
from anlan.accountability.models import LedgerKey
from anlan.infra.journal import entry_bytes
from anlan.infra.models import JournalEntry

AT_ONCE = 2000


def data_of(entry: JournalEntry) -> bytes:
    """Return the canonical bytes of an entry, as its row stands now."""
    return entry_bytes(entry.seq, entry.event, entry.at, entry.actor, entry.payload, entry.images)


def leaf_entries(up_to: int | None = None, *, after: int = 0) -> Iterator[LeafEntry]:
    """Yield the journal's entries in order."""
    rows = JournalEntry.objects.order_by("seq")
    if after:
        rows = rows.filter(seq__gt=after)
    if up_to is not None:
        rows = rows.filter(seq__lte=up_to)
    for row in rows.iterator(AT_ONCE):
        yield LeafEntry(seq=row.seq, data=data_of(row), kept_leaf=_leaf(row.leaf))


def _leaf(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""  # no leaf hash is empty: the entry will be found changed


def key_records() -> list[KeyRecord]:
    """Return the ledger's keys in the order of their use."""
    return [
        KeyRecord(
            number=row.number,
            vkey=row.vkey,
            from_size=row.from_size,
            endorsement=row.endorsement,
        )
        for row in LedgerKey.objects.order_by("number")
    ]
