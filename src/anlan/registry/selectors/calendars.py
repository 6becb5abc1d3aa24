"""The city's work calendar, built once per revision from the pack in force."""

from __future__ import annotations

from datetime import datetime

from anlan.kernel.workcalendar import WorkCalendar
from anlan.registry.domain import jurisdiction as j
from anlan.registry.domain.errors import EntryUnknownError
from anlan.registry.selectors.packs import book


def calendar(*, at: datetime) -> WorkCalendar:
    """Return the city's work calendar as known at ``at``.

    Raises
    ------
    EntryUnknownError
        When the jurisdiction pack holds no calendar of the name that the city gives.
    """
    known = book()
    holding = [
        item
        for item in known.sections["calendars"]
        if item.code == known.info.calendar and item.holds(at)
    ]
    if not holding:
        raise EntryUnknownError(section="calendars", id=known.info.calendar)
    latest = holding[-1]
    key = (latest.code, latest.version)
    if key not in known.calendars:
        known.calendars[key] = _built(latest.entry, known.info.timezone)
    return known.calendars[key]


def _built(entry: j.Calendar, timezone_name: str) -> WorkCalendar:
    """Build the kernel's work calendar from a pack entry."""
    return WorkCalendar.of(
        timezone_name,
        weekend=entry.weekend,
        hours=[(item.start, item.end) for item in entry.hours],
        holidays=[(item.first, item.last) for year in entry.years for item in year.holidays],
        makeup_workdays=[day for year in entry.years for day in year.makeup_workdays],
        years=[year.year for year in entry.years],
    )
