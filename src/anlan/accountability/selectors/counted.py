"""What of the journal was counted for reports already, and whether it still holds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from django.db.models import F, OuterRef, Q, QuerySet, Subquery

from anlan.accountability.domain.sums import FORM, READ, Sums, unpacked
from anlan.accountability.models import CountedPart, CountedRange, LedgerNode
from anlan.infra import journal
from anlan.infra.models import JournalEntry
from anlan.kernel.events import Told

#: A range is the subtree of this level: its root is one the ledger seals and keeps anyhow.
LEVEL = 13
RANGE = 1 << LEVEL
AT_ONCE = 2000
PARTS_AT_ONCE = 20


def unfit(zone: str, ranges: QuerySet[CountedRange] | None = None) -> int | None:
    """Return the lowest range that was counted otherwise than it would be now, if any (one query).

    Either its entries are not those that the ledger holds, or its days are not the city's.
    """
    node = LedgerNode.objects.filter(level=LEVEL, index=OuterRef("number")).values("hash")[:1]
    rows = (CountedRange.objects.all() if ranges is None else ranges).annotate(
        sealed=Subquery(node)
    )
    changed = Q(sealed__isnull=False) & ~Q(sealed=F("root"))
    found = rows.filter(~Q(zone=zone, form=FORM) | changed).order_by("number")
    return found.values_list("number", flat=True).first()


def counted_to() -> int:
    """Return up to which entry all were counted, whether that still holds or not (one query)."""
    last = CountedRange.objects.order_by("-number").values_list("number", flat=True).first()
    return 0 if last is None else (last + 1) * RANGE


def usable_to(since: datetime, until: datetime, *, zone: str, up_to: int) -> int:
    """Return up to which entry the parts may be used for a period (two queries)."""
    usable = min(counted_to(), up_to // RANGE * RANGE)
    if not usable:
        return 0
    touching = CountedRange.objects.filter(latest__gte=since, earliest__lt=until)
    lowest = unfit(zone, touching)
    return usable if lowest is None else min(usable, lowest * RANGE)


def parts(first: date, end: date, *, up_to: int) -> Iterator[Sums]:
    """Return the parts of the days [first, end) among the entries up to one (one query)."""
    rows = CountedPart.objects.filter(day__gte=first, day__lt=end, range__lt=up_to // RANGE)
    if up_to < RANGE or first >= end:
        return
    names = ("data", "entries", "first_seq", "last_seq")
    found = rows.order_by("day", "range").values_list(*names).iterator(PARTS_AT_ONCE)
    for data, entries, first_seq, last_seq in found:
        yield unpacked(bytes(data), entries=entries, first=first_seq, last=last_seq)


def countable(rows: QuerySet[JournalEntry]) -> QuerySet[JournalEntry]:
    """Return those of some entries that a report counts."""
    return rows.filter(event__in=READ)


def told(rows: QuerySet[JournalEntry]) -> Iterator[Told]:
    """Return the events of some entries, one after the other, in the order of the journal."""
    for row in rows.defer("images").order_by("seq").iterator(AT_ONCE):
        yield journal.told(row)
