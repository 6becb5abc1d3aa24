"""Sealing: checkpoints over the real journal, their witness, their keys."""

from __future__ import annotations

import stat
from dataclasses import replace

import pytest

from anlan.accountability import public
from anlan.accountability.domain import note as notes
from anlan.accountability.domain import witness
from anlan.accountability.domain.audit import FindingKind as Kind
from anlan.accountability.models import Checkpoint, LedgerKey, LedgerNode
from anlan.accountability.selectors.places import WitnessInsideError
from anlan.accountability.selectors.tree import BLOCK
from anlan.accountability.services import sealing
from anlan.accountability.services.keys import KeyMissingError, key_file
from anlan.accountability.services.sealing import WitnessUnwritableError
from anlan.infra import failpoints, workspace
from anlan.infra.models import JournalEntry
from anlan.infra.workspace import WorkspaceKind
from anlan.kernel.actor import Actor, Role
from anlan.kernel.errors import NotAllowedError

from .conftest import NOW, found, grow, kinds, rewrite_leaves, seal

pytestmark = pytest.mark.django_db(databases="__all__")


# --- sealing ---


def test_a_sealed_journal_verifies(places):
    grow(5)
    sealed = seal(places)
    assert sealed.fresh
    assert sealed.size == 6, "five entries and the one that tells of the first key"
    verdict = public.verify(places)
    assert verdict.findings == []
    assert verdict.sealed == 6
    assert verdict.entries == 7, "the checkpoint's own entry is not sealed yet"
    assert verdict.outside == 1


def test_nothing_is_signed_when_only_the_last_checkpoint_was_added(places):
    grow(3)
    first = seal(places)
    again = seal(places, minutes=1)
    assert not again.fresh
    assert (again.size, again.root) == (first.size, first.root)
    assert Checkpoint.objects.count() == 1
    grow(1)
    assert seal(places, minutes=2).size == first.size + 2


