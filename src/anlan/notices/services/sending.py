"""Send what is due: claim, try outside any transaction, then write down what came of it.

A message is claimed by a lease.  A sender that dies between the try and the
note leaves the lease to run out, and the message goes out again with the same
key: at least once, and recognisable (I16).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from anlan.infra import failpoints, journal
from anlan.notices.channels import Transports
from anlan.notices.domain.events import DeliveriesShown
from anlan.notices.domain.outgoing import Outcome, Verdict
from anlan.notices.domain.words import Channel, DeliveryState
from anlan.notices.models import Delivery
from anlan.notices.phrasing import outgoing
from anlan.notices.services import settling
from anlan.notices.services.trying import Job, try_all

LEASE = timedelta(minutes=10)


@dataclass(slots=True)
class Sent:
    """What one round of sending came to."""

    sent: int = 0
    failed: int = 0
    given_up: int = 0
    postponed: int = 0  # not tried: the place they lead to did not answer
    shown: int = 0  # a rehearsal
    open: int = 0  # no answer within this round's patience; tried again when the lease ends

    def note(self, state: DeliveryState | None) -> None:
        """Count one message by the state it came to."""
        if state is None:
            self.postponed += 1
        elif state is DeliveryState.SENT:
            self.sent += 1
        elif state is DeliveryState.FAILED:
            self.failed += 1
        elif state is DeliveryState.GIVEN_UP:
            self.given_up += 1


def send_due(*, now: datetime, transports: Transports, limit: int = 50) -> Sent:
    """Try what is due, up to ``limit`` messages on each channel, the most pressing first.

    Blocks as long as the slowest server is waited for; a server that is away
    holds up only messages to itself.
    """
    if transports.rehearsal:
        return _show(now=now)
    done = Sent()
    jobs: list[Job] = []
    for channel in Channel:
        way = transports.by_channel.get(channel)
        for delivery in claim(channel, now=now, limit=limit):
            if way is None:
                done.note(settling.unserved(delivery.pk, now=now))
                continue
            message = outgoing(delivery, now=now, public_url=transports.public_url)
            if message is None:
                gone = Outcome(Verdict.REFUSED, "contact_gone")
                done.note(settling.settle(delivery.pk, gone, now=now))
                continue
            jobs.append(Job(delivery.pk, way.place_of(message.address), way, message))
    failpoints.reach("outbox.claimed")
    for job, outcome in try_all(jobs):
        failpoints.reach("outbox.tried")
        if outcome is None:
            done.note(settling.postpone(job.delivery, now=now))
        else:
            done.note(settling.settle(job.delivery, outcome, now=now))
            failpoints.reach("outbox.noted")
    done.open = len(jobs) - done.sent - done.failed - done.given_up - done.postponed
    return done


def _due(now: datetime) -> QuerySet[Delivery]:
    free = Q(lease_until__isnull=True) | Q(lease_until__lte=now)
    return Delivery.objects.filter(free, next_at__lte=now)


def claim(channel: Channel, *, now: datetime, limit: int) -> list[Delivery]:
    """Take messages in hand for a while; nobody else takes them before the lease ends."""
    if not _due(now).filter(channel=channel.value).exists():
        return []
    with transaction.atomic():
        rows = list(
            _due(now)
            .filter(channel=channel.value)
            .select_for_update(skip_locked=True, of=("self",))
            .select_related("notice__origin", "notice__call")
            .order_by("priority", "next_at", "pk")[:limit]
        )
        keys = [row.pk for row in rows]
        Delivery.objects.filter(pk__in=keys).update(lease_until=now + LEASE)
    return rows


@transaction.atomic
def _show(*, now: datetime) -> Sent:
    """Mark what is due as shown: a rehearsal never sends (I10)."""
    rows = list(_due(now).order_by("pk"))
    for row in rows:
        row.state, row.next_at, row.finished_at = DeliveryState.SHOWN.value, None, now
    if rows:
        event = DeliveriesShown(count=len(rows))
        journal.record_bulk(event, actor=settling.ACTOR, now=now, rows=rows, update=True)
    return Sent(shown=len(rows))
