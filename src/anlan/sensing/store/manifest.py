"""Which segments count: one small file that is replaced whole.

A segment's file is in its place before the manifest names it, and is removed
only after the manifest has let it go: whoever reads the manifest finds the files.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from anlan.kernel.errors import IntegrityBreachError
from anlan.sensing.store.places import put_whole

VERSION = 1


class SegmentFile(msgspec.Struct, frozen=True):
    """A closed file of readings of one day (观测段).

    ``name`` is its path below the folder of segments; ``first`` and ``last`` are frame numbers,
    ``from_us`` and ``to_us`` the earliest and latest phenomenon time.
    """

    name: str
    day: str
    sha256: str
    size_bytes: int
    rows: int
    first: int
    last: int
    from_us: int
    to_us: int
    replaces: tuple[str, ...] = ()


class FrameTable(msgspec.Struct, frozen=True):
    """When the frames of sealed readings came, from whom, and under which key."""

    name: str
    sha256: str
    size_bytes: int
    first: int
    last: int


class Manifest(msgspec.Struct, frozen=True):
    """What is sealed: frames up to ``sealed`` lie in ``segments``."""

    sealed: int = 0
    segments: tuple[SegmentFile, ...] = ()
    tables: tuple[FrameTable, ...] = ()
    leaving: tuple[str, ...] = ()
    version: int = VERSION


def load(path: Path) -> Manifest:
    """Return the manifest; an empty one before anything was sealed.

    Raises
    ------
    IntegrityBreachError
        When the file is not a manifest of this version.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        return Manifest()
    except msgspec.DecodeError as error:
        raise IntegrityBreachError(what=f"manifest of readings: {error}") from error
    if found.version != VERSION:
        raise IntegrityBreachError(what=f"manifest of readings of version {found.version}")
    return found


def save(path: Path, manifest: Manifest) -> None:
    """Put a manifest in the place of the earlier one."""
    put_whole(path, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
