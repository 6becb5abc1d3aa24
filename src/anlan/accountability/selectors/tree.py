"""The stored tree: full subtrees by name, read in few queries.

Leaves are the journal's own; of the subtrees above them only those of at least
``2 ** BLOCK_LEVEL`` leaves are stored, smaller ones are hashed when asked for.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Max, Q

from anlan.accountability.domain.merkle import NodeName, full_subtrees, node_hash, root_from
from anlan.accountability.models import LedgerNode
from anlan.infra.models import JournalEntry
from anlan.kernel.errors import IntegrityBreachError

BLOCK_LEVEL = 6
BLOCK = 1 << BLOCK_LEVEL


class LedgerContradictionError(IntegrityBreachError):
    """The journal does not hold what the ledger has already signed."""

    code = "ledger.contradiction"


class StoredTree:
    """Reads full subtrees; what was loaded is kept for the life of the object."""

    def __init__(self) -> None:
        self._known: dict[NodeName, bytes] = {}

    def load(self, names: Iterable[NodeName]) -> None:
        """Read many nodes in two queries."""
        names = set(names)
        stored, leaves = Q(), Q()
        for level, index in names:
            if level >= BLOCK_LEVEL:
                stored |= Q(level=level, index=index)
            else:
                first = index << level >> BLOCK_LEVEL << BLOCK_LEVEL
                leaves |= Q(seq__gt=first, seq__lte=first + BLOCK)
        if stored:
            for node in LedgerNode.objects.filter(stored):
                self._known[node.level, node.index] = bytes.fromhex(node.hash)
        if leaves:
            found = JournalEntry.objects.filter(leaves).values_list("seq", "leaf")
            self._known.update({(0, seq - 1): bytes.fromhex(leaf) for seq, leaf in found})

    def read(self, level: int, index: int) -> bytes:
        """Return the hash of a full subtree.

        Raises
        ------
        LedgerContradictionError
            When an entry below it is missing.
        """
        if (level, index) not in self._known:
            self._known[level, index] = self._compute(level, index)
        return self._known[level, index]

    def _compute(self, level: int, index: int) -> bytes:
        if level == 0 or level >= BLOCK_LEVEL:
            self.load([(level, index)])
            if (level, index) in self._known:
                return self._known[level, index]
        if level == 0:
            raise LedgerContradictionError(what=f"entry {index + 1} is missing")
        # A stored subtree that was lost is only slower to read: it follows from its halves.
        return node_hash(self.read(level - 1, 2 * index), self.read(level - 1, 2 * index + 1))

    def root(self, size: int) -> bytes:
        """Return the root over the first ``size`` entries."""
        self.load(full_subtrees(0, size))
        return root_from(size, self.read)


def stored_blocks() -> int:
    """Return how many leading blocks of leaves have their subtree stored."""
    last = LedgerNode.objects.filter(level=BLOCK_LEVEL).aggregate(last=Max("index"))["last"]
    return 0 if last is None else int(last) + 1
