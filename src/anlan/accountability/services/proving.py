"""Proofs of single entries and of growth, in the form the standalone verifier reads."""

from __future__ import annotations

from anlan.accountability.domain.merkle import (
    consistency_ranges,
    inclusion_ranges,
    names_needed,
    range_root,
)
from anlan.accountability.domain.places import LedgerPlaces
from anlan.accountability.models import Checkpoint
from anlan.accountability.selectors.entries import data_of, key_records
from anlan.accountability.selectors.tree import StoredTree
from anlan.infra.models import JournalEntry
from anlan.kernel.errors import ConflictError, NotFoundError

INCLUSION = "anlan-inclusion-proof/1"
CONSISTENCY = "anlan-consistency-proof/1"


class NotSealedError(ConflictError):
    """The entry is younger than the last checkpoint."""

    code = "ledger.not_sealed_yet"


def _checkpoint(size: int) -> Checkpoint:
    found = Checkpoint.objects.filter(size=size).first()
    if found is None:
        raise NotFoundError(what="checkpoint", size=size)
    return found


def _hashes(ranges: list[tuple[int, int]]) -> list[str]:
    tree = StoredTree()
    tree.load(names_needed(ranges))
    return [range_root(start, end, tree.read).hex() for start, end in ranges]


def _keys() -> list[dict[str, object]]:
    return [
        {
            "number": key.number,
            "vkey": key.vkey,
            "from_size": key.from_size,
            "endorsement": key.endorsement,
        }
        for key in key_records()
    ]


def proof(places: LedgerPlaces, seq: int, *, size: int | None = None) -> dict[str, object]:
    """Return the proof that entry ``seq`` is under a signed checkpoint (the newest, or ``size``).

    Raises
    ------
    NotFoundError
        When there is no such entry or checkpoint.
    NotSealedError
        When no checkpoint reaches the entry yet.
    """
    entry = JournalEntry.objects.filter(seq=seq).first()
    if entry is None:
        raise NotFoundError(what="entry", seq=seq)
    last = Checkpoint.objects.order_by("-size").first()
    sealed = last.size if last is not None else 0
    if seq > (sealed if size is None else size):
        raise NotSealedError(seq=seq, sealed=sealed)
    checkpoint = _checkpoint(sealed if size is None else size)
    return {
        "format": INCLUSION,
        "origin": places.origin,
        "seq": seq,
        "entry": data_of(entry).decode(),
        "proof": _hashes(inclusion_ranges(seq - 1, checkpoint.size)),
        "checkpoint": checkpoint.note,
        "keys": _keys(),
    }


def consistency(places: LedgerPlaces, old: int, new: int) -> dict[str, object]:
    """Return the proof that the ledger at checkpoint ``new`` only added to the one at ``old``.

    Raises
    ------
    NotFoundError
        When there is no checkpoint of one of these sizes.
    ConflictError
        When ``old`` is larger than ``new``.
    """
    if old > new:
        raise ConflictError(what="sizes", old=old, new=new)
    first, second = _checkpoint(old), _checkpoint(new)
    return {
        "format": CONSISTENCY,
        "origin": places.origin,
        "old_checkpoint": first.note,
        "new_checkpoint": second.note,
        "proof": _hashes(consistency_ranges(old, new)),
        "keys": _keys(),
    }
