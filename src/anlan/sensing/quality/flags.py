"""Flags of single readings, worked out from the readings of one stream when somebody asks.

The same definitions as in ``taking``, without its memory: what stands in the store, in order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anlan.science.compiled import compiled
from anlan.sensing.quality.limits import Table
from anlan.sensing.quality.state import AROUND, WINDOW
from anlan.sensing.quality.taking import BELIEVED, is_spike

NO_VALUE, STUCK_FLAG, SPIKE_FLAG, AFTER_GAP, LOW_FLAG = 1, 2, 4, 8, 16
FLAGS = {
    "no_value": NO_VALUE,
    "stuck": STUCK_FLAG,
    "spike": SPIKE_FLAG,
    "gap": AFTER_GAP,
    "battery": LOW_FLAG,
}
"""What a flag says; ``gap``: a reading with a pause of more than two intervals before it."""


class Flagged(NamedTuple):
    """Readings of one stream in order, with their flags (bits of :data:`FLAGS`)."""

    at_us: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]
    flags: NDArray[np.uint8]


def names_of(bits: int) -> tuple[str, ...]:
    """Return the names of the flags of a reading."""
    return tuple(name for name, bit in FLAGS.items() if bits & bit)


def flagged(
    at_us: NDArray[np.int64],
    value: NDArray[np.float64],
    quality: NDArray[np.uint8],
    figures: Table,
) -> Flagged:
    """Flag readings in order of time; ``figures`` is one row of the table of figures."""
    is_value = (quality <= BELIEVED) & np.isfinite(value)
    flags = np.where(is_value, 0, NO_VALUE).astype(np.uint8)
    rows = np.flatnonzero(is_value)
    if len(rows):
        found = np.zeros(len(rows), np.uint8)
        _flag(at_us[rows], value[rows], figures[:1], found)
        flags[rows] |= found
    return Flagged(at_us, value, quality, flags)


@compiled
def _flag(
    at_us: NDArray[np.int64],
    value: NDArray[np.float64],
    figures: Table,
    found: NDArray[np.uint8],
) -> None:
    f = figures[0]
    run, stretch = 0, 0  # where the present value, and the present stretch without a pause, begin
    for i in range(len(at_us)):
        pause = at_us[i] - at_us[i - 1] if i else 0
        if pause > 2 * f.interval_us:
            found[i] |= AFTER_GAP
        if pause > f.fresh_us:
            stretch = i
        if pause > f.fresh_us or abs(value[i] - value[run]) > f.stuck_within:
            run = i
        is_long = at_us[i] - at_us[run] >= f.stuck_us and i - run + 1 >= f.stuck_readings
        if f.stuck_us > 0 and is_long and value[run] > f.rests_upto:
            # Once found, every further reading of the run is one more.
            for j in range(i if found[i - 1] & STUCK_FLAG else run, i + 1):
                found[j] |= STUCK_FLAG
        if value[i] < f.low:
            found[i] |= LOW_FLAG
        first = i - WINDOW + 1
        if first < stretch:
            continue
        window = value[first : i + 1]
        # What lies closer together than that is no spike, whatever their median.
        if window.max() - window.min() > f.spike_away and is_spike(
            window.copy(), f.spike_away, f.spike_spreads
        ):
            found[i - WINDOW + 1 + AROUND] |= SPIKE_FLAG
