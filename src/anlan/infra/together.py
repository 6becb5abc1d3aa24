"""Work that waits for the same turn to write is committed together.

A commit that survives a power cut costs a write to the disk, and with SQLite one process
writes at a time.  Whoever comes first leads: it takes the turn, gathers what others of this
process brought meanwhile, and commits contents, then rows, once for all.  Each still
succeeds or fails by itself, and nobody is answered before the commit.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from django.db import OperationalError, connection, transaction
from django.db.transaction import TransactionManagementError

from anlan.infra import contents
from anlan.infra.baton import BATON
from anlan.infra.models import ContentItem

T = TypeVar("T")
MOST = 64  # so many at once at most: the turn is others' too


@dataclass(eq=False)
class _Waiting:
    """One piece of work, and what became of it."""

    effect: Callable[[], Any]
    items: Sequence[ContentItem]
    answer: Any = None
    error: BaseException | None = None
    leads: bool = False
    woken: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Do the work within the transaction that is open."""
        self.answer = self.effect()
        if connection.needs_rollback:
            raise TransactionManagementError("the work hid an error that undoes it")

    def run_apart(self) -> None:
        """Do the work so that its failure undoes nothing else."""
        try:
            with transaction.atomic():
                self.run()
        except BaseException as error:
            self.error = error
            # A full disk or a lost database is everybody's, and so is an exit.
            if isinstance(error, OperationalError) or not isinstance(error, Exception):
                raise
        if connection.needs_rollback:
            # Without its savepoint nothing is left of the others' work either, and the
            # transaction would end without a word.
            raise OperationalError("the transaction was lost")


_lock = threading.Lock()
_queue: deque[_Waiting] = deque()
_led = False


def commit(effect: Callable[[], T], *, items: Sequence[ContentItem] = ()) -> T:
    """Keep ``items``, then run ``effect``, durably; return what it returned.

    ``effect`` reaches the outside through the default database only, and may run in another
    thread of this process.  Within a transaction it is a part of that one.

    Raises
    ------
    Whatever ``effect`` raises: then nothing of it is kept.
    OperationalError
        When nothing could be committed, for everybody who waited.
    """
    global _led
    mine = _Waiting(effect, items)
    if connection.in_atomic_block:
        contents.keep(items)
        with transaction.atomic():
            mine.run()
        return cast("T", mine.answer)
    with _lock:
        _queue.append(mine)
        mine.leads, _led = not _led, True
    if not mine.leads:
        _await(mine)
    if mine.leads:
        _lead()
    if mine.error is not None:
        raise mine.error
    return cast("T", mine.answer)


def _await(mine: _Waiting) -> None:
    try:
        with BATON.aside():
            mine.woken.wait()
    except BaseException:
        with _lock:
            if mine in _queue:
                _queue.remove(mine)
        if mine.leads:
            _hand_on([])
        raise


def _lead() -> None:
    batch: list[_Waiting] = []
    try:
        with _turn():
            batch = _gathered()
            contents.keep([item for one in batch for item in one.items])
            with transaction.atomic():
                for one in batch:
                    one.run_apart() if len(batch) > 1 else one.run()
                _let_hooks_fail_apart()
    except BaseException as error:  # noqa: BLE001  each hears it where it waits
        batch = batch or _gathered()
        for one in batch:
            # What was refused because of rows that were lost is to be tried again too.
            if len(batch) == 1 or one.error is error:
                one.error = error
            else:
                one.error = OperationalError("what was to be committed together was lost")
                one.error.__cause__ = error
    finally:
        _hand_on(batch)


def _let_hooks_fail_apart() -> None:
    """What runs after the commit is logged when it fails: everything is kept by then."""
    hooks = [(*hook[:2], True) for hook in connection.run_on_commit]
    connection.run_on_commit = hooks  # type: ignore[assignment]  # the stubs know two of its parts


def _gathered() -> list[_Waiting]:
    """Take what waits; the leader's own work came first."""
    with _lock:
        return [_queue.popleft() for _ in range(min(MOST, len(_queue)))]


def _hand_on(batch: list[_Waiting]) -> None:
    """Let the next one lead, and wake those whose work is done."""
    global _led  # noqa: PLW0603
    with _lock:
        _led = bool(_queue)
        if _led:
            _queue[0].leads = True
            _queue[0].woken.set()
    for one in batch:
        one.leads = False
        one.woken.set()


@contextmanager
def _turn() -> Iterator[None]:
    """Hold the turn to write from before the work is gathered: meanwhile more may come."""
    turn = getattr(connection, "turn", None)  # PostgreSQL has many writers and no turns
    if turn is None:
        yield
        return
    with turn():
        yield
