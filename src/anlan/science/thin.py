"""Many readings as a few columns for drawing: what each column held, and where it was silent.

Least, greatest and mean are of all readings of a column, so that no spike is lost however far
one looks from; the count and the first and last instant tell where there was nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NEVER = -(1 << 62)


class Thin(NamedTuple):
    """Series by columns (both axes); NaN and :data:`NEVER` where a column holds no value."""

    valued: NDArray[np.int64]  # readings with a value
    missing: NDArray[np.int64]  # readings that say that there is no value
    odd: NDArray[np.int64]  # readings whose worth is doubted
    least: NDArray[np.float64]
    greatest: NDArray[np.float64]
    mean: NDArray[np.float64]
    first_us: NDArray[np.int64]  # of a value
    last_us: NDArray[np.int64]
    silent_us: NDArray[np.int64]  # the longest time without a value between two of one column


class Thinner:
    """Takes readings in by parts, in whatever order of parts, and gives the columns.

    Column ``k`` holds ``from_us + k * step_us`` <= time < ``from_us + (k + 1) * step_us``.  A part
    must hold whole columns, or ``silent_us`` would miss what lies between two parts.
    """

    def __init__(self, series: int, columns: int, *, from_us: int, step_us: int) -> None:
        if series < 0 or columns < 1 or step_us < 1:
            raise ValueError("need at least one column of at least one microsecond")
        self.series, self.columns = series, columns
        self.from_us, self.step_us = from_us, step_us
        size = series * columns
        self._count, self._missing, self._odd = (np.zeros(size, np.int64) for _ in range(3))
        self._sum, self._lift = np.zeros(size), np.zeros(size)
        self._least, self._greatest = np.full(size, np.inf), np.full(size, -np.inf)
        self._first, self._last = np.full(size, 1 << 62), np.full(size, NEVER)
        self._silent = np.zeros(size, np.int64)

    def add(
        self,
        series: NDArray[np.int64],
        at_us: NDArray[np.int64],
        value: NDArray[np.float64],
        odd: NDArray[np.bool_],
    ) -> None:
        """Take in readings in order of series and time; those outside the columns are left out."""
        column = (at_us - self.from_us) // self.step_us
        inside = (column >= 0) & (column < self.columns)
        if not inside.all():
            series, at_us, column = series[inside], at_us[inside], column[inside]
            value, odd = value[inside], odd[inside]
        place = series * self.columns + column
        size = len(self._count)
        valued = np.isfinite(value)
        self._missing += np.bincount(place[~valued], minlength=size)
        self._odd += np.bincount(place[odd], minlength=size)
        place, at_us, value = place[valued], at_us[valued], value[valued]
        if not len(place):
            return
        starts = np.flatnonzero(np.diff(place, prepend=-1))
        ends, cells = np.append(starts[1:], len(place)), place[starts]
        self._add_values(cells, starts, ends - starts, value)
        self._first[cells] = np.minimum(self._first[cells], at_us[starts])
        self._last[cells] = np.maximum(self._last[cells], at_us[ends - 1])
        steps = np.diff(at_us, prepend=at_us[:1])
        steps[starts] = 0
        self._silent[cells] = np.maximum(self._silent[cells], np.maximum.reduceat(steps, starts))

    def add_lines(
        self,
        series: NDArray[np.int64],
        from_us: NDArray[np.int64],
        until_us: NDArray[np.int64],
        valued: NDArray[np.int64],
        missing: NDArray[np.int64],
        values: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    ) -> None:
        """Take in what stays of readings: spans with least, mean and greatest of what they held.

        A span belongs to the column of its middle, whole; one without a value only counts.
        """
        column = ((from_us + until_us) // 2 - self.from_us) // self.step_us
        inside = (column >= 0) & (column < self.columns)
        place = (series * self.columns + column)[inside]
        valued, missing = valued[inside], missing[inside]
        np.add.at(self._missing, place, missing)
        has = valued > 0
        place, number = place[has], valued[has]
        least, mean, greatest = (one[inside][has] for one in values)
        begin, end = from_us[inside][has], until_us[inside][has]
        fresh = self._count[place] == 0
        self._lift[place[fresh]] = mean[fresh]
        np.add.at(self._sum, place, (mean - self._lift[place]) * number)
        np.add.at(self._count, place, number)
        np.minimum.at(self._least, place, least)
        np.maximum.at(self._greatest, place, greatest)
        np.minimum.at(self._first, place, begin)
        np.maximum.at(self._last, place, end)

    def _add_values(
        self,
        cells: NDArray[np.int64],
        starts: NDArray[np.int64],
        counts: NDArray[np.int64],
        value: NDArray[np.float64],
    ) -> None:
        least = np.minimum.reduceat(value, starts)
        # Summed from the first value of each column: a small course on a large level is kept.
        fresh = self._count[cells] == 0
        self._lift[cells] = np.where(fresh, value[starts], self._lift[cells])
        lifted = value - np.repeat(self._lift[cells], counts)
        self._sum[cells] += np.add.reduceat(lifted, starts)
        self._count[cells] += counts
        self._least[cells] = np.minimum(self._least[cells], least)
        self._greatest[cells] = np.maximum(
            self._greatest[cells], np.maximum.reduceat(value, starts)
        )

    def thin(self) -> Thin:
        """Return the columns of everything taken in so far."""
        none = self._count == 0
        mean = self._lift + self._sum / np.maximum(self._count, 1)
        found = (
            self._count,
            self._missing,
            self._odd,
            np.where(none, np.nan, self._least),
            np.where(none, np.nan, self._greatest),
            # A mean lies between the least and the greatest, whatever rounding says.
            np.where(none, np.nan, np.clip(mean, self._least, self._greatest)),
            np.where(none, NEVER, self._first),
            self._last,
            self._silent,
        )
        shape = (self.series, self.columns)
        return Thin._make(one.reshape(shape).copy() for one in found)


def silences(
    first_us: NDArray[np.int64],
    last_us: NDArray[np.int64],
    *,
    from_us: int,
    until_us: int,
    longest_us: int,
) -> list[tuple[int, int]]:
    """Return the stretches between columns in which one series had no value for too long.

    Parameters
    ----------
    first_us, last_us : (columns,) int64
        As in :class:`Thin`, of one series.
    from_us, until_us : int
        The period that is told of; a silence may begin or end with it.
    longest_us : int
        What is not yet a silence.
    """
    there = np.flatnonzero(last_us != NEVER)
    begins = np.concatenate(([from_us], last_us[there]))
    ends = np.concatenate((first_us[there], [until_us]))
    ends = np.maximum(ends, begins)
    long = np.flatnonzero(ends - begins > longest_us)
    return [(int(begins[n]), int(ends[n])) for n in long]
