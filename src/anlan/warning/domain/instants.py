"""Instants as whole microseconds since 1970 UTC: exact to add, compare and store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from anlan.kernel.durations import parse_span

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


def micros(at: datetime) -> int:
    """Return an aware instant as microseconds."""
    return (at - EPOCH) // _TICK


def instant(us: int) -> datetime:
    """Return the instant that :func:`micros` turns into ``us``."""
    return EPOCH + timedelta(microseconds=us)


def span_micros(span: timedelta | str) -> int:
    """Return a span, or its pack text such as ``30m``, in microseconds."""
    return _written(span) if isinstance(span, str) else span // _TICK


@lru_cache(maxsize=1024)
def _written(text: str) -> int:
    return parse_span(text) // _TICK
