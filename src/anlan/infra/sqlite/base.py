"""Django's SQLite backend, with a turn to take before a write begins.

A writer that finds the database locked sleeps in steps of up to 100 ms, long after
the lock was given back; with two web processes and the clockwork writing, most of the
time nobody writes.  Here writers first take a lock on a file beside the database and
look for it several times a millisecond.  It is a courtesy, not the protection: whoever does not
get a turn in time goes on to SQLite's own lock, which alone decides.
"""

from __future__ import annotations

import fcntl
import os
import time
from typing import Any

from django.db.backends.sqlite3 import base

LOOK_EVERY_S = 0.0003
_pause_s = 0.0


def step_back(pause_s: float) -> None:
    """Let this process wait after each of its turns, so that others get theirs.

    For the clockwork, which writes one small thing after another: taking the next turn at
    once, it would never leave one to whoever looks only now and then.
    """
    global _pause_s  # noqa: PLW0603  a habit of the whole process
    _pause_s = pause_s


class DatabaseWrapper(base.DatabaseWrapper):
    """SQLite whose writers queue."""

    _turn: int | None = None

    def _start_transaction_under_autocommit(self) -> None:
        self._take_turn()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]  # not in the stubs
        except BaseException:
            self._give_turn()
            raise

    def _commit(self) -> None:
        try:
            super()._commit()  # type: ignore[misc]  # not in the stubs
        finally:
            self._give_turn()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]  # not in the stubs
        finally:
            self._give_turn()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]  # not in the stubs
        finally:
            self._give_turn()

    def _take_turn(self) -> None:
        if self.is_in_memory_db():
            return
        options: dict[str, Any] = self.settings_dict["OPTIONS"]
        end = time.monotonic() + float(options.get("timeout", 5.0))
        try:
            turn = os.open(f"{self.settings_dict['NAME']}-turn", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            return  # a full disk or a folder that is gone: SQLite will say so better
        while time.monotonic() < end:
            try:
                fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                time.sleep(LOOK_EVERY_S)
            else:
                self._turn = turn
                return
        os.close(turn)

    def _give_turn(self) -> None:
        if self._turn is not None:
            # Closing the file gives the lock back, also when the process dies.
            os.close(self._turn)
            self._turn = None
            if _pause_s:
                time.sleep(_pause_s)
