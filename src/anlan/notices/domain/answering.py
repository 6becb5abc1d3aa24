"""Answering: how long a notice may lie, and how long it may be put aside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from anlan.kernel.errors import ConflictError, InvalidInputError
from anlan.notices.domain.words import Urgency


@dataclass(frozen=True, slots=True)
class AnswerRule:
    """How long a red notice may lie, and on what that rests."""

    wait: timedelta
    repeat_first: timedelta
    repeat_most: timedelta
    repeat_anew: timedelta  # the longest pause after a matter that was new
    basis: str


#: The trial rule of Changzhi: reach duty persons in parallel, wake within five minutes.
CALL_AND_ANSWER = AnswerRule(
    wait=timedelta(minutes=5),
    repeat_first=timedelta(minutes=15),
    repeat_most=timedelta(hours=4),
    repeat_anew=timedelta(hours=1),
    basis="叫应 practice (Changzhi trial rule): wake within 5 minutes; repeats are Anlan's default",
)


def first_wake(
    urgency: Urgency, at: datetime, rule: AnswerRule = CALL_AND_ANSWER
) -> datetime | None:
    """Return when an unanswered notice is first reminded of; only red is."""
    return at + rule.wait if urgency is Urgency.RED else None


#: How long a notice may be put aside (Anlan's default); then it comes back by itself.
SHELF_LIMIT: dict[Urgency, timedelta] = {
    Urgency.RED: timedelta(minutes=30),
    Urgency.URGENT: timedelta(hours=12),
    Urgency.NORMAL: timedelta(days=7),
}


class ShelfEndError(InvalidInputError):
    """A notice was to be put aside without an end, or for too long."""

    code = "notice.shelf_end"


class AlreadyAnsweredError(ConflictError):
    """A notice that was acknowledged cannot be put aside any more."""

    code = "notice.already_answered"


def check_shelf_end(urgency: Urgency, until: datetime, *, now: datetime) -> None:
    """Refuse an end that is past, or later than the urgency allows."""
    limit = SHELF_LIMIT[urgency]
    if not now < until <= now + limit:
        hours = f"{limit.total_seconds() / 3600:g}"
        raise ShelfEndError(until=until.isoformat(), limit_hours=hours, urgency=urgency.value)
