"""Somebody at the post answers: acknowledges a notice, or puts it aside for a while."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import transaction

from anlan.infra import journal
from anlan.kernel.actor import Actor
from anlan.notices import access, selectors
from anlan.notices.domain.answering import AlreadyAnsweredError, check_shelf_end, first_wake
from anlan.notices.domain.events import NoticeAnswered
from anlan.notices.domain.views import NoticeSeen
from anlan.notices.domain.words import PENDING, PRIORITY, DeliveryState, Occasion, Urgency
from anlan.notices.models import Delivery, Notice

ACKNOWLEDGED = "acknowledged"


@transaction.atomic
def acknowledge(actor: Actor, notice: int, *, now: datetime) -> NoticeSeen:
    """Answer a notice and the earlier ones about the same thing, which lie in its line.

    Pressing twice changes nothing and keeps the first answer.  Copies that went
    upwards because nobody answered are settled with it, and messages that have not
    gone out yet are no longer needed.  What came later is still to be answered.
    """
    line = _line(access.notice_of(actor, notice))
    if not line:
        return selectors.one_seen(notice)
    _settle(line, ACKNOWLEDGED, actor, now=now)
    copies = Notice.objects.filter(origin__in=line, acknowledged_at__isnull=True)
    for copy in copies.select_for_update(no_key=True).order_by("pk"):
        _settle([copy], "answered_below", actor, now=now)
    return selectors.one_seen(notice)


def _line(row: Notice) -> list[Notice]:
    """Lock and return a notice with the earlier open ones of its line; nothing when answered."""
    rows = list(
        selectors.open_of(row.post, row.about)
        .filter(pk__lte=row.pk)
        .select_for_update(no_key=True)
        .order_by("pk")
    )
    return rows if rows and rows[-1].pk == row.pk else []


def _settle(line: list[Notice], what: str, actor: Actor, *, now: datetime) -> None:
    for row in line:
        row.acknowledged_at, row.acknowledged_by = now, actor.id
        row.shelved_until, row.next_wake_at, row.call = None, None, None
    *earlier, latest = line
    later = _unseen_yet(latest, now=now) if what == ACKNOWLEDGED else []
    messages = _unneeded(line, now=now)
    event = NoticeAnswered(
        notice=latest.pk, what=what, until=None, also=tuple(row.pk for row in earlier)
    )
    journal.record(event, actor=actor, now=now, rows=[*line, *later, *messages])


def _unseen_yet(latest: Notice, *, now: datetime) -> list[Notice]:
    """Return red that came while somebody answered: from now on a matter of its own."""
    rows = selectors.red_rows(latest.post).filter(about=latest.about, pk__gt=latest.pk)
    later = list(rows.select_for_update(no_key=True).order_by("pk"))
    for row in later:
        row.call, row.raised_at, row.next_wake_at = None, None, first_wake(Urgency.RED, now)
    return later


def _unneeded(line: list[Notice], *, now: datetime) -> list[Delivery]:
    """Return the messages that need not go out any more; a reminder moves on to what is left."""
    pending = list(Delivery.objects.filter(notice__in=line, state__in=PENDING))
    left = None
    if any(message.occasion == Occasion.REMINDED for message in pending):
        answered = [row.pk for row in line]
        red = selectors.red_rows(line[0].post).filter(call__isnull=False)
        left = red.exclude(pk__in=answered).order_by("pk").first()
    waiting = set()
    if left is not None:
        there = Delivery.objects.filter(notice=left, state__in=PENDING)
        waiting = set(there.values_list("holder", "channel"))
    for message in pending:
        person = (message.holder, message.channel)
        if message.occasion == Occasion.REMINDED and left is not None and person not in waiting:
            message.notice = left
            continue
        message.state = DeliveryState.UNNEEDED.value
        message.next_at, message.finished_at = None, now
    return pending


@transaction.atomic
def shelve(actor: Actor, notice: int, *, until: datetime, now: datetime) -> NoticeSeen:
    """Put a notice aside with its line; it comes back by itself at ``until``.

    Raises
    ------
    ShelfEndError
        When the end is past or later than the urgency allows.
    AlreadyAnsweredError
        When it was acknowledged already.
    """
    line = _line(access.notice_of(actor, notice))
    if not line:
        raise AlreadyAnsweredError(notice=notice)
    loudest = min((Urgency(row.urgency) for row in line), key=PRIORITY.__getitem__)
    check_shelf_end(loudest, until, now=now)
    for row in line:
        row.shelved_until, row.shelved_by = until.astimezone(UTC), actor.id
        row.next_wake_at, row.call = None, None
    *earlier, latest = line
    also = tuple(row.pk for row in earlier)
    event = NoticeAnswered(notice=latest.pk, what="shelved", until=until, also=also)
    journal.record(event, actor=actor, now=now, rows=line)
    return selectors.one_seen(notice)
