"""Frames that a commit could not have judged at once, for the tick that follows."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from anlan.sensing import public as sensing


class Left:
    """Holds frames in memory up to a number of readings; with more it holds none: the store has them."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._frames: list[sensing.Frame] = []
        self._rows = 0
        self._turn = threading.Lock()

    def add(self, frames: Sequence[sensing.Frame]) -> None:
        """Hold frames that were just kept."""
        with self._turn:
            self._rows += sum(frame.rows for frame in frames)
            if self._rows > self.most and self._frames:
                self._frames, self._rows = [], 0
                return
            self._frames += frames

    def take(self, *, after: int) -> list[sensing.Frame]:
        """Hand over the frames that follow on number ``after``; none when some in between are missing."""
        with self._turn:
            found = [frame for frame in self._frames if frame.seq > after]
            self._frames, self._rows = [], 0
        follows = bool(found) and found[-1].seq - after == len(found)
        return found if follows else []
