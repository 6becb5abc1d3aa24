"""Answers that cost more to find than to remember, within a bound."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """Remembers answers whose sizes come to at most ``most``; with one more it forgets all of them.

    Whoever asks in turn for a little more than there is room for is answered in most turns; a memory
    that lets go of the oldest would never answer.  Threads may share it: what two of them find is found twice.
    """

    __slots__ = ("_found", "_size", "most")

    def __init__(self, most: int) -> None:
        self.most = most
        self._found: dict[K, V] = {}
        self._size = 0

    def get(self, key: K) -> V | None:
        """Return the answer that was found before, if it is remembered."""
        return self._found.get(key)

    def put(self, key: K, answer: V, size: int = 1) -> None:
        """Remember an answer of a size, in the unit of ``most``; one that is larger is not remembered."""
        if size > self.most:
            return
        if self._size + size > self.most:
            self._found.clear()
            self._size = 0
        self._found[key] = answer
        self._size += size
