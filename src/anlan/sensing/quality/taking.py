"""Fold the readings of frames into what is remembered of their streams.

One loop over the rows in the order in which they came.  A row without a value, a correction and a
removal change nothing here.  What begins or ends is told, in order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anlan.science.compiled import compiled
from anlan.sensing.quality.limits import Table
from anlan.sensing.quality.state import (
    AROUND,
    BATTERY,
    CLOCK,
    DAY_US,
    DAYS,
    DUPLICATE,
    HOUR_US,
    HOURS,
    MESSAGES,
    SPIKE,
    STUCK,
    WINDOW,
    State,
)
from anlan.sensing.store.frames import Frame
from anlan.sensing.store.latest import NEVER

BELIEVED = 1
"""Qualities up to this number are values (``services/domain/columns.QUALITIES``): good, suspect."""
PER_ROW = 6
SPREAD = 1.4826  # median absolute deviation of a normal law, to its standard deviation

CHANGE = np.dtype(
    [
        ("stream", np.int32),
        ("fault", np.int32),
        ("since_us", np.int64),
        ("until_us", np.int64),  # NEVER: it goes on
        ("found", np.float64),
        ("limit", np.float64),
    ]
)
"""A fault that began or ended, with what was found and the limit."""

Changes = NDArray[Any]
"""An array of :data:`CHANGE`, in order."""


def take(state: State, which: NDArray[np.int32], table: Table, frame: Frame) -> Changes:
    """Fold a frame; ``which`` is the row of figures of each stream, negative: not in force.

    The state must have room for every stream of the frame.
    """
    out = np.zeros(PER_ROW * frame.rows, CHANGE)
    about = np.zeros(0, np.int64) if frame.about is None else frame.about
    # Copies: columns that may not be written are another type, and compiled anew.
    columns = (frame.stream, frame.at_us, frame.value, frame.quality, about)
    rows = tuple(np.array(column) for column in columns)
    count = _take(state, which, table, (frame.seq, frame.received_us), rows, out)
    return out[:count]


@compiled
def _begin(
    r: Any, out: Changes, n: int, s: int, fault: int, at: int, found: float, limit: float
) -> int:
    """Begin a fault, unless it lasts already."""
    if r.since[fault] != NEVER:
        return n
    r.since[fault] = at
    change = out[n]
    change.stream, change.fault, change.since_us, change.until_us = s, fault, at, NEVER
    change.found, change.limit = found, limit
    return n + 1


@compiled
def _end(
    r: Any, out: Changes, n: int, s: int, fault: int, at: int, found: float, limit: float
) -> int:
    """End a fault that lasts."""
    if r.since[fault] == NEVER:
        return n
    change = out[n]
    change.stream, change.fault = s, fault
    change.since_us, change.until_us = r.since[fault], at
    change.found, change.limit = found, limit
    r.since[fault] = NEVER
    return n + 1


@compiled
def median_of(values: NDArray[np.float64]) -> float:
    """Return the median; of an even number the mean of the two in the middle."""
    ranked, size = values.copy(), len(values)
    for i in range(1, size):  # a handful: plain insertion
        x, j = ranked[i], i
        while j > 0 and ranked[j - 1] > x:
            ranked[j] = ranked[j - 1]
            j -= 1
        ranked[j] = x
    return float(0.5 * (ranked[(size - 1) // 2] + ranked[size // 2]))


@compiled
def is_spike(values: NDArray[np.float64], away: float, spreads: float) -> bool:
    """Return whether the middle one of ``WINDOW`` values is far from the median of the others."""
    others = np.empty(WINDOW - 1)
    for i in range(WINDOW - 1):
        others[i] = values[i if i < AROUND else i + 1]
    middle = median_of(others)
    for i in range(WINDOW - 1):
        others[i] = abs(others[i] - middle)
    spread = SPREAD * median_of(others)
    return bool(abs(values[AROUND] - middle) > max(away, spreads * spread))


@compiled
def _advance(r: Any, hour: int, day: int) -> None:
    """Make an hour and a day the newest that are counted; what lies between counted nothing."""
    if r.first_us == NEVER or hour - r.hour > HOURS:
        r.hour = hour - HOURS
    while r.hour < hour:
        r.hour += 1
        r.hours[r.hour % HOURS] = 0
        r.spikes[r.hour % HOURS] = 0
        r.repeats[r.hour % HOURS] = 0
    if r.first_us == NEVER or day - r.day > DAYS:
        r.day = day - DAYS
    while r.day < day:
        r.day += 1
        r.days[r.day % DAYS] = 0


@compiled
def _count(r: Any, at: int) -> None:
    hour, day = at // HOUR_US, at // DAY_US
    _advance(r, hour, day)
    if r.hour - hour < HOURS and r.hours[hour % HOURS] < 65_535:
        r.hours[hour % HOURS] += 1
    if r.day - day < DAYS:
        r.days[day % DAYS] += 1


@compiled
def _noted(counts: NDArray[np.uint8], newest: int, at: int) -> int:
    """Count one more in the hour of ``at``; return how many there were in the hours that count."""
    hour = at // HOUR_US
    if newest - hour < HOURS and counts[hour % HOURS] < 255:
        counts[hour % HOURS] += 1
    total = 0
    for i in range(HOURS):
        total += counts[i]
    return total


@compiled
def _delay(r: Any, f: Any, out: Changes, n: int, s: int, at: int, seq: int, got: int) -> int:
    seconds = np.float32((got - at) / 1e6)
    if r.delay_count > 0 and r.delay_seq == seq:
        # Of one message the newest reading tells; the others may have waited for it.
        newest = r.delay_count - 1
        r.delays[newest] = min(r.delays[newest], seconds)
    else:
        if r.delay_count == MESSAGES:
            for i in range(MESSAGES - 1):
                r.delays[i] = r.delays[i + 1]
            r.delay_count -= 1
        r.delays[r.delay_count] = seconds
        r.delay_count += 1
    r.delay_seq = seq
    if r.delay_count < MESSAGES:
        return n
    delays = np.empty(MESSAGES)
    least, most = np.inf, -np.inf
    for i in range(MESSAGES):
        delays[i] = r.delays[i]
        least, most = min(least, delays[i]), max(most, delays[i])
    middle = median_of(delays)
    # Readings that waited somewhere come ever quicker; a clock that is off is off by the same.
    is_steady = (most - least) * 1e6 <= 2 * f.interval_us
    if middle < -f.ahead_s:
        return _begin(r, out, n, s, CLOCK, got, middle, -f.ahead_s)
    if middle <= f.behind_s:
        return _end(r, out, n, s, CLOCK, got, middle, f.behind_s)
    return _begin(r, out, n, s, CLOCK, got, middle, f.behind_s) if is_steady else n


@compiled
def _same(r: Any, f: Any, out: Changes, n: int, s: int, at: int, x: float) -> int:
    """Go on with the run of one value, or begin a new one."""
    hours = f.stuck_us / HOUR_US
    goes_on = (
        r.run_us != NEVER
        and at - r.last_us <= f.fresh_us
        and abs(x - r.run_value) <= f.stuck_within
    )
    if not goes_on:
        n = _end(r, out, n, s, STUCK, at, x, hours)
        r.run_us, r.run_value, r.run_count = at, x, 1
        return n
    r.run_count += 1
    is_long = f.stuck_us > 0 and at - r.run_us >= f.stuck_us and r.run_count >= f.stuck_readings
    if is_long and r.run_value > f.rests_upto:
        n = _begin(r, out, n, s, STUCK, r.run_us, r.run_value, hours)
    return n


@compiled
def _pushed(r: Any, f: Any, out: Changes, n: int, s: int, at: int, x: float) -> int:
    """Keep a reading among the newest; judge the one in the middle by those around it."""
    if at - r.last_us > f.fresh_us:
        r.ring_count = 0
    if r.ring_count == WINDOW:
        for i in range(WINDOW - 1):
            r.ring_us[i], r.ring_value[i] = r.ring_us[i + 1], r.ring_value[i + 1]
        r.ring_count -= 1
    r.ring_us[r.ring_count], r.ring_value[r.ring_count] = at, x
    r.ring_count += 1
    if r.ring_count < WINDOW or not is_spike(r.ring_value, f.spike_away, f.spike_spreads):
        return n
    when = r.ring_us[AROUND]
    times = _noted(r.spikes, r.hour, when)
    if times < f.spike_times:
        return n
    return _begin(r, out, n, s, SPIKE, when, float(times), float(f.spike_times))


@compiled
def _is_known(r: Any, at: int, x: float) -> bool:
    known = False
    for i in range(r.ring_count):
        known |= r.ring_us[i] == at and r.ring_value[i] == x
    return known


@compiled
def _in_order(r: Any, f: Any, out: Changes, n: int, s: int, at: int, x: float) -> int:
    """Judge a reading that is later than all before it."""
    if x < f.low:
        n = _begin(r, out, n, s, BATTERY, at, x, f.low)
    elif x >= f.recovers_at:
        n = _end(r, out, n, s, BATTERY, at, x, f.low)
    n = _same(r, f, out, n, s, at, x)
    n = _pushed(r, f, out, n, s, at, x)
    r.last_us = at
    return n


@compiled
def _take(
    state: State,
    which: NDArray[np.int32],
    table: Table,
    frame: tuple[int, int],
    rows: tuple[NDArray[Any], ...],
    out: Changes,
) -> int:
    seq, got = frame
    stream, at_us, value, quality, about = rows
    n = 0
    for row in range(len(stream)):
        s, at, x = stream[row], at_us[row], value[row]
        if which[s] < 0 or quality[row] > BELIEVED or not np.isfinite(x):
            continue
        if len(about) and about[row]:
            continue
        r, f = state[s], table[which[s]]
        n = _delay(r, f, out, n, s, at, seq, got)
        if _is_known(r, at, x):
            times = _noted(r.repeats, r.hour, at)
            if 0 < f.repeat_times <= times:
                limit = float(f.repeat_times)
                n = _begin(r, out, n, s, DUPLICATE, got, float(times), limit)
            continue
        _count(r, at)
        if r.first_us == NEVER or at < r.first_us:
            r.first_us = at
        if at > r.last_us:  # what comes late is counted, and judged in its place by the judge
            n = _in_order(r, f, out, n, s, at, x)
    return n
