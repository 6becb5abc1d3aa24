"""How the streams of a city stand, as columns: for pages, the interface, and the map.

A fixed number of queries, whatever the number of streams: the city once for each revision, the
open faults, the maintenance.  The newest readings come from the store's arrays, shares from what
the clockwork last kept of its counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anlan.registry.domain.facts import KnownSensor
from anlan.sensing.doubts import doubts_of
from anlan.sensing.models import StreamFault
from anlan.sensing.quality.health import TRUSTS, Counted, counted_in, nothing_counted, trust_of
from anlan.sensing.quality.state import FAULTS
from anlan.sensing.quality.sweeping import Shares
from anlan.sensing.quality.taking import BELIEVED
from anlan.sensing.services.checked_city import CheckedCity, checked_city
from anlan.sensing.services.examining import file_of
from anlan.sensing.services.framing import from_us, to_us
from anlan.sensing.services.hands import reader
from anlan.sensing.services.here import workspace_here
from anlan.sensing.services.maintaining import in_maintenance
from anlan.sensing.store.latest import NEVER


class Health(NamedTuple):
    """Streams in force, column by column and in the order of ``sensors``."""

    sensors: Sequence[KnownSensor]
    last_us: NDArray[np.int64]  # of the last value; NEVER where none came
    trust: NDArray[np.int8]  # by :data:`TRUSTS`
    faults: NDArray[np.int16]  # a bit for each kind of FAULTS that lasts
    is_worked_on: NDArray[np.bool_]

    def take(self, rows: NDArray[np.intp]) -> Health:
        """Return some of the streams, in the order of ``rows``."""
        return Health(
            [self.sensors[row] for row in rows.tolist()],
            self.last_us[rows],
            self.trust[rows],
            self.faults[rows],
            self.is_worked_on[rows],
        )


class StreamHealth(NamedTuple):
    """How one stream stands, in full."""

    sensor: KnownSensor
    trust: str
    last: datetime | None
    faults: Sequence[StreamFault]
    is_worked_on: bool
    shares: Mapping[str, float | None]  # hour, day, week; None where none was expected yet
    counted_at: datetime | None  # as of when the shares are


def health(*, now: datetime) -> Health:
    """Return how every stream in force stands (two queries, beside the city's once for a revision)."""
    city = checked_city(at=now)
    count = len(city.sensors)
    bits = np.zeros(count, np.int16)
    rows = StreamFault.objects.filter(until__isnull=True).values_list("stream", "kind")
    for stream, kind in rows:
        if (row := city.rows.get(stream)) is not None and kind in FAULTS:
            bits[row] |= 1 << FAULTS.index(kind)
    worked_on = np.zeros(count, bool)
    worked_on[[city.rows[x] for x in in_maintenance(at=now) if x in city.rows]] = True
    last = _last_us(city, np.arange(count))
    trust = trust_of(last, city.table["fresh_us"][city.held_of], bits != 0, to_us(now))
    return Health(city.sensors, last, trust, bits, worked_on)


def health_of(streams: Sequence[str], *, now: datetime) -> list[StreamHealth]:
    """Return how some streams stand, those not in force left out (two queries)."""
    city = checked_city(at=now)
    rows = np.array([city.rows[code] for code in streams if code in city.rows], np.intp)
    sensors = [city.sensors[row] for row in rows.tolist()]
    faults = doubts_of([sensor.code for sensor in sensors])
    worked_on = in_maintenance({sensor.code for sensor in sensors}, at=now)
    last, fresh = _last_us(city, rows), city.table["fresh_us"][city.held_of[rows]]
    is_doubted = np.array([sensor.code in faults for sensor in sensors], bool)
    trust = trust_of(last, fresh, is_doubted, to_us(now))
    counted = _counted()
    shares = counted.shares(
        _numbers(city, rows),
        city.table["interval_us"][city.held_of[rows]],
        _counted_until(counted, now),
    )
    at = None if counted.at_us == NEVER else from_us(counted.at_us)
    return [
        StreamHealth(
            sensor=sensor,
            trust=TRUSTS[trust[place]],
            last=None if last[place] == NEVER else from_us(int(last[place])),
            faults=faults.get(sensor.code, []),
            is_worked_on=sensor.code in worked_on,
            shares=_share(shares, place),
            counted_at=at,
        )
        for place, sensor in enumerate(sensors)
    ]


def _counted_until(counted: Counted, now: datetime) -> int:
    """Return the instant up to which shares are told: not beyond what was counted."""
    return to_us(now) if counted.at_us == NEVER else min(to_us(now), counted.at_us)


def _share(shares: Shares, place: int) -> dict[str, float | None]:
    values = {name: float(getattr(shares, name)[place]) for name in Shares._fields}
    return {name: None if np.isnan(value) else value for name, value in values.items()}


def _numbers(city: CheckedCity, rows: NDArray[np.intp]) -> NDArray[np.int32]:
    known = reader().all_numbers()
    return np.array([known.get(city.sensors[row].code, -1) for row in rows.tolist()], np.int32)


def _last_us(city: CheckedCity, rows: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return when the last value of each stream was measured.

    The newest reading tells where it is a value; else the counts do, which are minutes older.
    """
    numbers = _numbers(city, rows)
    newest = reader().newest_of(np.maximum(numbers, 0))
    found = newest.at_us
    found[numbers < 0] = NEVER
    is_value = (newest.quality <= BELIEVED) & np.isfinite(newest.value)
    older = np.flatnonzero((found != NEVER) & ~is_value)
    if len(older):
        found[older] = _counted().last_us(numbers[older])
    return found


_kept: dict[Path, tuple[float, Counted]] = {}


def _counted() -> Counted:
    """Return what was counted, read again when the file was written anew."""
    path = file_of(workspace_here().observations)
    try:
        written = path.stat().st_mtime
    except FileNotFoundError:
        return nothing_counted()
    if path not in _kept or _kept[path][0] != written:
        _kept.clear()
        _kept[path] = (written, counted_in(path))
    return _kept[path][1]
