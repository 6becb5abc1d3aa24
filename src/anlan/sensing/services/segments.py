"""Sealing readings: acknowledged batches move into files that never change again (I16).

Crash safety, step by step.  The file is written under another name, synced
and renamed: it is whole or absent.  Row, journal entry and the deletion of
the batches commit together: before that the batches are the truth and the
file is a leftover that the next run removes; after it the file is.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.db import transaction
from django.db.models import Min, Sum

from anlan.infra import failpoints, journal
from anlan.kernel.actor import system_actor
from anlan.kernel.errors import ConflictError
from anlan.sensing.domain.columns import unpack
from anlan.sensing.domain.events import SegmentSealed
from anlan.sensing.domain.observations import Batch
from anlan.sensing.models import ObservationBatch, Segment
from anlan.sensing.services.here import workspace_here
from anlan.sensing.services.parquet import sha256_of, table_of, write_file

MAX_ROWS = 1_000_000
"""Rows of one segment: about 100 MB of memory while it is written."""
SPAN = timedelta(hours=1)
"""How much time one segment covers when readings come slowly."""
REST = timedelta(minutes=15)
"""Batches stay open this long: what the judge reads next is then in the database."""
LOCK = "sealing.lock"


@dataclass(frozen=True, slots=True)
class SegmentFault:
    """A segment whose file is not what was sealed."""

    name: str
    fault: str  # "missing", "changed", "unknown_file"


def seal_segments(*, now: datetime, span: timedelta = SPAN) -> tuple[Segment, ...]:
    """Move batches into segment files, once the oldest is ``span`` old or very many wait.

    Batches received within the last :data:`REST` stay; with a ``span`` of zero
    everything goes.  Returns the segments made: none when nothing is due or
    when another process is sealing.
    """
    if not _due(now, span):
        return ()
    folder = workspace_here().segments
    sealed = []
    with _alone(folder) as alone:
        if not alone:
            return ()
        _remove_leftovers(folder)
        while rows := _next_rows(now - min(REST, span)):
            sealed.append(_seal(rows, folder, now=now))
    return tuple(sealed)


def _due(now: datetime, span: timedelta) -> bool:
    waiting = ObservationBatch.objects.aggregate(rows=Sum("rows"), oldest=Min("received_at"))
    if waiting["oldest"] is None:
        return False
    return bool(waiting["oldest"] <= now - span or waiting["rows"] >= MAX_ROWS)


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Hold the sealing lock of the folder; the kernel frees it when the process dies."""
    with (folder / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _remove_leftovers(folder: Path) -> None:
    """Remove what a crash left: unfinished files, and files that no row stands for."""
    for path in folder.glob("*.part"):
        path.unlink()
    names = set(Segment.objects.values_list("name", flat=True))
    for path in folder.glob("obs-*.parquet"):
        if path.name not in names:
            path.unlink()


def _next_rows(until: datetime) -> list[ObservationBatch]:
    """Return the oldest batches, in order of id, up to :data:`MAX_ROWS` rows."""
    taken: list[ObservationBatch] = []
    total = 0
    for row in ObservationBatch.objects.order_by("id").iterator(500):
        total += row.rows
        if row.received_at > until or (taken and total > MAX_ROWS):
            break
        taken.append(row)
    return taken


def _seal(rows: list[ObservationBatch], folder: Path, *, now: datetime) -> Segment:
    batches = [Batch(row.id, row.received_at, unpack(bytes(row.data))) for row in rows]
    name = f"obs-{rows[0].id:012d}-{rows[-1].id:012d}.parquet"
    failpoints.reach("segments.begun")
    sha256, size = write_file(table_of(batches), folder / name)
    segment = Segment(
        name=name,
        sha256=sha256,
        size_bytes=size,
        rows=sum(len(batch.observations) for batch in batches),
        first_batch=rows[0].id,
        last_batch=rows[-1].id,
        first_at=min(row.first_at for row in rows),
        last_at=max(row.last_at for row in rows),
        sealed_at=now,
    )
    _swap(segment, len(rows), now=now)
    failpoints.reach("segments.committed")
    return segment


@transaction.atomic
def _swap(segment: Segment, expected: int, *, now: datetime) -> None:
    """Let the file take the place of its batches, all at once."""
    gone, _ = ObservationBatch.objects.filter(
        id__gte=segment.first_batch, id__lte=segment.last_batch
    ).delete()
    if gone != expected:
        raise ConflictError(what="observation batches changed while they were sealed")
    failpoints.reach("segments.batches_deleted")
    event = SegmentSealed(
        segment=segment.name,
        sha256=segment.sha256,
        rows=segment.rows,
        first_at=segment.first_at,
        last_at=segment.last_at,
    )
    journal.record(event, actor=system_actor("sensing"), now=now, rows=[segment])
    failpoints.reach("segments.before_commit")


def verify_segments() -> tuple[SegmentFault, ...]:
    """Compare every segment file with its sealed hash; return what does not agree."""
    folder = workspace_here().segments
    faults = []
    names = set()
    for segment in Segment.objects.order_by("name").iterator(500):
        names.add(segment.name)
        path = folder / segment.name
        if not path.is_file():
            faults.append(SegmentFault(segment.name, "missing"))
        elif sha256_of(path) != (segment.sha256, segment.size_bytes):
            faults.append(SegmentFault(segment.name, "changed"))
    strange = sorted(path.name for path in folder.glob("*.parquet") if path.name not in names)
    return (*faults, *(SegmentFault(name, "unknown_file") for name in strange))
