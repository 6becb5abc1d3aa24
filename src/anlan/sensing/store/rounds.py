"""Proving sealed files again and again, some bytes at a time, while others read and write.

A round goes through everything that the manifest names, in the order of the names, and compares
each file with its hash.  A file that the writer has merged or let go meanwhile is no fault.  Where
a round stands is kept beside the store: a crash costs what was read of one file, and a minute.
The log is not part of it: who seals reads and checks each of its frames within the hour.
"""

from __future__ import annotations

import errno
import hashlib
import logging
from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from anlan.infra import failpoints
from anlan.sensing.store.manifest import Followed, FrameTable, Manifest, SegmentFile, ThinFile
from anlan.sensing.store.places import Places, put_whole
from anlan.sensing.store.segments import CHUNK_BYTES

FILE = "round.json"
EVERY_US = 86_400_000_000
"""A round begins no sooner than so long after the one before began."""
NOTED_EVERY_US = 60_000_000
OF_THE_PROCESS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR})
"""Errors that say nothing of a file, and are raised; by any other one this file cannot be read."""

Mark = tuple[int, ...]
"""What changes whenever a file is put in place or written into; nothing where there is none."""

log = logging.getLogger(__name__)


class Harm(msgspec.Struct, frozen=True):
    """A file below the folder of the store that is ``missing``, ``changed`` or ``unreadable``.

    ``mark`` is what the file looked like from outside when that was found: looking otherwise, it is
    proven again at once, and not with the next round.
    """

    name: str
    fault: str
    mark: Mark = ()


class Standing(msgspec.Struct, frozen=True):
    """Where a round stands: the last file that was proven (empty: none), and what is harmed."""

    began_us: int = -EVERY_US
    under_way: bool = False
    place: str = ""
    harms: tuple[Harm, ...] = ()


class _Named(NamedTuple):
    """What a file should be; of ``lines`` (0: all of it) only that many lines from its beginning."""

    sha256: str
    size_bytes: int = 0
    lines: int = 0


