"""Write down what came of a try, and tell someone when a message is given up."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from anlan.infra import journal
from anlan.kernel.actor import system_actor
from anlan.notices.domain.events import DeliveryChanged
from anlan.notices.domain.outgoing import Outcome, Verdict
from anlan.notices.domain.retry import next_try, pause_after
from anlan.notices.domain.words import PENDING, DeliveryState, Urgency
from anlan.notices.models import Delivery
from anlan.notices.selectors import NO_CHANNEL
from anlan.notices.services.telling import post_above, tell
from anlan.registry import public as registry

ACTOR = system_actor("notices")
GIVEN_UP_SUBJECT = "notice.delivery_given_up"
NOT_TRIED = "place_away"
UNSERVED_PAUSE = timedelta(hours=1)


@transaction.atomic
def settle(delivery: int, outcome: Outcome, *, now: datetime) -> DeliveryState:
    """Note the outcome of one try; return the state the message came to."""
    row = Delivery.objects.select_for_update().get(pk=delivery)
    if row.state not in PENDING and outcome.verdict is not Verdict.SENT:
        # Answered while it was on its way: nothing is to be tried again.
        return DeliveryState(row.state)
    if row.state == DeliveryState.SENT:
        return DeliveryState.SENT
    row.attempts += 1
    row.last_error = outcome.error
    if outcome.verdict is Verdict.SENT:
        return _note(row, DeliveryState.SENT, None, now=now)
    again = None
    if outcome.verdict is not Verdict.REFUSED:
        again = next_try(row.attempts, row.key, due_at=row.due_at, now=now)
    if again is not None:
        return _note(row, DeliveryState.FAILED, again, now=now)
    _note(row, DeliveryState.GIVEN_UP, None, now=now)
    _tell_of_giving_up(row, now=now)
    return DeliveryState.GIVEN_UP


@transaction.atomic
def postpone(delivery: int, *, now: datetime) -> DeliveryState | None:
    """Leave a message for a little while, because its place is away; return None.

    It was not tried and nothing is noted, but a message that has waited its whole
    span is given up all the same.
    """
    row = Delivery.objects.select_for_update().get(pk=delivery)
    if row.state in PENDING and next_try(1, row.key, due_at=row.due_at, now=now) is None:
        row.last_error = row.last_error or NOT_TRIED
        _note(row, DeliveryState.GIVEN_UP, None, now=now)
        _tell_of_giving_up(row, now=now)
        return DeliveryState.GIVEN_UP
    Delivery.objects.filter(pk=delivery).update(lease_until=now + pause_after(1, row.key))
    return None


@transaction.atomic
def unserved(delivery: int, *, now: datetime) -> DeliveryState:
    """Note that this workspace has no way out for the channel; look again in an hour.

    It is not a try, and nobody above is told: the fault lies with the workspace,
    and the state of the outbox says so.
    """
    row = Delivery.objects.select_for_update().get(pk=delivery)
    if row.state not in PENDING:
        return DeliveryState(row.state)
    row.last_error = NO_CHANNEL
    if next_try(1, row.key, due_at=row.due_at, now=now) is None:
        return _note(row, DeliveryState.GIVEN_UP, None, now=now)
    return _note(row, DeliveryState.FAILED, now + UNSERVED_PAUSE, now=now)


def _note(
    row: Delivery, state: DeliveryState, next_at: datetime | None, *, now: datetime
) -> DeliveryState:
    row.state, row.next_at, row.lease_until = state.value, next_at, None
    row.finished_at = now if next_at is None else None
    event = DeliveryChanged(
        delivery=row.pk, channel=row.channel, state=row.state, attempts=row.attempts
    )
    journal.record(event, actor=ACTOR, now=now, rows=[row])
    return state


def _tell_of_giving_up(row: Delivery, *, now: datetime) -> None:
    """Tell the post above, once a day for each person and channel."""
    notice = row.notice
    if notice.subject == GIVEN_UP_SUBJECT:
        return  # news of lost news is not sent on and on; the state of the outbox shows it
    above = post_above(notice.post)
    if above is None:
        above = registry.city().system_post
    day = registry.local_day(now)
    tell(
        [above],
        about=notice.about,
        key=f"given_up:{row.holder}:{row.channel}:{day.isoformat()}",
        subject=GIVEN_UP_SUBJECT,
        params={
            "holder": row.holder,
            "channel": row.channel,
            "attempts": row.attempts,
            "error": row.last_error,
            "about": notice.about,
        },
        urgency=Urgency.URGENT,
        actor=ACTOR,
        now=now,
    )
