"""How each stream stands: fresh, complete, believed.  One word with its reason, and no score."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anlan.sensing.quality import state as states
from anlan.sensing.quality.sweeping import Shares, shares_of
from anlan.sensing.store.latest import NEVER

TRUSTS = ("lost", "doubted", "never", "good")
"""What a stream is said to be, the worst first."""
LOST, DOUBTED, NEVER_HEARD, GOOD = range(len(TRUSTS))
KEPT = ("first_us", "last_us", "hour", "hours", "day", "days")


class Counted(NamedTuple):
    """What was counted of streams by the time a state was kept: columns by stream number."""

    rows: NDArray[np.void]
    at_us: int  # up to when; NEVER where nothing is kept yet

    def shares(
        self, numbers: NDArray[np.int32], interval_us: NDArray[np.int64], now_us: int
    ) -> Shares:
        """Return the shares of streams by their numbers; NaN for those that are not counted."""
        known = (numbers >= 0) & (numbers < len(self.rows))
        found = Shares(*(np.full(len(numbers), np.nan) for _ in Shares._fields))
        if known.any():
            some = shares_of(self.rows, numbers[known].astype(np.intp), interval_us[known], now_us)
            for column, values in zip(found, some, strict=True):
                column[known] = values
        return found

    def last_us(self, numbers: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return when the last value of each stream was measured, as far as was counted."""
        known = (numbers >= 0) & (numbers < len(self.rows))
        found = np.full(len(numbers), NEVER)
        found[known] = self.rows["last_us"][numbers[known]]
        return found


def nothing_counted() -> Counted:
    """Return that nothing was counted yet."""
    return Counted(states.blank(0), NEVER)


def counted_in(path: Path) -> Counted:
    """Read what a kept state counted; only the columns that tell it stay in memory."""
    state, seq, _, at_us = states.load(path)
    if not seq:
        return nothing_counted()
    kind = np.dtype([(name, *states.STREAM.fields[name][:1]) for name in KEPT])  # type: ignore[index]
    rows = np.zeros(len(state), kind)
    for name in KEPT:
        rows[name] = state[name]
    return Counted(rows, at_us)


def trust_of(
    last_us: NDArray[np.int64],
    fresh_us: NDArray[np.int64],
    is_doubted: NDArray[np.bool_],
    now_us: int,
) -> NDArray[np.int8]:
    """Return what each stream is: never heard, lost, doubted or good, by :data:`TRUSTS`."""
    found = np.where(is_doubted, DOUBTED, GOOD).astype(np.int8)
    with np.errstate(over="ignore"):
        found[(last_us != NEVER) & (now_us - last_us > fresh_us)] = LOST
    found[last_us == NEVER] = NEVER_HEARD
    return found
