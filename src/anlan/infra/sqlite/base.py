"""Django's SQLite backend, with a turn to take before a write begins.

A writer that finds the database locked sleeps in steps of up to 100 ms, long after
the lock was given back; with two web processes and the clockwork writing, most of the
time nobody writes.  Here writers first take a lock on a file beside the database and
look for it several times a millisecond; who is next waits at a door of its own, so that
nobody takes two turns while another waits.  It is a courtesy, not the protection: whoever does not
get a turn in time goes on to SQLite's own lock, which alone decides.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from django.db import connections
from django.db.backends.sqlite3 import base

from anlan.infra.baton import BATON

LOOK_EVERY_S = 0.0003
#: So long at most waits for a turn who holds up another database.
HOLDING_UP_S = 0.1
_pause_s = 0.0


def step_back(pause_s: float) -> None:
    """Let this process wait after each of its turns, so that others get theirs.

    For the clockwork, which writes one small thing after another: taking the next turn at
    once, it would never leave one to whoever looks only now and then.
    """
    global _pause_s  # noqa: PLW0603  a habit of the whole process
    _pause_s = pause_s


def _lock_by(turn: int, end: float) -> bool:
    """Try to lock a file until ``end``, at least once; return whether it is ours."""
    while True:
        try:
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() >= end:
                return False
            time.sleep(LOOK_EVERY_S)
        else:
            return True


class DatabaseWrapper(base.DatabaseWrapper):
    """SQLite whose writers queue."""

    _turn: int | None = None
    _turn_stays = False

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Take the turn before a transaction and hold it to the end of the block."""
        self._turn_stays = True
        try:
            self._take_turn()
            yield
        finally:
            self._turn_stays = False
            self._give_turn()

    def _start_transaction_under_autocommit(self) -> None:
        try:
            if self._turn is None:
                self._take_turn()
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
        # Other threads work meanwhile, unless this one holds up a database.  Then it does not
        # wait long either: another thread may have the turn that cannot begin before this one ends.
        holds = any(one.in_atomic_block for one in connections.all(initialized_only=True))
        patience = HOLDING_UP_S if holds else float(options.get("timeout", 5.0))
        end = time.monotonic() + patience
        with nullcontext() if holds else BATON.aside():
            door = self._locked("-next", end)
            try:
                self._turn = self._locked("-turn", end)
            finally:
                if door is not None:
                    os.close(door)

    def _locked(self, ending: str, end: float) -> int | None:
        """Lock a file beside the database before ``end`` and return its handle."""
        try:
            handle = os.open(f"{self.settings_dict['NAME']}{ending}", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            return None  # a full disk or a folder that is gone: SQLite will say so better
        if _lock_by(handle, end):
            return handle
        os.close(handle)
        return None

    def _give_turn(self) -> None:
        if self._turn is not None and not self._turn_stays:
            # Closing the file gives the lock back, also when the process dies.
            os.close(self._turn)
            self._turn = None
            if _pause_s:
                time.sleep(_pause_s)
