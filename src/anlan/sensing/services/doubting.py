"""From changes in columns to rows: one open fault of each kind for each stream."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import transaction

from anlan.infra import journal
from anlan.infra import rows as rows_of
from anlan.kernel.actor import system_actor
from anlan.registry.domain.checkspecs import CheckSpec
from anlan.registry.domain.facts import KnownSensor
from anlan.sensing.domain.events import StreamFaultEnded, StreamFaultFound
from anlan.sensing.models import StreamFault
from anlan.sensing.quality.state import FAULTS
from anlan.sensing.quality.taking import Changes
from anlan.sensing.services.checked_city import CheckedCity
from anlan.sensing.services.framing import from_us
from anlan.sensing.services.maintaining import in_maintenance
from anlan.sensing.store.latest import NEVER

ACTOR = system_actor("sensing")
AT_ONCE = 500  # changes of one transaction
#: What ends with the device that showed it.
OF_THE_DEVICE = frozenset({"stuck", "spike", "clock", "drift", "battery", "calibration"})


class Change(NamedTuple):
    """One change, with the words of the city in the place of numbers."""

    sensor: KnownSensor
    check: CheckSpec
    since: datetime
    until: datetime | None
    found: float
    limit: float


def keep_changes(
    changes: Iterable[Changes], city: CheckedCity, codes: Sequence[str], *, now: datetime
) -> int:
    """Write what began or ended, in order; return how many rows changed.

    What is so already changes nothing: frames that are folded again after a crash tell nothing twice.
    """
    told = list(_worded(changes, city, codes))
    return sum(
        _keep(told[first : first + AT_ONCE], now=now) for first in range(0, len(told), AT_ONCE)
    ) + _ask_after_maintenance(now=now)


def _worded(
    changes: Iterable[Changes], city: CheckedCity, codes: Sequence[str]
) -> Iterator[Change]:
    for column in changes:
        for number, fault, since, until, found, limit in column.tolist():
            row = city.rows.get(codes[number])
            check = None if row is None else city.check(row, FAULTS[fault])
            if row is None or check is None:
                continue  # no longer in force: ended with the city's change
            end = None if until == NEVER else from_us(until)
            yield Change(city.sensors[row], check, from_us(since), end, found, limit)


@transaction.atomic
def _keep(changes: Sequence[Change], *, now: datetime) -> int:
    streams = {change.sensor.code for change in changes}
    rows = StreamFault.objects.select_for_update().filter(stream__in=streams)
    open_ones = {(row.stream, row.kind): row for row in rows.filter(until__isnull=True)}
    began = {change.since for change in changes}
    known = set(rows.filter(since__in=began).values_list("stream", "kind", "since"))
    working = in_maintenance(streams, at=now)
    done = 0
    for change in changes:
        key = (change.sensor.code, change.check.fault)
        if change.until is None:
            if key not in open_ones and (*key, change.since) not in known:
                open_ones[key] = _begin(change, is_worked_on=change.sensor.code in working, now=now)
                done += 1
        elif key in open_ones:
            _end(open_ones.pop(key), "over", at=change.until, now=now)
            done += 1
    return done


def _begin(change: Change, *, is_worked_on: bool, now: datetime) -> StreamFault:
    sensor, check = change.sensor, change.check
    row = StreamFault(
        stream=sensor.code,
        kind=check.fault,
        rule=check.id,
        rule_version=check.version,
        since=change.since,
        found=change.found,
        limit=change.limit,
        area=sensor.area,
        area_path=sensor.area_path,
        place=sensor.risk_point or "",
        gateway=sensor.gateway,
        asked=check.opens_case and not is_worked_on,
        waits=check.opens_case and is_worked_on,
        recorded_at=now,
    )
    rows_of.insert(row)  # the event names the row, so the row comes first
    journal.record(_found(row), actor=ACTOR, now=now, rows=[row], made=[row])
    return row


def _found(row: StreamFault) -> StreamFaultFound:
    return StreamFaultFound(
        fault=row.pk,
        stream=row.stream,
        kind=row.kind,
        check=row.rule,
        check_version=row.rule_version,
        area=row.area,
        place=row.place,
        since=row.since,
        asks=row.asked,
    )


def _end(row: StreamFault, why: str, *, at: datetime, now: datetime) -> None:
    row.until, row.ended_why, row.waits = max(at, row.since), why, False
    event = StreamFaultEnded(fault=row.pk, stream=row.stream, kind=row.kind, why=why, at=row.until)
    journal.record(event, actor=ACTOR, now=now, rows=[row])


@transaction.atomic
def end_all(city: CheckedCity, *, now: datetime) -> int:
    """End faults of streams and checks that the city in force no longer has; return how many."""
    done = 0
    for row in StreamFault.objects.select_for_update().filter(until__isnull=True):
        place = city.rows.get(row.stream)
        if place is None or city.check(place, row.kind) is None:
            _end(row, "unchecked", at=now, now=now)
            done += 1
    return done


@transaction.atomic
def end_replaced(streams: Iterable[str], *, now: datetime) -> int:
    """End what is doubted of devices that were replaced; return how many faults ended."""
    rows = StreamFault.objects.select_for_update().filter(
        stream__in=list(streams), until__isnull=True, kind__in=OF_THE_DEVICE
    )
    found = list(rows)
    for row in found:
        _end(row, "replaced", at=now, now=now)
    return len(found)


@transaction.atomic
def _ask_after_maintenance(*, now: datetime) -> int:
    """Ask for somebody where a fault outlasts the work during which it was found."""
    rows = list(StreamFault.objects.select_for_update().filter(waits=True).order_by("pk"))
    working = in_maintenance({row.stream for row in rows}, at=now) if rows else set()
    due = [row for row in rows if row.stream not in working]
    for row in due:
        row.waits, row.asked = False, True
        journal.record(_found(row), actor=ACTOR, now=now, rows=[row])
    return len(due)


def end_unknown(doubted: Collection[tuple[str, str]], *, now: datetime) -> int:
    """End what is open in rows and not in memory (stream, kind); return how many.

    A file that was lost is made anew from the frames that are kept: what began before them
    may have no end in them.
    """
    with transaction.atomic():
        rows = StreamFault.objects.select_for_update().filter(until__isnull=True)
        left = [row for row in rows if (row.stream, row.kind) not in doubted]
        for row in left:
            _end(row, "over", at=now, now=now)
    return len(left)
