"""What each stream is held to: rows of figures that streams with the same checks share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from anlan.kernel.durations import parse_span
from anlan.registry.domain.checkspecs import (
    Battery,
    CheckSpec,
    Clock,
    Drift,
    Duplicate,
    Gaps,
    Spike,
    Stuck,
)

FRESH_INTERVALS = 3
FRESH_AT_LEAST_US = 300_000_000
"""A reading stands for three intervals and at least five minutes, as for the judge."""


class Limits(msgspec.Struct, frozen=True):
    """The figures for one stream; what is not checked has a figure that nothing reaches."""

    interval_us: int
    stuck_us: int = 0  # 0: not checked
    stuck_readings: int = 0
    stuck_within: float = 0.0
    rests_upto: float = -np.inf
    spike_away: float = np.inf
    spike_spreads: float = np.inf
    spike_times: int = 255
    ahead_s: float = np.inf
    behind_s: float = np.inf
    repeat_times: int = 0  # 0: not checked
    share: float = 0.0
    drift_away: float = np.inf
    low: float = -np.inf
    recovers_at: float = -np.inf

    @property
    def fresh_us(self) -> int:
        """How long a reading stands; a longer pause breaks what needs unbroken readings."""
        return max(FRESH_INTERVALS * self.interval_us, FRESH_AT_LEAST_US)


_WHOLE = frozenset(
    {
        "interval_us",
        "fresh_us",
        "stuck_us",
        "stuck_readings",
        "spike_times",
        "repeat_times",
    }
)
_NAMES = ("fresh_us", *Limits.__struct_fields__)
FIGURES = np.dtype([(name, np.int64 if name in _WHOLE else np.float64) for name in _NAMES])
"""The figures of one row, for the loops."""

Table = NDArray[Any]
"""Rows of figures: an array of :data:`FIGURES`."""


def limits_of(checks: Sequence[CheckSpec], interval_us: int) -> Limits:
    """Return the figures of the checks that apply to a stream, one of each kind at most."""
    found: dict[str, float | int] = {}
    for check in checks:
        test = check.test
        match test:
            case Stuck():
                found |= {
                    "stuck_us": _us(test.longer_than),
                    "stuck_readings": test.readings,
                    "stuck_within": test.within,
                    "rests_upto": -np.inf if test.rests_upto is None else test.rests_upto,
                }
            case Spike():
                found |= {
                    "spike_away": test.away,
                    "spike_spreads": test.spreads,
                    "spike_times": test.times,
                }
            case Clock():
                late = interval_us / 1e6
                found |= {
                    "ahead_s": _us(test.ahead) / 1e6,
                    "behind_s": _us(test.behind) / 1e6 + late,
                }
            case Duplicate():
                found["repeat_times"] = test.times
            case Gaps():
                found["share"] = test.share
            case Drift():
                found["drift_away"] = test.away
            case Battery():
                found |= {"low": test.below, "recovers_at": test.recovers_at}
            case _:  # the day of calibration stands in the registry
                pass
    return msgspec.convert({"interval_us": interval_us, **found}, Limits, strict=False)


def _us(span: str) -> int:
    return round(parse_span(span).total_seconds() * 1e6)


def table_of(rows: Sequence[Limits]) -> Table:
    """Return some rows of figures as a table."""
    return np.array([tuple(getattr(row, name) for name in _NAMES) for row in rows], FIGURES)
