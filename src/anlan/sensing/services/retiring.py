"""Letting go of readings at night: what is older than its class keeps it, and is held by nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from anlan.registry import public as registry
from anlan.sensing.domain.columns import QUALITIES
from anlan.sensing.domain.observations import Quality
from anlan.sensing.domain.retention import DueStreams, Retention, due_streams
from anlan.sensing.models import RetiredReadings
from anlan.sensing.services.hands import hand, reader
from anlan.sensing.services.here import workspace_here
from anlan.sensing.services.retention_here import retention_here
from anlan.sensing.services.segments import tell_journal
from anlan.sensing.store.asking import RetiredClass, Retiring
from anlan.sensing.store.manifest import Manifest, SegmentFile
from anlan.sensing.store.places import put_whole
from anlan.sensing.store.segments import OpenSegment

WORTHLESS = tuple(QUALITIES.index(one) for one in (Quality.BAD, Quality.MISSING))
DAYS_A_NIGHT = 31
"""Days that one run deals with: after a change of classes the backlog goes over several nights."""


class WouldGo(NamedTuple):
    """What a run would let go of: of one day, by one class."""

    day: str
    stream_class: str
    basis: str
    streams: int
    rows: int
    then: str


def what_would_go(*, held: frozenset[str], now: datetime) -> tuple[WouldGo, ...]:
    """Return what the next runs would let go of; nothing is changed."""
    kept, found = reader().kept(), retention_here()
    return tuple(
        WouldGo(
            due.day.isoformat(),
            due.stream_class.id,
            due.stream_class.basis,
            len(due.streams),
            rows,
            due.stream_class.then,
        )
        for files, dues in _days(kept, found, held=held, now=now)
        for due in dues
        if (rows := _count(files, due))
    )


def retire_due(
    *, held: frozenset[str], now: datetime, most_days: int = DAYS_A_NIGHT
) -> tuple[RetiredReadings, ...]:
    """Let go of what is due; return the tombstones that the journal has of it now.

    ``held`` are streams of which nothing goes: evidence of what is open.  A crash at any step is
    made good by the next run.
    """
    found = retention_here()
    if not found.classes:
        return ()
    before = set(RetiredReadings.objects.values_list("pk", flat=True))
    tell_journal(now=now)
    looked = _looked()
    done = 0
    for files, dues in _days(reader().kept(), found, held=held, now=now):
        mark = _mark(files, dues)
        day = files[0].day
        if not dues or looked.get(day) == mark:
            continue
        if done == most_days:
            break
        told = tuple(one.id for one in reader().kept().retired)
        hand().retire(Retiring(day, tuple(map(_going, dues)), WORTHLESS, told))
        tell_journal(now=now)
        done += 1
        # What came of it has another name; what did not change need not be read again tomorrow.
        now_files = [item for item in reader().kept().segments if item.day == day]
        looked[day] = _mark(now_files, dues) if now_files else ""
    if done:
        put_whole(_looked_file(), msgspec.json.encode(looked))
    return tuple(
        row for row in RetiredReadings.objects.order_by("day", "pk") if row.pk not in before
    )


def _days(
    kept: Manifest, found: Retention, *, held: frozenset[str], now: datetime
) -> Iterator[tuple[list[SegmentFile], tuple[DueStreams, ...]]]:
    """Yield each day that is old enough, with what of it is due."""
    if not found.classes:
        return
    quantities = (
        {x.code: x.quantity for x in registry.sensors(at=now)} if registry.is_loaded() else {}
    )
    streams = {code: quantities.get(code, "") for code in reader().all_numbers()}
    youngest = now.date() - timedelta(days=min(one.keep_days for one in found.classes))
    days: dict[str, list[SegmentFile]] = {}
    for item in kept.segments:
        if date.fromisoformat(item.day) < youngest:
            days.setdefault(item.day, []).append(item)
    for day, files in sorted(days.items()):
        dues = due_streams(found, streams, held=held, day=date.fromisoformat(day), now=now)
        if dues:
            yield files, dues


def _going(due: DueStreams) -> RetiredClass:
    numbers = reader().numbers(list(due.streams))
    return RetiredClass(
        due.stream_class.id, numbers.tobytes(), due.stream_class.minutes * 60_000_000
    )


def _mark(files: list[SegmentFile], dues: tuple[DueStreams, ...]) -> str:
    """Return what a look at a day depended on: its files, and what was due of it."""
    told = msgspec.json.encode(
        [
            sorted(item.name for item in files),
            [(due.stream_class, due.streams) for due in dues],
        ]
    )
    return hashlib.sha256(told).hexdigest()


def _count(files: list[SegmentFile], due: DueStreams) -> int:
    """Return how many readings would go, as the store would count them, repeats included."""
    numbers = reader().numbers(list(due.streams))
    newest_us = reader().newest().at_us
    total = 0
    for item in files:
        opened = OpenSegment(workspace_here().observations / "segments" / item.name)
        for group in opened.groups_of(numbers):
            rows = opened.read(numbers, -(1 << 62), 1 << 62, group=group)
            total += int(
                np.count_nonzero((rows.at_us < newest_us[rows.stream]) & (rows.text == b""))
            )
    return total


def _looked_file() -> Path:
    return workspace_here().observations / "looked.json"


def _looked() -> dict[str, str]:
    """Return what was looked at before; a cache, whose loss costs only time."""
    try:
        return msgspec.json.decode(_looked_file().read_bytes(), type=dict[str, str])
    except (FileNotFoundError, msgspec.DecodeError):
        return {}
