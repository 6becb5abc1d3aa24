"""Quiet hours: what can wait is not sent at night; urgent and red go at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

from anlan.notices.domain.words import Urgency


@dataclass(frozen=True, slots=True)
class Quiet:
    """A stretch of local time in which nobody is disturbed (免打扰时段).

    ``end`` before ``start`` runs past midnight; equal means none at all.
    """

    start: time
    end: time

    def holds(self, local: time) -> bool:
        """Return whether the local time lies inside; ``start`` does, ``end`` does not."""
        if self.start <= self.end:
            return self.start <= local < self.end
        return local >= self.start or local < self.end


#: Anlan's default, no outside claim: a night's rest between late news and early shift.
DEFAULT_QUIET = Quiet(time(22, 0), time(7, 0))


def send_from(at: datetime, urgency: Urgency, quiet: Quiet, zone: tzinfo) -> datetime:
    """Return the first instant, not before ``at``, at which a message may go out.

    Where the clocks are put forward over the end of the quiet hours, they end
    at the first instant that exists.
    """
    if urgency is not Urgency.NORMAL:
        return at
    local = at.astimezone(zone)
    if not quiet.holds(local.timetz().replace(tzinfo=None)):
        return at
    day = local.date()
    if local.time() >= quiet.end:
        day += timedelta(days=1)
    return max(at, datetime.combine(day, quiet.end, tzinfo=zone).astimezone(UTC))
