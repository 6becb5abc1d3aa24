"""Flags of readings say what the loop over frames says, for readings that came in order."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from anlan.sensing.quality.flags import FLAGS, flagged
from anlan.sensing.quality.limits import Limits, table_of
from tests.sensing.quality.naive import DAY, NaiveStream

MINUTE = 60_000_000
START = 20_000 * DAY
FIGURES = Limits(
    10 * MINUTE, stuck_us=40 * MINUTE, stuck_readings=3, rests_upto=0.0, spike_away=2.0,
    spike_spreads=3.0, spike_times=1, low=1.0, recovers_at=2.0,
)  # fmt: skip
READINGS = st.lists(
    st.tuples(
        st.sampled_from([10, 10, 10, 10, 25, 45]),
        st.sampled_from([0.0, 1.0, 1.5, 3.0, 9.0, 9.0, 40.0, np.nan]),
        st.sampled_from([0, 0, 0, 0, 0, 1, 2, 3]),
    ),
    max_size=60,
)


@given(drawn=READINGS)
@settings(max_examples=200)
def test_flags_equal_the_slow_twin(drawn):
    at = START + np.cumsum([step for step, *_ in drawn], dtype=np.int64) * MINUTE
    value = np.array([x for _, x, _ in drawn], float)
    quality = np.array([q for *_, q in drawn], np.uint8)
    found = flagged(at, value, quality, table_of([FIGURES])).flags
    twin, wanted = NaiveStream(FIGURES), np.zeros(len(drawn), np.uint8)
    for place, (when, x, q) in enumerate(
        zip(at.tolist(), value.tolist(), quality.tolist(), strict=True)
    ):
        if q > 1 or np.isnan(x):
            wanted[place] |= FLAGS["no_value"]
            continue
        if twin.values and when - twin.values[-1][0] > 2 * FIGURES.interval_us:
            wanted[place] |= FLAGS["gap"]
        if x < FIGURES.low:
            wanted[place] |= FLAGS["battery"]
        twin.take(when, x, q, 0, place, when)
        if "stuck" in twin.since:
            inside = (at >= twin.since["stuck"]) & (at <= when) & (quality <= 1) & ~np.isnan(value)
            wanted[inside] |= FLAGS["stuck"]
    wanted[np.isin(at, twin.spiked)] |= FLAGS["spike"]
    np.testing.assert_array_equal(found, wanted)
