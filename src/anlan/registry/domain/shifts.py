"""Weekly shifts in local time: who sits at a post, across midnight and clock changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from anlan.registry.domain.dutymatrix import Validity

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ShiftLine:
    """One line of a roster (值班表); ``ends`` not after ``starts`` runs into the next day."""

    id: int
    post: str
    holder: str
    deputy: str | None
    weekdays: frozenset[int]
    starts: time
    ends: time
    validity: Validity


def stretch(line: ShiftLine, day: date, tz: tzinfo) -> tuple[datetime, datetime]:
    """Return the instants (UTC) between which the shift that starts on ``day`` is sat.

    Local wall times name the borders, so on the day a clock changes a shift is
    longer or shorter, and the next one still begins where this one ends.
    """
    last = day if line.ends > line.starts else day + _DAY
    begin = datetime.combine(day, line.starts, tzinfo=tz).astimezone(UTC)
    end = datetime.combine(last, line.ends, tzinfo=tz).astimezone(UTC)
    return begin, end


def sitting(
    lines: Iterable[ShiftLine], at: datetime, tz: tzinfo
) -> tuple[ShiftLine, datetime] | None:
    """Return the shift that is sat at ``at`` and the instant at which it ends, or None.

    The validity of a shift is that of the local day on which it starts.  Of several,
    the one whose roster line is youngest counts, then the one that began last.
    """
    today = at.astimezone(tz).date()
    found = []
    for line in lines:
        for day in (today, today - _DAY):
            if day.isoweekday() not in line.weekdays or not line.validity.holds(at, day):
                continue
            begin, end = stretch(line, day, tz)
            if begin <= at < end:
                since = line.validity.valid_from or date.min
                found.append(((since, begin, line.id), line, end))
    if not found:
        return None
    _, line, end = max(found, key=lambda item: item[0])
    return line, end
