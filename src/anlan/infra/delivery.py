"""Listeners hear the journal in order, at least once, each in its own transaction.

The cursor of a listener moves in the same transaction as the listener's own
changes, so a crash repeats nothing that was kept and loses nothing that was not.
Where there is one writer (SQLite) a few events share a transaction: beginning and
committing one costs more than hearing an event.  Where many write, each event has its
own, because who holds the journal's head must lock nothing more (docs/explanation/locking.md).
An event that keeps failing is parked in sight, never dropped, and does not stop
the ones behind it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from django.db import connection, transaction

from anlan.infra import failpoints, journal, rows
from anlan.infra.models import JournalEntry, JournalHead, ListenerCursor, ParkedEvent
from anlan.infra.prepared import PreparedQuery
from anlan.infra.recall import recalling
from anlan.kernel.events import Event, Told

log = logging.getLogger(__name__)

Listener = Callable[..., None]  # (told: Told, *, now: datetime) -> None
ListenerT = TypeVar("ListenerT", bound=Listener)
MAX_ATTEMPTS = 8
BATCH = 200
#: So long at most has one listener the turn to write: whoever is at the door waits meanwhile.
TURN = timedelta(milliseconds=20)
LONGEST_WAIT = timedelta(minutes=5)
#: Events of one run that share a transaction, and for how many single ones a run counts.
RUN, RUN_COUNTS = 300, 4


@dataclass(frozen=True, slots=True)
class Runs:
    """How a listener hears many events of one matter at once.

    ``of`` names the matter of an event, or says that it is heard by itself.  Events of one matter
    that stand next to each other, among those the listener hears, are one run.  ``hear`` comes to
    the same end as hearing them one by one, which is what happens when it fails; it locks all
    that it changes before it records anything, and so may have one transaction on any database.
    """

    of: Callable[[Told], str | None]
    hear: Callable[..., None]  # (told: Sequence[Told], *, now: datetime) -> None


_IN_RUNS: dict[Listener, Runs] = {}


def in_runs(runs: Runs) -> Callable[[ListenerT], ListenerT]:
    """Let a listener hear runs of events at once."""

    def named(listener: ListenerT) -> ListenerT:
        _IN_RUNS[listener] = runs
        return listener

    return named


def listener_name(listener: Listener) -> str:
    """Return the stable name under which a listener's place is kept."""
    return f"{listener.__module__.removeprefix('anlan.')}.{listener.__qualname__}"


def invert(flow: Mapping[type[Event], Sequence[Listener]]) -> dict[Listener, set[str]]:
    """Return what each listener listens to."""
    hears: dict[Listener, set[str]] = {}
    for event, listeners in flow.items():
        for listener in listeners:
            hears.setdefault(listener, set()).add(event.__name__)
    return hears


def deliver(
    flow: Mapping[type[Event], Sequence[Listener]], *, now: datetime, most: int | None = None
) -> int:
    """Let every listener hear what is new; return how many events were heard.

    One round: what listeners themselves record is heard in the next round.  Of ``most``
    events for each listener: one that has much to hear must not keep the others waiting.
    """
    head = JournalHead.objects.values_list("seq", flat=True).first() or 0
    hears = {listener_name(listener): (listener, names) for listener, names in invert(flow).items()}
    behind = [
        cursor for cursor in _cursors(hears) if cursor.seq < head and not _waits(cursor, now=now)
    ]
    if not behind:
        return 0
    since = JournalEntry.objects.filter(seq__gt=min(c.seq for c in behind), seq__lte=head)
    news = set(since.order_by().values_list("event", flat=True).distinct())
    idle = [cursor for cursor in behind if news.isdisjoint(hears[cursor.listener][1])]
    if idle:
        _skip_to(head, [cursor.listener for cursor in idle])
    heard = 0
    for cursor in behind:
        listener, names = hears[cursor.listener]
        if not news.isdisjoint(names):
            heard += _catch_up(listener, names, cursor, head=head, now=now, most=most)
    return heard


def _cursors(listeners: Collection[str]) -> list[ListenerCursor]:
    """Return the place of each listener, all read at once; a new one begins at the start."""
    known = {cursor.pk: cursor for cursor in ListenerCursor.objects.filter(pk__in=listeners)}
    return [
        known.get(name) or ListenerCursor.objects.get_or_create(listener=name)[0]
        for name in listeners
    ]


def _skip_to(head: int, listeners: Sequence[str]) -> None:
    # Never back: another process may have gone on meanwhile.
    ListenerCursor.objects.filter(pk__in=listeners, seq__lt=head).update(seq=head)


def _catch_up(
    listener: Listener,
    names: set[str],
    cursor: ListenerCursor,
    *,
    head: int,
    now: datetime,
    most: int | None,
) -> int:
    heard = counted = 0
    runs = _IN_RUNS.get(listener)
    broken = 0  # up to this entry a run was tried, and is heard one by one
    while cursor.seq < head and (most is None or counted < most):
        left = BATCH if most is None else min(BATCH, most - counted)
        unheard = JournalEntry.objects.filter(seq__gt=cursor.seq, seq__lte=head, event__in=names)
        entries = journal.lines(unheard, most=RUN if runs else left)
        if not entries:
            _skip_to(head, [cursor.listener])
            break
        while entries and (most is None or counted < most):
            stretch, run = _stretch(runs, entries, broken=broken)
            if runs and run:
                done = _hear_run(runs, cursor, run, now=now)
                broken = broken if done else run[-1].seq
            else:
                done = _hear_together(listener, cursor, stretch[:left], now=now)
            if not done and not _hear(listener, cursor, entries[0], now=now):
                return heard
            done = done or 1
            heard, entries = heard + done, entries[done:]
            counted += RUN_COUNTS if run and done > 1 else done
    return heard