class Rounds:
    """The rounds of one store; one process makes them."""

    def __init__(self, root: Path) -> None:
        self.places = Places(root)
        self.standing = _load(root / FILE)
        self._noted = self.standing
        self._noted_us = 0
        self._manifest, self._seen = Followed(self.places.manifest), Manifest()
        self._named: dict[str, _Named] = {}
        self._order: list[str] = []
        self._reading: _Reading | None = None

    @property
    def harms(self) -> tuple[Harm, ...]:
        """What is not as it was written, by name, as far as anybody has looked."""
        return self.standing.harms

    def go_on(
        self, *, now_us: int, most_bytes: int, goes_on: Callable[[], bool] = lambda: True
    ) -> int:
        """Read on, at most ``most_bytes`` and while ``goes_on`` says so; return how many were read."""
        self._know(self._manifest.load())
        read = 0
        while read < most_bytes and goes_on():
            if self._reading is None and not self._begin(now_us):
                break
            read += self._read_on(min(CHUNK_BYTES, most_bytes - read))
        self._note(now_us)
        return read

    def close(self) -> None:
        """Let go of the file that is being read; the next call begins it anew."""
        if self._reading is not None:
            self._done_with(self._reading)

    def _know(self, found: Manifest) -> None:
        """Take up what counts now; what is named no more is nobody's harm."""
        if found is self._seen:
            return
        self._seen = found
        files: list[SegmentFile | FrameTable | ThinFile]
        files = [*found.segments, *found.tables, *found.thinned]
        folder = self.places.segments.name
        self._named = {f"{folder}/{x.name}": _Named(x.sha256, x.size_bytes) for x in files}
        if found.names:
            self._named[self.places.names.name] = _Named(found.names_sha256, lines=found.names)
        self._order = sorted(self._named)
        self._tell(harms=tuple(x for x in self.harms if x.name in self._named))

    def _begin(self, now_us: int) -> bool:
        """Open what is to be proven next; return whether there is anything."""
        name = self._next(now_us)
        while name is not None:
            try:
                self._reading = _Reading(self.places.root, name, self._named[name])
            except OSError as error:
                self._failed(name, self._named[name], (), error)
                name = self._next(now_us)
            else:
                return True
        return False

    def _next(self, now_us: int) -> str | None:
        for harm in self.harms:
            if harm.mark != _mark(self.places.root / harm.name):
                return harm.name
        standing = self.standing
        if not standing.under_way:
            if 0 <= now_us - standing.began_us < EVERY_US:
                return None
            self._tell(began_us=now_us, under_way=True, place="")
        at = bisect_right(self._order, self.standing.place)
        if at < len(self._order):
            return self._order[at]
        self._tell(under_way=False)
        return None

    def _read_on(self, most: int) -> int:
        reading = self._reading
        assert reading is not None  # noqa: S101  opened by _begin
        try:
            read, is_whole = reading.some(most)
        except OSError as error:
            self._done_with(reading)
            self._failed(reading.name, reading.named, reading.mark, error)
            return 0
        if is_whole is not None:
            self._done_with(reading)
            if is_whole:
                self._proven(reading.name)
            else:
                self._harmed(reading.name, reading.named, reading.mark, "changed")
        return read

    def _done_with(self, reading: _Reading) -> None:
        reading.close()
        self._reading = None

    def _failed(self, name: str, named: _Named, mark: Mark, error: OSError) -> None:
        if isinstance(error, FileNotFoundError):
            self._harmed(name, named, (), "missing")
        elif error.errno in OF_THE_PROCESS:
            raise error
        else:
            self._harmed(name, named, mark or _mark(self.places.root / name), "unreadable")

    def _harmed(self, name: str, named: _Named, mark: Mark, fault: str) -> None:
        """Believe that a file is harmed, if it still counts as it did when it was opened."""
        self._know(self._manifest.load())
        if self._named.get(name, named) != named:
            return  # more is to be proven of it by now: it is read again
        if name not in self._named:
            self._proven(name)
            return
        log.error("a file of readings is %s", fault, extra={"file": name})
        rest = tuple(x for x in self.harms if x.name != name)
        self._passed(name, tuple(sorted((*rest, Harm(name, fault, mark)), key=lambda x: x.name)))

    def _proven(self, name: str) -> None:
        self._passed(name, tuple(x for x in self.harms if x.name != name))

    def _passed(self, name: str, harms: tuple[Harm, ...]) -> None:
        standing = self.standing
        at = bisect_right(self._order, standing.place)
        # What was looked at out of turn, for it was harmed, leaves the round where it is.
        in_turn = standing.under_way and self._order[at : at + 1] == [name]
        self._tell(harms=harms, place=name if in_turn else standing.place)

    def _tell(self, **changed: object) -> None:
        self.standing = msgspec.structs.replace(self.standing, **changed)

    def _note(self, now_us: int) -> None:
        """Keep where the round stands: at once what somebody is told, else once a minute."""
        if self.standing == self._noted:
            return
        is_plain = msgspec.structs.replace(self.standing, place=self._noted.place) == self._noted
        if is_plain and 0 <= now_us - self._noted_us < NOTED_EVERY_US:
            return
        try:
            put_whole(self.places.root / FILE, msgspec.json.encode(self.standing))
        except OSError:  # a full disk: this process knows it, and the next one finds it again
            log.warning("where the round of the readings stands was not kept", exc_info=True)
            return
        failpoints.reach("rounds.noted")
        self._noted, self._noted_us = self.standing, now_us


class _Reading:
    """A file that is being read, and what its bytes gave so far."""

    def __init__(self, root: Path, name: str, named: _Named) -> None:
        self.name, self.named = name, named
        self.mark = _mark(root / name)
        self._file = (root / name).open("rb")
        self._digest, self._size, self._lines = hashlib.sha256(), 0, 0

    def some(self, most: int) -> tuple[int, bool | None]:
        """Read on; return how many bytes, and whether the file is whole, which its end tells."""
        chunk = self._file.read(most)
        if self.named.lines:
            return len(chunk), self._is_begun_so(chunk)
        self._digest.update(chunk)
        self._size += len(chunk)
        if chunk and self._size < self.named.size_bytes:
            return len(chunk), None
        is_whole = (self._digest.hexdigest(), self._size) == self.named[:2]
        return len(chunk), is_whole and not self._file.read(1)

    def _is_begun_so(self, chunk: bytes) -> bool | None:
        left = self.named.lines - self._lines
        here = chunk.count(b"\n")
        if chunk and here < left:
            self._digest.update(chunk)
            self._lines += here
            return None
        if here < left:
            return False
        end = -1
        for _ in range(left):
            end = chunk.index(b"\n", end + 1)
        self._digest.update(chunk[: end + 1])
        return self._digest.hexdigest() == self.named.sha256

    def close(self) -> None:
        """Let the file go."""
        self._file.close()


def _mark(path: Path) -> Mark:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_ctime_ns


def _load(path: Path) -> Standing:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Standing)
    except FileNotFoundError:
        return Standing()
    except (OSError, msgspec.DecodeError):
        log.warning("where the round of the readings stood cannot be read", exc_info=True)
        return Standing()
