"""Every way to cheat the ledger of a running system, each found by name."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from anlan.accountability import public
from anlan.accountability.domain import note as notes
from anlan.accountability.domain import witness
from anlan.accountability.domain.audit import FindingKind as Kind
from anlan.accountability.models import Checkpoint, LedgerNode
from anlan.accountability.selectors.contents import standings
from anlan.accountability.selectors.tree import BLOCK, LedgerContradictionError
from anlan.accountability.services import verifying
from anlan.infra import contents, journal
from anlan.infra.contents import ALIAS
from anlan.infra.models import ContentItem, JournalEntry, JournalHead
from anlan.registry import public as registry
from anlan.registry.domain.events import ContentsDestroyed

from .conftest import ME, NOW, a_holder_with_contact, found, grow, kinds, rewrite_leaves, seal

pytestmark = pytest.mark.django_db(databases="__all__")


# --- tampering with the running database ---


def test_a_changed_entry_is_named(places):
    grow(5)
    seal(places)
    JournalEntry.objects.filter(seq=3).update(actor="somebody else")
    verdict = public.verify(places)
    assert (Kind.ENTRY_CHANGED, "entry:3") in found(verdict)
    assert Kind.ROOT_DIFFERS in kinds(verdict)


def test_a_changed_entry_with_its_leaf_made_to_fit_is_found(places):
    grow(2)
    seal(places)
    grow(3)
    seal(places)
    JournalEntry.objects.filter(seq=5).update(actor="somebody else")
    rewrite_leaves()
    verdict = public.verify(places)
    (finding,) = verdict.findings
    assert finding.kind is Kind.ROOT_DIFFERS
    assert finding.detail == "entries 4-7", "the stretch between the two checkpoints is named"


def test_a_deleted_entry_is_named(places):
    grow(5)
    seal(places)
    JournalEntry.objects.filter(seq=2).delete()
    assert (Kind.ENTRY_MISSING, "entry:2") in found(public.verify(places))


def test_a_run_of_deleted_entries_is_named_once(places):
    grow(6)
    seal(places)
    JournalEntry.objects.filter(seq__in=[2, 3, 4]).delete()
    assert (Kind.ENTRY_MISSING, "entry:2-4") in found(public.verify(places))


def test_swapped_entries_are_found(places):
    grow(5)
    seal(places)
    two, three = JournalEntry.objects.get(seq=2), JournalEntry.objects.get(seq=3)
    two.seq, three.seq = 3, 2
    two.save()
    three.save()
    rewrite_leaves()
    assert Kind.ROOT_DIFFERS in kinds(public.verify(places))


def test_a_journal_rolled_back_is_found_by_the_witness(places):
    """What was appended and sealed is taken back, with every trace of it inside."""
    grow(3)
    first = seal(places)
    grow(3)
    second = seal(places)
    _roll_back_to(first.size + 1)
    verdict = public.verify(places)
    assert found(verdict) == {(Kind.ENTRIES_CUT_OFF, f"checkpoint:{second.size}")}


def test_a_fork_after_a_roll_back_is_found_by_the_witness(places):
    grow(3)
    first = seal(places)
    grow(3)
    second = seal(places)
    _roll_back_to(first.size + 1)
    grow(5, now=NOW + timedelta(hours=1))
    seal(places)
    verdict = public.verify(places)
    assert Kind.CHECKPOINT_REMOVED in kinds(verdict)
    assert (Kind.ROOT_DIFFERS, f"checkpoint:{second.size}") in found(verdict)


def test_a_fork_of_the_same_size_is_found_by_the_witness(places):
    grow(3)
    first = seal(places)
    grow(3)
    second = seal(places)
    _roll_back_to(first.size + 1)
    grow(3, now=NOW + timedelta(hours=1))
    assert seal(places, minutes=70).size == second.size
    verdict = public.verify(places)
    assert (Kind.HISTORY_FORKED, f"checkpoint:{second.size}") in found(verdict)
    assert len(witness.read(places.outside).notes) == 3


def _roll_back_to(size):
    JournalEntry.objects.filter(seq__gt=size).delete()
    JournalHead.objects.update(seq=size)
    Checkpoint.objects.filter(size__gt=size).delete()


def test_a_checkpoint_forged_with_another_key_is_found(places):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    grow(3)
    seal(places)
    row = Checkpoint.objects.get()
    forger = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
    said = notes.read_unchecked(row.note)
    key = notes.verifier_key("anlan/test", forger)
    row.note = notes.sign(said.text(), key=key, private=forger)
    row.save()
    assert (Kind.SIGNATURE_WRONG, f"checkpoint:{row.size}") in found(public.verify(places))


def test_a_checkpoint_row_that_says_other_than_its_note_is_found(places):
    grow(3)
    seal(places)
    Checkpoint.objects.update(root="0" * 64)
    assert Kind.CHECKPOINT_ALTERED in kinds(public.verify(places))


def test_a_removed_checkpoint_is_found_by_the_witness(places):
    grow(3)
    seal(places)
    grow(1)
    seal(places)
    Checkpoint.objects.order_by("size").first().delete()
    assert kinds(public.verify(places)) == {Kind.CHECKPOINT_REMOVED}


def test_a_bent_subtree_is_found(places):
    grow(BLOCK + 3)
    seal(places)
    LedgerNode.objects.filter(level=6).update(hash="0" * 64)
    assert found(public.verify(places)) == {(Kind.NODE_WRONG, "node:6/0")}


def test_a_lost_subtree_is_computed_again(places):
    grow(2 * BLOCK)
    seal(places)
    expected = public.proof(5, places=places)
    LedgerNode.objects.filter(level=6, index=1).delete()
    LedgerNode.objects.filter(level=7).delete()
    assert public.proof(5, places=places) == expected
    grow(1)
    seal(places)
    assert public.verify(places).holds


def test_what_was_signed_is_not_signed_over(places):
    grow(3)
    seal(places)
    JournalEntry.objects.filter(seq=2).update(leaf="0" * 64)
    grow(1)
    with pytest.raises(LedgerContradictionError):
        seal(places)
    assert Checkpoint.objects.count() == 1


def test_garbage_in_the_witness_folder_is_reported_not_fatal(places):
    grow(1)
    seal(places)
    (places.outside / "000000000000001-00.checkpoint").write_bytes(b"\xff\xfe not a note")
    assert found(public.verify(places)) == {
        (Kind.CHECKPOINT_UNREADABLE, "outside:000000000000001-00.checkpoint")
    }


# --- contents ---


def test_contents_are_counted_and_their_hashes_checked(places):
    ref = a_holder_with_contact()
    seal(places)
    verdict = public.verify(places)
    assert verdict.holds
    assert (verdict.contents_kept, verdict.contents_destroyed) == (1, 0)
    ContentItem.objects.using(ALIAS).filter(pk=ref.id).update(data=b"another name")
    assert found(public.verify(places)) == {(Kind.CONTENT_CHANGED, f"content:{ref.id}")}


def test_a_content_row_that_vanished_is_found(places):
    ref = a_holder_with_contact()
    seal(places)
    ContentItem.objects.using(ALIAS).filter(pk=ref.id).delete()
    assert found(public.verify(places)) == {(Kind.CONTENT_MISSING, f"content:{ref.id}")}


def test_destruction_on_paper_only_is_found(places):
    """An entry says that it is gone, and the operator kept it."""
    ref = a_holder_with_contact()
    with transaction.atomic():
        event = ContentsDestroyed(ids=(str(ref.id),), reason="legal_request")
        journal.record(event, actor=ME, now=NOW)
    seal(places)
    assert found(public.verify(places)) == {(Kind.CONTENT_NOT_DESTROYED, f"content:{ref.id}")}


def test_a_destruction_while_the_ledger_is_read_is_no_finding(places, monkeypatch):
    ref = a_holder_with_contact()
    seal(places)

    def slow(refs):
        registry.destroy_contents(ME, [ref.id], reason="expired", now=NOW)
        return standings(refs)

    monkeypatch.setattr(verifying, "standings", slow)
    verdict = public.verify(places)
    assert verdict.findings == []
    assert verdict.contents_destroyed == 1


def test_destruction_without_a_record_is_found(places):
    ref = a_holder_with_contact()
    seal(places)
    contents.destroy([ref.id], reason="quietly", now=NOW)
    assert found(public.verify(places)) == {
        (Kind.CONTENT_DESTROYED_UNRECORDED, f"content:{ref.id}")
    }
