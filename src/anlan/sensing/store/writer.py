"""The one writer of a store: keeps frames, knows the newest readings, closes segments."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import msgspec
import numpy as np

from anlan.infra import failpoints
from anlan.kernel.errors import ConflictError, IntegrityBreachError, UnavailableError
from anlan.sensing.store import log, manifest, retiring, sealed, sealing
from anlan.sensing.store.frames import Frame
from anlan.sensing.store.keys import Heard, KnownKeys, body_of
from anlan.sensing.store.latest import NEVER, Latest
from anlan.sensing.store.log import LogWriter
from anlan.sensing.store.manifest import Lost, Manifest
from anlan.sensing.store.names import StreamNames
from anlan.sensing.store.places import Places

_logger = logging.getLogger(__name__)


class Kept(NamedTuple):
    """What became of one message: the number of its frame, and whether it had come before.

    ``other`` says that its key came before with another body: nothing of it is kept.
    """

    seq: int
    rows: int
    repeated: bool
    other: bool = False


class Appended(NamedTuple):
    """The answer to each message, and the frames that are new, with their numbers."""

    answers: list[Kept]
    frames: list[Frame]


class Known(NamedTuple):
    """What others know of a store: a number up to which frames were kept, and when that was so (µs)."""

    frame: int
    at_us: int


def nothing_known() -> Known:
    """Say that nobody knows anything of a store."""
    return Known(0, 0)


PASSED_OVER = 1 << 26
"""So many numbers more are passed over in a store that is behind: nobody knows what was kept since
others looked last, and that is half an hour of single readings at the highest rate measured."""


class StoreWriter:
    """Opens a store for writing; a second writer is refused while the first lives.

    Opening takes up what a crash left: the torn end of the log is cut off, and what
    followed the last saved state of the newest readings and keys is read again.  A store that is
    behind what is ``known`` of it goes on under numbers that nobody has used.
    """

    def __init__(self, root: Path, known: Callable[[], Known] = nothing_known) -> None:
        self.places = Places(root)
        self.places.make()
        self._lock = alone(self.places.lock)
        try:
            self._open(known())
        except BaseException:
            os.close(self._lock)  # what is harmed may be mended while this process lives
            raise

    def _open(self, known: Known) -> None:
        self.names = StreamNames(self.places.names, writing=True)
        self.manifest = manifest.load(self.places.manifest)
        self.log = LogWriter(self.places.log, self.manifest.sealed)
        self.keys = KnownKeys()
        for hashed, heard in sealing.keys_of(self.places, self.manifest):
            self.keys.note_hash(hashed, heard)
        self.latest = Latest.load(self.places.latest)
        self._appended, self._sealed = 0, 0
        self._turn = threading.Lock()
        self._take_up()
        if self.log.last < known.frame:
            # A failure here removes nothing: what no manifest names, and was not yet put aside, may be
            # all that is left of acknowledged readings.
            with _told_as_unavailable():
                self._go_on_behind(known)
        else:
            # Not before: what no manifest names may be more than what a crash left.
            sealing.sweep(self.places, self.manifest)

    def _take_up(self) -> None:
        """Bring the newest readings and the keys up to the last frame of the log."""
        done = self.manifest.sealed
        if not done <= self.latest.seq <= self.log.last:
            # Somebody removed the saved state, or it is of another time than the rest: the segments
            # know it all, it only takes longer.
            self.latest = sealed.newest_of(self.places, self.manifest)
        try:
            waiting = log.Tail(self.places.log).after(done)
        except FileNotFoundError as error:
            raise IntegrityBreachError(
                what=f"{self.places.manifest.name}: frames from {done + 1} on are in no segment that"
                " it names and not in the log"
            ) from error
        for frame in waiting:
            self.keys.note(frame)
            self._appended += frame.rows
            if frame.seq > self.latest.seq:
                self.latest.note(frame)
        spoken = np.flatnonzero(self.latest.newest.at_us != NEVER)
        if len(spoken) and spoken[-1] >= len(self.names.codes):
            # Else the next new streams would get the numbers of others, and their readings.
            raise IntegrityBreachError(what=f"{self.places.names.name}: codes are missing")

    def _go_on_behind(self, known: Known) -> None:
        """Let no number be used twice: others know it, and it would mean another reading to them.

        What is here stays as it is, sealed; what no manifest names is put aside and not removed.  A
        crash in between leaves a store that is behind, as it was, or one that goes on.
        """
        last = self.log.last
        aside = sealing.put_aside(self.places, self.manifest, last)
        self._close_waiting()
        came = int(self.latest.newest.received_us.max(initial=NEVER))
        upto = known.frame + PASSED_OVER
        found = Lost(last, upto, 0 if came == NEVER else came, known.at_us)
        _logger.error(
            "the store of readings is behind the database: it goes on under new numbers",
            extra={"last": last, "known": known.frame, "put_aside": aside},
        )
        self.latest.seq = upto
        self._save_latest()
        after = msgspec.structs.replace(
            self.manifest, sealed=upto, lost=(*self.manifest.lost, found)
        )
        manifest.save(self.places.manifest, after)
        failpoints.reach("store.loss_noted")
        self.manifest = after
        self.log.close()
        self.log = LogWriter(self.places.log, upto)
        self.log.forget_before(upto)

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
        heard = [self.keys.find(frame.source, frame.key) if frame.key else None for frame in frames]
        places, new = _without_repeats(frames, heard)
        numbered = self.log.append(new) if new else []
        for frame in numbered:
            self.keys.note(frame)
            self._appended += frame.rows
        self.latest.note_all(numbered)
        seen: set[int] = set()
        answers = []
        for frame, earlier, place in zip(frames, heard, places, strict=True):
            if earlier is None and place not in seen:
                seen.add(place)
                answers.append(Kept(numbered[place].seq, frame.rows, repeated=False))
                continue
            if earlier is None:
                first = numbered[place]
                earlier = Heard(first.seq, first.rows, 0, body_of(first.key))  # noqa: PLW2901
            other = not earlier.is_of(body_of(frame.key))
            answers.append(Kept(earlier.seq, earlier.rows, repeated=True, other=other))
        return Appended(answers, numbered)

    def seal(self, *, now_us: int) -> Manifest:
        """Move what the log holds into segments, merge segments of one day, and cut the log.

        May run in a thread of its own beside :meth:`append`, one at a time.

        Raises
        ------
        UnavailableError
            When the disk does not take it; the log holds everything as before.
        """
        with self._sweeping_up():
            return self._seal(now_us=now_us)

    def _close_waiting(self) -> None:
        for frames in sealing.parts_of(log.Tail(self.places.log).after(self.manifest.sealed)):
            after = sealing.close_frames(self.places, self.manifest, frames)
            # Before the manifest: whoever finds frames sealed finds them in the newest readings too.
            self._save_latest()
            count = len(self.names.codes)
            after = msgspec.structs.replace(
                after, names=count, names_sha256=self.names.digest(count)
            )
            manifest.save(self.places.manifest, after)
            failpoints.reach("store.manifest_saved")
            self.manifest = after
            self._sealed += sum(frame.rows for frame in frames)

    def _seal(self, *, now_us: int) -> Manifest:
        self._close_waiting()
        self.manifest = sealing.merge(self.places, self.manifest, now_us=now_us)
        with self._turn:
            self.log.forget_before(self.manifest.sealed)
        return self.manifest

    def retire(
        self,
        day: str,
        going: Sequence[retiring.Going],
        *,
        worthless: tuple[int, ...],
        told: frozenset[str],
    ) -> Manifest:
        """Let go of readings of a day; not beside :meth:`seal`.

        Raises
        ------
        UnavailableError
            When the disk does not take what stays; then nothing has gone.
        """
        with self._turn:
            newest_us = self.latest.newest.at_us.copy()
        with self._sweeping_up():
            self.manifest = retiring.retire(
                self.places,
                self.manifest,
                day,
                going,
                newest_us=newest_us,
                worthless=worthless,
                told=told,
            )
        return self.manifest

    @contextlib.contextmanager
    def _sweeping_up(self) -> Iterator[None]:
        """Remove what a full disk left half done: it would keep the disk full."""
        with _told_as_unavailable():
            try:
                yield
            except OSError:
                # The file says which one counts, whatever failed around it.
                self.manifest = manifest.load(self.places.manifest)
                sealing.sweep(self.places, self.manifest)
                raise

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


@contextlib.contextmanager
def _told_as_unavailable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnavailableError(what="observation segments", problem=error.strerror) from error


def _without_repeats(
    frames: Sequence[Frame], heard: Sequence[Heard | None]
) -> tuple[list[int], list[Frame]]:
    """Return the frames that are new, and the place of each frame among them (-1: not there).

    Of two messages with one key in one commit the first counts.
    """
    new: list[Frame] = []
    places: list[int] = []
    within: dict[tuple[str, str], int] = {}
    for frame, earlier in zip(frames, heard, strict=True):
        known = (frame.source, frame.key.partition("\n")[0])
        same = within.get(known) if frame.key else None
        if earlier is not None:
            places.append(-1)
        elif same is not None:
            places.append(same)
        else:
            if frame.key:
                within[known] = len(new)
            places.append(len(new))
            new.append(frame)
    return places, new


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


def is_free(root: Path) -> bool:
    """Return whether nobody writes a store at this moment."""
    places = Places(root)
    places.make()
    try:
        os.close(alone(places.lock))
    except ConflictError:
        return False
    return True


def catch_up(root: Path, *, patience_s: float = 5.0) -> None:
    """Let readers see what a power cut left in the log, also before anybody writes.

    Else a store that lost nothing looks like one of before.  Waits for a process that opens it just now.
    """
    places = Places(root)
    end = time.monotonic() + patience_s
    try:
        while log.is_behind(places.log) and time.monotonic() < end:
            with contextlib.suppress(ConflictError):
                lock = alone(places.lock)
                try:
                    log.tell_readers(places.log)
                finally:
                    os.close(lock)
                return
            time.sleep(0.02)
    except (OSError, IntegrityBreachError):  # who writes next says what is wrong with it
        _logger.warning("the end of the log of readings cannot be read", exc_info=True)
