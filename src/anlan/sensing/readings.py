"""Reading observations back, whether they are still open batches or already sealed.

Batches are asked for before segments: what is sealed in between is then seen
twice, never missed, and counted once by its batch number.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from anlan.sensing.domain.columns import to_us, unpack
from anlan.sensing.domain.observations import Batch, Observation
from anlan.sensing.models import ObservationBatch, Segment, SignCounter
from anlan.sensing.services.here import workspace_here
from anlan.sensing.services.parquet import read_batches, read_stream, read_streams


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
