"""What ``anlan up`` starts ends with it, also when it was killed and could tell nobody."""

from __future__ import annotations

import os
import signal
import threading
import time

PARENT = "ANLAN_PARENT"
"""Names the process that started this one: it may be gone before anybody asks the system for it."""
LOOK_S = 1.0
ENDING_S = 30.0


def hold() -> None:
    """Let the processes that this one starts know whose they are."""
    os.environ[PARENT] = str(os.getpid())


def end_with_parent() -> None:
    """End this process as soon as the one that started it is gone: as if told to stop, then by force."""
    # Taken away: what this process starts is not its parent's.
    parent = int(os.environ.pop(PARENT, "") or os.getppid())
    threading.Thread(target=_watch, args=[parent], daemon=True, name="lifeline").start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_S)
    os.kill(os.getpid(), signal.SIGTERM)
    # A request may hang for hours, and what was acknowledged is safe from any end.
    time.sleep(ENDING_S)
    os.kill(os.getpid(), signal.SIGKILL)
