"""Closing readings into segments, and merging the segments of a day.

A crash at any step leaves the earlier state or the later one.  A file that the
manifest does not name is a leftover; the log is cut only after the manifest
names the segments that hold what it held.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from anlan.infra import failpoints
from anlan.kernel.errors import IntegrityBreachError
from anlan.sensing.store import manifest as manifests
from anlan.sensing.store import segments
from anlan.sensing.store.frames import Frame
from anlan.sensing.store.keys import MOST, Heard, body_of, hash_of
from anlan.sensing.store.manifest import FrameTable, Manifest, SegmentFile
from anlan.sensing.store.places import Places, sync_file, sync_folder
from anlan.sensing.store.rows import (
    Rows,
    in_order,
    joined,
    rows_of_frames,
    without_repeats,
)

if TYPE_CHECKING:
    import pyarrow as pa

DAY_US = 86_400_000_000
FANOUT = 8
"""So many segments of one size class of a day are merged into one of the next."""
CLASS_ROWS = 1 << 17
AT_ONCE = 1 << 21
"""Rows that a merge holds in memory at a time."""
MOST_TABLES = 64

log = logging.getLogger(__name__)


def close_frames(places: Places, before: Manifest, frames: Sequence[Frame]) -> Manifest:
    """Write frames into one segment for each day; return the manifest that is to count then."""
    rows = rows_of_frames(frames)
    span = f"{frames[0].seq:012d}-{frames[-1].seq:012d}"
    days = rows.at_us // DAY_US
    added = []
    for day in np.unique(days).tolist():
        name = f"{day_name(day)}/obs-{span}.parquet"
        added.append(write_segment(places, name, _pieces(rows.take(days == day)), frames, ()))
    table = _write_frames(places, f"frames-{span}.parquet", frames)
    failpoints.reach("store.segments_written")
    return msgspec.structs.replace(
        before,
        sealed=frames[-1].seq,
        segments=(*before.segments, *added),
        tables=(*before.tables, table),
    )


def parts_of(frames: Iterable[Frame]) -> Iterator[list[Frame]]:
    """Yield frames in lists that fit into memory as segments."""
    part: list[Frame] = []
    rows = 0
    for frame in frames:
        part.append(frame)
        rows += frame.rows
        if rows >= AT_ONCE:
            yield part
            part, rows = [], 0
    if part:
        yield part


def day_name(day: int) -> str:
    """Return the name of a day, counted since 1970 UTC."""
    return datetime.fromtimestamp(day * 86_400, UTC).strftime("%Y-%m-%d")


def _pieces(rows: Rows) -> Iterator[Rows]:
    yield in_order(rows)


def write_segment(
    places: Places,
    name: str,
    pieces: Iterator[Rows],
    frames: Sequence[Frame] | tuple[int, int],
    replaces: tuple[str, ...],
) -> SegmentFile:
    """Write a segment of pieces that follow each other in order; return what it is."""
    path = places.segments / name
    path.parent.mkdir(mode=0o750, exist_ok=True)
    sync_folder(places.segments)
    writer = segments.SegmentWriter(path)
    count, least, most = 0, 1 << 62, -(1 << 62)
    for piece in pieces:
        if piece.size:
            writer.add(piece)
            count += piece.size
            least = min(least, int(piece.at_us.min()))
            most = max(most, int(piece.at_us.max()))
    found = writer.close()
    first, last = (x.seq if isinstance(x, Frame) else x for x in (frames[0], frames[-1]))
    return SegmentFile(
        name=name,
        day=name.partition("/")[0],
        sha256=found.sha256,
        size_bytes=found.size_bytes,
        rows=count,
        first=first,
        last=last,
        from_us=least,
        to_us=most,
        replaces=replaces,
    )


def _write_frames(places: Places, name: str, frames: Sequence[Frame]) -> FrameTable:
    import pyarrow as pa

    table = pa.table(
        {
            "seq": pa.array([frame.seq for frame in frames], pa.int64()),
            "received": pa.array([x.received_us for x in frames], pa.timestamp("us", "UTC")),
            "rows": pa.array([frame.rows for frame in frames], pa.int32()),
            "source": pa.array([frame.source for frame in frames], pa.string()),
            "key": pa.array([hash_of(frame.source, frame.key) for frame in frames], pa.int64()),
            "body": pa.array([body_of(frame.key) for frame in frames], pa.int64()),
        }
    )
    return _put_table(places, name, table, frames[0].seq, frames[-1].seq)


def _put_table(places: Places, name: str, table: pa.Table, first: int, last: int) -> FrameTable:
    import pyarrow.parquet as pq

    path = places.segments / name
    part = path.with_name(name + ".part")
    pq.write_table(table, part, compression="zstd", write_page_checksum=True)
    sync_file(part)
    found = segments.hashed(part)
    part.replace(path)
    sync_folder(places.segments)
    return FrameTable(name, found.sha256, found.size_bytes, first, last)


def _merged_tables(places: Places, tables: tuple[FrameTable, ...]) -> tuple[FrameTable, ...]:
    """Return the tables of frames, the older ones as one file once there are many."""
    import pyarrow as pa

    old, young = tables[: -MOST_TABLES // 2], tables[-MOST_TABLES // 2 :]
    if len(tables) <= MOST_TABLES or harmed_of(places, old):
        return tables
    parts = [segments.table_in(places.segments / item.name) for item in old]
    first, last = old[0].first, old[-1].last
    name = f"frames-{first:012d}-{last:012d}-{len(old)}.parquet"
    whole = pa.concat_tables(
        parts, promote_options="default"
    )  # earlier ones have no hash of bodies
    return (_put_table(places, name, whole, first, last), *young)


def keys_of(places: Places, found: Manifest) -> list[tuple[int, Heard]]:
    """Return the newest keys of sealed messages with what became of them, oldest first.

    Of a harmed file none are known: what comes again of it is kept again, and counts once.
    """
    parts: list[list[tuple[int, Heard]]] = []
    wanted = MOST
    for item in reversed(found.tables):
        try:
            table = segments.table_in(places.segments / item.name)
        except (IntegrityBreachError, FileNotFoundError):
            log.exception("a file of frames is harmed: its keys are not known")
            continue
        keys = np.asarray(table.column("key"))
        those = np.flatnonzero(keys)[-wanted:]
        if not len(those):
            continue
        has_bodies = "body" in table.column_names
        columns = [
            np.asarray(table.column("seq"))[those],
            np.asarray(table.column("rows"))[those],
            np.asarray(table.column("received").cast("int64"))[those],
            np.asarray(table.column("body").fill_null(0))[those] if has_bodies else 0 * keys[those],
        ]
        heard = map(Heard, *(column.tolist() for column in columns))
        parts.append(list(zip(keys[those].tolist(), heard, strict=True)))
        wanted -= len(those)
        if wanted <= 0:
            break
    return [one for part in reversed(parts) for one in part]


def merge(places: Places, before: Manifest, *, now_us: int) -> Manifest:
    """Merge segments of one day where many small ones have gathered; return what counts now.

    Readings that were kept twice are kept once from then on.  Files that were replaced are
    removed at the next merge, so that nobody who reads them is disturbed.
    """
    chosen = _whole_to_merge(places, before.segments, now_us=now_us)
    tables = _merged_tables(places, before.tables)
    if not chosen and not before.leaving and tables == before.tables:
        return before
    leaving = tuple(item.name for item in chosen)
    kept = [item for item in before.segments if item.name not in set(leaving)]
    if chosen:
        first = min(item.first for item in chosen)
        last = max(item.last for item in chosen)
        name = f"{chosen[0].day}/obs-{first:012d}-{last:012d}-{len(leaving)}.parquet"
        pieces = merged(places, chosen)
        kept.append(write_segment(places, name, pieces, (first, last), leaving))
    leaving += tuple(item.name for item in before.tables if item not in tables)
    after = msgspec.structs.replace(before, segments=tuple(kept), tables=tables, leaving=leaving)
    manifests.save(places.manifest, after)
    failpoints.reach("store.merge_saved")
    for gone in before.leaving:
        (places.segments / gone).unlink(missing_ok=True)
    return after


def _whole_to_merge(
    places: Places, found: Sequence[SegmentFile], *, now_us: int
) -> list[SegmentFile]:
    """Return the segments to merge next, of those that are as they were written.

    A merge would give harm a hash of its own, under which nobody finds it any more.
    """
    found = list(found)
    while chosen := _to_merge(found, now_us=now_us):
        harmed = harmed_of(places, chosen)
        if not harmed:
            return chosen
        found = [item for item in found if item not in harmed]
    return []


Named = TypeVar("Named", SegmentFile, FrameTable)


def harmed_of(places: Places, files: Sequence[Named]) -> list[Named]:
    """Return those files that are gone or not what was written, and say so in the log."""
    harmed = [item for item in files if not _is_whole(places.segments / item.name, item)]
    for item in harmed:
        log.error("a file of readings is harmed: it is left as it is", extra={"file": item.name})
    return harmed


def _is_whole(path: Path, item: SegmentFile | FrameTable) -> bool:
    try:
        return segments.hashed(path) == (item.sha256, item.size_bytes)
    except OSError:
        return False


def _to_merge(found: Sequence[SegmentFile], *, now_us: int) -> list[SegmentFile]:
    """Return the segments to merge next: eight of one size class, or all of a day that is over."""
    groups: dict[tuple[str, int], list[SegmentFile]] = {}
    days: dict[str, list[SegmentFile]] = {}
    for item in found:
        groups.setdefault((item.day, _class_of(item.rows)), []).append(item)
        days.setdefault(item.day, []).append(item)
    full = [items for items in groups.values() if len(items) >= FANOUT]
    today = day_name(now_us // DAY_US)
    over = [x for day, x in days.items() if day < today and len(x) > 1 and _worth_it(x)]
    return min([*full, *over], key=lambda items: items[0].day, default=[])


def _class_of(rows: int) -> int:
    size = 0
    while rows > CLASS_ROWS:
        rows //= FANOUT
        size += 1
    return size


def _worth_it(items: Sequence[SegmentFile]) -> bool:
    """Return whether what came late is enough to write the whole day again."""
    rows = [item.rows for item in items]
    return sum(rows) - max(rows) >= max(rows) // FANOUT


def merged(places: Places, chosen: Sequence[SegmentFile]) -> Iterator[Rows]:
    """Yield all rows of segments, in order, by ranges of streams that fit into memory."""
    opened = [segments.OpenSegment(places.segments / item.name) for item in chosen]
    for low, high in _ranges(opened):
        parts = []
        for item in opened:
            for group in np.flatnonzero((item.least <= high) & (item.most >= low)).tolist():
                rows = item.read(None, -(1 << 62), 1 << 62, group=group)
                parts.append(rows.take((rows.stream >= low) & (rows.stream <= high)))
        yield without_repeats(joined(parts))


def _ranges(opened: Sequence[segments.OpenSegment]) -> list[tuple[int, int]]:
    """Return ranges of stream numbers, each with at most about :data:`AT_ONCE` rows."""
    ends: NDArray[np.int64] = np.sort(np.concatenate([item.most for item in opened]))
    step = max(1, AT_ONCE // segments.ROW_GROUP)
    cuts = np.unique(ends[step - 1 :: step]).tolist() if len(ends) else []
    last = int(ends[-1]) if len(ends) else -1
    highs = [*[cut for cut in cuts if cut < last], last]
    lows = [-1, *highs[:-1]]
    return [(low + 1, high) for low, high in zip(lows, highs, strict=True)]


def sweep(places: Places, found: Manifest) -> None:
    """Remove what a crash left: unfinished files and files that the manifest does not name."""
    for path in _unnamed(places, found):
        path.unlink()


def put_aside(places: Places, found: Manifest, last: int) -> int:
    """Move whole files that the manifest does not name out of the way; return how many those were.

    In a store of before they may be all that is left of acknowledged readings.
    """
    count = 0
    for path in _unnamed(places, found):
        if path.suffix != ".parquet":
            path.unlink()
        else:
            target = places.aside / f"after-{last:012d}" / path.relative_to(places.segments)
            target.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            path.replace(target)
            sync_folder(target.parent)
            count += 1
    return count


def _unnamed(places: Places, found: Manifest) -> list[Path]:
    named = {item.name for item in found.segments} | {item.name for item in found.tables}
    named |= {item.name for item in found.thinned} | set(found.leaving)
    return [
        path
        for path in places.segments.rglob("*")
        if path.is_file() and str(path.relative_to(places.segments)) not in named
    ]
