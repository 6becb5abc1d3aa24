"""The log: frames in the order of their numbers, on the disk before anybody is told.

A commit is one synchronous write for all frames that wait.  What a
crash leaves of a commit is cut off at the next opening: nobody was told of it.
Harm before the end is not a crash but a broken disk, and is refused aloud.
"""

from __future__ import annotations

import errno
import logging
import mmap
import os
import struct
from collections import deque
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from anlan.infra import failpoints
from anlan.kernel.errors import IntegrityBreachError, UnavailableError
from anlan.sensing.store import frames
from anlan.sensing.store.frames import Frame
from anlan.sensing.store.places import sync_folder

logger = logging.getLogger(__name__)
_UNKNOWN_CALL = frozenset({errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS})
ROLL_BYTES = 64 << 20
SUFFIX = ".log"
SYNCED = "synced"
_POINTER = struct.Struct("<qqq")


class LogFile(NamedTuple):
    """One file of the log and the number of its first frame."""

    first: int
    path: Path


def files_of(folder: Path) -> list[LogFile]:
    """Return the files of a log, oldest first."""
    found = (LogFile(int(path.stem), path) for path in folder.glob("*" + SUFFIX))
    return sorted(found)


def synced_to(folder: Path) -> tuple[int, int]:
    """Return the file, by its first number, and the size up to which frames are on the disk.

    What lies behind that is on its way: its sender was not told yet, and it may be taken back.
    """
    for _ in range(3):
        data = (folder / SYNCED).read_bytes() if (folder / SYNCED).exists() else b""
        if len(data) == _POINTER.size:
            first, size, check = _POINTER.unpack(data)
            if first ^ size == check:
                return first, size
    return 0, 0


def is_behind(folder: Path) -> bool:
    """Return whether a log is longer than its readers are told: by what is on its way, or by more."""
    found = files_of(folder)
    return bool(found) and (found[-1].first, found[-1].path.stat().st_size) > synced_to(folder)


