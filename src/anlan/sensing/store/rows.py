"""Readings as columns, and which of them stand after repetitions, corrections and removals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anlan.sensing.store.frames import MOST_ROWS, Frame

REMOVED = 255
"""The quality of a row that only says that another one is removed."""

Texts = NDArray[np.object_]


class Rows(NamedTuple):
    """Readings, column by column; times in µs since 1970 UTC.

    ``text`` holds the JSON of results that are no numbers, empty for the others.
    ``about`` is the number of the reading that a row corrects or removes, else 0.
    """

    id: NDArray[np.int64]
    stream: NDArray[np.int32]
    at_us: NDArray[np.int64]
    result_us: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]
    about: NDArray[np.int64]
    text: Texts

    def take(self, which: NDArray[np.intp] | NDArray[np.bool_]) -> Rows:
        """Return the chosen rows."""
        columns = [column[which] for column in self[:-1]]
        text = no_text(len(columns[0])) if is_blank(self.text) else self.text[which]
        return Rows._make([*columns, text])

    @property
    def size(self) -> int:
        """How many readings there are."""
        return len(self.id)


_NO_TEXT = np.full(1, b"", object)


def no_text(count: int) -> Texts:
    """Return as many times no text, without an object for each: nearly all results are numbers."""
    return np.broadcast_to(_NO_TEXT, (count,))


def is_blank(text: Texts) -> bool:
    """Return whether a column is that of :func:`no_text`; another may hold no text all the same."""
    return text.base is _NO_TEXT


def rows_of_frame(frame: Frame) -> Rows:
    """Return the rows of a frame; its optional columns filled."""
    count = len(frame.stream)
    if frame.text is None:
        text = no_text(count)
    else:
        text = np.empty(count, object)
        text[:] = frame.text
    return Rows(
        id=frame.ids,
        stream=frame.stream,
        at_us=frame.at_us,
        result_us=frame.at_us if frame.result_us is None else frame.result_us,
        value=frame.value,
        quality=frame.quality,
        about=np.zeros(count, np.int64) if frame.about is None else frame.about,
        text=text,
    )


def rows_of_frames(frames: Sequence[Frame]) -> Rows:
    """Return the rows of many frames, one after another; for plain ones without a step for each."""
    if not frames or any(
        frame.result_us is not None or frame.about is not None or frame.text is not None
        for frame in frames
    ):
        return joined([rows_of_frame(frame) for frame in frames])
    counts = np.array([len(frame.stream) for frame in frames])
    first = np.array([frame.seq * MOST_ROWS for frame in frames]) - (np.cumsum(counts) - counts)
    at_us = np.concatenate([frame.at_us for frame in frames])
    return Rows(
        id=np.repeat(first, counts) + np.arange(len(at_us)),
        stream=np.concatenate([frame.stream for frame in frames]),
        at_us=at_us,
        result_us=at_us,
        value=np.concatenate([frame.value for frame in frames]),
        quality=np.concatenate([frame.quality for frame in frames]),
        about=np.zeros(len(at_us), np.int64),
        text=no_text(len(at_us)),
    )


def no_rows() -> Rows:
    """Return nothing, with the right types."""
    kinds = (np.int64, np.int32, np.int64, np.int64, np.float64, np.uint8, np.int64, object)
    return Rows._make(np.empty(0, kind) for kind in kinds)


def joined(parts: Sequence[Rows]) -> Rows:
    """Return all rows of ``parts``, one after another."""
    if not parts:
        return no_rows()
    columns = [
        np.concatenate([part[place] for part in parts]) for place in range(len(Rows._fields) - 1)
    ]
    if all(is_blank(part.text) for part in parts):
        text = no_text(len(columns[0]))
    else:
        text = np.concatenate([part.text for part in parts])
    return Rows._make([*columns, text])


def in_order(rows: Rows) -> Rows:
    """Return rows by stream, time and number."""
    return rows.take(np.lexsort((rows.id, rows.at_us, rows.stream)))


def without_repeats(rows: Rows) -> Rows:
    """Return rows in order, each reading once: the one that was kept first stands for its repeats.

    A reading repeats another one of the same stream, phenomenon time, result time and result, unless
    another result for that instant came in between, or beside one of them in its message: then it is
    news.  What came last counts, and of one message the judge takes the higher (``docs/methods/judge.md``):
    whoever reads the store must come to what was judged when the message came.
    """
    if _apart(rows):
        return rows
    rows = in_order(rows)
    # Different words at one instant are different results: each text has a number of its own.
    worded = not is_blank(rows.text) and rows.text.any()
    words = np.unique(rows.text, return_inverse=True)[1] if worded else rows.quality
    result = (rows.value.view(np.int64), rows.quality, words)
    run = _runs(rows, result)
    order = np.lexsort((rows.id, rows.about, rows.result_us, run))
    same = np.ones(rows.size - 1, bool)
    for column in (run, rows.result_us, rows.about):
        sorted_column = column[order]
        same &= sorted_column[1:] == sorted_column[:-1]
    if not same.any():
        return rows
    keep = np.ones(rows.size, bool)
    keep[order[1:][same]] = False
    return rows.take(keep)


def _runs(rows: Rows, result: Sequence[NDArray[Any]]) -> NDArray[np.int64]:
    """Number the stretches of rows, which are in order, of one instant and one result."""
    frame = frame_numbers(rows.id)
    new_instant = np.ones(rows.size, bool)
    new_instant[1:] = (np.diff(rows.stream) != 0) | (np.diff(rows.at_us) != 0)
    new_frame = new_instant.copy()
    new_frame[1:] |= np.diff(frame) != 0
    changed = np.zeros(rows.size, bool)
    for column in result:
        changed[1:] |= column[1:] != column[:-1]
    # In a message that says two things of one instant, each of them bears on what stands.
    said = np.cumsum(new_frame) - 1
    is_mixed = (np.bincount(said, weights=changed & ~new_frame) > 0)[said]
    beside = is_mixed.copy()
    beside[1:] |= is_mixed[:-1]
    begins = new_instant | changed | (new_frame & beside)
    return np.cumsum(begins)


def _apart(rows: Rows) -> bool:
    """Return whether rows are in order with one for each instant of a stream, as most stretches are."""
    stream, at = rows.stream, rows.at_us
    later = (stream[1:] > stream[:-1]) | ((stream[1:] == stream[:-1]) & (at[1:] > at[:-1]))
    return bool(later.all())


def standing(rows: Rows) -> Rows:
    """Return what stands now: without what was corrected or removed, and without removals."""
    if not rows.about.any():
        return rows
    gone = np.isin(rows.id, rows.about[rows.about != 0])
    return rows.take(~gone & (rows.quality != REMOVED))


def frame_numbers(ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the frame of each reading."""
    return ids // MOST_ROWS
