"""What is remembered of each stream: a bounded number of bytes, whatever the time.

One record for each stream, by the store's number.  Everything follows from the frames and from the checks in
force; a file (:func:`save`) only spares reading them again.
"""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anlan.sensing.store.latest import NEVER
from anlan.sensing.store.places import put_whole

FAULTS = ("stuck", "spike", "clock", "duplicate", "gaps", "drift", "battery", "calibration")
STUCK, SPIKE, CLOCK, DUPLICATE, GAPS, DRIFT, BATTERY, CALIBRATION = range(len(FAULTS))
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
AROUND = 3
"""Readings before and after by which a single one is measured."""
WINDOW = 2 * AROUND + 1
HOURS, DAYS = 25, 8
"""Whole hours (days) that are counted, and the one that has begun."""
MESSAGES = 5
"""Messages whose delay tells how a clock stands."""
WEEK = 7

log = logging.getLogger(__name__)


STREAM = np.dtype(
    [
        ("first_us", np.int64),  # the first reading with a value
        ("last_us", np.int64),  # the newest one
        ("run_us", np.int64),  # since when the value has been the same
        ("run_value", np.float64),  # its first value
        ("ring_us", np.int64, WINDOW),  # the newest readings, oldest first
        ("ring_value", np.float64, WINDOW),
        ("delay_seq", np.int64),  # the frame that the newest delay is of
        ("device", np.uint64),  # which device it was (0: not known); another one begins anew
        ("since", np.int64, len(FAULTS)),  # since when each fault lasts
        ("run_count", np.int32),
        ("hour", np.int32),  # the hour since 1970 that the newest count is of
        ("day", np.int32),
        ("days", np.uint32, DAYS),  # readings with a value on each day, by day modulo
        (
            "apart",
            np.float32,
            HOURS - 1,
        ),  # hourly differences from the neighbours, by number modulo
        ("apart_count", np.int32),
        ("week", np.float32, WEEK),  # daily medians of the first week of the device
        ("delays", np.float32, MESSAGES),  # seconds from measurement to receipt, newest last
        ("hours", np.uint16, HOURS),  # readings with a value in each hour, by hour modulo
        ("spikes", np.uint8, HOURS),  # of them far from those around
        ("repeats", np.uint8, HOURS),  # readings that came again
        ("ring_count", np.int8),
        ("delay_count", np.int8),
    ]
)
"""One stream; instants in µs since 1970 UTC, ``NEVER`` where there is none."""

State = NDArray[Any]
"""Streams by their number in the store: an array of :data:`STREAM`."""

_BLANK = np.zeros(1, STREAM)
for _name in ("first_us", "last_us", "run_us", "ring_us", "since"):
    _BLANK[_name] = NEVER
for _name in ("apart", "week"):
    _BLANK[_name] = np.nan
_OF_THE_STREAM = frozenset(
    {"first_us", "last_us", "hour", "hours", "repeats", "day", "days", "device", "since"}
)


def blank(count: int) -> State:
    """Return the state of streams of which nothing is known."""
    return np.repeat(_BLANK, count)


def bytes_per_stream() -> int:
    """Return how many bytes one stream takes, however long it speaks."""
    return STREAM.itemsize


def with_room(state: State, count: int) -> State:
    """Return a state that holds at least ``count`` streams."""
    have = len(state)
    if count <= have:
        return state
    return np.concatenate([state, blank(max(count, have + have // 2) - have)])


def forget_device(state: State, which: NDArray[np.intp]) -> None:
    """Begin anew what belongs to the device; what belongs to the stream stays."""
    for name in STREAM.names or ():
        if name not in _OF_THE_STREAM:
            state[name][which] = _BLANK[name][0]
    for fault in (STUCK, SPIKE, CLOCK, DRIFT, BATTERY, CALIBRATION):
        state["since"][which, fault] = NEVER


class Kept(NamedTuple):
    """A state with the last frame in it, the hour swept last, and the instant of all that."""

    state: State
    seq: int = 0
    swept: int = 0
    at_us: int = NEVER


def nothing() -> Kept:
    """Return the state of which no frame is a part yet."""
    return Kept(blank(1024))


def save(path: Path, kept: Kept) -> None:
    """Write a state so that the file is the old one or the new one, never a part."""
    target = io.BytesIO()
    np.savez(target, **kept._asdict())
    put_whole(path, target.getvalue())


def load(path: Path) -> Kept:
    """Return what was saved; a blank state when there is none to use: the frames know it all."""
    if not path.exists():
        return nothing()
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as saved:
            if saved.zip.testzip() is not None or saved["state"].dtype != STREAM:
                return nothing()  # harmed, or of another version
            numbers = (int(saved[name]) for name in Kept._fields[1:])
            return Kept(saved["state"], *numbers)
    except Exception:  # harmed bytes break whoever reads zip or arrays in any way
        log.warning("what was remembered of the streams cannot be read", exc_info=True)
        return nothing()