def tell_readers(folder: Path) -> None:
    """Tell readers where the last whole frame ends; the caller holds the lock of the store.

    That is not synced with each commit: after a power cut readers are told of an earlier one.

    Raises
    ------
    IntegrityBreachError
        When frames before the end are harmed.
    """
    last = files_of(folder)[-1]
    handle = os.open(last.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size, _ = _whole(handle, last)
    finally:
        os.close(handle)
    pointer = os.open(folder / SYNCED, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        _write_pointer(pointer, last.first, size)
    finally:
        os.close(pointer)


def _write_pointer(pointer: int, first: int, size: int) -> None:
    os.pwrite(pointer, _POINTER.pack(first, size, first ^ size), 0)


class Tail:
    """Follows a log: every frame after a number, each byte read and checked once.

    Holds what is not sealed yet in memory, which the sealing bounds.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.frames: deque[Frame] = deque()
        self._file: LogFile | None = None
        self._offset = 0
        self._synced, self._synced_size = 0, 0

    def after(self, sealed: int) -> deque[Frame]:
        """Return every frame with a number above ``sealed``, in order, as far as they are whole.

        Raises
        ------
        FileNotFoundError
            When they were sealed meanwhile: what they held is in a segment.
        """
        while self.frames and self.frames[0].seq <= sealed:
            self.frames.popleft()
        last = self.frames[-1].seq if self.frames else sealed
        for following, file in self._files(last + 1):
            last = self._read_on(file, following, last)
        return self.frames

    def _files(self, wanted: int) -> list[tuple[int | None, LogFile]]:
        """Return the files that may hold frames from ``wanted`` on, each with where the next begins."""
        synced, self._synced_size = synced_to(self.folder)
        found = [file for file in files_of(self.folder) if file.first <= synced]
        if not found:
            if synced_to(self.folder)[0] != synced:  # all was sealed between the two looks
                raise FileNotFoundError(self.folder)
            return []
        if found[0].first > wanted:
            raise FileNotFoundError(found[0].path)
        self._synced = synced
        following = [*(file.first for file in found[1:]), None]
        pairs = zip(following, found, strict=True)
        return [(then, file) for then, file in pairs if then is None or then > wanted]

    def _read_on(self, file: LogFile, following: int | None, last: int) -> int:
        if file != self._file:
            self._file, self._offset = file, 0
        most = self._synced_size - self._offset if file.first == self._synced else -1
        with file.path.open("rb") as opened:
            opened.seek(self._offset)
            data = opened.read(most)
        view = memoryview(data)
        scanned = frames.scan(view)
        for start, end in scanned.spans:
            frame = frames.decode(view[start:end])
            if frame.seq > last:
                self.frames.append(frame)
                last = frame.seq
        self._offset += scanned.end
        if following is not None and following > last + 1:
            raise IntegrityBreachError(
                what=f"log of readings {file.path.name}, byte {self._offset}"
            )
        return last


class LogWriter:
    """Appends frames.  One per folder: the caller holds the lock of the store."""

    def __init__(self, folder: Path, after: int) -> None:
        """Open the log; ``after`` is the last number that is sealed already."""
        self.folder = folder
        self.last = after
        self._file = -1
        self._first = after + 1
        self._size = 0
        self._pointer = os.open(folder / SYNCED, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        self._broken = False
        self.cut_bytes = 0
        if self._open() < after:
            self._begin_file()  # numbers were passed over: what follows is not the rest of that file

    def _open(self) -> int:
        """Take up the last file where its last whole frame ends; cut off what a crash left.

        Returns the number of that frame.
        """
        self._broken = False
        found = files_of(self.folder)
        if not found:
            self._begin_file()
            return self.last
        self.last = max(self.last, found[-1].first - 1)
        path = found[-1].path
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self._size, last = _whole(handle, found[-1])
        self.last = max(self.last, last)
        size = os.fstat(handle).st_size
        if size != self._size:
            os.ftruncate(handle, self._size)
            os.fsync(handle)
            self.cut_bytes += size - self._size
        self._file, self._first = handle, found[-1].first
        self._point()
        return last

    def _point(self) -> None:
        """Say up to where readers may read."""
        _write_pointer(self._pointer, self._first, self._size)

    def _begin_file(self) -> None:
        self._close_file()
        self._first = self.last + 1
        path = self.folder / f"{self._first:016d}{SUFFIX}"
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        sync_folder(self.folder)
        self._size = 0
        self._point()

    def append(self, taken: Sequence[Frame]) -> list[Frame]:
        """Keep frames durably, together; return them with their numbers.

        Raises
        ------
        UnavailableError
            When they could not be kept; then none of them is.
        """
        if self._broken:
            # A failed sync says nothing about what is on the disk: only a new look at it does.
            self._close_file()
            self._open()
        if self._size >= ROLL_BYTES:
            self._begin_file()
        numbered = [frame._replace(seq=self.last + 1 + at) for at, frame in enumerate(taken)]
        data = b"".join(frames.encode(frame, place) for place, frame in enumerate(numbered))
        try:
            _write_durably(self._file, data, self._size)
        except OSError as error:
            self._take_back()
            raise UnavailableError(what="observation log", problem=error.strerror) from error
        failpoints.reach("observations.synced")
        self._size += len(data)
        self.last += len(numbered)
        try:
            self._point()
        except OSError:  # they are kept; the next commit tells readers
            logger.exception("readers could not be told of readings that are kept")
        return numbered

    def _take_back(self) -> None:
        try:
            os.ftruncate(self._file, self._size)
            os.fsync(self._file)
        except OSError:
            self._broken = True

    def forget_before(self, seq: int) -> None:
        """Remove the files whose frames all have numbers up to ``seq``: a segment holds them."""
        found = files_of(self.folder)
        if found and self.last <= seq and self._size:
            self._begin_file()
            found = files_of(self.folder)
        for file, following in pairwise(found):
            if following.first <= seq + 1:
                file.path.unlink()
        sync_folder(self.folder)

    def close(self) -> None:
        """Let the files go."""
        self._close_file()
        os.close(self._pointer)

    def _close_file(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _whole(handle: int, file: LogFile) -> tuple[int, int]:
    """Return where the last whole frame of a file ends, and its number.

    Raises
    ------
    IntegrityBreachError
        When frames of a later commit follow on broken bytes: that is no torn end.
    """
    before = file.first - 1
    if os.fstat(handle).st_size == 0:
        return 0, before
    with mmap.mmap(handle, 0, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as view:
        scanned = frames.scan(view)
        last = frames.header_at(view, scanned.spans[-1][0]).seq if scanned.spans else before
        if not frames.is_torn(view, scanned.end, last):
            raise IntegrityBreachError(what=f"log of readings {file.path.name}, byte {scanned.end}")
    return scanned.end, last


def _write_durably(handle: int, data: bytes, at: int) -> None:
    """Write at a place of a file; when this returns it is on the disk, as after ``fdatasync``.

    In one call where the system and the file system know it: it takes a third less time than two,
    and whoever waits for the interpreter's lock between them waits once.
    """
    try:
        _write(data, at, lambda view, at: os.pwritev(handle, [view], at, os.RWF_DSYNC))
    except (AttributeError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in _UNKNOWN_CALL:
            raise
        _write(data, at, lambda view, at: os.pwrite(handle, view, at))
        os.fsync(handle)


def _write(data: bytes, at: int, some: Callable[[memoryview, int], int]) -> None:
    view = memoryview(data)
    while view:
        written = some(view, at)
        at += written
        view = view[written:]
