"""Tombstones in the journal: what of the readings went, by which class, and what stays of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from anlan.infra import journal
from anlan.kernel.actor import system_actor
from anlan.sensing.domain.events import ReadingsRetired
from anlan.sensing.models import RetiredReadings, Segment
from anlan.sensing.services.retention_here import basis_of
from anlan.sensing.store.manifest import Retired, ThinFile
from anlan.sensing.store.verify import StoreFault

GONE = "retired"
"""Stands for a successor where a segment's readings all went."""


def unknown_stones(found: Sequence[Retired]) -> tuple[Retired, ...]:
    """Return the tombstones of which the journal has not heard."""
    if not found:
        return ()
    known = set(
        RetiredReadings.objects.filter(pk__in=[one.id for one in found]).values_list(
            "pk", flat=True
        )
    )
    return tuple(one for one in found if one.id not in known)


def tell_retired(stones: Sequence[Retired], gone: Sequence[Segment], *, now: datetime) -> None:
    """Journal tombstones, with the segments that have no successor; needs a transaction."""
    for one in stones:
        row = RetiredReadings(
            id=one.id,
            day=one.day,
            stream_class=one.stream_class,
            basis=basis_of(one.stream_class),
            streams=one.streams,
            rows=one.rows,
            digest=one.sha256,
            thinned=one.thinned,
            thinned_sha256=one.thinned_sha256,
            retired_at=now,
        )
        ended = [x for x in gone if x.name in one.segments and not x.replaced_by]
        for segment in ended:
            segment.replaced_by = GONE
        event = ReadingsRetired(
            one.day,
            one.stream_class,
            row.basis,
            one.streams,
            one.rows,
            one.sha256,
            one.thinned,
            one.thinned_sha256,
        )
        journal.record(event, actor=system_actor("retention"), now=now, rows=[row, *ended])


def retired_faults(thinned: Sequence[ThinFile]) -> tuple[StoreFault, ...]:
    """Return what stays, by the journal, and is not there as it was."""
    there = {item.name: item.sha256 for item in thinned}
    rows = RetiredReadings.objects.exclude(thinned="").values_list("thinned", "thinned_sha256")
    return tuple(
        StoreFault(name, "missing" if name not in there else "not_as_journalled")
        for name, sha256 in sorted(set(rows))
        if there.get(name) != sha256
    )
