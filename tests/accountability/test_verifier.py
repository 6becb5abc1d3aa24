"""Two verifiers that share no code agree on every vector and on every damage."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from anlan.accountability.domain.exports import NotAnExportError, verify_export
from anlan.accountability.verifier import anlan_verify

from . import tamperings

VECTORS = sorted(tamperings.VECTORS.glob("*.json"))
STANDALONE = Path(anlan_verify.__file__)


def write(vector, folder):
    """Lay a vector out as files; return the export and the folder outside."""
    export, outside = folder / "export", folder / "outside"
    for place, files in ((export, vector["export"]), (outside, vector["outside"])):
        place.mkdir(parents=True)
        for name, text in files.items():
            (place / name).write_text(text, encoding="utf-8")
    return export, outside


def without_details(verdict):
    """Return a verdict as the format promises it: details are words for people."""
    return verdict if isinstance(verdict, str) else {**verdict, "findings": pairs(verdict)}


def pairs(verdict):
    return sorted([item["kind"], item["subject"]] for item in verdict["findings"])


# --- the vectors ---


def test_each_tampering_has_its_vector_and_each_vector_its_tampering():
    names = {tampering.name for tampering in tamperings.TAMPERINGS}
    assert {file.stem for file in VECTORS} == names


@pytest.mark.parametrize("tampering", tamperings.TAMPERINGS, ids=lambda item: item.name)
def test_the_vectors_are_those_of_the_generator(tampering):
    kept = json.loads((tamperings.VECTORS / f"{tampering.name}.json").read_text("utf-8"))
    assert kept == tamperings.vector(tampering)


@pytest.mark.parametrize("file", VECTORS, ids=lambda file: file.stem)
def test_both_verifiers_find_what_the_vector_expects(file, tmp_path):
    vector = json.loads(file.read_text("utf-8"))
    export, outside = write(vector, tmp_path)
    ours = verify_export(export, outside=outside).as_dict()
    theirs = anlan_verify.verify(export, outside)
    assert pairs(ours) == vector["expected"]["findings"]
    assert ours["holds"] is vector["expected"]["holds"]
    assert without_details(theirs) == without_details(ours)


@pytest.mark.parametrize(
    "claim", [{"exported_at": "2026-07-20T08:06:30.000000Z"}, {"whole": False}]
)
def test_an_old_export_is_called_old_and_refused_when_asked_for_the_newest(claim, tmp_path, capsys):
    """The manifest is signed by nobody: its date and its being a part may be made up."""
    rolled_back = tamperings.sound()
    tamperings.roll_back(rolled_back)
    rolled_back.manifest.update(claim)
    export, outside = write(
        {"export": rolled_back.files(), "outside": rolled_back.outside}, tmp_path
    )
    mild = verify_export(export, outside=outside)
    assert (mild.holds, mild.later) == (True, 1)
    assert any("nothing after entry 6 was checked" in line for line in mild.lines("en"))
    assert any("第 6 条之后" in line for line in mild.lines("zh"))
    assert anlan_verify.main([str(export), "--outside", str(outside)]) == 0
    assert "nothing after entry 6 was checked" in capsys.readouterr().out
    strict = verify_export(export, outside=outside, newest=True).as_dict()
    assert pairs(strict) == [["entries_cut_off", "checkpoint:8"]]
    assert anlan_verify.verify(export, outside, newest=True) == strict
    assert anlan_verify.main([str(export), "--outside", str(outside), "--newest"]) == 1


def test_every_kind_that_an_export_can_show_has_a_vector():
    from anlan.accountability.domain.verdict import FindingKind

    only_in_the_database = {
        "entry_changed",  # an export carries no second copy of a leaf
        "checkpoint_altered",
        "node_wrong",
        "content_destroyed_unrecorded",
    }
    shown = {kind for item in tamperings.TAMPERINGS for kind, _ in item.expected}
    by_damage = {"file_unreadable"}
    assert {kind.value for kind in FindingKind} - only_in_the_database - by_damage == shown


# --- damage at random ---


def sound_export(folder):
    vector = json.loads((tamperings.VECTORS / "sound.json").read_text("utf-8"))
    return write(vector, folder)


def verdict_of(verify, *places):
    """Return a verdict, or the refusal to give one."""
    try:
        found = verify(*places)
    except (NotAnExportError, anlan_verify.UnreadableError):
        return "not an export"
    return found if isinstance(found, dict) else found.as_dict()


def ours(export, outside):
    return verify_export(export, outside=outside)


@pytest.mark.parametrize("seed", range(60))
def test_both_verifiers_agree_on_any_damage(seed, tmp_path):
    dice = random.Random(seed)
    export, outside = sound_export(tmp_path)
    files = sorted([*export.iterdir(), *outside.iterdir()])
    for _ in range(dice.randint(1, 3)):
        file = dice.choice(files)
        data = bytearray(file.read_bytes())
        place = dice.randrange(len(data))
        what = dice.choice(["bit", "cut", "drop", "double", "byte"])
        if what == "bit":
            data[place] ^= 1 << dice.randrange(8)
        elif what == "byte":
            data[place] = dice.choice(b'\n"{}[]0 \xff')
        elif what == "cut":
            del data[place:]
        elif what == "drop":
            del data[place : place + dice.randint(1, 40)]
        else:
            data[place:place] = data[place : place + dice.randint(1, 200)]
        file.write_bytes(bytes(data))
        if not data:
            break
    mine = verdict_of(ours, export, outside)
    theirs = verdict_of(anlan_verify.verify, export, outside)
    assert without_details(theirs) == without_details(mine)
    damaged = mine == "not an export" or not mine["holds"]
    assert damaged or dice_missed(export, outside, tmp_path)


def dice_missed(export, outside, tmp_path):
    """Damage that says the same: a time in the manifest, a name, a blank at the pin's end."""
    fresh = tmp_path / "fresh"
    other, _ = sound_export(fresh)
    return (export / "entries.jsonl").read_bytes() == (other / "entries.jsonl").read_bytes()


