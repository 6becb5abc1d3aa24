"""Signed notes and checkpoints: small texts that anybody can read, keep and check.

The forms are those of the C2SP specifications *signed-note* and *tlog-checkpoint*:
a text, an empty line, and signature lines ``— <name> <base64(key hash || signature)>``.
Signatures are Ed25519 (RFC 8032).
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from anlan.accountability.domain.merkle import HASH_BYTES
from anlan.kernel.canonical import instant_text, parse_instant

ED25519 = b"\x01"  # signature type of the signed-note specification
SIGNATURE_MARK = "— "
KEY_FIRST_LINE = "anlan ledger key v1"


class NoteError(Exception):
    """A note, key or checkpoint that cannot be read."""


class SignatureError(Exception):
    """A note that was not signed by the key that should have signed it."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with its name, written ``name+hash+base64(type || key)``."""

    name: str
    public: bytes

    @property
    def key_hash(self) -> bytes:
        """Return the four bytes by which a signature line names its key."""
        data = self.name.encode() + b"\n" + ED25519 + self.public
        return hashlib.sha256(data).digest()[:4]

    def text(self) -> str:
        """Return the key in its one-line form."""
        encoded = base64.b64encode(ED25519 + self.public).decode()
        return f"{self.name}+{self.key_hash.hex()}+{encoded}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read the one-line form.

        Raises
        ------
        NoteError
            When it is not an Ed25519 key, or its hash is not its own.
        """
        try:
            name, stated, encoded = text.strip().split("+", 2)
            data = base64.b64decode(encoded, validate=True)
        except ValueError:
            raise NoteError("not a verifier key") from None
        if len(data) != 1 + HASH_BYTES or data[:1] != ED25519:
            raise NoteError("not an Ed25519 verifier key")
        key = cls(name=name, public=data[1:])
        if key.key_hash.hex() != stated:
            raise NoteError("the verifier key does not have the hash it states")
        return key


def verifier_key(name: str, private: Ed25519PrivateKey) -> VerifierKey:
    """Return the public half of ``private`` under ``name``."""
    return VerifierKey(name=name, public=private.public_key().public_bytes_raw())


def sign(text: str, *, key: VerifierKey, private: Ed25519PrivateKey) -> str:
    """Return ``text`` (which ends in a newline) as a signed note."""
    if not text.endswith("\n") or "\n\n" in text:
        raise NoteError("the text of a note ends in a newline and has no empty line")
    blob = base64.b64encode(key.key_hash + private.sign(text.encode())).decode()
    return f"{text}\n{SIGNATURE_MARK}{key.name} {blob}\n"


def open_note(note: str, key: VerifierKey) -> str:
    """Return the text of ``note`` after checking that ``key`` signed it.

    Raises
    ------
    NoteError
        When the note cannot be read.
    SignatureError
        When ``key`` did not sign it.
    """
    text, found, signatures = note.partition("\n\n")
    if not found or not signatures.endswith("\n"):
        raise NoteError("not a signed note")
    text += "\n"
    for line in signatures.removesuffix("\n").split("\n"):
        if not line.startswith(SIGNATURE_MARK):
            raise NoteError("not a signature line")
        name, _, blob = line.removeprefix(SIGNATURE_MARK).partition(" ")
        if name == key.name and _signed(text, blob, key):
            return text
    raise SignatureError(f"not signed by {key.name}+{key.key_hash.hex()}")


def _signed(text: str, blob: str, key: VerifierKey) -> bool:
    try:
        data = base64.b64decode(blob, validate=True)
    except ValueError:  # also of letters beyond ASCII
        raise NoteError("a signature is not base64") from None
    if data[:4] != key.key_hash:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(data[4:], text.encode())
    except InvalidSignature:
        return False
    return True


@dataclass(frozen=True, slots=True)
class CheckpointText:
    """What a checkpoint says: of this log, so many leaves have this root, at this instant."""

    origin: str
    size: int
    root: bytes
    at: datetime

    def text(self) -> str:
        """Return the body of the note; the instant is an extension line."""
        root = base64.b64encode(self.root).decode()
        return f"{self.origin}\n{self.size}\n{root}\nat {instant_text(self.at)}\n"

    @classmethod
    def parse(cls, text: str) -> CheckpointText:
        """Read the body of a checkpoint note; lines after the root may be unknown ones.

        Raises
        ------
        NoteError
            When it is not a checkpoint, or says a thing in a second form.
        """
        lines = text.split("\n")
        try:
            origin, size, encoded, *rest = lines[:-1]
            root = base64.b64decode(encoded, validate=True)
            at = next(line for line in rest if line.startswith("at "))
            said = cls(
                origin=origin, size=int(size), root=root, at=parse_instant(at.removeprefix("at "))
            )
        except (ValueError, StopIteration):
            raise NoteError("not a checkpoint") from None
        if not origin or len(root) != HASH_BYTES or size != str(said.size) or said.size < 1:
            raise NoteError("not a checkpoint")
        return said


def read_unchecked(note: str) -> CheckpointText:
    """Return what a checkpoint note says, without asking who signed it."""
    text, found, _ = note.partition("\n\n")
    if not found:
        raise NoteError("not a signed note")
    return CheckpointText.parse(text + "\n")


@dataclass(frozen=True, slots=True)
class KeyText:
    """What the key before says when it signs a new key in."""

    key: VerifierKey
    from_size: int
    at: datetime

    def text(self) -> str:
        """Return the body of the endorsement note."""
        return (
            f"{KEY_FIRST_LINE}\n{self.key.text()}\n{self.from_size}\nat {instant_text(self.at)}\n"
        )

    @classmethod
    def parse(cls, text: str) -> KeyText:
        """Read the body of an endorsement note.

        Raises
        ------
        NoteError
            When it is not one.
        """
        try:
            first, vkey, from_size, at, end = text.split("\n")
            said = cls(
                key=VerifierKey.parse(vkey),
                from_size=int(from_size),
                at=parse_instant(at.removeprefix("at ")),
            )
        except ValueError:
            raise NoteError("not a key endorsement") from None
        if first != KEY_FIRST_LINE or end or said.text() != text:
            raise NoteError("not a key endorsement")
        return said
