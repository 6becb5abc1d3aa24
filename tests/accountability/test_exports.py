"""What an auditor takes away: exports and proofs of a real journal, checked by the lone verifier."""

from __future__ import annotations

import copy
import json
import zipfile
from datetime import timedelta

import pytest

from anlan.accountability import public
from anlan.accountability.services import exporting
from anlan.accountability.services.exporting import NothingSealedError, TargetThereError
from anlan.accountability.verifier import anlan_verify
from anlan.infra.models import JournalEntry
from anlan.kernel.actor import Actor, Role

from .conftest import NOW, a_holder_with_contact, grow

pytestmark = pytest.mark.django_db(databases="__all__")
KEEPER = Actor(id="audit", role=Role.AUDIT_ADMIN, areas=("",))


@pytest.fixture
def long_ledger(places):
    """Three checkpoints, two keys, one content."""
    grow(5)
    public.seal(now=NOW, places=places)
    a_holder_with_contact()
    public.rotate_key(KEEPER, now=NOW, places=places)
    grow(70)
    public.seal(now=NOW + timedelta(minutes=1), places=places)
    grow(2)
    return public.seal(now=NOW + timedelta(minutes=2), places=places)


def export(places, target, **given):
    return public.export(target, now=NOW + timedelta(hours=1), places=places, **given)


@pytest.mark.parametrize("name", ["out", "out.zip"])
def test_both_verifiers_accept_an_export_of_a_real_journal(places, long_ledger, tmp_path, name):
    made = export(places, tmp_path / name)
    assert made.entries == long_ledger.size
    ours = public.verify_export(tmp_path / name, outside=places.outside)
    assert ours.findings == []
    assert (ours.entries, ours.sealed, ours.root) == (made.entries, made.entries, long_ledger.root)
    assert (ours.checkpoints, ours.outside, ours.contents_kept) == (3, 3, 1)
    assert anlan_verify.verify(tmp_path / name, places.outside) == ours.as_dict()
    assert not list(tmp_path.glob("*.pa*")), "no leftovers"


def test_the_lines_are_the_sealed_bytes(places, long_ledger, tmp_path):
    from anlan.infra.journal import leaf_hash

    export(places, tmp_path / "out")
    lines = (tmp_path / "out" / "entries.jsonl").read_bytes().splitlines()
    leaves = JournalEntry.objects.order_by("seq").values_list("leaf", flat=True)
    assert [leaf_hash(line) for line in lines] == list(leaves[: len(lines)])


def test_an_earlier_part_can_be_exported(places, long_ledger, tmp_path):
    made = export(places, tmp_path / "out", up_to=50)
    assert made.entries == 6
    ours = public.verify_export(tmp_path / "out", outside=places.outside)
    assert ours.findings == []
    assert ours.later == 2, "the witness knows of more than this part"
    assert anlan_verify.verify(tmp_path / "out", places.outside) == ours.as_dict()


def test_an_export_that_hides_its_end_is_found_out(places, long_ledger, tmp_path):
    """The operator exports an early part and calls it the whole."""
    export(places, tmp_path / "out", up_to=50)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    (tmp_path / "out" / "manifest.json").write_text(json.dumps({**manifest, "whole": True}))
    found = public.verify_export(tmp_path / "out", outside=places.outside).findings
    assert [item.kind.value for item in found] == ["entries_cut_off", "entries_cut_off"]


def test_what_is_sealed_while_the_entries_are_written_is_of_the_next_export(
    places, long_ledger, tmp_path, monkeypatch
):
    """A busy server seals every minute; writing a million entries takes longer."""

    def slow(size, named):
        yield from lines(size, named)
        grow(3)
        public.seal(now=NOW + timedelta(minutes=3), places=places)

    lines = exporting._entry_lines
    monkeypatch.setattr(exporting, "_entry_lines", slow)
    made = export(places, tmp_path / "out")
    assert (made.entries, made.checkpoints) == (long_ledger.size, 3)
    assert public.verify_export(tmp_path / "out").findings == []
    assert anlan_verify.verify(tmp_path / "out")["holds"]


