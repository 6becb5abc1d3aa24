"""The store of this process's workspace: the hand that keeps, and the reader."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from anlan.sensing.services.here import workspace_here
from anlan.sensing.services.witness import known_of_the_store
from anlan.sensing.store import Hand, StoreReader
from anlan.sensing.store.hand import Writing
from anlan.sensing.store.writer import catch_up

_turn = threading.RLock()
_hands: dict[Path, Hand] = {}
_readers: dict[Path, StoreReader] = {}


def hand() -> Hand:
    """Return the hand through which this process keeps readings."""
    root = workspace_here().observations
    with _turn:
        if root not in _hands:
            _hands[root] = Hand(root, known_of_the_store)
        return _hands[root]


def begin_writing() -> Writing:
    """Make this process the one that writes the store, until :func:`let_go`; others hand over to it.

    Raises
    ------
    ConflictError
        When another process made for writing does already.
    StoreOfAnotherError
        When the readings are those of another workspace.
    """
    return hand().take_up()


def reader() -> StoreReader:
    """Return this process's reader; what it has read of the log once it does not read again."""
    root = workspace_here().observations
    if root not in _readers:
        catch_up(root)
    with _turn:
        if root not in _readers:
            _readers[root] = StoreReader(root)
        return _readers[root]


def let_go() -> None:
    """Give up writing and forget what was read, of every workspace."""
    with _turn:
        _readers.clear()
        while _hands:
            _hands.popitem()[1].close()


def _forget() -> None:
    """In a forked child: the lock and the lines belong to the parent."""
    global _turn  # noqa: PLW0603  a lock that another thread held at the fork would stay locked
    _turn = threading.RLock()
    while _hands:
        _hands.popitem()[1].drop()
    _readers.clear()


os.register_at_fork(after_in_child=_forget)
