"""Exports of the ledger: what an auditor takes away."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from anlan.accountability.domain import exports
from anlan.accountability.domain.audit import ContentsNamed
from anlan.accountability.domain.places import LedgerPlaces
from anlan.accountability.models import Checkpoint
from anlan.accountability.selectors.contents import standings
from anlan.accountability.selectors.entries import key_records, leaf_entries
from anlan.kernel.canonical import canonical_bytes
from anlan.kernel.errors import ConflictError


class NothingSealedError(ConflictError):
    """There is no checkpoint to end the export at."""

    code = "ledger.nothing_sealed"


class TargetThereError(ConflictError):
    """The file or folder to write to exists already."""

    code = "ledger.export_exists"


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export holds."""

    place: Path
    entries: int
    root: str
    checkpoints: int
    contents: int


def export(
    places: LedgerPlaces, target: Path, *, up_to: int | None = None, now: datetime
) -> Exported:
    """Write the sealed part of the ledger to ``target``: a ZIP when it ends so, else a folder.

    The export ends at the newest checkpoint, or at the newest one not above ``up_to``:
    every entry in it is signed for.

    Raises
    ------
    NothingSealedError
        When no checkpoint is small enough.
    TargetThereError
        When ``target`` exists.
    """
    rows = Checkpoint.objects.order_by("size")
    last = (rows if up_to is None else rows.filter(size__lte=up_to)).last()
    if last is None:
        raise NothingSealedError
    # What is sealed while the entries are written is of the next export.
    rows = rows.filter(size__lte=last.size)
    if target.exists():
        raise TargetThereError(file=target.name)
    part = target.with_name(target.name + ".part")
    if part.exists():
        shutil.rmtree(part)
    part.mkdir(parents=True)
    named = ContentsNamed()
    notes = ({"size": row.size, "note": row.note} for row in rows.iterator(500))
    digests = {
        exports.ENTRIES: _write(part / exports.ENTRIES, _entry_lines(last.size, named)),
        exports.CHECKPOINTS: _write(part / exports.CHECKPOINTS, map(canonical_bytes, notes)),
        exports.KEYS: _write(part / exports.KEYS, _key_lines()),
        exports.CONTENTS: _write(part / exports.CONTENTS, _content_lines(named.digests)),
    }
    manifest = {
        "format": exports.FORMAT,
        "origin": places.origin,
        "size": last.size,
        "root": last.root,
        "whole": up_to is None,
        "exported_at": now,
        "files": digests,
    }
    (part / exports.MANIFEST).write_bytes(canonical_bytes(manifest) + b"\n")
    _finish(part, target)
    return Exported(target, last.size, last.root, rows.count(), len(named.digests))


def _write(file: Path, lines: Iterable[bytes]) -> str:
    """Write lines and return the SHA-256 of the file."""
    digest = hashlib.sha256()
    with file.open("wb") as out:
        for line in lines:
            out.write(line + b"\n")
            digest.update(line + b"\n")
    return digest.hexdigest()


def _entry_lines(size: int, named: ContentsNamed) -> Iterator[bytes]:
    for entry in leaf_entries(size):
        named.note(entry.data)
        yield entry.data


def _key_lines() -> Iterator[bytes]:
    # Every key, also of an early part: checkpoints held outside may be of later sizes.
    for key in key_records():
        yield canonical_bytes(
            {
                "number": key.number,
                "vkey": key.vkey,
                "from_size": key.from_size,
                "endorsement": key.endorsement,
            }
        )


def _content_lines(refs: dict[str, str]) -> Iterator[bytes]:
    for found in standings(refs):
        yield canonical_bytes(
            {
                "id": found.id,
                "digest": found.store_digest,
                "state": found.state,
                "destroyed_at": found.destroyed_at,
                "reason": found.reason,
            }
        )


def _finish(part: Path, target: Path) -> None:
    """Turn the finished folder into the target in one step."""
    if target.suffix.lower() != ".zip":
        part.replace(target)
        return
    packed = target.with_name(target.name + ".packing")
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(part.iterdir()):
            archive.write(file, file.name)
    packed.replace(target)
    shutil.rmtree(part)
