"""What one piece of work asks again and again, asked once.

While the clockwork works off a slice of events in one transaction, facts that nothing in it
changes (the revision of the city, the quiet hours of a post) are kept and given again.  What
the work itself changes must never be kept so.  Outside such a piece nothing is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar, cast

T = TypeVar("T")
_kept: ContextVar[dict[Hashable, object] | None] = ContextVar("kept", default=None)


@contextmanager
def recalling() -> Iterator[None]:
    """Keep what is asked inside of the block, and forget it at its end."""
    before = _kept.set({})
    try:
        yield
    finally:
        _kept.reset(before)


def is_on() -> bool:
    """Return whether answers are kept just now."""
    return _kept.get() is not None


def recall(key: Hashable, ask: Callable[[], T]) -> T:
    """Return the answer kept under ``key``, or ask and keep it; outside of a piece just ask."""
    kept = _kept.get()
    if kept is None:
        return ask()
    if key not in kept:
        kept[key] = ask()
    return cast("T", kept[key])
