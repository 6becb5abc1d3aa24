"""Counting public reports of one source without keeping where they came from.

A mark is a keyed hash of the network address.  The salt of a day is a content item that is
destroyed on the next day, and a mark's row goes when its span is over: what remains is the
decision, in the journal, that some reports came within minutes from one source.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache

from django.db.models import Count, Max, Q

from anlan.infra import contents
from anlan.infra.models import ContentItem
from anlan.kernel.geometry import Point
from anlan.sensing.domain import floods
from anlan.sensing.domain.floods import Marked, Source
from anlan.sensing.models import ReportSource
from anlan.sensing.services.here import workspace_here
from anlan.sensing.services.numbering import take_number
from anlan.sensing.services.retention import SOURCE_SALT

SALT_BYTES = 32
SALT_KIND = "source_salt"


@dataclass(frozen=True, slots=True)
class Flood:
    """The flood that a report belongs to, and whether an earlier report of it says the same."""

    id: int
    repeats: bool


def marks_of(
    source: Source | None,
    *,
    hazard: str,
    point: Point | None,
    words: str,
    day: date,
    now: datetime,
) -> Marked | None:
    """Return what is counted of a report's source; ``None`` where nothing is."""
    if source is None or not floods.network_of(source.address):
        return None
    salt = _salt(str(workspace_here().root), day, _At(now))
    return floods.marked(source, salt, hazard=hazard, point=point, words=words)


@dataclass(frozen=True, slots=True)
class _At:
    """An instant that does not count in a cache's key."""

    instant: datetime = field(compare=False)


@lru_cache(maxsize=1)
def _salt(_workspace: str, day: date, at: _At) -> bytes:
    """Return the salt of a day; a process forgets the one of the day before with the first report."""
    purpose = SOURCE_SALT.from_day(day)
    kept = ContentItem.objects.using(contents.ALIAS).filter(
        kind=SALT_KIND, expires_on=purpose.expires_on, data__isnull=False
    )
    if not kept.exists():
        contents.put(SALT_KIND, secrets.token_bytes(SALT_BYTES), purpose=purpose, now=at.instant)
    # Two processes may each have made one at the same moment: the smaller key counts for both.
    found = kept.order_by("id").values_list("data", flat=True).first()
    return bytes(found or b"")


def counted(marks: Marked, *, now: datetime) -> Flood | None:
    """Count a report with its source, in the caller's transaction; return the flood it is part of.

    The number of the report was taken before, so that no two reports are counted side by side.
    """
    since = now - marks.rule.within
    before = ReportSource.objects.filter(mark=marks.mark, at__gt=since, at__lte=now)
    seen = before.aggregate(
        all=Count("pk"), flood=Max("flood"), like=Count("pk", filter=Q(likeness=marks.likeness))
    )
    flood: int | None = None
    if seen["all"] >= marks.rule.reports:
        flood = seen["flood"] or take_number("flood")
    ReportSource.objects.create(mark=marks.mark, likeness=marks.likeness, at=now, flood=flood)
    return Flood(flood, repeats=bool(seen["like"])) if flood else None


def forget_sources(*, within: timedelta, now: datetime) -> int:
    """Delete the marks that count no more; return how many."""
    over = Q(at__lte=now - within) | Q(at__gt=now + within)  # a clock that was put back
    return ReportSource.objects.filter(over).delete()[0]
