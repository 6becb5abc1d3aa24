"""The ledger's signing keys: made, kept, and handed over from one to the next."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from django.db import transaction

from anlan.accountability.domain import witness
from anlan.accountability.domain.events import LedgerKeyRotated
from anlan.accountability.domain.note import KeyText, VerifierKey, sign, verifier_key
from anlan.accountability.domain.places import LedgerPlaces
from anlan.accountability.models import LedgerKey
from anlan.infra import failpoints, journal
from anlan.infra.models import JournalHead
from anlan.kernel.actor import Actor, Role
from anlan.kernel.errors import NotAllowedError, UnavailableError

KEEPERS = frozenset({Role.AUDIT_ADMIN, Role.SYSTEM})


class KeyMissingError(UnavailableError):
    """The private key that should sign is not in the key folder."""

    code = "ledger.key_missing"


def key_file(places: LedgerPlaces, number: int) -> Path:
    """Return where the private half of key ``number`` lies."""
    return places.keys / f"ledger-{number:04d}.pem"


def _make(file: Path) -> Ed25519PrivateKey:
    """Make a private key in ``file``, or take the one a crash left there before it was used."""
    if file.exists():
        return _load(file)
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    part = file.with_suffix(".part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(pem)
        out.flush()
        os.fsync(out.fileno())
    part.replace(file)
    witness.sync_folder(file.parent)
    return private


def _load(file: Path) -> Ed25519PrivateKey:
    try:
        private = load_pem_private_key(file.read_bytes(), password=None)
    except (FileNotFoundError, ValueError):
        raise KeyMissingError(file=file.name) from None
    if not isinstance(private, Ed25519PrivateKey):
        raise KeyMissingError(file=file.name)
    return private


def current(places: LedgerPlaces) -> tuple[LedgerKey, VerifierKey, Ed25519PrivateKey]:
    """Return the key that signs now, with both halves.

    Raises
    ------
    KeyMissingError
        When its private half is not there, or is another one.
    """
    row = LedgerKey.objects.order_by("-number").first()
    if row is None:
        raise KeyMissingError(file=key_file(places, 1).name)
    private = _load(key_file(places, row.number))
    public = VerifierKey.parse(row.vkey)
    if verifier_key(public.name, private) != public:
        raise KeyMissingError(file=key_file(places, row.number).name)
    return row, public, private


@transaction.atomic
def ensure_first(actor: Actor, places: LedgerPlaces, *, now: datetime) -> LedgerKey:
    """Make the first key unless there is one; return the key in use."""
    JournalHead.objects.select_for_update().get(id=1)
    known = LedgerKey.objects.order_by("-number").first()
    if known is not None:
        _erase_retired(places, known.number)
        return known
    public = verifier_key(places.origin, _make(key_file(places, 1)))
    row = LedgerKey(number=1, vkey=public.text(), from_size=0, made_at=now)
    event = LedgerKeyRotated(before="", key=public.key_hash.hex())
    journal.record(event, actor=actor, now=now, rows=[row])
    return row


def rotate_key(actor: Actor, places: LedgerPlaces, *, now: datetime) -> LedgerKey:
    """Let a new key take over; the old one signs it in, and its private half is destroyed.

    Raises
    ------
    NotAllowedError
        When the actor does not keep the ledger.
    """
    if actor.role not in KEEPERS:
        raise NotAllowedError(permission="ledger:keep")
    row = _rotate(actor, places, now=now)
    failpoints.reach("ledger.rotated")
    _erase_retired(places, row.number)
    return row


def _erase_retired(places: LedgerPlaces, current: int) -> None:
    """Erase the private halves of the keys before ``current``, also one that a crash left."""
    for number in range(1, current):
        key_file(places, number).unlink(missing_ok=True)


@transaction.atomic
def _rotate(actor: Actor, places: LedgerPlaces, *, now: datetime) -> LedgerKey:
    head = JournalHead.objects.select_for_update().get(id=1)
    before, old_public, old_private = current(places)
    public = verifier_key(places.origin, _make(key_file(places, before.number + 1)))
    said = KeyText(key=public, from_size=head.seq, at=now)
    row = LedgerKey(
        number=before.number + 1,
        vkey=public.text(),
        from_size=head.seq,
        made_at=now,
        endorsement=sign(said.text(), key=old_public, private=old_private),
    )
    event = LedgerKeyRotated(before=old_public.key_hash.hex(), key=public.key_hash.hex())
    journal.record(event, actor=actor, now=now, rows=[row])
    return row
