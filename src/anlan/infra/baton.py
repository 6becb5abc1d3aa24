"""One thread of a process works at a time; who only waits lets the next one go on.

Python runs one thread at a time anyway, but changes between them where it likes: a writer
that holds the database could wait milliseconds, again and again, for others to calculate.
Here the change comes only where a thread waits: for its turn to write, or for somebody who
commits its work along with his own.  Whoever comes back from such a wait goes first.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Baton:
    """What a thread holds while it works; threads that never take it are not held up."""

    def __init__(self) -> None:
        lock = threading.Lock()
        self._begin = threading.Condition(lock)
        self._go_on = threading.Condition(lock)
        self._coming_back = 0
        self._taken = False
        self._mine = threading.local()

    @property
    def is_mine(self) -> bool:
        """Whether this thread holds it."""
        return bool(getattr(self._mine, "held", False))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Wait until nobody works, then work."""
        with self._begin:
            while self._taken or self._coming_back:
                self._begin.wait()
            self._taken = self._mine.held = True
        try:
            yield
        finally:
            self._give()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Let others work meanwhile: this thread only waits."""
        if not self.is_mine:
            yield
            return
        self._give()
        try:
            yield
        finally:
            with self._go_on:
                self._coming_back += 1
                while self._taken:
                    self._go_on.wait()
                self._coming_back -= 1
                self._taken = self._mine.held = True

    def _give(self) -> None:
        with self._begin:
            self._taken = self._mine.held = False
            (self._go_on if self._coming_back else self._begin).notify()


BATON = Baton()
