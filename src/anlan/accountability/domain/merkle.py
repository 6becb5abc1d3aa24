"""The Merkle tree of RFC 9162 §2.1: roots, proofs, and their verification.

A *node* is named by its level and its place in that level: node ``(level, index)``
is the root of the full subtree over the leaves ``[index << level, (index + 1) << level)``.
Full subtrees never change once they are full, which is why they can be stored and
why a proof needs only O(log n) of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

LEAF_PREFIX = b"\x00"
NODE_PREFIX = b"\x01"
EMPTY_ROOT = hashlib.sha256(b"").digest()
HASH_BYTES = 32

NodeName = tuple[int, int]  # (level, index)
NodeReader = Callable[[int, int], bytes]


class ProofError(Exception):
    """A proof that cannot be right whatever the hashes are: sizes or shape do not fit."""


class RootMismatchError(ProofError):
    """A proof was computed to its end and gave another root than the one claimed."""

    def __init__(self, *, expected: bytes, computed: bytes) -> None:
        self.expected = expected
        self.computed = computed
        super().__init__(f"root {computed.hex()} was computed where {expected.hex()} was claimed")


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf; the prefix keeps a leaf from posing as an inner node."""
    return hashlib.sha256(LEAF_PREFIX + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(NODE_PREFIX + left + right).digest()


def full_subtrees(start: int, end: int) -> list[NodeName]:
    """Return the fewest full subtrees that cover the leaves ``[start, end)``, left to right.

    ``start`` must be a multiple of a power of two not smaller than the range: ranges
    in this tree always begin where a subtree begins.
    """
    found: list[NodeName] = []
    while start < end:
        level = (end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        found.append((level, start >> level))
        start += 1 << level
    return found


def _fold(hashes: Sequence[bytes]) -> bytes:
    """Combine subtrees of falling size, right to left, into the root over all of them."""
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def root_from(size: int, read: NodeReader) -> bytes:
    """Return the root of the first ``size`` leaves, reading only full subtrees."""
    if size == 0:
        return EMPTY_ROOT
    return _fold([read(*name) for name in full_subtrees(0, size)])


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the root over leaf hashes, in one pass and O(log n) memory."""
    compact = CompactRange()
    for leaf in leaves:
        compact.append(leaf)
    return compact.root()


def _split(size: int) -> int:
    """Return the largest power of two below ``size`` (the left part of a tree)."""
    return 1 << (size - 1).bit_length() - 1


def inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """Return the leaf ranges whose roots make the inclusion proof, lowest first."""
    if not 0 <= index < size:
        raise ProofError(f"no leaf {index} in a tree of {size}")
    ranges: list[tuple[int, int]] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def consistency_ranges(old: int, new: int) -> list[tuple[int, int]]:
    """Return the leaf ranges whose roots make the consistency proof (RFC 9162 §2.1.4.1)."""
    if not 0 < old <= new:
        raise ProofError(f"no consistency proof from size {old} to size {new}")
    ranges: list[tuple[int, int]] = []
    start, end, known = 0, new, True
    while old < end:
        middle = start + _split(end - start)
        if old <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start, known = middle, False
    if not known:
        ranges.append((start, end))
    return ranges[::-1]


def range_root(start: int, end: int, read: NodeReader) -> bytes:
    """Return the root over the leaves ``[start, end)`` of one subtree."""
    return _fold([read(*name) for name in full_subtrees(start, end)])


def names_needed(ranges: Iterable[tuple[int, int]]) -> list[NodeName]:
    """Return every node that computing ``ranges`` will read, so that it can be read at once."""
    return [name for start, end in ranges for name in full_subtrees(start, end)]


def inclusion_proof(index: int, size: int, read: NodeReader) -> list[bytes]:
    """Return the proof that leaf ``index`` is in the tree of ``size`` leaves."""
    return [range_root(start, end, read) for start, end in inclusion_ranges(index, size)]


def consistency_proof(old: int, new: int, read: NodeReader) -> list[bytes]:
    """Return the proof that the tree of ``new`` leaves begins with that of ``old`` leaves."""
    return [range_root(start, end, read) for start, end in consistency_ranges(old, new)]


def verify_inclusion(
    *, index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """Check an inclusion proof (RFC 9162 §2.1.3.2).

    Raises
    ------
    ProofError
        When index, size or length of the proof do not fit; nothing was hashed.
    RootMismatchError
        When the proof leads to another root.
    """
    ranges = inclusion_ranges(index, size)
    _check_lengths(proof, expected=len(ranges))
    computed = leaf
    for (start, _), sibling in zip(ranges, proof, strict=True):
        computed = node_hash(computed, sibling) if start > index else node_hash(sibling, computed)
    if computed != root:
        raise RootMismatchError(expected=root, computed=computed)


def verify_consistency(
    *, old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that a tree of ``new`` leaves only added to one of ``old`` leaves (§2.1.4.2).

    Raises
    ------
    ProofError
        When sizes or length of the proof do not fit; nothing was hashed.
    RootMismatchError
        When the proof leads to another root at either size.
    """
    ranges = consistency_ranges(old, new)
    _check_lengths(proof, expected=len(ranges))
    hashes = list(proof)
    # When the old tree is itself a full left part of the new one, the proof leaves it out.
    begun = old_root if not ranges or ranges[0][0] >= old else hashes.pop(0)
    rest = ranges[len(ranges) - len(hashes) :]
    computed_old = computed_new = begun
    for (start, _), sibling in zip(rest, hashes, strict=True):
        if start >= old:
            computed_new = node_hash(computed_new, sibling)
        else:
            computed_old = node_hash(sibling, computed_old)
            computed_new = node_hash(sibling, computed_new)
    if computed_old != old_root:
        raise RootMismatchError(expected=old_root, computed=computed_old)
    if computed_new != new_root:
        raise RootMismatchError(expected=new_root, computed=computed_new)


def _check_lengths(proof: Sequence[bytes], *, expected: int) -> None:
    if len(proof) != expected:
        raise ProofError(f"the proof has {len(proof)} hashes where {expected} are needed")
    if any(len(item) != HASH_BYTES for item in proof):
        raise ProofError("a hash of the proof does not have 32 bytes")


class CompactRange:
    """The right edge of a growing tree: enough to append to it and to know its root.

    ``finished`` hears of every full subtree above the leaves at the moment it is full.
    """

    def __init__(
        self,
        size: int = 0,
        edge: Sequence[bytes] = (),
        finished: Callable[[int, int, bytes], None] | None = None,
    ) -> None:
        if len(edge) != size.bit_count():
            raise ProofError(f"a tree of {size} has {size.bit_count()} edge nodes, not {len(edge)}")
        self.size = size
        self.edge = list(edge)
        self.finished = finished

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        self.append_subtree(0, leaf)

    def append_subtree(self, level: int, node: bytes) -> None:
        """Add a full subtree of ``1 << level`` leaves; the tree must end where it can begin."""
        if self.size & ((1 << level) - 1):
            raise ProofError(f"a subtree of level {level} cannot begin at leaf {self.size}")
        index = self.size >> level
        while index & 1:
            node = node_hash(self.edge.pop(), node)
            level, index = level + 1, index >> 1
            if self.finished is not None:
                self.finished(level, index, node)
        self.edge.append(node)
        self.size = (index + 1) << level

    def root(self) -> bytes:
        """Return the root over everything appended so far."""
        return _fold(self.edge) if self.edge else EMPTY_ROOT
