"""Where the files of a store lie, and how a file is put in its place whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple


class Places(NamedTuple):
    """The folders and files of one store."""

    root: Path

    @property
    def log(self) -> Path:
        """Frames not yet in a segment."""
        return self.root / "log"

    @property
    def segments(self) -> Path:
        """Parquet files, one folder for each day."""
        return self.root / "segments"

    @property
    def aside(self) -> Path:
        """Segments that a manifest of before does not name: put here, for a person to look at."""
        return self.root / "aside"

    @property
    def manifest(self) -> Path:
        """Which segments count."""
        return self.root / "manifest.json"

    @property
    def names(self) -> Path:
        """The code of each stream number."""
        return self.root / "streams.txt"

    @property
    def latest(self) -> Path:
        """The newest reading of each stream, as it stood at some frame."""
        return self.root / "latest.npz"

    @property
    def lock(self) -> Path:
        """Held by the one writer."""
        return self.root / "writer.lock"

    def make(self) -> None:
        """Make the folders that are missing."""
        for folder in (self.root, self.log, self.segments):
            folder.mkdir(mode=0o750, parents=True, exist_ok=True)


def sync_folder(folder: Path) -> None:
    """Make what was created, renamed or removed in a folder last."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    """Bring the content of a file to the disk."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def put_whole(path: Path, data: bytes) -> None:
    """Write ``data`` so that ``path`` is the old content or the new, never a part."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(data)
        sync_file(part)
    except OSError:
        part.unlink(missing_ok=True)  # half of it would keep a full disk full
        raise
    part.replace(path)
    sync_folder(path.parent)
