"""Proofs of single entries and of growth, out of the stored tree."""

from __future__ import annotations

import pytest
from django.db import transaction

from anlan.accountability import public
from anlan.accountability.domain import note as notes
from anlan.accountability.domain.merkle import verify_consistency, verify_inclusion
from anlan.accountability.selectors.tree import BLOCK
from anlan.accountability.services.proving import NotSealedError
from anlan.infra import journal
from anlan.kernel.errors import ConflictError, NotFoundError

from .conftest import grow, seal

pytestmark = pytest.mark.django_db(databases="__all__")


# --- proofs ---


def test_every_entry_has_a_proof_that_holds(places):
    grow(2 * BLOCK + 9)
    sealed = seal(places)
    for seq in (1, 2, 63, 64, 65, 128, 129, sealed.size):
        shown = public.proof(seq, places=places)
        key = notes.VerifierKey.parse(shown["keys"][0]["vkey"])
        said = notes.CheckpointText.parse(notes.open_note(shown["checkpoint"], key))
        verify_inclusion(
            index=seq - 1,
            size=said.size,
            leaf=bytes.fromhex(journal.leaf_hash(shown["entry"].encode())),
            proof=[bytes.fromhex(item) for item in shown["proof"]],
            root=said.root,
        )


def test_a_proof_reads_little_however_long_the_journal(places, django_assert_num_queries):
    grow(2 * BLOCK + 9)
    seal(places)
    with django_assert_num_queries(6):
        public.proof(70, places=places)


def test_growth_between_two_checkpoints_is_provable(places):
    grow(BLOCK - 1)
    first = seal(places)
    grow(BLOCK + 5)
    second = seal(places)
    shown = public.consistency(first.size, second.size, places=places)
    verify_consistency(
        old=first.size,
        new=second.size,
        old_root=bytes.fromhex(first.root),
        new_root=bytes.fromhex(second.root),
        proof=[bytes.fromhex(item) for item in shown["proof"]],
    )
    with pytest.raises(ConflictError):
        public.consistency(second.size, first.size, places=places)


def test_proofs_of_what_is_not_there_are_refused(places):
    grow(2)
    with pytest.raises(NotSealedError):
        public.proof(1, places=places)
    seal(places)
    with pytest.raises(NotFoundError):
        public.proof(99, places=places)
    with pytest.raises(NotFoundError):
        public.proof(1, size=2, places=places)
    with pytest.raises(NotSealedError):
        public.proof(4, places=places)


def test_a_refused_write_leaves_no_gap(places):
    def refused():
        with transaction.atomic():
            grow(1)
            raise ZeroDivisionError

    grow(1)
    with pytest.raises(ZeroDivisionError):
        refused()
    grow(1)
    seal(places)
    assert public.verify(places).holds
