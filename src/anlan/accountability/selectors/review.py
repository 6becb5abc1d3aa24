"""The events of a period for its report, as far as the actor's areas reach."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from anlan.accountability.domain import review as counting
from anlan.accountability.domain.review import Happened, Review
from anlan.accountability.models import Checkpoint
from anlan.infra import journal
from anlan.infra.models import JournalEntry
from anlan.kernel.actor import Actor
from anlan.kernel.events import Told
from anlan.registry import public as registry

AT_ONCE = 2000
#: Some seconds of work: more would keep the machine from the city.
MOST_ENTRIES = 200_000
NO_ORGANISATION = ""


@dataclass(frozen=True, slots=True)
class Seal:
    """A signed checkpoint under which the counted entries lie."""

    size: int
    root: str
    signed_at: datetime


@dataclass(frozen=True, slots=True)
class PeriodRead:
    """The numbers of a period, the entries they were counted from, and what seals these."""

    review: Review
    as_of: datetime
    entries: int
    first_seq: int
    last_seq: int
    seal: Seal | None  # None: the last entry is not sealed yet


def review_period(actor: Actor, since: datetime, until: datetime, *, now: datetime) -> PeriodRead:
    """Return the report of [since, until) over the actor's areas (at most seven queries).

    A period that still lasts is counted up to ``now``.  A case whose area is not known is
    counted for who sees the whole city.

    Raises
    ------
    ReviewTooLargeError
        When there is more to count than one call may.
    """
    rows = JournalEntry.objects.filter(
        at__gte=since, at__lt=until, event__in=[event.__name__ for event in counting.READ]
    )
    if rows[: MOST_ENTRIES + 1].count() > MOST_ENTRIES:
        raise counting.ReviewTooLargeError(most=MOST_ENTRIES)
    counter = _Counter()
    found = counting.happened(counter.told(rows))
    areas = {case.area for case in found.cases} | {area for _, _, area in found.alerts}
    paths = registry.paths_by_area(areas)
    found = _visible(actor, found, paths)
    of_posts = registry.organisations_of({case.owner for case in found.cases})
    return PeriodRead(
        review=counting.count(
            found,
            since=since,
            until=max(since, min(until, now)),
            area_of=_district(paths),
            organisation_of=lambda post: of_posts.get(post, NO_ORGANISATION),
        ),
        as_of=min(until, now),
        entries=counter.entries,
        first_seq=counter.first,
        last_seq=counter.last,
        seal=_seal_over(counter.last),
    )


@dataclass(slots=True)
class _Counter:
    """Tells entries in their order without keeping them, and which they were."""

    entries: int = 0
    first: int = 0
    last: int = 0

    def told(self, rows: QuerySet[JournalEntry]) -> Iterator[Told]:
        """Return the events of some entries, one after the other."""
        for row in rows.defer("images").order_by("seq").iterator(AT_ONCE):
            self.entries += 1
            self.first = self.first or row.seq
            self.last = row.seq
            yield journal.told(row)


def _visible(actor: Actor, found: Happened, paths: dict[str, str]) -> Happened:
    if actor.covers(""):
        return found

    def sees(area: str) -> bool:
        return bool(area) and actor.covers(paths.get(area, area))

    cases = tuple(case for case in found.cases if sees(case.area))
    seen = {f"case:{case.case}" for case in cases}
    return Happened(
        cases=cases,
        alerts=tuple(one for one in found.alerts if sees(one[2])),
        notices=tuple(one for one in found.notices if one[0] in seen),
    )


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
