"""Counting the journal for reports ahead of time, range by range, each entry once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db import transaction

from anlan.accountability.domain.merkle import root_of
from anlan.accountability.domain.review import day_of
from anlan.accountability.domain.sums import FORM, READ, Adder, packed
from anlan.accountability.models import CountedPart, CountedRange, LedgerNode
from anlan.accountability.selectors import counted
from anlan.accountability.selectors.tree import LedgerContradictionError
from anlan.infra import journal
from anlan.infra.models import JournalEntry
from anlan.registry import public as registry


@dataclass(frozen=True, slots=True)
class Counted:
    """How far the journal is counted for reports."""

    counted: int
    of: int


def count_ahead(*, goes_on: Callable[[], bool] = lambda: True) -> Counted:
    """Count full ranges that were not counted yet while ``goes_on`` says so.

    A tail of less than one range is left to who asks for a report.

    Raises
    ------
    LedgerContradictionError
        When the journal holds something else than the ledger has sealed.
    """
    head = journal.head()
    done = counted.counted_to()
    if head - done >= counted.RANGE and registry.is_loaded():
        zone = registry.timezone()
        while head - done >= counted.RANGE and goes_on():
            _count(done // counted.RANGE, zone)
            done += counted.RANGE
    return Counted(min(done, head), head)


def recheck() -> int:
    """Forget what was counted from other inputs than the journal's; return how many ranges.

    They are counted anew, and those behind them, so that there is never a gap.
    """
    if not counted.counted_to() or not registry.is_loaded():
        return 0
    lowest = counted.unfit(registry.timezone().key)
    if lowest is None:
        return 0
    gone = CountedRange.objects.filter(number__gte=lowest)
    with transaction.atomic():
        CountedPart.objects.filter(range__gte=lowest).delete()
        return gone.delete()[0]


def _count(number: int, zone: ZoneInfo) -> None:
    """Count one range: its entries are read once, those of no interest without their contents."""
    rows = JournalEntry.objects.filter(
        seq__gt=number * counted.RANGE, seq__lte=(number + 1) * counted.RANGE
    )
    seen = list(rows.order_by("seq").values_list("leaf", "at"))
    root = root_of(bytes.fromhex(leaf) for leaf, _ in seen).hex()
    sealed = LedgerNode.objects.filter(level=counted.LEVEL, index=number).values_list(
        "hash", flat=True
    )
    if len(seen) != counted.RANGE or sealed.first() not in (None, root):
        raise LedgerContradictionError(
            what=f"entries from {number * counted.RANGE + 1} on are not those sealed"
        )
    days: dict[date, Adder] = {}
    for heard in counted.told(rows.filter(event__in=READ)):
        days.setdefault(day_of(heard.at, zone), Adder()).read(heard)
    instants: list[datetime] = [at for _, at in seen]
    with transaction.atomic():
        CountedRange.objects.create(
            number=number, root=root, zone=zone.key, form=FORM,
            earliest=min(instants), latest=max(instants),
        )  # fmt: skip
        CountedPart.objects.bulk_create(_part(number, day, adder) for day, adder in days.items())


def _part(number: int, day: date, adder: Adder) -> CountedPart:
    return CountedPart(
        range_id=number, day=day, entries=adder.entries,
        first_seq=adder.first, last_seq=adder.last, data=packed(adder.sums()),
    )  # fmt: skip
