"""One clockwork per workspace: whoever holds the lock file ticks, every other one waits.

The lock belongs to the open file: the kernel gives it back when its process ends, however it
ends.  Nothing stale can be left behind, and nothing depends on a clock.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

FILE = "worker.lock"


class Lease:
    """The right to do what one process does for a workspace; given back at the end of ``with``."""

    def __init__(self, root: Path, file: str = FILE) -> None:
        self._file = os.open(root / file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def take(self) -> bool:
        """Take the lease if nobody holds it; return whether this process has it now."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def __enter__(self) -> Self:
        """Return the lease itself; :meth:`take` is still to be asked."""
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Give the lease back."""
        os.close(self._file)
