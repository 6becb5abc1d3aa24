"""Letting go of readings that are older than their class keeps them (ADR 0018).

A day's segments are written anew without them, what stays of them as lines beside, and one new
manifest names both and what went: how many, by which class, with the digest of every one of them.
A crash before the manifest leaves all as it was; after it, all is done.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from anlan.infra import failpoints
from anlan.kernel.errors import IntegrityBreachError
from anlan.sensing.store import manifest as manifests
from anlan.sensing.store import segments
from anlan.sensing.store.manifest import Manifest, Retired, SegmentFile, ThinFile
from anlan.sensing.store.places import Places, sync_file, sync_folder
from anlan.sensing.store.rows import Rows, standing
from anlan.sensing.store.sealing import harmed_of, merged, write_segment
from anlan.sensing.store.thinning import Thinned, joined_lines, table_of_lines, thin

_TURN = re.compile(r"-r(\d+)\.parquet$")
_ROW = np.dtype(
    [
        ("id", "<i8"),
        ("stream", "<i4"),
        ("at", "<i8"),
        ("result", "<i8"),
        ("value", "<f8"),
        ("quality", "u1"),
        ("about", "<i8"),
    ]
)


class Going(NamedTuple):
    """What is to go of one day by one class; ``span_us`` 0: nothing stays of it."""

    class_id: str
    streams: NDArray[np.int32]
    span_us: int


class _Went:
    """Counts and digests what goes, row by row in the order of the file, and thins it."""

    def __init__(self, going: Going, newest_us: NDArray[np.int64]) -> None:
        self.going = going
        self.newest_us = newest_us
        self.rows = 0
        self.digest = hashlib.sha256()
        self.lines: list[Thinned] = []

    def take(self, rows: Rows, worthless: tuple[int, ...]) -> NDArray[np.bool_]:
        """Return which rows go; the newest of each stream stays, and what is no number."""
        goes: NDArray[np.bool_] = np.isin(rows.stream, self.going.streams) & (rows.text == b"")
        known = rows.stream < len(self.newest_us)
        goes &= known & (rows.at_us < self.newest_us[np.where(known, rows.stream, 0)])
        gone = rows.take(goes)
        if gone.size:
            self.rows += gone.size
            self.digest.update(packed(gone))
            if self.going.span_us:
                self.lines.append(thin(standing(gone), self.going.span_us, worthless=worthless))
        return goes


def packed(rows: Rows) -> bytes:
    """Return rows as the bytes whose digest a tombstone holds: seven fields each, little endian."""
    found = np.empty(rows.size, _ROW)
    columns = (rows.id, rows.stream, rows.at_us, rows.result_us, rows.value, rows.quality)
    for name, column in zip(_ROW.names or (), (*columns, rows.about), strict=True):
        found[name] = column
    return found.tobytes()


def retire(
    places: Places,
    before: Manifest,
    day: str,
    going: Sequence[Going],
    *,
    newest_us: NDArray[np.int64],
    worthless: tuple[int, ...],
    told: frozenset[str],
) -> Manifest:
    """Let go of readings of one day; return the manifest that counts then.

    ``told`` are the tombstones that the journal has: the manifest need not carry them on.
    """
    chosen = [item for item in before.segments if item.day == day]
    went = [_Went(item, newest_us) for item in going]
    counted = [0, 0]  # rows of the day, rows that stay

    def staying() -> Iterator[Rows]:
        for rows in merged(places, chosen):
            goes = np.zeros(rows.size, bool)
            for one in went:
                goes |= one.take(rows, worthless)
            rest = rows.take(~goes)
            counted[0] += rows.size
            counted[1] += rest.size
            yield rest

    # What is harmed is not taken for what was measured: nothing of its day goes.
    if not chosen or harmed_of(places, chosen):
        return before
    file = _write(places, day, chosen, staying())
    if counted[0] - counted[1] != sum(one.rows for one in went):
        raise IntegrityBreachError(what=f"retention of {day}: rows do not add up")
    if not any(one.rows for one in went):
        (places.segments / file.name).unlink(missing_ok=True)
        return before
    thinned = _put_lines(places, file, [line for one in went for line in one.lines])
    failpoints.reach("store.thin_written")
    gone = tuple(item.name for item in chosen)
    stones = tuple(_stone(day, file.name, one, gone, thinned) for one in went if one.rows)
    kept = tuple(item for item in before.segments if item.day != day)
    after = msgspec.structs.replace(
        before,
        segments=(*kept, file) if counted[1] else kept,
        thinned=(*before.thinned, thinned) if thinned else before.thinned,
        retired=(*(x for x in before.retired if x.id not in told), *stones),
        leaving=(*before.leaving, *gone, *(() if counted[1] else (file.name,))),
    )
    manifests.save(places.manifest, after)
    failpoints.reach("store.retired_saved")
    return after


def _write(
    places: Places,
    day: str,
    chosen: Sequence[SegmentFile],
    pieces: Iterator[Rows],
) -> SegmentFile:
    first, last = min(item.first for item in chosen), max(item.last for item in chosen)
    # Never a name that was there before: the next turn after those that are replaced.
    turn = 1 + max((int(found[1]) for x in chosen if (found := _TURN.search(x.name))), default=0)
    name = f"{day}/obs-{first:012d}-{last:012d}-r{turn}.parquet"
    replaces = tuple(item.name for item in chosen)
    return write_segment(places, name, pieces, (first, last), replaces)


def _put_lines(places: Places, file: SegmentFile, lines: list[Thinned]) -> ThinFile | None:
    import pyarrow.parquet as pq

    whole = joined_lines(lines)
    if not whole.size:
        return None
    name = file.name.replace("/obs-", "/thin-")
    path = places.segments / name
    part = path.with_name(path.name + ".part")
    pq.write_table(table_of_lines(whole), part, compression="zstd")
    sync_file(part)
    found = segments.hashed(part)
    part.replace(path)
    sync_folder(path.parent)
    return ThinFile(name, file.day, found.sha256, found.size_bytes, whole.size)


def _stone(
    day: str, name: str, one: _Went, gone: tuple[str, ...], thinned: ThinFile | None
) -> Retired:
    return Retired(
        id=f"{name}:{one.going.class_id}",
        day=day,
        stream_class=one.going.class_id,
        streams=len(one.going.streams),
        rows=one.rows,
        sha256=one.digest.hexdigest(),
        segments=gone,
        thinned=thinned.name if thinned and one.lines else "",
        thinned_sha256=thinned.sha256 if thinned and one.lines else "",
    )