def test_roots_do_not_depend_on_how_often_it_was_sealed(places):
    for _ in range(4):
        grow(BLOCK // 2 + 3)
        seal(places)
    leaves = JournalEntry.objects.order_by("seq").values_list("leaf", flat=True)
    last = Checkpoint.objects.latest("size")
    from anlan.accountability.domain.merkle import root_of

    assert last.root == root_of(bytes.fromhex(leaf) for leaf in leaves[: last.size]).hex()
    assert LedgerNode.objects.filter(level=6).count() == last.size // BLOCK
    assert public.verify(places).holds


def test_growing_in_small_steps_stores_the_same_subtrees(places):
    grow(3 * BLOCK + 5)
    while sealing._grow(1):
        pass
    one_by_one = set(LedgerNode.objects.values_list("level", "index", "hash"))
    LedgerNode.objects.all().delete()
    assert sealing._grow(512) == 3
    assert set(LedgerNode.objects.values_list("level", "index", "hash")) == one_by_one
    assert {(level, index) for level, index, _ in one_by_one} == {(6, 0), (6, 1), (6, 2), (7, 0)}


def test_sealing_reads_little_however_long_the_journal(places, django_assert_max_num_queries):
    grow(2 * BLOCK + 7)
    seal(places)
    grow(1)
    with django_assert_max_num_queries(24):
        seal(places)


def test_the_private_key_is_for_its_owner_only(places):
    grow(1)
    seal(places)
    mode = stat.S_IMODE(key_file(places, 1).stat().st_mode)
    assert mode == 0o600


def test_the_witness_outside_is_the_note_inside(places):
    grow(1)
    seal(places)
    held = witness.read(places.outside)
    row = Checkpoint.objects.get()
    assert [item.note for item in held.notes] == [row.note]
    key = notes.VerifierKey.parse(held.pinned)
    said = notes.CheckpointText.parse(notes.open_note(row.note, key))
    assert (said.origin, said.size, said.root.hex()) == ("anlan/test", row.size, row.root)
    assert said.at == NOW


def test_a_witness_that_could_not_be_left_is_left_next_time(places):
    grow(1)
    places.outside.write_text("a file where a folder should be")
    with pytest.raises(WitnessUnwritableError):
        seal(places)
    assert Checkpoint.objects.count() == 1, "what was signed stays signed"
    places.outside.unlink()
    assert not seal(places).fresh
    assert len(witness.read(places.outside).notes) == 1
    assert public.verify(places).holds


def test_a_crash_after_signing_loses_nothing(places):
    grow(2)
    failpoints.arm("ledger.signed:raise")
    with pytest.raises(failpoints.FailpointError):
        seal(places)
    assert not witness.read(places.outside).notes
    grow(1)
    seal(places)
    assert len(witness.read(places.outside).notes) == 2
    assert public.verify(places).holds


def test_a_missing_private_key_is_told_and_nothing_is_signed(places):
    grow(1)
    seal(places)
    key_file(places, 1).unlink()
    grow(1)
    with pytest.raises(KeyMissingError):
        seal(places)
    assert Checkpoint.objects.count() == 1


# --- keys ---


def audit_admin():
    return Actor(id="audit", role=Role.AUDIT_ADMIN, areas=("",))


def test_keys_rotate_and_old_checkpoints_still_hold(places):
    grow(2)
    seal(places)
    old_file = key_file(places, 1)
    public.rotate_key(audit_admin(), now=NOW, places=places)
    assert not old_file.exists(), "the old private key cannot sign any more"
    grow(2)
    seal(places)
    public.rotate_key(audit_admin(), now=NOW, places=places)
    grow(1)
    seal(places)
    verdict = public.verify(places)
    assert verdict.findings == []
    assert verdict.checkpoints == 3
    assert LedgerKey.objects.count() == 3


def test_a_crash_while_rotating_leaves_a_ledger_that_goes_on(places):
    grow(1)
    seal(places)
    failpoints.arm("ledger.rotated:raise")
    with pytest.raises(failpoints.FailpointError):
        public.rotate_key(audit_admin(), now=NOW, places=places)
    assert key_file(places, 1).exists()
    grow(1)
    seal(places)
    assert public.verify(places).holds
    assert not key_file(places, 1).exists(), "what could sign another key in is erased all the same"


@pytest.mark.parametrize(
    "role", [role for role in Role if role not in {Role.AUDIT_ADMIN, Role.SYSTEM}]
)
def test_only_the_audit_admin_rotates(places, role):
    grow(1)
    seal(places)
    with pytest.raises(NotAllowedError):
        public.rotate_key(Actor(id="x", role=role, areas=("",)), now=NOW, places=places)
    assert LedgerKey.objects.count() == 1


def test_a_key_that_was_slipped_in_is_found(places):
    grow(2)
    seal(places)
    public.rotate_key(audit_admin(), now=NOW, places=places)
    grow(1)
    seal(places)
    LedgerKey.objects.filter(number=2).update(endorsement="")
    assert found(public.verify(places)) >= {(Kind.KEY_NOT_ENDORSED, "key:2")}


def test_a_ledger_resigned_from_the_start_with_another_key_is_found(places):
    """The operator rewrites everything with a new key; the pinned key tells."""
    grow(3)
    seal(places)
    Checkpoint.objects.all().delete()
    LedgerKey.objects.all().delete()
    key_file(places, 1).unlink()
    JournalEntry.objects.filter(seq=2).update(actor="nobody")
    rewrite_leaves()
    seal(places)
    assert Kind.KEY_NOT_PINNED in kinds(public.verify(places))


@pytest.mark.parametrize("outside", ["ws", "ws/keys", "link", "ws/../ws/new"])
def test_a_folder_for_checkpoints_inside_the_workspace_is_refused(tmp_path, settings, outside):
    """Whoever can rewrite the workspace would rewrite its witness with it."""
    settings.WORKSPACE = workspace.create(tmp_path / "ws", kind=WorkspaceKind.LIVE)
    (tmp_path / "link").symlink_to(tmp_path / "ws" / "segments")
    settings.ANLAN = replace(settings.ANLAN, checkpoints=str(tmp_path / outside))
    with pytest.raises(WitnessInsideError):
        public.seal(now=NOW)
    settings.ANLAN = replace(settings.ANLAN, checkpoints=str(tmp_path / "apart"))
    assert public.here().outside == tmp_path / "apart"
