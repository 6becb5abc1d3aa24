"""A ledger's life in any order: append, sign, rotate, prove, and be tampered with."""

from __future__ import annotations

from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from anlan.accountability.domain.audit import (
    Evidence,
    KeyRecord,
    LeafEntry,
    OutsideNote,
    audit,
)
from anlan.accountability.domain.merkle import (
    CompactRange,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from anlan.accountability.domain.note import (
    CheckpointText,
    KeyText,
    VerifierKey,
    sign,
    verifier_key,
)
from anlan.accountability.domain.verdict import FindingKind as Kind
from anlan.kernel.canonical import canonical_bytes

NOW = datetime(2026, 7, 20, 8, 0, tzinfo=UTC)
ORIGIN = "anlan/life"


class LedgerLife(RuleBasedStateMachine):
    """The model is a plain list of entries; the ledger must never say otherwise."""

    def __init__(self):
        super().__init__()
        self.entries = []
        self.tree = CompactRange()
        self.signed = []  # (size, root, note)
        self.private = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
        first = verifier_key(ORIGIN, self.private)
        self.keys = [KeyRecord(number=1, vkey=first.text(), from_size=0, endorsement="")]

    def key(self):
        return VerifierKey.parse(self.keys[-1].vkey)

    def leaves(self):
        return [leaf_hash(data) for data in self.entries]

    def read(self, level, index):
        return root_of(self.leaves()[index << level : (index + 1) << level])

    def verdict(self, entries=None, checkpoints=None, outside=None):
        entries = self.entries if entries is None else entries
        notes = [note for _, _, note in self.signed]
        held = [OutsideNote(f"{place:03d}", note) for place, note in enumerate(notes)]
        return audit(
            Evidence(
                origin=ORIGIN,
                entries=[LeafEntry(seq=n, data=data) for n, data in enumerate(entries, start=1)],
                checkpoints=notes if checkpoints is None else checkpoints,
                keys=self.keys,
                outside=held if outside is None else outside,
                pinned=self.keys[0].vkey,
            )
        )

    @rule(count=st.integers(1, 9), word=st.text(max_size=5))
    def append(self, count, word):
        for _ in range(count):
            data = canonical_bytes({"seq": len(self.entries) + 1, "word": word})
            self.entries.append(data)
            self.tree.append(leaf_hash(data))

    @precondition(
        lambda self: self.entries and (not self.signed or self.signed[-1][0] < len(self.entries))
    )
    @rule()
    def seal(self):
        root = self.tree.root()
        text = CheckpointText(ORIGIN, len(self.entries), root, NOW).text()
        note = sign(text, key=self.key(), private=self.private)
        self.signed.append((len(self.entries), root, note))

    @precondition(lambda self: len(self.keys) < 5)
    @rule()
    def rotate(self):
        number, size = len(self.keys) + 1, len(self.entries)
        fresh = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
        public = verifier_key(ORIGIN, fresh)
        said = KeyText(public, size, NOW).text()
        note = sign(said, key=self.key(), private=self.private)
        self.keys.append(KeyRecord(number, public.text(), size, note))
        self.private = fresh
        # As in the journal: the entry that tells of the rotation comes after it.
        self.append(1, "rotated")

    @precondition(lambda self: self.signed)
    @rule(data=st.data())
    def prove_an_entry(self, data):
        size, root, _ = data.draw(st.sampled_from(self.signed))
        index = data.draw(st.integers(0, size - 1))
        proof = inclusion_proof(index, size, self.read)
        leaf = leaf_hash(self.entries[index])
        verify_inclusion(index=index, size=size, leaf=leaf, proof=proof, root=root)

    @precondition(lambda self: self.signed)
    @rule(data=st.data())
    def prove_growth(self, data):
        pair = [data.draw(st.sampled_from(self.signed)) for _ in range(2)]
        (old, old_root, _), (new, new_root, _) = sorted(pair)
        proof = consistency_proof(old, new, self.read)
        verify_consistency(old=old, new=new, old_root=old_root, new_root=new_root, proof=proof)

    @precondition(lambda self: self.signed)
    @rule(data=st.data())
    def change_an_entry(self, data):
        index = data.draw(st.integers(0, self.signed[-1][0] - 1))
        bent = [*self.entries]
        bent[index] = bent[index][:-1] + b' ,"more":1}'
        assert Kind.ROOT_DIFFERS in {item.kind for item in self.verdict(bent).findings}

    @precondition(lambda self: self.signed)
    @rule(data=st.data())
    def take_entries_back(self, data):
        left = data.draw(st.integers(0, self.signed[-1][0] - 1))
        # Every trace inside goes as well; only the witness remembers.
        notes = [note for size, _, note in self.signed if size <= left]
        found = {item.kind for item in self.verdict(self.entries[:left], notes).findings}
        assert Kind.ENTRIES_CUT_OFF in found

    @precondition(lambda self: self.signed)
    @rule(data=st.data())
    def remove_a_checkpoint(self, data):
        gone = data.draw(st.integers(0, len(self.signed) - 1))
        notes = [note for place, (_, _, note) in enumerate(self.signed) if place != gone]
        found = [item.subject for item in self.verdict(checkpoints=notes).findings]
        assert f"outside:{gone:03d}" in found

    @invariant()
    def the_untouched_ledger_holds(self):
        verdict = self.verdict()
        expected = [] if self.signed or not self.entries else [Kind.CHECKPOINTS_NONE]
        assert [item.kind for item in verdict.findings] == expected
        assert verdict.root == self.tree.root().hex()
        assert verdict.sealed == (self.signed[-1][0] if self.signed else 0)


TestLedgerLife = LedgerLife.TestCase
TestLedgerLife.settings = settings(
    max_examples=30, stateful_step_count=25, deadline=None, derandomize=True
)
