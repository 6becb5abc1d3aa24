"""What sealed readings tell as a whole: newest readings, and frames as they came."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anlan.kernel.errors import IntegrityBreachError
from anlan.sensing.store import segments
from anlan.sensing.store.frames import Frame
from anlan.sensing.store.latest import Latest
from anlan.sensing.store.manifest import Manifest, SegmentFile
from anlan.sensing.store.places import Places
from anlan.sensing.store.rows import Rows, frame_numbers, joined

if TYPE_CHECKING:
    import pyarrow as pa

ALWAYS = (-(1 << 62), 1 << 62)

log = logging.getLogger(__name__)


def newest_of(places: Places, found: Manifest) -> Latest:
    """Return the newest reading of every stream, from the segments alone."""
    latest = Latest()
    received = received_of(places, found)
    for item in sorted(found.segments, key=lambda item: item.to_us):
        for rows in _rows_in(places, item):
            latest.note_rows(rows, received(rows.id))
    latest.seq = found.sealed
    return latest


def _rows_in(places: Places, item: SegmentFile) -> Iterator[Rows]:
    """Yield the rows of a segment, as far as it is whole.

    What the disk has lost must not keep anybody from what it has: neither the writer, who can take
    nothing in without the newest readings, nor the judge, who goes on with the frames that follow.
    """
    try:
        opened = segments.OpenSegment(places.segments / item.name)
        for group in opened.groups_of(None):
            yield opened.read(None, *ALWAYS, group=group)
    except IntegrityBreachError:
        log.exception("a segment of readings is harmed: what it held is passed over")


def _tables(
    places: Places, found: Manifest, after: int = 0, upto: int = 1 << 62
) -> pa.Table | None:
    import pyarrow as pa

    parts = []
    for item in found.tables:
        if item.last > after and item.first <= upto:
            try:
                parts.append(segments.table_in(places.segments / item.name))
            except IntegrityBreachError:
                log.exception("a file of frames is harmed: its frames are passed over")
    if not parts:
        return None
    return pa.concat_tables(parts, promote_options="default").sort_by("seq")


def received_of(
    places: Places, found: Manifest
) -> Callable[[NDArray[np.int64]], NDArray[np.int64]]:
    """Return a function that tells when readings, by their numbers, were received."""
    table = _tables(places, found)
    if table is None:
        return np.zeros_like
    seqs = np.asarray(table.column("seq").combine_chunks())
    times = np.asarray(table.column("received").combine_chunks().cast("int64"))
    return lambda ids: times[np.searchsorted(seqs, frame_numbers(ids)).clip(max=len(seqs) - 1)]


def frames_of(places: Places, found: Manifest, after: int, upto: int) -> list[Frame]:
    """Return sealed frames with ``after`` < number <= ``upto``, in order.

    A merge keeps a reading once that was kept twice: its later frame has it no more.
    """
    table = _tables(places, found, after, upto)
    if table is None:
        return []
    received = np.asarray(table.column("received").combine_chunks().cast("int64")).tolist()
    parts = []
    for item in found.segments:
        if item.last > after and item.first <= upto:
            for rows in _rows_in(places, item):
                numbers = frame_numbers(rows.id)
                parts.append(rows.take((numbers > after) & (numbers <= upto)))
    rows = joined(parts)
    rows = rows.take(np.argsort(rows.id, kind="stable"))
    numbers = frame_numbers(rows.id)
    frames = []
    named = zip(
        table.column("seq").to_pylist(), received, table.column("source").to_pylist(), strict=True
    )
    for seq, received_us, source in named:
        if after < seq <= upto:
            low, high = np.searchsorted(numbers, [seq, seq + 1])
            mine = rows.take(np.arange(low, high))
            frames.append(_frame(seq, received_us, source, mine))
    return frames


def _frame(seq: int, received_us: int, source: str, rows: Rows) -> Frame:
    late = (rows.result_us != rows.at_us).any()
    return Frame(
        seq=seq,
        received_us=received_us,
        source=source,
        stream=rows.stream,
        at_us=rows.at_us,
        value=rows.value,
        quality=rows.quality,
        result_us=rows.result_us if late else None,
        about=rows.about if rows.about.any() else None,
        text=tuple(rows.text) if rows.text.any() else None,
    )