def _stretch(
    runs: Runs | None, entries: Sequence[journal.Line], *, broken: int
) -> tuple[Sequence[journal.Line], list[Told]]:
    """Return the entries in front that are heard in the same way; what they tell, if as one run."""
    if runs is None:
        return entries, []
    matter, run = None, []
    for place, entry in enumerate(entries):
        told = journal.told(entry)
        its = None if entry.seq <= broken else runs.of(told)
        if place and its != matter:
            break
        matter = its
        run.append(told)
    return entries[: len(run)], run if matter is not None and len(run) > 1 else []


def _hear_run(runs: Runs, cursor: ListenerCursor, told: Sequence[Told], *, now: datetime) -> int:
    """Hear a run in one transaction; return how many, none when it failed and nothing was kept."""
    try:
        with transaction.atomic(), recalling():
            place = _locked(cursor)
            if place is None:
                return 0
            runs.hear(told, now=now)
            failpoints.reach("delivery.run_heard")
            _move(place, told[-1].seq)
    except Exception:  # heard again one by one, which says which of them it was
        log.info("heard one by one", extra={"listener": cursor.listener}, exc_info=True)
        return 0
    cursor.seq, cursor.attempts, cursor.retry_at, cursor.last_error = place.seq, 0, None, ""
    return len(told)


def _hear_together(
    listener: Listener, cursor: ListenerCursor, entries: Sequence[journal.Line], *, now: datetime
) -> int:
    """Hear the first of some entries in one transaction, as many as one turn to write allows.

    Return how many; none when one of them failed, or another process moved the cursor: then
    nothing was kept, and they are heard one by one.
    """
    if connection.vendor != "sqlite" or len(entries) == 1:
        return 0
    end, heard = time.monotonic() + TURN.total_seconds(), 0
    try:
        with transaction.atomic(), recalling():
            place = _locked(cursor)
            if place is None:
                return 0
            for entry in entries:
                listener(journal.told(entry), now=now)
                failpoints.reach("delivery.heard")
                heard += 1
                if time.monotonic() >= end:
                    break
            _move(place, entries[heard - 1].seq)
    except Exception:  # heard again one by one, which says which of them it was
        log.info("heard one by one", extra={"listener": cursor.listener}, exc_info=True)
        return 0
    cursor.seq, cursor.attempts, cursor.retry_at, cursor.last_error = place.seq, 0, None, ""
    return heard


def _move(place: ListenerCursor, seq: int) -> None:
    place.seq, place.attempts, place.retry_at, place.last_error = seq, 0, None, ""
    rows.save(place)


def _waits(cursor: ListenerCursor, *, now: datetime) -> bool:
    """Return whether a listener that failed is not yet to be tried again.

    An instant further off than the longest wait was written by a clock that was put back since.
    """
    return cursor.retry_at is not None and now < cursor.retry_at <= now + LONGEST_WAIT


def _hear(
    listener: Listener, cursor: ListenerCursor, entry: journal.Line, *, now: datetime
) -> bool:
    """Hear one entry; return whether the listener may go on to the next one."""
    try:
        with transaction.atomic(), recalling():
            if _locked(cursor) is None:
                return False
            listener(journal.told(entry), now=now)
            failpoints.reach("delivery.heard")
            _move(cursor, entry.seq)
    except Exception as error:
        log.exception("listener failed", extra={"listener": cursor.listener, "seq": entry.seq})
        return _note_failure(cursor, entry, error, now=now)
    return True


def _locked(cursor: ListenerCursor) -> ListenerCursor | None:
    """Lock the listener's place; return ``None`` when another process moved it meanwhile."""
    found = _PLACE.models(cursor.pk, cursor.seq)
    return found[0] if found else None


_PLACE = PreparedQuery(
    lambda name, seq: ListenerCursor.objects.select_for_update().filter(pk=name, seq=seq),
    (("a", "b"), (1, 2)),
)


@transaction.atomic
def _note_failure(
    cursor: ListenerCursor, entry: journal.Line, error: Exception, *, now: datetime
) -> bool:
    if _locked(cursor) is None:
        return False
    cursor.refresh_from_db()
    cursor.attempts += 1
    # The class only: a message could carry what must not be kept outside the content store.
    cursor.last_error = type(error).__name__
    if cursor.attempts < MAX_ATTEMPTS:
        cursor.retry_at = now + min(timedelta(seconds=2**cursor.attempts), LONGEST_WAIT)
        cursor.save()
        return False
    ParkedEvent.objects.get_or_create(
        listener=cursor.listener,
        seq=entry.seq,
        defaults={"error": cursor.last_error, "parked_at": now},
    )
    cursor.seq, cursor.attempts, cursor.retry_at = entry.seq, 0, None
    cursor.save()
    return True


def settle(
    flow: Mapping[type[Event], Sequence[Listener]],
    *,
    now: datetime,
    rounds: int = 100,
    most: int | None = None,
    goes_on: Callable[[], bool] = lambda: True,
) -> int:
    """Deliver until nothing new is heard; return how many events were heard.

    With ``most`` in slices; where ``goes_on`` says no between two rounds, the next call
    goes on from there.
    """
    total = 0
    for _ in range(rounds):
        heard = deliver(flow, now=now, most=most)
        total += heard
        if not heard or not goes_on():
            return total
    raise RuntimeError("events keep causing events: a loop in the flow table")


__all__ = ["Told", "deliver", "listener_name", "settle"]
