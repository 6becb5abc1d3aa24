"""The folder outside the workspace: checkpoints that the operator cannot take back.

Files are written once, whole or not at all, and never changed.  ``first.vkey`` pins
the key with which everything began.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from anlan.accountability.domain.audit import OutsideNote

SUFFIX = ".checkpoint"
PIN = "first.vkey"


@dataclass(frozen=True, slots=True)
class Witness:
    """What lies outside: checkpoint notes, and the pinned first key when there is one."""

    notes: tuple[OutsideNote, ...] = ()
    pinned: str | None = None


def checkpoint_name(size: int, root_hex: str) -> str:
    """Return the file name of a checkpoint; two roots of one size do not meet in one file."""
    return f"{size:015d}-{root_hex[:16]}{SUFFIX}"


def leave(folder: Path, name: str, text: str) -> bool:
    """Write a file durably unless it is there already; return whether it was written.

    Raises
    ------
    OSError
        When the folder cannot be written.
    """
    target = folder / name
    if target.exists():
        return False
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{name}.part"
    with part.open("w", encoding="utf-8", newline="\n") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    part.replace(target)
    sync_folder(folder)
    return True


def sync_folder(folder: Path) -> None:
    """Make new names in ``folder`` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read(place: Path) -> Witness:
    """Read a folder of checkpoints, or one checkpoint file; empty when there is none.

    Bytes that are not UTF-8 are read with a mark in their place: the note then fails
    its check, and is reported, instead of stopping the audit.
    """
    if place.is_file():
        return Witness(notes=(_note(place),))
    pin = place / PIN
    return Witness(
        notes=tuple(_note(file) for file in sorted(place.glob(f"*{SUFFIX}"))),
        pinned=pin.read_text(encoding="utf-8", errors="replace") if pin.exists() else None,
    )


def _note(file: Path) -> OutsideNote:
    return OutsideNote(name=file.name, note=file.read_text(encoding="utf-8", errors="replace"))
