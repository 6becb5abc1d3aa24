"""What is usual of a stream at an hour of a kind of day: from weeks that all lie before."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from anlan.kernel.workcalendar import CalendarBeyondEndError, WorkCalendar
from anlan.science.usual import Usual, usual_by_slot
from anlan.sensing.courses import GOOD, MOST_READ, Parts, last_of_each_instant
from anlan.sensing.services.framing import to_us
from anlan.sensing.services.hands import reader

USUAL_DAYS = 28
#: Working days and days of rest, each by the hour.
HOURS, KINDS = 24, 2
#: Every zone is off by a multiple of it.
GRID = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Slots:
    """Which hour of which kind of day an instant belongs to, in the city's zone and calendar."""

    days: WorkCalendar
    _rests: dict[date, bool] = field(default_factory=dict)

    def at(self, instant: datetime) -> int:
        """Return the number of the slot, ``0 … HOURS * KINDS - 1``."""
        here = instant.astimezone(self.days.tz)
        day = here.date()
        if day not in self._rests:
            self._rests[day] = self._is_rest(day)
        return here.hour + HOURS * self._rests[day]

    def _is_rest(self, day: date) -> bool:
        try:
            return not self.days.is_working_day(day)
        except CalendarBeyondEndError:  # its holidays are not known: weekends are
            return day.isoweekday() in self.days.weekend


@dataclass(frozen=True, slots=True)
class UsualCourse:
    """What was usual of a stream before ``until``, by hour and kind of day."""

    until: datetime
    by_slot: Usual
    slots: Slots

    @property
    def is_known(self) -> bool:
        """Whether any hour has enough readings."""
        return bool(np.isfinite(self.by_slot.middle).any())

    def at(self, instant: datetime) -> tuple[float, float, float] | None:
        """Return low end, median and high end at an instant; None where too little is known."""
        slot = self.slots.at(instant)
        low, middle, high = (float(one[slot]) for one in self.by_slot[:3])
        return None if np.isnan(middle) else (low, middle, high)


def usual_before(stream: str, start: datetime, *, days: WorkCalendar) -> UsualCourse:
    """Return what was usual of a stream in the weeks up to the local day on which ``start`` lies.

    Nothing of that day or of later ones is in it.  Only readings of good quality count.
    """
    local = start.astimezone(days.tz)
    until = local.replace(hour=0, minute=0, second=0, microsecond=0)
    slots = Slots(days)
    slot, value = _past(stream, until - timedelta(days=USUAL_DAYS), until, slots)
    return UsualCourse(until, usual_by_slot(slot, value, HOURS * KINDS), slots)


def _past(
    stream: str, first: datetime, until: datetime, slots: Slots
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    store = reader()
    numbers = store.numbers([stream])
    begin, grid_us = to_us(first), GRID // timedelta(microseconds=1)
    count = -(-(to_us(until) - begin) // grid_us)
    # Steps of the clock on the wall are not steps of time: counted in UTC.
    begins = first.astimezone(UTC)
    of_grid = np.array([slots.at(begins + number * GRID) for number in range(count)], np.int64)
    found_slots, found = [np.zeros(0, np.int64)], [np.zeros(0)]
    read, parts = 0, Parts(begin, to_us(until), grid_us, 1)
    for start_us, end_us in parts:
        if not len(numbers) or read > MOST_READ:
            break
        rows = last_of_each_instant(store.read(numbers, start_us, end_us))
        rows = rows.take(rows.quality == GOOD)
        read += rows.size
        parts.held(rows.size)
        found_slots.append(of_grid[(rows.at_us - begin) // grid_us])
        found.append(rows.value)
    return np.concatenate(found_slots), np.concatenate(found)
