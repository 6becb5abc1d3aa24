"""The tree against the recursion of the standard, and every proof against tampering."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anlan.accountability.domain import merkle
from anlan.accountability.domain.merkle import (
    CompactRange,
    ProofError,
    RootMismatchError,
    consistency_proof,
    full_subtrees,
    inclusion_proof,
    leaf_hash,
    root_from,
    root_of,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [leaf_hash(str(number).encode()) for number in range(300)]


# --- the oracle: RFC 9162 §2.1.1, §2.1.3.1 and §2.1.4.1, word for word ---


def split(n):
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def naive_root(leaves):
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return hashlib.sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def naive_path(m, leaves):
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*naive_path(m, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(m - k, leaves[k:]), naive_root(leaves[:k])]


def naive_subproof(m, leaves, whole):
    n = len(leaves)
    if m == n:
        return [] if whole else [naive_root(leaves)]
    k = split(n)
    if m <= k:
        return [*naive_subproof(m, leaves[:k], whole), naive_root(leaves[k:])]
    return [*naive_subproof(m - k, leaves[k:], False), naive_root(leaves[:k])]


def reader(leaves):
    def read(level, index):
        part = leaves[index << level : (index + 1) << level]
        assert len(part) == 1 << level, "only full subtrees may be read"
        return naive_root(part)

    return read


sizes = st.integers(0, 300)


def test_every_size_has_the_root_of_the_recursion():
    tree = CompactRange()
    for size in range(301):
        assert tree.size == size
        assert tree.root() == naive_root(LEAVES[:size])
        if size < 300:
            tree.append(LEAVES[size])


@settings(deadline=None)
@given(sizes)
def test_root_from_stored_subtrees(size):
    assert root_from(size, reader(LEAVES)) == naive_root(LEAVES[:size])
    assert root_of(LEAVES[:size]) == naive_root(LEAVES[:size])


@given(sizes)
def test_full_subtrees_cover_the_range_once(size):
    covered = []
    for level, index in full_subtrees(0, size):
        covered += range(index << level, (index + 1) << level)
    assert covered == list(range(size))
    assert len(full_subtrees(0, size)) == size.bit_count()


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_inclusion_proofs_are_those_of_the_recursion_and_hold(data):
    size = data.draw(st.integers(1, 300))
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, reader(LEAVES))
    assert proof == naive_path(index, LEAVES[:size])
    root = naive_root(LEAVES[:size])
    verify_inclusion(index=index, size=size, leaf=LEAVES[index], proof=proof, root=root)


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_consistency_proofs_are_those_of_the_recursion_and_hold(data):
    new = data.draw(st.integers(1, 300))
    old = data.draw(st.integers(1, new))
    proof = consistency_proof(old, new, reader(LEAVES))
    assert proof == naive_subproof(old, LEAVES[:new], True)
    verify_consistency(
        old=old,
        new=new,
        old_root=naive_root(LEAVES[:old]),
        new_root=naive_root(LEAVES[:new]),
        proof=proof,
    )


def test_small_trees_exhaustively():
    roots = [naive_root(LEAVES[:size]) for size in range(34)]
    for size in range(1, 34):
        for index in range(size):
            proof = inclusion_proof(index, size, reader(LEAVES))
            verify_inclusion(
                index=index, size=size, leaf=LEAVES[index], proof=proof, root=roots[size]
            )
        for old in range(1, size + 1):
            proof = consistency_proof(old, size, reader(LEAVES))
            verify_consistency(
                old=old, new=size, old_root=roots[old], new_root=roots[size], proof=proof
            )


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_a_proof_with_one_bit_changed_fails(data):
    size = data.draw(st.integers(2, 300))
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, reader(LEAVES))
    place = data.draw(st.integers(0, len(proof) - 1))
    bit = data.draw(st.integers(0, 255))
    bent = bytearray(proof[place])
    bent[bit // 8] ^= 1 << bit % 8
    proof[place] = bytes(bent)
    root = naive_root(LEAVES[:size])
    with pytest.raises(RootMismatchError) as caught:
        verify_inclusion(index=index, size=size, leaf=LEAVES[index], proof=proof, root=root)
    assert caught.value.expected == root
    assert caught.value.computed != root


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_a_rewritten_history_has_no_consistency(data):
    new = data.draw(st.integers(2, 300))
    old = data.draw(st.integers(1, new - 1))
    changed = data.draw(st.integers(0, old - 1))
    history = [*LEAVES[:new]]
    history[changed] = leaf_hash(b"rewritten")
    proof = consistency_proof(old, new, reader(history))
    with pytest.raises(RootMismatchError):
        verify_consistency(
            old=old,
            new=new,
            old_root=naive_root(LEAVES[:old]),
            new_root=naive_root(history),
            proof=proof,
        )


@pytest.mark.parametrize(("index", "size"), [(-1, 5), (5, 5), (6, 5), (0, 0)])
def test_a_leaf_outside_the_tree_is_refused_before_hashing(index, size, monkeypatch):
    monkeypatch.setattr(merkle, "node_hash", None)
    with pytest.raises(ProofError):
        verify_inclusion(index=index, size=size, leaf=LEAVES[0], proof=[], root=LEAVES[0])


@pytest.mark.parametrize("length", [0, 1, 2, 4])
def test_a_proof_of_the_wrong_length_is_refused_before_hashing(length, monkeypatch):
    monkeypatch.setattr(merkle, "node_hash", None)
    with pytest.raises(ProofError, match="hashes where 3"):
        verify_inclusion(index=0, size=5, leaf=LEAVES[0], proof=LEAVES[:length], root=LEAVES[9])


def test_a_short_hash_in_a_proof_is_refused():
    with pytest.raises(ProofError, match="32 bytes"):
        verify_inclusion(index=0, size=2, leaf=LEAVES[0], proof=[b"short"], root=LEAVES[9])


@pytest.mark.parametrize(("old", "new"), [(0, 5), (6, 5), (-1, 5)])
def test_consistency_of_impossible_sizes_is_refused(old, new):
    with pytest.raises(ProofError):
        verify_consistency(old=old, new=new, old_root=LEAVES[0], new_root=LEAVES[1], proof=[])


def test_equal_sizes_are_consistent_only_with_equal_roots():
    verify_consistency(old=5, new=5, old_root=LEAVES[0], new_root=LEAVES[0], proof=[])
    with pytest.raises(RootMismatchError):
        verify_consistency(old=5, new=5, old_root=LEAVES[0], new_root=LEAVES[1], proof=[])


def test_a_leaf_cannot_pose_as_a_node():
    left, right = LEAVES[0], LEAVES[1]
    assert leaf_hash(left + right) != merkle.node_hash(left, right)


@given(st.integers(0, 200), st.integers(0, 100))
def test_a_tree_taken_up_from_its_edge_grows_like_the_whole(start, more):
    finished = []
    read = reader(LEAVES)
    edge = [read(*name) for name in full_subtrees(0, start)]
    tree = CompactRange(
        start, edge, lambda level, index, node: finished.append((level, index, node))
    )
    for leaf in LEAVES[start : start + more]:
        tree.append(leaf)
    assert tree.root() == naive_root(LEAVES[: start + more])
    for level, index, node in finished:
        assert node == read(level, index)
        assert start < (index + 1) << level <= start + more


@pytest.mark.parametrize("level", [0, 3, 6])
def test_whole_subtrees_can_be_appended(level):
    tree = CompactRange()
    for index in range(256 >> level):
        tree.append_subtree(level, reader(LEAVES)(level, index))
    assert tree.root() == naive_root(LEAVES[:256])
    assert tree.size == 256


def test_an_edge_that_does_not_fit_its_size_is_refused():
    with pytest.raises(ProofError):
        CompactRange(3, [LEAVES[0]])
    tree = CompactRange(1, [LEAVES[0]])
    with pytest.raises(ProofError):
        tree.append_subtree(1, LEAVES[1])


def test_known_roots_of_the_certificate_transparency_reference():
    """The eight leaves and roots that implementations of RFC 6962 and 9162 share."""
    data = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"]
    data.append("606162636465666768696a6b6c6d6e6f")
    leaves = [leaf_hash(bytes.fromhex(text)) for text in data]
    assert root_of([]).hex() == ("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    assert root_of(leaves[:1]).hex() == (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    )
    assert root_of(leaves[:2]).hex() == (
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    )
    assert root_of(leaves).hex() == (
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    )
