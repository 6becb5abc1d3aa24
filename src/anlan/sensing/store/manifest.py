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


class ThinFile(msgspec.Struct, frozen=True):
    """What stays of readings of a day that were thinned; ``rows`` counts its lines."""

    name: str
    day: str
    sha256: str
    size_bytes: int
    rows: int


class Retired(msgspec.Struct, frozen=True):
    """A tombstone: readings of a day that a class of streams no longer keeps.

    ``sha256`` is the digest of all that went, in the order of their file
    (:func:`anlan.sensing.store.retiring.packed`); ``segments`` are the files that held them.
    """

    id: str
    day: str
    stream_class: str
    streams: int
    rows: int
    sha256: str
    segments: tuple[str, ...]
    thinned: str = ""
    thinned_sha256: str = ""


class Lost(msgspec.Struct, frozen=True):
    """Frames with ``after`` < number <= ``upto`` are not in this store, and never will be under these numbers.

    The database knew of frames behind ``after``: the store is one of before, or its last frames were
    harmed.  ``since_us``: when the last frame that is there came; ``until_us``: when the database
    had last looked.
    """

    after: int
    upto: int
    since_us: int
    until_us: int


class Manifest(msgspec.Struct, frozen=True):
    """What is sealed: frames up to ``sealed`` lie in ``segments``, but for what was retired since.

    ``retired`` holds the tombstones of which the journal may not have heard yet.  ``names`` are the
    stream codes that there were at the last sealing, and ``names_sha256`` the hash of their lines.
    ``lost`` are the numbers that were passed over, because others know them with readings that are gone.
    """

    sealed: int = 0
    segments: tuple[SegmentFile, ...] = ()
    tables: tuple[FrameTable, ...] = ()
    leaving: tuple[str, ...] = ()
    version: int = VERSION
    thinned: tuple[ThinFile, ...] = ()
    retired: tuple[Retired, ...] = ()
    names: int = 0
    names_sha256: str = ""
    lost: tuple[Lost, ...] = ()

    def window(self, after: int, upto: int) -> tuple[int, int]:
        """Return between which numbers as many lie as in a store without gaps from ``after`` to ``upto``."""
        for gap in self.lost:
            if gap.after <= after < gap.upto:
                after, upto = gap.upto, gap.upto + upto - after
            elif after < gap.after < upto:
                upto += gap.upto - gap.after
        return after, upto


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


class Followed:
    """A manifest that is read again only when it was replaced: of a year it names hundreds of files."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mark: tuple[int, int, int] | None = None
        self._found = Manifest()

    def load(self) -> Manifest:
        """Return what :func:`load` would."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return Manifest()
        # Replaced whole, never written into: another manifest is another file.
        mark = (found.st_ino, found.st_mtime_ns, found.st_size)
        if mark != self._mark:
            self._found, self._mark = load(self._path), mark
        return self._found


def save(path: Path, manifest: Manifest) -> None:
    """Put a manifest in the place of the earlier one."""
    put_whole(path, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
