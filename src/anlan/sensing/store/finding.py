"""One reading by its number: which message brought it, and where it lies among what is sealed.

Segments are ordered by stream and time, not by number.  So the likeliest is looked into first, one column
of one row group at a time: what that takes does not grow with a segment's size.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anlan.sensing.store.frames import MOST_ROWS
from anlan.sensing.store.manifest import Manifest, SegmentFile
from anlan.sensing.store.places import Places
from anlan.sensing.store.rows import Rows, no_rows
from anlan.sensing.store.segments import OpenSegments


class Brought(NamedTuple):
    """What is known of a message: who sent it, when it was received (µs), how many readings it held."""

    source: str
    received_us: int
    rows: int


def brought(places: Places, found: Manifest, seq: int) -> Brought | None:
    """Return what is known of a sealed message; None when there is none of that number."""
    import pyarrow.parquet as pq

    for item in found.tables:
        if not item.first <= seq <= item.last:
            continue
        table = pq.read_table(
            places.segments / item.name,
            columns=["source", "received", "rows"],
            filters=[("seq", "==", seq)],
            partitioning=None,
            use_threads=False,
        )
        if table.num_rows:
            received = int(table.column("received").cast("int64")[0].as_py())
            return Brought(
                table.column("source")[0].as_py(), received, table.column("rows")[0].as_py()
            )
    return None


def row_of(
    places: Places,
    found: Manifest,
    opened: OpenSegments,
    number: int,
    *,
    stream: NDArray[np.int32] | None,
    most: int,
) -> Rows | None:
    """Return the sealed reading of a number: one row or none.

    None when it is in none of the first ``most`` readings that may be it; ``stream`` tells whose it is.
    """
    seq, place = divmod(number, MOST_ROWS)
    told = brought(places, found, seq)
    if told is None or place >= told.rows:
        return no_rows()
    looked = 0
    for item in _likeliest_first(found, seq, told.received_us):
        segment = opened.get(places.segments, item.name)
        for group in segment.groups_of(stream):
            looked += segment.rows_in(group)
            if looked > most:
                return None
            row = segment.row_of(number, group)
            if row is not None:
                return row
    return no_rows()


def _likeliest_first(found: Manifest, seq: int, received_us: int) -> list[SegmentFile]:
    """Return the segments that may hold a message: most readings are of the time they come at."""
    may = [item for item in found.segments if item.first <= seq <= item.last]
    return sorted(may, key=lambda x: max(x.from_us - received_us, received_us - x.to_us, 0))
