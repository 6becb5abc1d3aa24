"""Exactly one process judges the streams of a workspace; one that takes readings in goes first.

``judge.lock`` is held by the process that judges.  ``edge.lock`` is held by the one that wants to
judge in the group commit: the clockwork, which judges when nobody else does, sees it and gives way.
Both belong to open files, so the kernel gives them back when a process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

JUDGING, WANTED = "judge.lock", "edge.lock"
LOOKS = 20


class Claims:
    """The two locks of one workspace, as this process holds them."""

    def __init__(self, root: Path) -> None:
        root.mkdir(mode=0o750, parents=True, exist_ok=True)
        self.root = root
        self._held: dict[str, int] = {}

    @property
    def judges(self) -> bool:
        """Whether this process judges."""
        return JUDGING in self._held

    def judge(self) -> bool:
        """Take the lock if nobody has it; return whether this process judges now."""
        return self._take(JUDGING, fcntl.LOCK_EX)

    def want(self) -> bool:
        """Say that this process judges in the group commit; false when another one does."""
        for _ in range(LOOKS):
            if self._take(WANTED, fcntl.LOCK_EX):
                return True
            time.sleep(0.02)  # somebody may only be looking
        return False

    def is_wanted(self) -> bool:
        """Return whether another process wants to judge."""
        if WANTED in self._held:
            return False
        # Shared: those who only look do not hinder each other.
        free = self._take(WANTED, fcntl.LOCK_SH)
        self._give_back(WANTED)
        return not free

    def _take(self, name: str, kind: int) -> bool:
        if name in self._held:
            return True
        handle = os.open(self.root / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._held[name] = handle
        return True

    def _give_back(self, name: str) -> None:
        if name in self._held:
            os.close(self._held.pop(name))

    def let_go(self) -> None:
        """Give back what is held; in a forked child the parent goes on holding it."""
        for name in list(self._held):
            self._give_back(name)
