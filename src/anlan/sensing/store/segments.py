"""The form of a segment: Parquet, by stream and time, readable by any engine.

Columns: ``id`` (i64), ``stream`` (i32, see ``streams.txt``), ``at`` and ``late_us`` (phenomenon
time, and how many µs later the result was made), ``whole`` and ``decimals`` (the value is
``whole / 10^decimals``) or ``raw`` (f64, where that is null), ``quality``, ``about``, ``text``.
In SQL: ``coalesce(whole / power(10, decimals), raw)``.
"""

from __future__ import annotations

import hashlib
import mmap
import os
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anlan.infra import failpoints
from anlan.sensing.store import cuts, decimals
from anlan.sensing.store.cuts import SLICED, Cut, rows_of, telling_of_harm, unpacked
from anlan.sensing.store.places import sync_file, sync_folder
from anlan.sensing.store.rows import Rows, is_blank, no_rows

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

ROW_GROUP = 32_768
"""Rows that are read at once for one stream: small, for one stream's day is small."""
SMALL_GROUP, SMALL_PART = 8_192, 1 << 21
"""A part with fewer rows is cut finer: a year of one stream is a group out of each day's file, and
in a file of some hundred groups their table is still small."""
CHUNK_BYTES = 1 << 20
FILES_OPEN, GROUPS_OPEN = 400, 1 << 16
"""Segments kept open: those of a year of one stream, unless their tables of row groups are long."""
PLAIN = ("id", "stream", "at", "late_us", "whole", "decimals", "raw", "quality", "about", "text")


def groups_in(stream: NDArray[np.int32], most: int) -> Iterator[tuple[int, int]]:
    """Yield where row groups of at most so many rows begin and end, rows being by stream.

    At the beginning of a stream where such a group is at least half full: who asks for one stream
    then seldom has to unpack two groups for it.
    """
    begins = np.flatnonzero(np.diff(stream)) + 1
    begin = 0
    while begin < len(stream):
        end = min(begin + most, len(stream))
        last = int(np.searchsorted(begins, end, "right")) - 1
        if end < len(stream) and last >= 0 and begins[last] - begin >= most // 2:
            end = int(begins[last])
        yield begin, end
        begin = end


class Hashed(NamedTuple):
    """The hash and size of a file."""

    sha256: str
    size_bytes: int


def table_of(rows: Rows) -> pa.Table:
    """Return rows, which are in order, as a table."""
    import pyarrow as pa

    scaled = decimals.scale(rows.value, rows.stream)
    plain = scaled.decimals == decimals.AS_IT_IS
    missing = np.isnan(rows.value)
    return pa.table(
        {
            "id": rows.id,
            "stream": rows.stream,
            "at": pa.array(rows.at_us, pa.timestamp("us", "UTC")),
            "late_us": rows.result_us - rows.at_us,
            "whole": pa.array(scaled.whole, mask=plain),
            "decimals": pa.array(scaled.decimals, mask=plain),
            "raw": pa.array(rows.value, mask=~plain | missing),
            "quality": rows.quality,
            "about": rows.about,
            "text": pa.nulls(rows.size, pa.binary())
            if is_blank(rows.text)
            else pa.array(rows.text, pa.binary(), mask=rows.text == b""),
        }
    )


class SegmentWriter:
    """Writes one segment, part by part, each part in order and after the one before."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.part = path.with_name(path.name + ".part")
        self._file: pq.ParquetWriter | None = None

    def add(self, rows: Rows) -> None:
        """Add rows that come after all earlier ones."""
        import pyarrow.parquet as pq

        table = table_of(rows)
        if self._file is None:
            self.path.parent.mkdir(mode=0o750, exist_ok=True)
            self._file = pq.ParquetWriter(
                self.part,
                table.schema,
                compression="zstd",
                write_page_checksum=True,
                use_dictionary=["quality", "decimals"],
                column_encoding={
                    "id": "DELTA_BINARY_PACKED",
                    "stream": "DELTA_BINARY_PACKED",
                    "at": "DELTA_BINARY_PACKED",
                    "late_us": "DELTA_BINARY_PACKED",
                    "whole": "DELTA_BINARY_PACKED",
                    "raw": "BYTE_STREAM_SPLIT",
                    "about": "DELTA_BINARY_PACKED",
                },
            )
        size = ROW_GROUP if table.num_rows >= SMALL_PART else SMALL_GROUP
        for begin, end in groups_in(rows.stream, size):
            self._file.write_table(table.slice(begin, end - begin), row_group_size=size)

    def close(self) -> Hashed:
        """Put the file in its place, whole and on the disk; return its hash."""
        if self._file is None:
            self.add(no_rows())
        if self._file is not None:
            self._file.close()
        failpoints.reach("store.part_written")
        sync_file(self.part)
        found = hashed(self.part)
        self.part.replace(self.path)
        sync_folder(self.path.parent)
        failpoints.reach("store.file_in_place")
        return found


def hashed(path: Path) -> Hashed:
    """Return the SHA-256 of a file as hex, and its size."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return Hashed(digest.hexdigest(), size)


def table_in(path: Path) -> pa.Table:
    """Return the table of a small file, whole; says when it is harmed."""
    import pyarrow.parquet as pq

    with telling_of_harm(path.name):
        return pq.read_table(
            path, partitioning=None, use_threads=False, page_checksum_verification=True
        )


