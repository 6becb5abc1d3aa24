"""Sealing: the tree grows over the journal, its root is signed, the witness goes outside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from anlan.accountability.domain import witness
from anlan.accountability.domain.events import CheckpointSigned
from anlan.accountability.domain.merkle import CompactRange, full_subtrees
from anlan.accountability.domain.note import CheckpointText, sign
from anlan.accountability.domain.places import LedgerPlaces
from anlan.accountability.models import Checkpoint, LedgerKey, LedgerNode
from anlan.accountability.selectors.tree import (
    BLOCK,
    BLOCK_LEVEL,
    LedgerContradictionError,
    StoredTree,
    stored_blocks,
)
from anlan.accountability.services import keys
from anlan.infra import failpoints, journal
from anlan.infra.models import JournalEntry, JournalHead
from anlan.kernel.actor import Actor, system_actor
from anlan.kernel.errors import UnavailableError

GROW_BLOCKS = 512  # per transaction: no writer waits long for a ledger that fell behind


class WitnessUnwritableError(UnavailableError):
    """The folder outside the workspace does not take the checkpoint."""

    code = "ledger.outside_unwritable"


@dataclass(frozen=True, slots=True)
class Sealed:
    """How far the ledger is sealed; ``fresh`` when this call signed it."""

    size: int
    root: str
    signed_at: datetime | None
    fresh: bool


def seal(places: LedgerPlaces, *, now: datetime) -> Sealed:
    """Sign a checkpoint over every entry there is, and leave it outside.

    Nothing is signed when nothing was added but the last checkpoint's own entry.
    A checkpoint that could not be left outside is left there by the next call.

    Raises
    ------
    LedgerContradictionError
        When the journal contradicts what was signed before: it is not signed over.
    KeyMissingError
        When the private key is gone.
    WitnessUnwritableError
        When the folder outside cannot be written; the checkpoint itself is kept.
    """
    actor = system_actor("ledger")
    keys.ensure_first(actor, places, now=now)
    while _grow(GROW_BLOCKS):
        pass
    sealed = _sign(actor, places, now=now)
    failpoints.reach("ledger.signed")
    try:
        leave_outside(places)
    except OSError as error:
        raise WitnessUnwritableError(reason=type(error).__name__) from error
    return sealed


@transaction.atomic
def _grow(limit: int) -> int:
    """Store the subtrees over blocks of leaves that became full; return how many blocks."""
    head = JournalHead.objects.get(id=1).seq
    done = stored_blocks()
    if done * BLOCK > head:
        raise LedgerContradictionError(what=f"the tree holds more than {head} entries")
    fresh = min(head // BLOCK - done, limit)
    if fresh <= 0:
        return 0
    start = done * BLOCK
    leaves = list(
        JournalEntry.objects.filter(seq__gt=start, seq__lte=start + fresh * BLOCK)
        .order_by("seq")
        .values_list("seq", "leaf")
    )
    if [seq for seq, _ in leaves] != list(range(start + 1, start + fresh * BLOCK + 1)):
        raise LedgerContradictionError(what=f"the journal has a gap after entry {start}")
    stored = StoredTree()
    before = full_subtrees(0, start)
    stored.load(before)
    nodes: list[LedgerNode] = []

    def finished(level: int, index: int, node: bytes) -> None:
        if level >= BLOCK_LEVEL:
            nodes.append(LedgerNode(level=level, index=index, hash=node.hex()))

    tree = CompactRange(start, [stored.read(*name) for name in before], finished)
    for _, leaf in leaves:
        tree.append(bytes.fromhex(leaf))
    LedgerNode.objects.bulk_create(nodes, batch_size=500, ignore_conflicts=True)
    return fresh


@transaction.atomic
def _sign(actor: Actor, places: LedgerPlaces, *, now: datetime) -> Sealed:
    # Under the head lock every entry up to the head is committed, and no second seal runs.
    head = JournalHead.objects.select_for_update().get(id=1).seq
    last = Checkpoint.objects.order_by("-size").first()
    tree = StoredTree()
    if last is not None:
        if last.size > head or tree.root(last.size).hex() != last.root:
            raise LedgerContradictionError(what=f"entries up to {last.size} are not those signed")
        if head - last.size <= 1:
            return Sealed(last.size, last.root, last.signed_at, fresh=False)
    key, public, private = keys.current(places)
    said = CheckpointText(origin=places.origin, size=head, root=tree.root(head), at=now)
    row = Checkpoint(
        size=head,
        root=said.root.hex(),
        key=key,
        note=sign(said.text(), key=public, private=private),
        signed_at=now,
    )
    event = CheckpointSigned(size=head, root=row.root, key=public.key_hash.hex())
    journal.record(event, actor=actor, now=now, rows=[row])
    return Sealed(row.size, row.root, now, fresh=True)


def leave_outside(places: LedgerPlaces) -> int:
    """Leave every checkpoint outside that is not there yet; return how many were written."""
    first = LedgerKey.objects.filter(number=1).first()
    if first is None:
        return 0
    witness.leave(places.outside, witness.PIN, first.vkey + "\n")
    missing: list[tuple[str, str]] = []
    for row in Checkpoint.objects.order_by("-size").iterator(500):
        name = witness.checkpoint_name(row.size, row.root)
        if (places.outside / name).exists():
            break  # they are left oldest first: what is older than one outside is outside
        missing.append((name, row.note))
    for name, note in reversed(missing):
        witness.leave(places.outside, name, note)
    return len(missing)