def test_nothing_is_overwritten_and_nothing_unsealed_is_exported(places, tmp_path):
    grow(2)
    with pytest.raises(NothingSealedError):
        export(places, tmp_path / "out")
    public.seal(now=NOW, places=places)
    with pytest.raises(NothingSealedError):
        export(places, tmp_path / "out", up_to=2)
    export(places, tmp_path / "out")
    with pytest.raises(TargetThereError):
        export(places, tmp_path / "out")


def test_an_export_that_was_cut_off_can_be_made_again(places, tmp_path):
    grow(2)
    public.seal(now=NOW, places=places)
    (tmp_path / "out.part").mkdir()
    (tmp_path / "out.part" / "entries.jsonl").write_text("half")
    export(places, tmp_path / "out")
    assert public.verify_export(tmp_path / "out").holds


def test_a_folder_that_is_no_export_is_refused(tmp_path):
    for place in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(public.NotAnExportError):
            public.verify_export(place)
    (tmp_path / "x.zip").write_bytes(b"PK no")
    with pytest.raises(public.NotAnExportError):
        public.verify_export(tmp_path / "x.zip")
    with zipfile.ZipFile(tmp_path / "y.zip", "w") as archive:
        archive.writestr("manifest.json", '{"format": "another/1"}')
    with pytest.raises(public.NotAnExportError):
        public.verify_export(tmp_path / "y.zip")


# --- proofs, checked by the lone verifier ---


def test_every_proof_holds_and_survives_rotation(places, long_ledger):
    pinned = (places.outside / "first.vkey").read_text()
    for seq in range(1, long_ledger.size + 1):
        shown = json.loads(json.dumps(public.proof(seq, places=places)))
        said = anlan_verify.check_proof(shown, pinned)
        assert said == {
            "holds": True,
            "why": "",
            "size": long_ledger.size,
            "root": long_ledger.root,
        }


def test_growth_holds_between_all_checkpoints(places, long_ledger):
    sizes = [6, long_ledger.size - 3, long_ledger.size]
    for old in sizes:
        for new in sizes:
            if old <= new:
                shown = public.consistency(old, new, places=places)
                assert anlan_verify.check_proof(shown, None)["holds"]


TAMPERINGS = [
    lambda proof: proof.update(entry=proof["entry"].replace("duty_officer", "commander")),
    lambda proof: proof.update(seq=proof["seq"] + 1),
    lambda proof: proof["proof"].pop(),
    lambda proof: proof["proof"].append("00" * 32),
    lambda proof: proof["proof"].__setitem__(0, "00" * 32),
    lambda proof: proof["proof"].__setitem__(0, "00"),
    lambda proof: proof.update(checkpoint=proof["checkpoint"].replace("at 2026", "at 2025")),
    lambda proof: proof["keys"].pop(0),
    lambda proof: proof["keys"].pop(1),
    lambda proof: proof.update(origin="anlan/other"),
    lambda proof: proof.update(format="anlan-proof/9"),
]


def test_a_tampered_proof_does_not_hold(places, long_ledger):
    shown = public.proof(20, places=places)
    pinned = (places.outside / "first.vkey").read_text()
    for number, tamper in enumerate(TAMPERINGS):
        bent = copy.deepcopy(shown)
        tamper(bent)
        assert bent != shown, number
        assert not anlan_verify.check_proof(bent, pinned)["holds"], number
    assert anlan_verify.check_proof(shown, pinned)["holds"]


def test_a_proof_file_is_checked_by_the_program(places, long_ledger, tmp_path, capsys):
    file = tmp_path / "proof.json"
    file.write_text(json.dumps(public.proof(7, places=places)))
    pinned = (places.outside / "first.vkey").read_text().strip()
    assert anlan_verify.main(["--proof", str(file), "--key", pinned]) == 0
    assert anlan_verify.main(["--proof", str(file), "--key", "anlan/x+00000000+AA=="]) == 1
    file.write_text("[]")
    assert anlan_verify.main(["--proof", str(file)]) == 3
    assert "could not check" in capsys.readouterr().err
