"""The one writer of a store: keeps frames, knows the newest readings, closes segments."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from anlan.infra import failpoints
from anlan.kernel.errors import ConflictError
from anlan.sensing.store import log, manifest, sealed, sealing
from anlan.sensing.store.frames import Frame
from anlan.sensing.store.keys import KnownKeys
from anlan.sensing.store.latest import Latest
from anlan.sensing.store.log import LogWriter
from anlan.sensing.store.manifest import Manifest
from anlan.sensing.store.names import StreamNames
from anlan.sensing.store.places import Places


class Kept(NamedTuple):
    """What became of one message: the number of its frame, and whether it had come before."""

    seq: int
    rows: int
    repeated: bool


class Appended(NamedTuple):
    """The answer to each message, and the frames that are new, with their numbers."""

    answers: list[Kept]
    frames: list[Frame]


class StoreWriter:
    """Opens a store for writing; a second writer is refused while the first lives.

    Opening takes up what a crash left: the torn end of the log is cut off, and what
    followed the last saved state of the newest readings and keys is read again.
    """

    def __init__(self, root: Path) -> None:
        self.places = Places(root)
        self.places.make()
        self._lock = alone(self.places.lock)
        self.names = StreamNames(self.places.names, writing=True)
        self.manifest = manifest.load(self.places.manifest)
        sealing.sweep(self.places, self.manifest)
        self.log = LogWriter(self.places.log, self.manifest.sealed)
        self.keys = KnownKeys()
        for hashed, heard in sealing.keys_of(self.places, self.manifest):
            self.keys.note_hash(hashed, heard)
        self.latest = Latest.load(self.places.latest)
        self._appended, self._sealed = 0, 0
        self._turn = threading.Lock()
        self._take_up()

    def _take_up(self) -> None:
        """Bring the newest readings and the keys up to the last frame of the log."""
        done = self.manifest.sealed
        if self.latest.seq < done:
            # Somebody removed the saved state: the segments know it all, it only takes longer.
            self.latest = sealed.newest_of(self.places, self.manifest)
        for frame in log.Tail(self.places.log).after(done):
            self.keys.note(frame)
            self._appended += frame.rows
            if frame.seq > self.latest.seq:
                self.latest.note(frame)

    @property
    def waiting_rows(self) -> int:
        """How many readings are in the log and not yet in a segment."""
        return self._appended - self._sealed

    def append(self, frames: Sequence[Frame]) -> list[Kept]:
        """Keep messages durably, all of them at once; say of each what became of it.

        A message whose key its sender has used before is not kept again.

        Raises
        ------
        UnavailableError
            When the disk does not take them; then none of them is kept.
        """
        return self.keep(frames).answers

    def keep(self, frames: Sequence[Frame]) -> Appended:
        """Do the same, and return also the frames that were new."""
        with self._turn:
            return self._append(frames)

    def _append(self, frames: Sequence[Frame]) -> Appended:
        heard: list[Kept | None] = []
        new: list[Frame] = []
        within: dict[tuple[str, str], int] = {}
        places: list[int] = []
        for frame in frames:
            earlier = self.keys.find(frame.source, frame.key)
            same = within.get((frame.source, frame.key), -1) if frame.key else -1
            heard.append(
                None if earlier is None else Kept(earlier.seq, earlier.rows, repeated=True)
            )
            places.append(same if same >= 0 else len(new))
            if earlier is None and same < 0:
                within[frame.source, frame.key] = len(new)
                new.append(frame)
        numbered = self.log.append(new) if new else []
        for frame in numbered:
            self.keys.note(frame)
            self.latest.note(frame)
            self._appended += frame.rows
        seen: set[int] = set()
        answers = []
        for found, place in zip(heard, places, strict=True):
            if found is None:
                frame = numbered[place]
                found = Kept(frame.seq, frame.rows, repeated=place in seen)  # noqa: PLW2901
                seen.add(place)
            answers.append(found)
        return Appended(answers, numbered)

    def seal(self, *, now_us: int) -> Manifest:
        """Move what the log holds into segments, merge segments of one day, and cut the log.

        May run in a thread of its own beside :meth:`append`, one at a time.
        """
        for frames in sealing.parts_of(log.Tail(self.places.log).after(self.manifest.sealed)):
            after = sealing.close_frames(self.places, self.manifest, frames)
            # Before the manifest: whoever finds frames sealed finds them in the newest readings too.
            self._save_latest()
            manifest.save(self.places.manifest, after)
            failpoints.reach("store.manifest_saved")
            self.manifest = after
            self._sealed += sum(frame.rows for frame in frames)
        self.manifest = sealing.merge(self.places, self.manifest, now_us=now_us)
        with self._turn:
            self.log.forget_before(self.manifest.sealed)
        return self.manifest

    def _save_latest(self) -> None:
        with self._turn:
            latest = self.latest.copy()
        latest.save(self.places.latest)
        failpoints.reach("store.latest_saved")

    def close(self) -> None:
        """Save the state and let others write."""
        with contextlib.suppress(OSError):  # without it the next opening only takes longer
            self.latest.save(self.places.latest)
        self.log.close()
        os.close(self._lock)

    def drop(self) -> None:
        """In a forked child: close what was inherited; the parent goes on holding the lock."""
        os.close(self._lock)

    def __enter__(self) -> StoreWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def alone(path: Path) -> int:
    """Take the lock of a store; return the open file that holds it.

    Raises
    ------
    ConflictError
        When another process has it.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise ConflictError(
            what="another process writes the observations of this workspace"
        ) from None
    return handle
