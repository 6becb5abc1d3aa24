"""The report of a period, as far as the actor's areas reach.

It adds up what was counted ahead (:mod:`.counted`) and reads only the rest of the journal: the
entries behind the last counted range, and those of days that lie in the period only in part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from django.db.models import QuerySet

from anlan.accountability.domain.review import (
    Review,
    ReviewTooLargeError,
    day_of,
    start_of,
    whole_days,
)
from anlan.accountability.domain.sums import Adder
from anlan.accountability.domain.tally import Tally
from anlan.accountability.models import Checkpoint
from anlan.accountability.selectors import counted
from anlan.infra import journal
from anlan.infra.models import JournalEntry
from anlan.kernel.actor import Actor
from anlan.registry import public as registry

#: Some seconds of work: more would keep the machine from the city.
MOST_ENTRIES = 200_000
#: Of these are added up at once, so that a report never holds all of them.
ADDED_AT_ONCE = 20_000
NO_ORGANISATION = ""


@dataclass(frozen=True, slots=True)
class Seal:
    """A signed checkpoint under which the counted entries lie."""

    size: int
    root: str
    signed_at: datetime


@dataclass(frozen=True, slots=True)
class StillCounting:
    """What the numbers do not hold yet: they follow when these days are counted."""

    first: date
    last: date
    counted: int  # entries of the whole journal
    of: int


@dataclass(frozen=True, slots=True)
class PeriodRead:
    """The numbers of a period, the entries they were counted from, and what seals these."""

    review: Review
    as_of: datetime
    entries: int
    first_seq: int
    last_seq: int
    head: int  # the journal was read up to this entry: up to it the numbers are always the same
    seal: Seal | None  # None: the last entry is not sealed yet
    still: StillCounting | None


@dataclass(frozen=True, slots=True)
class _Sources:
    """Where the entries of a period are found: counted ahead up to one, the rest to be read."""

    first: date
    end: date
    usable: int
    head: int
    still: StillCounting | None
    rest: tuple[QuerySet[JournalEntry], ...]


def review_period(
    actor: Actor, since: datetime, until: datetime, *, now: datetime, up_to: int | None = None
) -> PeriodRead:
    """Return the report of [since, until) over the actor's areas (at most eleven queries).

    A period that still lasts is counted up to ``now``.  A case whose area is not known is
    counted for who sees the whole city.  With ``up_to`` the journal is read up to that entry,
    which gives the numbers that were given when it was the last.

    Raises
    ------
    ReviewTooLargeError
        When the parts of days at its ends hold more than one call may count.
    """
    head = journal.head() if up_to is None else min(journal.head(), up_to)
    found = _sources(since, until, head, now)
    tally = Tally()
    for part in counted.parts(found.first, found.end, up_to=found.usable):
        tally.add(part)
    for rows in found.rest:
        _add(tally, rows)
    paths = registry.paths_by_area(tally.areas())
    of_posts = registry.organisations_of(tally.posts())
    review = tally.review(
        since=since,
        until=max(since, min(until, now)),
        sees=_sight(actor, paths),
        area_of=_district(paths),
        organisation_of=lambda post: of_posts.get(post, NO_ORGANISATION),
    )
    return PeriodRead(
        review=review,
        as_of=min(until, now),
        entries=tally.entries,
        first_seq=tally.first,
        last_seq=tally.last,
        head=found.usable if found.still else head,
        seal=_seal_over(tally.last),
        still=found.still,
    )


def _sources(since: datetime, until: datetime, head: int, now: datetime) -> _Sources:
    zone = registry.timezone()
    first, end = whole_days(since, until, zone)
    usable = counted.usable_to(since, until, zone=zone.key, up_to=head)
    entries = JournalEntry.objects.filter(at__gte=since, at__lt=until, seq__lte=head)
    rest = [counted.countable(entries.filter(seq__gt=usable))]
    still = None
    if _is_much(rest[0]):
        still = StillCounting(*_days_behind(usable, since, min(until, now), zone), usable, head)
        rest.clear()
    cut = [(since, min(until, start_of(first, zone))), (max(since, start_of(end, zone)), until)]
    if first == end:
        cut = [(since, until)]
    for begin, stop in cut:
        if begin < stop and usable:
            edge = counted.countable(entries.filter(at__gte=begin, at__lt=stop, seq__lte=usable))
            if _is_much(edge):
                raise ReviewTooLargeError(most=MOST_ENTRIES)
            rest.insert(0, edge)
    return _Sources(first, end, usable, head, still, tuple(rest))


def _is_much(rows: QuerySet[JournalEntry]) -> bool:
    return rows[: MOST_ENTRIES + 1].count() > MOST_ENTRIES


def _days_behind(usable: int, since: datetime, until: datetime, zone: tzinfo) -> tuple[date, date]:
    """Return the first and last day of a period of which entries were not counted yet."""
    at = JournalEntry.objects.filter(seq=usable + 1).values_list("at", flat=True).first() or since
    last = day_of(max(since, until - timedelta(microseconds=1)), zone)
    return min(day_of(max(at, since), zone), last), last


def _add(tally: Tally, rows: QuerySet[JournalEntry]) -> None:
    adder = Adder()
    for heard in counted.told(rows):
        adder.read(heard)
        if adder.entries >= ADDED_AT_ONCE:
            tally.add(adder.sums())
            adder = Adder()
    tally.add(adder.sums())


def _sight(actor: Actor, paths: dict[str, str]) -> Callable[[str], bool]:
    if actor.covers(""):
        return lambda _area: True
    return lambda area: bool(area) and actor.covers(paths.get(area, area))


def _district(paths: dict[str, str]) -> Callable[[str], str]:
    """Return what gives the second area of a path: below the city, its districts."""

    def area_of(code: str) -> str:
        parts = paths.get(code, code).split("/")
        return parts[1] if len(parts) > 1 else parts[0]

    return area_of


def _seal_over(seq: int) -> Seal | None:
    """Return the first checkpoint that covers an entry."""
    found = Checkpoint.objects.filter(size__gte=seq).order_by("size").first() if seq else None
    return Seal(found.size, found.root, found.signed_at) if found else None