class OpenSegment:
    """A segment with its footer read once: which row groups can hold a stream."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.name = path.name
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            held = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
        with telling_of_harm(self.name):
            # As a buffer: what Arrow maps by itself it reads on another thread, and waits for it.
            data = pa.BufferReader(pa.py_buffer(held))
            self.file = pq.ParquetFile(data, page_checksum_verification=True)
        meta = self.file.metadata
        self._places = {name: place for place, name in enumerate(meta.schema.names)}
        self._told: dict[tuple[str, int], object] = {}
        place = self._places["stream"]
        groups = range(meta.num_row_groups)
        seen = [meta.row_group(group).column(place).statistics for group in groups]
        self.least = np.array([item.min if item else 0 for item in seen], np.int64)
        self.most = np.array([item.max if item else -1 for item in seen], np.int64)

    def groups_of(self, streams: NDArray[np.int32] | None) -> list[int]:
        """Return the row groups that may hold one of the streams, which are in order."""
        if streams is None:
            return list(range(len(self.least)))
        first = np.searchsorted(streams, self.least, "left")
        end = np.searchsorted(streams, self.most, "right")
        return np.flatnonzero(first < end).tolist()

    def read(
        self, streams: NDArray[np.int32] | None, from_us: int, before_us: int, *, group: int = -1
    ) -> Rows:
        """Return the rows of streams (None: all) with ``from_us`` <= time < ``before_us``.

        Raises
        ------
        IntegrityBreachError
            When the file is harmed.
        """
        return rows_of(self.cuts(streams, group=group), streams, from_us, before_us)

    def cuts(self, streams: NDArray[np.int32] | None, *, group: int = -1) -> Iterator[Cut]:
        """Yield what may hold rows of streams (None: all), unpacked a few row groups at once.

        Of few streams nothing but their rows.
        """
        groups = self.groups_of(streams) if group < 0 else [group]
        with telling_of_harm(self.name):
            for first in range(0, len(groups), cuts.AT_ONCE):
                yield from self._cuts(groups[first : first + cuts.AT_ONCE], streams)

    def _cuts(self, groups: list[int], streams: NDArray[np.int32] | None) -> Iterator[Cut]:
        same = self._same(groups)
        table = self.file.read_row_groups(
            groups, columns=[name for name in PLAIN if name not in same], use_threads=False
        )
        if streams is None or len(streams) > SLICED:
            yield Cut(self.name, table, same, len(groups))
            return
        # Rows are by stream: few streams are cut out before anything is made of the others.
        number = np.asarray(table.column("stream"))
        low, high = np.searchsorted(number, streams), np.searchsorted(number, streams, "right")
        for start, end in zip(low.tolist(), high.tolist(), strict=True):
            if end > start:
                yield Cut(self.name, table.slice(start, end - start), same, len(groups))

    def rows_in(self, group: int) -> int:
        """Return how many rows a row group has."""
        return int(self.file.metadata.row_group(group).num_rows)

    def row_of(self, number: int, group: int) -> Rows | None:
        """Return the row of a reading's number, if it is in a row group; only numbers are read for that."""
        told = self.file.metadata.row_group(group).column(self._places["id"]).statistics
        if told is not None and told.has_min_max and not told.min <= number <= told.max:
            return None
        table = self.file.read_row_group(group, columns=["id"], use_threads=False)
        hits = np.flatnonzero(np.asarray(table.column("id").combine_chunks()) == number)
        if not len(hits):
            return None
        same = self._same([group])
        names = [name for name in PLAIN if name not in same]
        whole = self.file.read_row_group(group, columns=names, use_threads=False)
        return unpacked(whole.slice(int(hits[0]), 1).combine_chunks(), same)

    def _same(self, groups: list[int]) -> dict[str, Any]:
        """Return what columns hold in every row of some groups, as their statistics tell; None: nothing.

        Such columns need not be read.
        """
        found = {}
        for name in _MAYBE:
            held = {self._held(name, group) for group in groups}
            if len(held) == 1 and (one := held.pop()) is not _SEVERAL:
                found[name] = one
        return found

    def _held(self, name: str, group: int) -> object:
        """Return the only thing that a column holds in a row group, None for nothing, else _SEVERAL."""
        key = name, group
        if key not in self._told:
            self._told[key] = self._look(name, group)
        return self._told[key]

    def _look(self, name: str, group: int) -> object:
        meta = self.file.metadata.row_group(group)
        known = meta.column(self._places[name]).statistics
        if known is None or not known.has_null_count:
            return _SEVERAL
        if known.null_count == meta.num_rows:
            return None
        if known.null_count or name in _NEVER_SAME or not known.has_min_max:
            return _SEVERAL
        return known.min if known.min == known.max else _SEVERAL


_SEVERAL = object()
_NEVER_SAME = frozenset({"raw", "text"})
"""What is nothing, or read: -0.0 and 0.0 are the same to statistics, and a text's may be cut."""
_MAYBE = ("late_us", "decimals", "raw", "quality", "about", "text")


class OpenSegments:
    """The segments that were read lately, kept open."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, OpenSegment] = OrderedDict()
        self._groups = 0

    def get(self, folder: Path, name: str) -> OpenSegment:
        """Return an open segment.

        Raises
        ------
        FileNotFoundError
            When it has been replaced meanwhile.
        """
        found = self._open.pop(name, None)
        if found is None:
            found = OpenSegment(folder / name)
            self._groups += len(found.least)
        self._open[name] = found
        while len(self._open) > FILES_OPEN or (self._groups > GROUPS_OPEN and len(self._open) > 1):
            _, oldest = self._open.popitem(last=False)
            self._groups -= len(oldest.least)
        return found
