"""From what Arrow unpacks of segments to rows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anlan.kernel.errors import IntegrityBreachError
from anlan.sensing.store import decimals
from anlan.sensing.store.rows import Rows, joined, no_text

if TYPE_CHECKING:
    import pyarrow as pa

AT_ONCE = 32
"""Row groups unpacked at once: what streams that lie apart take does not grow with a day's readings."""
SLICED = 64
"""Up to so many streams are cut out of a row group one by one; more are picked row by row."""


class Cut(NamedTuple):
    """Rows of a segment as Arrow holds them, cut out of so many row groups.

    ``same`` tells what the columns hold that were not read.
    """

    name: str
    table: pa.Table
    same: dict[str, Any]
    groups: int


@contextlib.contextmanager
def telling_of_harm(name: str) -> Iterator[None]:
    """Say of bytes that are no table any more which file they are.

    Raises
    ------
    IntegrityBreachError
        When Arrow cannot read them, or they are not what was written.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except (ValueError, OSError) as error:
        raise IntegrityBreachError(what=f"file of readings {name}: {error}") from error


def rows_of(
    cuts: Iterable[Cut], streams: NDArray[np.int32] | None, from_us: int, before_us: int
) -> Rows:
    """Return the rows of cuts, one after another: of streams (None: all) and of a period.

    What Arrow holds is let go every :data:`AT_ONCE` row groups; until then cuts that left out the
    same columns are made rows of in one go, for a year of one stream is a small cut of each day's file.
    """
    parts: list[Rows] = []
    waiting: list[Cut] = []

    def take() -> None:
        if waiting:
            import pyarrow as pa

            with telling_of_harm(", ".join({cut.name: None for cut in waiting})):
                table = pa.concat_tables([cut.table for cut in waiting]).combine_chunks()
                rows = unpacked(table, waiting[0].same)
            chosen = streams if streams is not None and len(streams) > SLICED else None
            parts.append(_between(rows, chosen, from_us, before_us))
            waiting.clear()

    for cut in cuts:
        if waiting and (
            cut.same != waiting[0].same or sum(one.groups for one in waiting) >= AT_ONCE
        ):
            take()
        waiting.append(cut)
    take()
    return parts[0] if len(parts) == 1 else joined(parts)


def _between(rows: Rows, streams: NDArray[np.int32] | None, from_us: int, before_us: int) -> Rows:
    keep = (rows.at_us >= from_us) & (rows.at_us < before_us)
    if streams is not None:
        keep &= np.isin(rows.stream, streams)
    return rows if keep.all() else rows.take(keep)


def unpacked(table: pa.Table, same: dict[str, Any]) -> Rows:
    """Return the rows of a table; ``same`` tells of the columns that were not read."""
    count = table.num_rows

    def filled(name: str, filler: int, kind: Any = np.int64) -> NDArray[Any]:
        if name in same:
            return np.full(count, filler if same[name] is None else same[name], kind)
        found = table.column(name).combine_chunks()
        return np.asarray(found.fill_null(filler) if found.null_count else found)

    at_us = np.asarray(table.column("at").combine_chunks().view("int64"))
    texts = no_text(count)
    if "text" not in same:
        texts = np.empty(count, object)
        texts[:] = table.column("text").combine_chunks().fill_null(b"").to_pylist()
    value = _values_of(table, filled("whole", 0), filled("decimals", decimals.AS_IT_IS, np.int8))
    return Rows(
        id=filled("id", 0),
        stream=filled("stream", 0),
        at_us=at_us,
        result_us=at_us if same.get("late_us") == 0 else at_us + filled("late_us", 0),
        value=value,
        quality=filled("quality", 0, np.uint8),
        about=filled("about", 0),
        text=texts,
    )


def _values_of(
    table: pa.Table, whole: NDArray[np.int64], tenths: NDArray[np.int8]
) -> NDArray[np.float64]:
    value = decimals.unscale(whole, tenths)
    if "raw" in table.column_names:
        raw = table.column("raw").combine_chunks()
        plain = np.asarray(raw.is_valid())
        value[plain] = np.asarray(raw.fill_null(0.0))[plain]
    return value