@pytest.mark.parametrize("seed", range(12))
def test_both_verifiers_agree_on_damaged_archives(seed, tmp_path):
    dice = random.Random(seed)
    export, outside = sound_export(tmp_path)
    packed = tmp_path / "export.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(export.iterdir()):
            archive.write(file, file.name)
    assert anlan_verify.verify(packed, outside)["holds"]
    assert ours(packed, outside).holds
    data = bytearray(packed.read_bytes())
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    packed.write_bytes(bytes(data))
    mine, theirs = (
        verdict_of(ours, packed, outside),
        verdict_of(anlan_verify.verify, packed, outside),
    )
    if mine == "not an export" or theirs == "not an export":
        assert mine == theirs
    else:
        assert pairs(mine) == pairs(theirs)


# --- Ed25519 ---

# RFC 8032 section 7.1: secret key, public key, message, signature.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("secret", "public", "message", "signature"), RFC_8032)
def test_the_vectors_of_rfc_8032(secret, public, message, signature):
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))
    assert private.sign(bytes.fromhex(message)).hex() == signature
    assert anlan_verify.ed25519_verify(
        bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature)
    )


@settings(deadline=None, max_examples=60)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200), st.integers(0, 511))
def test_signatures_of_another_implementation_hold_until_a_bit_is_bent(secret, message, bit):
    private = Ed25519PrivateKey.from_private_bytes(secret)
    public = private.public_key().public_bytes_raw()
    signature = private.sign(message)
    assert anlan_verify.ed25519_verify(public, message, signature)
    bent = bytearray(signature)
    bent[bit // 8] ^= 1 << bit % 8
    assert not anlan_verify.ed25519_verify(public, message, bytes(bent))
    assert not anlan_verify.ed25519_verify(public, message + b"x", signature)


def test_a_signature_with_a_number_beyond_the_order_is_refused():
    """RFC 8032 section 5.1.7: S must be below L, or a second signature could be made of one."""
    private = Ed25519PrivateKey.from_private_bytes(b"\x05" * 32)
    public, signature = private.public_key().public_bytes_raw(), private.sign(b"m")
    larger = int.from_bytes(signature[32:], "little") + anlan_verify.ORDER
    forged = signature[:32] + larger.to_bytes(32, "little")
    assert not anlan_verify.ed25519_verify(public, b"m", forged)


@pytest.mark.parametrize("public", [b"", b"\x01" * 31, b"\xff" * 32, b"\x02" + b"\x00" * 31])
def test_what_is_no_public_key_verifies_nothing(public):
    assert not anlan_verify.ed25519_verify(public, b"m", b"\x00" * 64)


def test_a_signature_of_the_wrong_length_is_refused():
    private = Ed25519PrivateKey.from_private_bytes(b"\x05" * 32)
    public, signature = private.public_key().public_bytes_raw(), private.sign(b"m")
    assert not anlan_verify.ed25519_verify(public, b"m", signature[:63])
    assert not anlan_verify.ed25519_verify(public, b"m", signature + b"\x00")


# --- as a program, alone ---


def run(*arguments, folder):
    alone = folder / "anlan_verify.py"
    shutil.copy(STANDALONE, alone)
    return subprocess.run(
        [sys.executable, "-I", "-S", str(alone), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )


def test_the_program_runs_alone_without_any_package(tmp_path):
    export, outside = sound_export(tmp_path)
    done = run(export, "--outside", outside, "--json", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == verify_export(export, outside=outside).as_dict()
    lines = (export / "entries.jsonl").read_text("utf-8").replace("积水", "无事", 1)
    (export / "entries.jsonl").write_text(lines, encoding="utf-8")
    done = run(export, "--outside", outside, folder=tmp_path)
    assert done.returncode == 1
    assert "root_differs  checkpoint:3 (entries 1-3)" in done.stdout


def test_the_program_says_when_it_could_not_check(tmp_path):
    assert run(tmp_path / "nothing", folder=tmp_path).returncode == 3
    (tmp_path / "manifest.json").write_text("{}")
    assert run(tmp_path, folder=tmp_path).returncode == 3
    assert run(folder=tmp_path).returncode == 2
