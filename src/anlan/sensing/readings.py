"""Reading observations back, whether they are still open batches or already sealed.

Batches are asked for before segments: what is sealed in between is then seen
twice, never missed, and counted once by its batch number.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet, Sum

from anlan.sensing.domain.columns import to_us, unpack
from anlan.sensing.domain.observations import EARLIEST, Batch, Observation, Quality
from anlan.sensing.models import LatestReading, ObservationBatch, Segment, SignCounter
from anlan.sensing.services.here import workspace_here
from anlan.sensing.services.parquet import newest_of, read_batches, read_stream, read_streams


def last_batch_id() -> int:
    """Return the id of the newest batch; 0 before the first."""
    found = SignCounter.objects.filter(kind="batch").values_list("last", flat=True).first()
    return found or 0


def batches_after(id: int, limit: int) -> tuple[Batch, ...]:  # noqa: A002  the public name
    """Return up to ``limit`` batches with a greater id, in order of id.

    Ids have no gaps and follow commits, so a cursor that keeps the last id
    hears every reading once, sealed in the meantime or not.
    """
    last = last_batch_id()
    if last <= id or limit <= 0:
        return ()
    upto = min(last, id + limit)
    found = {
        row.id: Batch(row.id, row.received_at, unpack(bytes(row.data)))
        for row in ObservationBatch.objects.filter(id__gt=id, id__lte=upto)
    }
    if len(found) < upto - id:
        folder = workspace_here().segments
        for segment in Segment.objects.filter(last_batch__gt=id, first_batch__lte=upto):
            for batch in read_batches(folder / segment.name, id, upto):
                found.setdefault(batch.id, batch)
    return tuple(found[key] for key in sorted(found))


def read_observations(stream: str, start: datetime, end: datetime) -> tuple[Observation, ...]:
    """Return the readings of a stream with ``start`` <= time < ``end``, oldest first.

    When several came for one instant the one received last counts.
    """
    found: dict[tuple[int, int], Observation] = {}
    rows = ObservationBatch.objects.filter(first_at__lt=end, last_at__gte=start).order_by("id")
    for row in rows.iterator(200):
        for position, item in enumerate(unpack(bytes(row.data))):
            if item.stream == stream and start <= item.at < end:
                found[row.id, position] = item
    folder = workspace_here().segments
    for segment in Segment.objects.filter(first_at__lt=end, last_at__gte=start):
        path = folder / segment.name
        for batch, (position, item) in read_stream(path, stream, to_us(start), to_us(end)):
            found[batch, position] = item
    newest: dict[datetime, Observation] = {}
    for key in sorted(found):
        newest[found[key].at] = found[key]
    return tuple(newest[at] for at in sorted(newest))


def read_many(
    streams: Collection[str], start: datetime, end: datetime, *, most: int
) -> tuple[Observation, ...]:
    """Return the readings of several streams with ``start`` <= time < ``end``, oldest first.

    One pass over what is kept, however many streams there are.  When there are more than
    ``most``, one more than that comes back: the caller sees that it is not all.
    """
    found: dict[tuple[int, int], Observation] = {}
    rows = ObservationBatch.objects.filter(first_at__lt=end, last_at__gte=start).order_by("id")
    for row in rows.iterator(200):
        for position, item in enumerate(unpack(bytes(row.data))):
            if item.stream in streams and start <= item.at < end:
                found[row.id, position] = item
        if len(found) > most:
            break
    folder = workspace_here().segments
    for segment in Segment.objects.filter(first_at__lt=end, last_at__gte=start):
        if len(found) > most:
            break
        path = folder / segment.name
        for batch, (position, item) in read_streams(path, streams, to_us(start), to_us(end)):
            found[batch, position] = item
    newest = {(found[key].at, found[key].stream): found[key] for key in sorted(found)}
    return tuple(newest[key] for key in sorted(newest)[: most + 1])


#: How far back readings are looked through for what was known at an instant: the longer period if
#: it holds no more rows than :data:`MOST_LOOKED`, else the shorter one, else none.
LOOK_BACK = (timedelta(days=1), timedelta(hours=1))
MOST_LOOKED = 200_000
#: A sealed row is looked at so much faster than one that still lies in its batch.
SEALED_PER_OPEN = 20


@dataclass(frozen=True, slots=True)
class KnownThen:
    """What was known of each stream at an instant.

    ``newest`` holds its newest reading.  A stream that is not in it had none after ``since``, or
    never any; ``since`` is the instant itself when there was too much to look through.
    ``spoke_later`` are the streams that have sent a reading since.
    """

    newest: dict[str, Observation]
    since: datetime
    spoke_later: frozenset[str]


def known_at(at: datetime) -> KnownThen:
    """Return the newest reading of each stream that had been measured and received by ``at``.

    A handful of queries, however many streams and readings there are.
    """
    rows = LatestReading.objects.values_list("stream", "at", "value", "quality", "received_at")
    latest = list(rows)
    newest = {
        stream: Observation(stream, measured, value, Quality(quality))
        for stream, measured, value, quality, received in latest
        if measured <= at and received <= at  # still the newest of all
    }
    later = frozenset(row[0] for row in latest) - newest.keys()
    for span in LOOK_BACK if later and at > EARLIEST else ():
        batches, segments = _between(at - span, at)
        open_rows = batches.aggregate(rows=Sum("rows"))["rows"] or 0
        sealed_rows = segments.aggregate(rows=Sum("rows"))["rows"] or 0
        if open_rows + sealed_rows // SEALED_PER_OPEN <= MOST_LOOKED:
            looked = _newest_between(batches, segments, at - span, at)
            return KnownThen(looked | newest, at - span, later)
    return KnownThen(newest, at, later)


def _between(since: datetime, at: datetime) -> tuple[QuerySet[ObservationBatch], QuerySet[Segment]]:
    """Return the batches and segments that may hold readings of a period."""
    batches = ObservationBatch.objects.filter(
        first_at__lte=at, last_at__gt=since, received_at__lte=at
    )
    return batches, Segment.objects.filter(first_at__lte=at, last_at__gt=since)


def _newest_between(
    batches: QuerySet[ObservationBatch],
    segments: QuerySet[Segment],
    since: datetime,
    at: datetime,
) -> dict[str, Observation]:
    """Return the newest reading of each stream; of one instant the one received last counts."""
    found: dict[str, tuple[datetime, int, Observation]] = {}

    def take(batch: int, item: Observation) -> None:
        known = found.get(item.stream)
        if known is None or (item.at, batch) >= known[:2]:
            found[item.stream] = item.at, batch, item

    for row in batches.order_by("id").iterator(200):
        for item in unpack(bytes(row.data)):
            if since < item.at <= at:
                take(row.id, item)
    for name in segments.values_list("name", flat=True):
        path = workspace_here().segments / name
        for batch, item in newest_of(path, to_us(since), to_us(at)):
            take(batch, item)
    return {stream: item for stream, (_, _, item) in found.items()}
