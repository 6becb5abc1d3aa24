"""What has just been kept, as the Observations that whoever listens to a topic of the standard is told."""

from __future__ import annotations

import contextlib

import numpy as np

from anlan.sensing.domain.sta_errors import EntityUnknownError
from anlan.sensing.services.hands import reader
from anlan.sensing.sta import looking
from anlan.sensing.sta.catalogue import Numbers
from anlan.sensing.sta.model import MULTI
from anlan.sensing.sta.readings import Readings, rows_of
from anlan.sensing.sta.view import View
from anlan.sensing.store import Frame
from anlan.sensing.store.rows import REMOVED, rows_of_frame


def frames_after(number: int, most: int) -> list[Frame]:
    """Return the next frames after a number, at most so many."""
    return reader().frames(number, number + most)


def last_frame() -> int:
    """Return the number of the newest frame; 0 before the first."""
    return reader().last()


def of_frame(view: View, frame: Frame) -> list[Readings]:
    """Return what a caller may see of a frame: its readings, then those that it corrects as they stand now.

    Rows of results are among both where the frame holds the whole row; whoever waits for single
    readings hears them under their Datastreams.
    """
    rows = rows_of_frame(frame)
    amends = (rows.about != 0) & (rows.quality != REMOVED)
    rows_new = rows.take((rows.about == 0) & (rows.quality != REMOVED))
    known = view.of.numbers_in_store(reader().all_numbers())
    size = max(int(known.max(initial=-1)), int(rows.stream.max(initial=-1))) + 2
    of_store = np.full(size, -1)
    of_store[known[known >= 0]] = np.flatnonzero(known >= 0)
    stream = of_store[rows_new.stream]
    seen = (stream >= 0) & view.streams[stream] if len(view.streams) else stream < -1
    new = Readings(view, rows_new.take(seen), stream[seen], rows_new.id[seen])
    found = [new, _whole_rows(view, new)]
    amended: list[str] = []
    for about in rows.about[amends].tolist():
        with contextlib.suppress(EntityUnknownError):  # removed since, or not to be seen
            one = looking.one(view, about)
            found.append(one)
            amended += _rows_with(one)
    for id_ in dict.fromkeys(amended):
        with contextlib.suppress(EntityUnknownError):
            found.append(looking.row(view, id_))
    return [one for one in found if one.size]


def _concerned(view: View, streams: Numbers) -> Numbers:
    """Return the MultiDatastreams that are seen and to which any of some streams belong."""
    of = view.of.multis
    parts = np.flatnonzero(np.isin(of.streams, streams))
    owners = np.unique(np.searchsorted(of.starts, parts, "right") - 1) + len(view.of.streams)
    return owners[view.sees(MULTI)[owners]]


def _whole_rows(view: View, new: Readings) -> Readings:
    """Return the rows of which all results are among new readings."""
    rows = rows_of(new, _concerned(view, new.stream))
    widths = np.diff(view.of.multis.starts)[rows.stream - len(view.of.streams)]
    assert rows.parts is not None  # noqa: S101  rows have them
    return rows.take((rows.parts.which[rows.parts.place] >= 0).sum(axis=1) == widths)


def _rows_with(one: Readings) -> list[str]:
    """Return the ids of the rows of results to which a reading belongs."""
    found: list[str] = rows_of(one, _concerned(one.view, one.stream)).ids
    return found
