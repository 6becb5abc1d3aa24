"""Messages that were heard already, by their sender's key: bounded, and rebuilt from the store."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from typing import NamedTuple

from anlan.sensing.store.frames import Frame

MOST = 1_000_000
KEPT_US = 7 * 86_400_000_000


class Heard(NamedTuple):
    """What became of a message: its frame, how many readings were kept, when it came."""

    seq: int
    rows: int
    received_us: int


def hash_of(source: str, key: str) -> int:
    """Return 64 bits that stand for one sender's key; 0 for no key."""
    if not key:
        return 0
    digest = blake2b(f"{source}\n{key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True) or 1


class KnownKeys:
    """The keys of seven days, at most :data:`MOST` of them; the oldest go first."""

    def __init__(self) -> None:
        self._heard: OrderedDict[int, Heard] = OrderedDict()

    def find(self, source: str, key: str) -> Heard | None:
        """Return what became of a message with this key, if it came before."""
        return self._heard.get(hash_of(source, key)) if key else None

    def note(self, frame: Frame) -> None:
        """Remember a frame that is kept."""
        self.note_hash(
            hash_of(frame.source, frame.key), Heard(frame.seq, frame.rows, frame.received_us)
        )

    def note_hash(self, hashed: int, heard: Heard) -> None:
        """Remember a kept message, and forget what is too old or too much."""
        if not hashed:
            return
        self._heard.setdefault(hashed, heard)
        while self._heard:
            oldest = next(iter(self._heard.values()))
            if len(self._heard) <= MOST and oldest.received_us >= heard.received_us - KEPT_US:
                break
            self._heard.popitem(last=False)
