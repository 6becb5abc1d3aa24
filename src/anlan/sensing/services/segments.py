"""Sealing readings: what the log holds becomes files whose hashes the journal witnesses (I16).

The store's manifest is the truth of which files count; it is written before the
journal hears of it.  After a crash between the two the next run tells the journal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from anlan.infra import failpoints, journal
from anlan.kernel.actor import system_actor
from anlan.sensing.domain.events import SegmentSealed
from anlan.sensing.models import Segment
from anlan.sensing.services.framing import from_us, to_us
from anlan.sensing.services.hands import hand, reader
from anlan.sensing.services.here import workspace_here
from anlan.sensing.services.tombstones import retired_faults, tell_retired, unknown_stones
from anlan.sensing.store.manifest import Lost, SegmentFile
from anlan.sensing.store.segments import hashed
from anlan.sensing.store.verify import StoreFault, verify

MAX_ROWS = 1_000_000
"""So many readings are sealed without waiting for the hour."""
SPAN = timedelta(hours=1)
"""How much time one segment covers when readings come slowly."""


def seal_segments(*, now: datetime, span: timedelta = SPAN) -> tuple[Segment, ...]:
    """Close readings into segments, once the oldest is ``span`` old or very many wait.

    Returns the segments that the journal heard of: none when nothing was due.
    """
    oldest = reader().oldest_waiting_us()
    if oldest is not None and (
        from_us(oldest) <= now - span or reader().waiting_rows() >= MAX_ROWS
    ):
        hand().seal(to_us(now))
    return tell_journal(now=now)


def tell_journal(*, now: datetime) -> tuple[Segment, ...]:
    """Journal each segment of the manifest that the journal does not know, and what it replaced.

    One that the journal believed gone and that is there again, for its store was put back, counts again.
    """
    kept = reader().kept()
    files = kept.segments
    names = {item.name for item in files}
    known = set(_current().values_list("name", flat=True))
    stones = unknown_stones(kept.retired)
    if known == names and not stones:
        return ()
    with transaction.atomic():
        current = {row.name: row for row in _current().select_for_update()}
        ended = Segment.objects.select_for_update().in_bulk(list(names - set(current)))
        if reader().kept() != kept:
            return ()  # another process sealed: what ended since is not there again; the next run tells it
        gone = [row for name, row in current.items() if name not in names]
        added = [
            _tell(item, ended.get(item.name), [row for row in gone if _holds(item, row, kept.lost)], now=now)
            for item in files
            if item.name not in current
        ]  # fmt: skip
        tell_retired(stones, [row for row in gone if not row.replaced_by], now=now)
        failpoints.reach("segments.before_commit")
    failpoints.reach("segments.committed")
    return tuple(added)


def _current() -> QuerySet[Segment]:
    """Return the segments that the journal knows of and that were not merged since.

    Those without a day in their name are of the time before the store, which holds their readings too.
    """
    return Segment.objects.filter(replaced_by="", name__contains="/")


def _tell(
    item: SegmentFile, before: Segment | None, replaced: Sequence[Segment], *, now: datetime
) -> Segment:
    # What was journalled of it before stays what it must be: a file that differs is found by that.
    segment = before or Segment(
        name=item.name,
        sha256=item.sha256,
        size_bytes=item.size_bytes,
        rows=item.rows,
        first_batch=item.first,
        last_batch=item.last,
        first_at=from_us(item.from_us),
        last_at=from_us(item.to_us),
        sealed_at=now,
    )
    segment.replaced_by = ""
    for row in replaced:
        row.replaced_by = item.name
    event = SegmentSealed(
        segment=segment.name,
        sha256=segment.sha256,
        rows=segment.rows,
        first_at=segment.first_at,
        last_at=segment.last_at,
        replaces=tuple(sorted(row.name for row in replaced)),
    )
    journal.record(event, actor=system_actor("sensing"), now=now, rows=[segment, *replaced])
    return segment


def _holds(item: SegmentFile, row: Segment, lost: Sequence[Lost]) -> bool:
    """Return whether a merged file holds what another held: the same day, and all its frames.

    One that ended within numbers that were ``lost`` is held by none, though a file may reach from before
    them to behind them; one that reaches over all of them was written behind them.
    """
    return (
        row.name.partition("/")[0] == item.day
        and item.first <= row.first_batch
        and row.last_batch <= item.last
        and not any(gap.after < row.last_batch <= gap.upto for gap in lost)
    )


def verify_segments() -> tuple[StoreFault, ...]:
    """Prove that what was acknowledged is there: every file, every frame, and what the journal says.

    What the journal does not know yet is no fault, be it a segment, a successor or a tombstone: the
    next sealing tells it.
    """
    faults = list(verify(workspace_here().observations))
    kept = reader().kept()
    hashes = {item.name: item.sha256 for item in kept.segments}
    for name, sha256 in _current().values_list("name", "sha256"):
        if hashes.get(name, sha256) != sha256:
            faults.append(StoreFault(name, "not_as_journalled"))
    faults += [StoreFault(row.name, "not_in_manifest") for row in missing_segments()]
    return (*faults, *retired_faults(kept.thinned), *_changed_before())


def missing_segments() -> list[Segment]:
    """Return the segments that the journal knows of and no file of the manifest holds.

    Merged ones, and those whose readings all went by their class, are not among them, whether or not the
    journal has heard of that yet.
    """
    # The rows first: what they name the manifest named before, so what is gone from it has a successor.
    rows = list(_current())
    kept = reader().kept()
    named = {item.name for item in kept.segments}
    missing = [row for row in rows if row.name not in named]
    if not missing:
        return []
    retired = {name for stone in unknown_stones(kept.retired) for name in stone.segments}
    days: dict[str, list[SegmentFile]] = {}
    for item in kept.segments:
        if item.replaces:
            days.setdefault(item.day, []).append(item)
    return [
        row
        for row in missing
        if row.name not in retired
        and not any(
            _holds(item, row, kept.lost) for item in days.get(row.name.partition("/")[0], ())
        )
    ]


def _changed_before() -> Iterator[StoreFault]:
    """Yield the segments of the time before the store whose files are not what was sealed."""
    folder = workspace_here().root / "segments"
    for segment in Segment.objects.exclude(name__contains="/"):
        path = folder / segment.name
        if not path.is_file():
            yield StoreFault(segment.name, "missing")
        elif hashed(path) != (segment.sha256, segment.size_bytes):
            yield StoreFault(segment.name, "changed")
