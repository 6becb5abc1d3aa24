"""Messages that were heard already, by their sender's key: bounded, and rebuilt from the store."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from typing import NamedTuple

from anlan.sensing.store.frames import Frame

MOST = 1_000_000
KEPT_US = 7 * 86_400_000_000


class Heard(NamedTuple):
    """What became of a message: its frame, how many readings were kept, when it came.

    ``body`` are 64 bits of the hash of what was sent, 0 where the sender's door told none.
    """

    seq: int
    rows: int
    received_us: int
    body: int = 0

    def is_of(self, body: int) -> bool:
        """Return whether this may be the message with that body."""
        return self.body == body or not (self.body and body)


def keyed(key: str, sha256: str) -> str:
    """Return a sender's key with the hash of what it was used for, as a frame carries them.

    A key is one line; so the line behind it is not a part of it.
    """
    return f"{key}\n{sha256[:16]}" if key else ""


def body_of(key: str) -> int:
    """Return the 64 bits of the hash that a frame's key carries; 0 for none."""
    found = key.partition("\n")[2]
    return int.from_bytes(bytes.fromhex(found), "little", signed=True) if found else 0


def hash_of(source: str, key: str) -> int:
    """Return 64 bits that stand for one sender's key; 0 for no key."""
    if not key:
        return 0
    sent = key.partition("\n")[0]
    digest = blake2b(f"{source}\n{sent}".encode(), digest_size=8).digest()
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
        if frame.key:
            heard = Heard(frame.seq, frame.rows, frame.received_us, body_of(frame.key))
            self.note_hash(hash_of(frame.source, frame.key), heard)

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
