"""Verification of the running ledger against its entries, its signatures and its witness."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from anlan.accountability.domain import witness
from anlan.accountability.domain.audit import (
    ContentsNamed,
    Evidence,
    FindingKind,
    LeafEntry,
    Verdict,
    audit,
)
from anlan.accountability.domain.note import NoteError, read_unchecked
from anlan.accountability.domain.places import LedgerPlaces
from anlan.accountability.models import Checkpoint, LedgerNode
from anlan.accountability.selectors.contents import ContentState, standings
from anlan.accountability.selectors.entries import key_records, leaf_entries
from anlan.infra import contents


def _passing(entries: Iterable[LeafEntry], named: ContentsNamed) -> Iterator[LeafEntry]:
    """Listen to the entries as they pass."""
    for entry in entries:
        named.note(entry.data)
        yield entry


def verify(places: LedgerPlaces) -> Verdict:
    """Recompute the whole ledger and return what is not as it must be.

    Every leaf is computed anew from its entry, every checkpoint inside and outside is
    held against the root computed at its size, every signature against the chain of
    keys, every stored subtree and every content item against its digest.  It reads
    everything: ten to twenty seconds per hundred thousand entries.
    """
    held = witness.read(places.outside)
    rows = list(Checkpoint.objects.order_by("size"))
    named = ContentsNamed()
    nodes = _Nodes()
    verdict = audit(
        Evidence(
            origin=places.origin,
            entries=_passing(leaf_entries(), named),
            checkpoints=[row.note for row in rows],
            keys=key_records(),
            outside=held.notes,
            pinned=held.pinned,
            finished=nodes.finished,
        )
    )
    _check_rows(rows, verdict)
    nodes.check(verdict)
    _check_contents(named, verdict)
    return verdict


class _Nodes:
    """Compares each stored subtree with the one that the entries give."""

    def __init__(self) -> None:
        stored = LedgerNode.objects.values_list("level", "index", "hash")
        self._stored = {(level, index): node for level, index, node in stored}
        self._wrong: list[tuple[int, int]] = []

    def finished(self, level: int, index: int, node: bytes) -> None:
        if self._stored.pop((level, index), node.hex()) != node.hex():
            self._wrong.append((level, index))

    def check(self, verdict: Verdict) -> None:
        # What was not met on the way belongs to entries that are not there.
        for level, index in sorted([*self._wrong, *self._stored]):
            verdict.add(FindingKind.NODE_WRONG, f"node:{level}/{index}")


def _check_rows(rows: list[Checkpoint], verdict: Verdict) -> None:
    for row in rows:
        try:
            said = read_unchecked(row.note)
        except NoteError:
            continue  # the audit has said so already
        if (said.size, said.root.hex()) != (row.size, row.root):
            verdict.add(FindingKind.CHECKPOINT_ALTERED, f"checkpoint:{row.size}")


def _check_contents(named: ContentsNamed, verdict: Verdict) -> None:
    for item_id in contents.verify():
        verdict.add(FindingKind.CONTENT_CHANGED, f"content:{item_id}", "data")
    recorded = frozenset(named.destroyed)
    states = list(standings(named.digests))
    # Contents may have been destroyed while the entries were read: their record came first.
    for entry in leaf_entries(after=verdict.entries):
        named.note(entry.data)
    for found in states:
        subject = f"content:{found.id}"
        if found.state is ContentState.MISSING:
            verdict.add(FindingKind.CONTENT_MISSING, subject)
            continue
        if found.journal_digest != found.store_digest:
            verdict.add(FindingKind.CONTENT_CHANGED, subject, "digest")
        if found.state is ContentState.KEPT:
            verdict.contents_kept += 1
            if found.id in recorded:
                verdict.add(FindingKind.CONTENT_NOT_DESTROYED, subject)
            continue
        verdict.contents_destroyed += 1
        if found.id not in named.destroyed:
            verdict.add(FindingKind.CONTENT_DESTROYED_UNRECORDED, subject)
