"""Reading observations back, whether they are sealed or still in the log."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from django.db.models import QuerySet
from numpy.typing import NDArray

from anlan.sensing.domain.observations import Batch, LatestReading, Observation
from anlan.sensing.models import Report, Signal
from anlan.sensing.services.framing import (
    batch_of,
    from_us,
    latest_of,
    observations_of,
    to_us,
)
from anlan.sensing.services.hands import reader
from anlan.sensing.store.latest import NEVER


def last_batch_id() -> int:
    """Return the id of the newest batch; 0 before the first."""
    return reader().last()


def batches_after(id: int, limit: int) -> tuple[Batch, ...]:  # noqa: A002  the public name
    """Return up to ``limit`` batches with a greater id, in order of id.

    Ids follow commits, with gaps only where frames were lost, so a cursor that keeps the last id
    hears every reading, sealed in the meantime or not.
    """
    if limit <= 0:
        return ()
    store = reader()
    frames = store.frames(id, id + limit)
    codes = store.codes(max((int(x.stream.max(initial=-1)) for x in frames), default=-1))
    return tuple(batch_of(frame, codes) for frame in frames)


def read_observations(stream: str, start: datetime, end: datetime) -> tuple[Observation, ...]:
    """Return the readings of a stream with ``start`` <= time < ``end``, oldest first.

    When several came for one instant the one received last counts.
    """
    return _newest_of_each_instant([stream], start, end)


def read_many(
    streams: Collection[str], start: datetime, end: datetime, *, most: int
) -> tuple[Observation, ...]:
    """Return the readings of several streams with ``start`` <= time < ``end``, oldest first.

    One pass over what is kept, however many streams there are.  When there are more than
    ``most``, one more than that comes back: the caller sees that it is not all.
    """
    found = _newest_of_each_instant(streams, start, end)
    return tuple(sorted(found, key=lambda item: (item.at, item.stream))[: most + 1])


def _newest_of_each_instant(
    streams: Collection[str], start: datetime, end: datetime
) -> tuple[Observation, ...]:
    store = reader()
    numbers = store.numbers(list(streams))
    rows = store.read(numbers, to_us(start), to_us(end))
    # In order of stream, time and number: the last of each instant is followed by another instant.
    ends = np.ones(rows.size, bool)
    ends[:-1] = (rows.stream[1:] != rows.stream[:-1]) | (rows.at_us[1:] != rows.at_us[:-1])
    codes = store.codes(int(numbers.max(initial=-1)))
    return tuple(observations_of(rows.take(ends), codes))


def latest(streams: Iterable[str]) -> dict[str, LatestReading]:
    """Return the newest reading, by time of measurement, of each of ``streams`` that ever sent one."""
    store, wanted = reader(), list(streams)
    known = store.know(wanted)
    codes = [code for code in wanted if code in known]
    # Of one moment: another thread of this process may be taking in what has just come.
    newest = store.newest_of(np.array([known[code] for code in codes], np.int32))
    rows = zip(codes, *(column.tolist() for column in newest[:4]), strict=True)
    return {row[0]: latest_of(*row) for row in rows if row[1] != NEVER}


class NewestColumns(NamedTuple):
    """The newest reading of each of some streams, in their order; µs since 1970 UTC."""

    spoke: NDArray[np.bool_]
    at_us: NDArray[np.int64]
    value: NDArray[np.float64]


def newest_columns(streams: Sequence[str]) -> NewestColumns:
    """Return the newest reading of each stream as columns: for lists of a whole city."""
    store = reader()
    known = store.all_numbers()
    # A number that nobody has: it never spoke.
    numbers = np.array([known.get(code, _NOBODY) for code in streams], np.int32)
    newest = store.newest_of(numbers)
    spoke = newest.at_us != NEVER
    # What a stream without readings holds in the other columns is somebody else's.
    return NewestColumns(spoke, newest.at_us, np.where(spoke, newest.value, np.nan))


_NOBODY = np.iinfo(np.int32).max


def last_times() -> dict[str, datetime]:
    """Return when each stream that ever spoke last measured something."""
    store = reader()
    newest = store.newest()
    spoke = np.flatnonzero(newest.at_us != NEVER)
    codes = store.codes(int(spoke.max(initial=-1)))
    times = newest.at_us[spoke].tolist()
    return {codes[n]: from_us(at) for n, at in zip(spoke.tolist(), times, strict=True)}


class WhatIsKept(NamedTuple):
    """How much the store holds."""

    segments: int
    sealed_rows: int
    waiting_rows: int
    last: int


def what_is_kept() -> WhatIsKept:
    """Return how many segments, sealed readings and waiting readings there are, and the last batch."""
    store = reader()
    files = store.segments()
    rows = sum(item.rows for item in files)
    return WhatIsKept(len(files), rows, store.waiting_rows(), store.last())


def last_received() -> datetime | None:
    """Return when the last reading came in; None before the first."""
    received = reader().newest().received_us
    last = int(received.max(initial=NEVER))
    return None if last == NEVER else from_us(last)


@dataclass(frozen=True, slots=True)
class LastHeard:
    """When each door was last heard from; ``None``: never."""

    observation: datetime | None
    report: datetime | None
    signal: datetime | None


def last_heard() -> LastHeard:
    """Return when the last reading, report and outside warning came in (two small queries)."""
    return LastHeard(
        observation=last_received(),
        report=_newest(Report.objects.all()),
        signal=_newest(Signal.objects.all()),
    )


def last_heard_by(at: datetime) -> LastHeard:
    """Return when the last report and outside warning had come in at ``at`` (two small queries).

    Of readings :func:`anlan.sensing.known_then.known_at` tells.
    """
    return LastHeard(
        observation=None,
        report=_newest(Report.objects.filter(received_at__lte=at)),
        signal=_newest(Signal.objects.filter(received_at__lte=at)),
    )


def _newest(rows: QuerySet[Any]) -> datetime | None:
    found: datetime | None = (
        rows.order_by("-received_at").values_list("received_at", flat=True).first()
    )
    return found
