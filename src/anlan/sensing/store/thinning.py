"""What stays of readings that are thinned: count, least, most and mean of each span of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anlan.sensing.store.rows import Rows

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa


class Thinned(NamedTuple):
    """One line for each stream and span, by stream and time.

    ``counted`` are the readings that had a value worth counting, ``missing`` the others; where there
    was none, ``least``, ``most`` and ``mean`` are NaN.
    """

    stream: NDArray[np.int32]
    at_us: NDArray[np.int64]  # beginning of the span
    span_us: NDArray[np.int64]
    counted: NDArray[np.int64]
    missing: NDArray[np.int64]
    least: NDArray[np.float64]
    most: NDArray[np.float64]
    mean: NDArray[np.float64]

    @property
    def size(self) -> int:
        """How many lines there are."""
        return len(self.stream)


KINDS = (np.int32, np.int64, np.int64, np.int64, np.int64, np.float64, np.float64, np.float64)


def nothing() -> Thinned:
    """Return no line, with the right types."""
    return Thinned._make(np.empty(0, kind) for kind in KINDS)


def thin(rows: Rows, span_us: int, *, worthless: tuple[int, ...]) -> Thinned:
    """Return what stays of ``rows``, which are in order and stand.

    Readings whose quality is one of ``worthless`` count as missing: a mean over what the sender
    knows to be wrong would look like a measurement.
    """
    if not rows.size:
        return nothing()
    begin = rows.at_us // span_us * span_us
    new = np.ones(rows.size, bool)
    new[1:] = (rows.stream[1:] != rows.stream[:-1]) | (begin[1:] != begin[:-1])
    starts = np.flatnonzero(new)
    good = ~np.isnan(rows.value) & ~np.isin(rows.quality, worthless)
    count = np.add.reduceat(good.astype(np.int64), starts)
    whole = np.diff(np.append(starts, rows.size))
    total = np.add.reduceat(np.where(good, rows.value, 0.0), starts)
    none = count == 0
    least = np.minimum.reduceat(np.where(good, rows.value, np.inf), starts)
    most = np.maximum.reduceat(np.where(good, rows.value, -np.inf), starts)
    mean = total / np.maximum(count, 1)
    return Thinned(
        stream=rows.stream[starts],
        at_us=begin[starts],
        span_us=np.full(len(starts), span_us),
        counted=count,
        missing=whole - count,
        least=np.where(none, np.nan, least),
        most=np.where(none, np.nan, most),
        mean=np.where(none, np.nan, mean),
    )


def joined_lines(parts: list[Thinned]) -> Thinned:
    """Return all lines by stream and time; what came late joins the line of its span."""
    whole = Thinned._make(np.concatenate(x) for x in zip(nothing(), *parts, strict=True))
    whole = Thinned._make(
        column[np.lexsort((whole.span_us, whole.at_us, whole.stream))] for column in whole
    )
    if whole.size < 2:
        return whole
    new = np.ones(whole.size, bool)
    new[1:] = (
        (whole.stream[1:] != whole.stream[:-1])
        | (whole.at_us[1:] != whole.at_us[:-1])
        | (whole.span_us[1:] != whole.span_us[:-1])
    )
    starts = np.flatnonzero(new)
    count = np.add.reduceat(whole.counted, starts)
    total = np.add.reduceat(np.where(whole.counted > 0, whole.mean * whole.counted, 0.0), starts)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    least = np.fmin.reduceat(whole.least, starts)
    most = np.fmax.reduceat(whole.most, starts)
    missing = np.add.reduceat(whole.missing, starts)
    firsts = (whole.stream[starts], whole.at_us[starts], whole.span_us[starts])
    return Thinned(*firsts, count, missing, least, most, mean)


def table_of_lines(lines: Thinned) -> pa.Table:
    """Return lines as a table; the file that keeps them has these columns."""
    import pyarrow as pa

    columns = dict(zip(Thinned._fields, lines, strict=True))
    columns["at_us"] = pa.array(lines.at_us, pa.timestamp("us", "UTC"))
    return pa.table({name.removesuffix("_us"): column for name, column in columns.items()})


def read_lines(path: Path, streams: NDArray[np.int32], from_us: int, before_us: int) -> Thinned:
    """Return the lines of streams whose spans begin in a period."""
    import pyarrow.parquet as pq

    table = pq.read_table(path, partitioning=None, use_threads=False)
    at_us = np.asarray(table.column("at").combine_chunks().cast("int64"))
    names = (name.removesuffix("_us") for name in Thinned._fields)
    found = Thinned._make(np.asarray(table.column(name).combine_chunks()) for name in names)
    found = found._replace(at_us=at_us)
    keep = np.isin(found.stream, streams) & (at_us >= from_us) & (at_us < before_us)
    return Thinned._make(column[keep] for column in found)
