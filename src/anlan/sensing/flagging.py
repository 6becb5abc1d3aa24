"""Flags of the readings of one stream over a period, for its page."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

from anlan.registry.domain.errors import SensorUnknownError
from anlan.sensing.quality.flags import Flagged, flagged
from anlan.sensing.services.checked_city import checked_city
from anlan.sensing.services.framing import from_us, to_us
from anlan.sensing.services.hands import reader

MOST_BEFORE = timedelta(days=8)


def flags_of(stream: str, start: datetime, end: datetime, *, now: datetime) -> Flagged:
    """Return the readings of a stream with ``start`` <= time < ``end``, in order, with their flags.

    By the checks in force at ``now``; what lies before ``start`` is looked at too, as far as a
    value could stand still.  Of several readings for one instant the last received counts.

    Raises
    ------
    SensorUnknownError
        When the stream is not in force.
    """
    city = checked_city(at=now)
    if stream not in city.rows:
        raise SensorUnknownError(code=stream)
    figures = city.table[[city.held_of[city.rows[stream]]]]
    before = timedelta(microseconds=int(figures["stuck_us"][0] + 8 * figures["fresh_us"][0]))
    store = reader()
    rows = store.read(
        store.numbers([stream]), to_us(max(start - min(before, MOST_BEFORE), _FIRST)), to_us(end)
    )
    newest = np.append(rows.at_us[1:] != rows.at_us[:-1], np.ones(min(1, rows.size), bool))
    rows = rows.take(newest)
    found = flagged(rows.at_us, rows.value, rows.quality, figures)
    inside = found.at_us >= to_us(start)
    return Flagged._make(column[inside] for column in found)


_FIRST = from_us(0)
