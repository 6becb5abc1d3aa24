"""Rows of results: readings of the streams of MultiDatastreams, those of one instant together.

A row is no reading of its own: what its streams hold at an instant and result time, in their order.
What is not there is null.  So it is told by these two instants, and not by a number (ADR 0022).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anlan.sensing.domain.sta_errors import TooWideError
from anlan.sensing.sta.multis import Multis, ragged
from anlan.sensing.store import Rows
from anlan.sensing.store.rows import joined

Numbers = NDArray[np.int64]
MOST_CELLS = 10_000_000
"""Places for results in all rows of one answer: a row of many streams may hold a single one."""


def row_id(code: str, at: str, made: str) -> str:
    """Return what a row is told by: code, instant, and the result time where it is another one."""
    return f"{code},{at}" if at == made else f"{code},{at},{made}"


def told_by(id_: str) -> tuple[str, str, str]:
    """Return code, instant and result time of what :func:`row_id` made, as they are written."""
    code, _, instants = id_.partition(",")
    at, _, made = instants.partition(",")
    return code, at, made or at


class Parts(NamedTuple):
    """What rows are made of."""

    rows: Rows  # readings of streams
    number: Numbers  # the number that each of these is told by
    which: NDArray[np.int64]  # by row and place in its result: one of ``rows``, -1: none
    place: Numbers  # of each Observation: its row in ``which``; -1: it is a reading itself

    def take(self, which: NDArray[Any]) -> Parts:
        """Return what some of the Observations are made of."""
        return self._replace(place=self.place[which])


class Grouped(NamedTuple):
    """Rows as if they were readings, whose each is, and what it is made of."""

    rows: Rows
    owner: Numbers
    parts: Parts


def grouped(rows: Rows, stream: Numbers, number: Numbers, of: Multis, wanted: Numbers) -> Grouped:
    """Return the rows that some MultiDatastreams have in readings that stand.

    ``stream`` and ``number`` are those of the catalogue; all readings of an instant are there. Of two
    readings of a stream for one instant and result time the one that was kept last counts.

    Raises
    ------
    TooWideError
        When they would have more than :data:`MOST_CELLS` places for results.
    """
    parts, owner, place = of.parts(wanted)
    order = np.argsort(stream, kind="stable")
    first = np.searchsorted(stream[order], of.streams[parts], "left")
    counts = np.searchsorted(stream[order], of.streams[parts], "right") - first
    bounded(int(counts.sum()))
    found, pair, _ = ragged(first, counts)
    reading, owner, place = order[found], owner[pair], place[pair]
    at, made, ids = rows.at_us[reading], rows.result_us[reading], rows.id[reading]
    order = np.lexsort((ids, made, at, owner))
    reading, owner, place, at, made = (x[order] for x in (reading, owner, place, at, made))
    begins = np.ones(len(reading), bool)
    begins[1:] = (owner[1:] != owner[:-1]) | (at[1:] != at[:-1]) | (made[1:] != made[:-1])
    row = np.cumsum(begins) - 1
    count = int(begins.sum())
    width = int(np.diff(of.starts)[wanted].max(initial=0))
    bounded(count * width)
    which = np.full((count, width), -1, np.int64)
    which[row, place] = reading  # by rising number: the last one stays
    last = np.append(np.flatnonzero(begins)[1:], len(reading)) - 1
    whole = Rows(
        id=rows.id[reading[last]] if count else np.zeros(0, np.int64),
        stream=np.full(count, -1, np.int32),
        at_us=at[begins],
        result_us=made[begins],
        value=np.full(count, np.nan),
        quality=np.zeros(count, np.uint8),
        about=np.zeros(count, np.int64),
        text=np.full(count, b"", object),
    )
    return Grouped(whole, wanted[owner[begins]], Parts(rows, number, which, np.arange(count)))


def bounded(cells: int) -> None:
    """Refuse an answer of more than :data:`MOST_CELLS` places for results."""
    if cells > MOST_CELLS:
        raise TooWideError(limit=f"{MOST_CELLS} results in rows")


def together(parts: Sequence[tuple[Parts | None, int]]) -> Parts | None:
    """Return what several answers are made of, each with how many Observations it has."""
    there = [one for one, _ in parts if one is not None]
    if not there:
        return None
    width = max(one.which.shape[1] for one in there)
    which, place, rows_before, before = [], [], 0, 0
    for one, count in parts:
        if one is None:
            place.append(np.full(count, -1, np.int64))
            continue
        wide = np.full((len(one.which), width), -1, np.int64)
        wide[:, : one.which.shape[1]] = np.where(one.which < 0, -1, one.which + rows_before)
        which.append(wide)
        place.append(np.where(one.place < 0, -1, one.place + before))
        rows_before, before = rows_before + one.rows.size, before + len(wide)
    return Parts(
        joined([one.rows for one in there]),
        np.concatenate([one.number for one in there]),
        np.concatenate(which),
        np.concatenate(place),
    )
