"""Reading what streams are doubted for: rows of faults, with bounded queries."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from anlan.sensing.models import StreamFault

MOST_CODES = 5_000  # named in one question


def faults_named(numbers: Iterable[int]) -> dict[int, StreamFault]:
    """Return faults by their numbers (one query); the caller checks areas."""
    return StreamFault.objects.in_bulk(list(numbers))


def doubts_of(streams: Collection[str]) -> dict[str, list[StreamFault]]:
    """Return what lasts of some streams, what began first coming first (a query for 5,000)."""
    codes = sorted(set(streams))
    found: dict[str, list[StreamFault]] = {}
    for first in range(0, len(codes), MOST_CODES):
        rows = StreamFault.objects.filter(
            until__isnull=True, stream__in=codes[first : first + MOST_CODES]
        )
        for row in rows.order_by("since", "pk"):
            found.setdefault(row.stream, []).append(row)
    return found


def faults_of(stream: str, start: datetime, end: datetime) -> list[StreamFault]:
    """Return the faults of a stream that touch a period, earliest first (one query)."""
    rows = StreamFault.objects.filter(stream=stream, since__lt=end).exclude(until__lte=start)
    return list(rows.order_by("since", "pk"))


def faults_between(start: datetime, end: datetime) -> list[StreamFault]:
    """Return the faults of all streams that touch a period, earliest first (one query)."""
    rows = StreamFault.objects.filter(since__lt=end).exclude(until__lte=start)
    return list(rows.order_by("since", "pk"))


def faulty(streams: Collection[str], *, kind: str, recorded_since: datetime) -> list[str]:
    """Return which of some streams show a kind of fault that was found since then (one query)."""
    rows = StreamFault.objects.filter(
        until__isnull=True, kind=kind, stream__in=streams, recorded_at__gte=recorded_since
    )
    return list(rows.values_list("stream", flat=True))
