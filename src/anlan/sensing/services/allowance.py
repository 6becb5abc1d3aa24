"""How much of what cannot be read is kept aside for one sender: a flood must not fill the disk."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta

SPAN = timedelta(hours=1)
MOST_MESSAGES = 120
MOST_BYTES = 16 << 20
SENDERS_REMEMBERED = 10_000


class Used:
    """What one sender has used of its bound since ``since``."""

    __slots__ = ("bytes", "over", "pieces", "since")

    def __init__(self, since: datetime) -> None:
        self.since = since
        self.pieces = self.bytes = self.over = 0


class Allowance:
    """Counts what is kept aside by sender, and what was only counted beyond the bound."""

    def __init__(self) -> None:
        self._used: OrderedDict[str, Used] = OrderedDict()
        self.over = 0

    def has_room(self, sender: str, now: datetime) -> bool:
        """Return whether more of a sender may be kept aside at ``now``."""
        used = self._used.get(sender)
        if used is None or not timedelta(0) <= now - used.since < SPAN:
            self._used[sender] = used = Used(now)
        self._used.move_to_end(sender)
        while len(self._used) > SENDERS_REMEMBERED:
            self._used.popitem(last=False)
        return used.pieces < MOST_MESSAGES and used.bytes < MOST_BYTES

    def note(self, sender: str, size: int, now: datetime, *, kept: bool) -> None:
        """Count something that could not be read: kept aside, or over the bound."""
        used = self._used.setdefault(sender, Used(now))
        if kept:
            used.pieces += 1
            used.bytes += size
        else:
            used.over += 1
            self.over += 1
