"""What has just been kept, as the Observations that whoever listens to a topic of the standard is told."""

from __future__ import annotations

import contextlib

import numpy as np

from anlan.sensing.domain.sta_errors import EntityUnknownError
from anlan.sensing.services.hands import reader
from anlan.sensing.sta import readings
from anlan.sensing.sta.readings import Readings
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
    """Return what a caller may see of a frame: its readings, then those that it corrects as they stand now."""
    rows = rows_of_frame(frame)
    amends = (rows.about != 0) & (rows.quality != REMOVED)
    rows_new = rows.take((rows.about == 0) & (rows.quality != REMOVED))
    known = view.of.numbers_in_store(reader().all_numbers())
    size = max(int(known.max(initial=-1)), int(rows.stream.max(initial=-1))) + 2
    of_store = np.full(size, -1)
    of_store[known[known >= 0]] = np.flatnonzero(known >= 0)
    stream = of_store[rows_new.stream]
    seen = (stream >= 0) & view.streams[stream] if len(view.streams) else stream < -1
    found = [Readings(view, rows_new.take(seen), stream[seen], rows_new.id[seen])]
    for about in rows.about[amends].tolist():
        with contextlib.suppress(EntityUnknownError):  # removed since, or not to be seen
            found.append(readings.one(view, about))
    return [one for one in found if one.size]
