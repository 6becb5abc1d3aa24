"""One round of examining: fold the frames that are new, and write what began or ended.

What is remembered stands in arrays of this process and in a file beside the readings, which only
spares reading them again: after a crash the frames since are folded anew, and what was written
already changes nothing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anlan.infra import failpoints
from anlan.registry import public as registry
from anlan.sensing.frames import is_of_this_store
from anlan.sensing.quality import state as states
from anlan.sensing.quality.state import FAULTS, HOUR_US
from anlan.sensing.quality.sweeping import Neighbours, no_neighbours, overdue, sweep
from anlan.sensing.quality.taking import Changes, take
from anlan.sensing.services.checked_city import CheckedCity, checked_city, neighbours_of
from anlan.sensing.services.doubting import end_all, end_replaced, end_unknown, keep_changes
from anlan.sensing.services.framing import to_us
from anlan.sensing.services.hands import reader
from anlan.sensing.services.here import workspace_here
from anlan.sensing.store.frames import Frame
from anlan.sensing.store.latest import NEVER

FILE = "quality.npz"
FRAMES_AT_ONCE = 500
ROUNDS = 40  # of one call; what is left waits for the next one
SAVED_EVERY = timedelta(minutes=1)
SAVED_SLOWER = 50_000  # streams for which the file is written a minute later


log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Examined:
    """What a call did."""

    readings: int = 0
    changes: int = 0


def file_of(root: Path) -> Path:
    """Return where the state of a store is kept."""
    return root / FILE


class Examiner:
    """What one process remembers of the streams of one store."""

    def __init__(self, root: Path) -> None:
        self.root = root
        kept = states.load(file_of(root))
        if not is_of_this_store(kept.seq):
            # The store is one of before: its frames would be passed over.
            log.warning("what was remembered of the streams is ahead of the store")
            kept = states.nothing()
        self.state, self.seq, self.swept, _ = kept
        self.saved_seq = self.seq
        self.saved_at: datetime | None = None
        self.city: CheckedCity | None = None
        self.numbers: NDArray[np.int32] = np.zeros(0, np.int32)  # by row of the city
        self.which: NDArray[np.int32] = np.zeros(0, np.int32)  # by number
        self.due: NDArray[np.int64] = np.zeros(0, np.int64)
        self.neighbours: Neighbours = no_neighbours()
        self.named = 0
        self.settled = False

    def examine(self, *, now: datetime) -> Examined:
        """Fold what is new up to ``now``."""
        total = Examined()
        for _ in range(ROUNDS):
            frames = reader().frames(self.seq, self.seq + FRAMES_AT_ONCE)
            changes = self._folded(frames, now=now)
            caught_up = len(frames) < FRAMES_AT_ONCE
            if caught_up:
                changes += self._swept(to_us(now), now=now)
            assert self.city is not None  # noqa: S101  taken up with the first frame or sweep
            written = keep_changes(changes, self.city, self._codes(), now=now)
            failpoints.reach("quality.changes_kept")
            rows = sum(frame.rows for frame in frames)
            total = Examined(total.readings + rows, total.changes + written)
            if caught_up:
                self._settle(now=now)
                break
        self._save(now=now)
        return total

    def _folded(self, frames: Sequence[Frame], *, now: datetime) -> list[Changes]:
        changes: list[Changes] = []
        self._know_city(now=now)
        for frame in frames:
            changes += self._swept(frame.received_us, now=now)
            self._know_streams(int(frame.stream.max(initial=-1)) + 1)
            assert self.city is not None  # noqa: S101
            changes.append(take(self.state, self.which, self.city.table, frame))
            self.seq = frame.seq
        return changes

    def _swept(self, at_us: int, *, now: datetime) -> list[Changes]:
        """Do what the newest hour brought, once; hours in which nothing ran are not made up for."""
        hour = at_us // HOUR_US
        if hour <= self.swept:
            return []
        self._know_city(now=now)
        assert self.city is not None  # noqa: S101
        self.swept = hour
        found = sweep(self.state, self.which, self.city.table, self.neighbours, hour=hour)
        return [found, overdue(self.state, self.due, hour * HOUR_US)]

    def _know_city(self, *, now: datetime) -> None:
        found = checked_city(at=now)
        if found is not self.city:
            self.city, self.named = found, -1
            self._know_streams(0)
            self._see_devices(now=now)
            self._see_checks()
            end_all(found, now=now)

    def _know_streams(self, count: int) -> None:
        """Bring the numbers of the store and the rows of the city together."""
        assert self.city is not None  # noqa: S101
        if count <= self.named:
            return
        known = reader().all_numbers()
        size = max(len(known), count)
        self.named = size
        self.state = states.with_room(self.state, size)
        self.numbers = np.array([known.get(x.code, -1) for x in self.city.sensors], np.int32)
        self.which = np.full(size, -1, np.int32)
        self.due = np.full(size, NEVER, np.int64)
        there = self.numbers >= 0
        self.which[self.numbers[there]] = self.city.held_of[there]
        self.due[self.numbers[there]] = self.city.due_us[there]
        self.neighbours = neighbours_of(self.city, self.numbers)
        left = np.flatnonzero(self.which < 0)
        self.state["since"][left] = NEVER

    def _see_checks(self) -> None:
        """Forget faults of kinds for which a stream is no longer checked."""
        assert self.city is not None  # noqa: S101
        checked = np.array([[kind in item.checks for kind in FAULTS] for item in self.city.held])
        there = np.flatnonzero(self.which >= 0)
        if len(there):
            since = self.state["since"][there]
            self.state["since"][there] = np.where(checked[self.which[there]], since, NEVER)

    def _settle(self, *, now: datetime) -> None:
        """Let rows say what the memory says, once after this process began."""
        if self.settled:
            return
        codes = self._codes()
        numbers, kinds = np.nonzero(self.state["since"][: self.named] != NEVER)
        pairs = zip(numbers.tolist(), kinds.tolist(), strict=True)
        end_unknown({(codes[n], FAULTS[kind]) for n, kind in pairs}, now=now)
        self.settled = True

    def _see_devices(self, *, now: datetime) -> None:
        """Begin anew where another device has taken the place of the one that was."""
        assert self.city is not None  # noqa: S101
        there = np.flatnonzero(self.numbers >= 0)
        numbers, devices = self.numbers[there], self.city.devices[there]
        before = self.state["device"][numbers]
        entered_late = (before == 0) & (
            self.city.installed_us[there] <= self.state["first_us"][numbers]
        )
        other = (devices != before) & (devices != 0) & ~entered_late
        states.forget_device(self.state, numbers[other].astype(np.intp))
        end_replaced([self.city.sensors[row].code for row in there[other].tolist()], now=now)
        self.state["device"][numbers[devices != 0]] = devices[devices != 0]

    def _codes(self) -> Sequence[str]:
        return reader().codes(self.named - 1)

    def _save(self, *, now: datetime) -> None:
        slower = 1 + len(self.state) // SAVED_SLOWER
        due = self.saved_at is None or not timedelta() <= now - self.saved_at < slower * SAVED_EVERY
        if due and self.seq > self.saved_seq:
            kept = states.Kept(self.state, self.seq, self.swept, to_us(now))
            states.save(file_of(self.root), kept)
            self.saved_seq, self.saved_at = self.seq, now


_turn = threading.RLock()
_examiners: dict[Path, Examiner] = {}


def examine(*, now: datetime) -> Examined:
    """Examine the readings that came since the last call; nothing before a city is loaded."""
    if not registry.is_loaded():
        return Examined()
    root = workspace_here().observations
    with _turn:
        if root not in _examiners:
            _examiners[root] = Examiner(root)
        try:
            return _examiners[root].examine(now=now)
        except BaseException:
            # What was folded and not written is folded again from the file.
            del _examiners[root]
            raise


def forget() -> None:
    """Forget what is in this process's memory; the file and the frames know it."""
    with _turn:
        _examiners.clear()
