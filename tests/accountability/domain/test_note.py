"""Notes, keys and checkpoints: one form each, and garbage never passes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from anlan.accountability.domain.note import (
    CheckpointText,
    KeyText,
    NoteError,
    SignatureError,
    VerifierKey,
    open_note,
    read_unchecked,
    sign,
    verifier_key,
)

PRIVATE = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)
KEY = verifier_key("anlan/a", PRIVATE)
AT = datetime(2026, 7, 20, 8, 0, tzinfo=UTC)
CHECKPOINT = CheckpointText("anlan/a", 7, b"\x03" * 32, AT)
NOTE = sign(CHECKPOINT.text(), key=KEY, private=PRIVATE)


def test_a_signed_note_opens_with_its_key_only():
    assert CheckpointText.parse(open_note(NOTE, KEY)) == CHECKPOINT
    for key in (verifier_key("anlan/a", OTHER), verifier_key("anlan/b", PRIVATE)):
        with pytest.raises(SignatureError):
            open_note(NOTE, key)


@given(st.integers(0, len(NOTE) - 1), st.characters(codec="utf-8"))
def test_no_letter_of_a_note_can_be_changed(place, letter):
    bent = NOTE[:place] + letter + NOTE[place + 1 :]
    if bent != NOTE:
        try:
            text = open_note(bent, KEY)
        except (NoteError, SignatureError):
            return
        assert text == CHECKPOINT.text(), "only what is not signed may differ"


@given(st.text())
def test_garbage_is_refused_with_a_reason(text):
    for read in (read_unchecked, CheckpointText.parse, KeyText.parse, VerifierKey.parse):
        with pytest.raises(NoteError):
            read(text)


@given(
    st.integers(1, 10**15),
    st.binary(min_size=32, max_size=32),
    st.datetimes(timezones=st.just(UTC)),
)
def test_a_checkpoint_reads_back(size, root, at):
    said = CheckpointText("anlan/a", size, root, at.replace(year=max(at.year, 1000)))
    assert CheckpointText.parse(said.text()) == said


@pytest.mark.parametrize(
    "text",
    [
        "anlan/a\n07\nAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=\nat 2026-07-20T08:00:00Z\n",
        "anlan/a\n0\nAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=\nat 2026-07-20T08:00:00Z\n",
        "anlan/a\n-7\nAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=\nat 2026-07-20T08:00:00Z\n",
        "\n7\nAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=\nat 2026-07-20T08:00:00Z\n",
        "anlan/a\n7\nAwMD\nat 2026-07-20T08:00:00Z\n",
        "anlan/a\n7\nAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=\nat 2026-07-20T08:00:00\n",
        "anlan/a\n7\nAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=\n",
    ],
)
def test_a_checkpoint_has_one_form(text):
    with pytest.raises(NoteError):
        CheckpointText.parse(text)


def test_unknown_lines_after_the_root_are_let_pass():
    text = CHECKPOINT.text().replace("\nat ", "\nmore to come\nat ")
    assert CheckpointText.parse(text) == CHECKPOINT


def test_an_endorsement_reads_back_and_has_one_form():
    said = KeyText(KEY, 41, AT)
    assert KeyText.parse(said.text()) == said
    for bent in (
        said.text().replace("v1", "v2"),
        said.text().replace("41", "041"),
        said.text() + "more\n",
    ):
        with pytest.raises(NoteError):
            KeyText.parse(bent)


@pytest.mark.parametrize("text", ["no newline", "an empty\n\nline\n"])
def test_a_text_that_would_be_ambiguous_is_not_signed(text):
    with pytest.raises(NoteError):
        sign(text, key=KEY, private=PRIVATE)


def test_a_key_states_its_own_hash():
    assert VerifierKey.parse(KEY.text()) == KEY
    name, stated, encoded = KEY.text().split("+", 2)
    with pytest.raises(NoteError):
        VerifierKey.parse(f"{name}+00000000+{encoded}")
    with pytest.raises(NoteError):
        VerifierKey.parse(f"other+{stated}+{encoded}")
