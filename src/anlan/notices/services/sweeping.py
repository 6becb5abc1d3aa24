"""What the clock alone does: shelf time ends, silence is escalated, shifts change."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from anlan.infra import journal
from anlan.kernel.actor import system_actor
from anlan.notices import selectors
from anlan.notices.domain.answering import first_wake
from anlan.notices.domain.calling import RedNotice, call_step, is_due, red_matters
from anlan.notices.domain.events import DutyHandedOver, NoticeAnswered, NoticeReminded
from anlan.notices.domain.words import PRIORITY, Mark, Occasion, Urgency
from anlan.notices.models import Call, Notice
from anlan.notices.services import telling
from anlan.registry import public as registry

ACTOR = system_actor("notices")
RED_FACTS = ("pk", "about", "posted_at", "next_wake_at", "raised_at")


def sweep_notices(*, now: datetime, limit: int = 500) -> int:
    """Bring back what was shelved, and remind posts of red that nobody answered.

    Return how many matters came back and how many posts were reminded.
    """
    shelved = Notice.objects.filter(shelved_until__lte=now).order_by("post", "about")
    lines = shelved.values_list("post", "about").distinct()
    done = _each(lines[:limit], _unshelve, now=now)
    return done + _each(_silent_posts(now), _wake, now=now)


def _silent_posts(now: datetime) -> list[str]:
    """Return the posts with something new unanswered, or whose call comes round."""
    new = Notice.objects.filter(next_wake_at__lte=now).values_list("post", flat=True)
    called = Notice.objects.filter(call__next_wake_at__lte=now).values_list("post", flat=True)
    return sorted({*new.distinct(), *called.distinct()})


def hand_over(*, now: datetime) -> int:
    """Put open lines before whoever is on duty now; return at how many posts that changed.

    Only the latest notice of a matter is moved: it stands for those before it.
    """
    before: dict[str, set[str]] = {}
    for post, person in selectors.heads().values_list("post", "before").order_by("post").distinct():
        before.setdefault(post, set()).add(person)
    # Looked up without a lock: on most rounds nobody's shift has changed.
    changed = [
        post
        for post, persons in before.items()
        if persons != {telling.faced_by(registry.on_duty(post, at=now))}
    ]
    return _each(changed, _hand_over_post, now=now)


def _each(keys: Iterable[Any], step: Callable[..., bool], *, now: datetime) -> int:
    """Take one step for each key, each in its own transaction.

    One that fails does not stop the others; all failures are raised together at the end.
    """
    done, failures = 0, []
    for key in list(keys):
        try:
            with transaction.atomic():
                done += step(key, now=now)
        except Exception as error:  # noqa: BLE001  raised below, after the others had their turn
            failures.append(error)
    if failures:
        raise ExceptionGroup("notices that could not be swept", failures)
    return done


def _unshelve(line: tuple[str, str], *, now: datetime) -> bool:
    post, about = line
    rows = list(
        Notice.objects.filter(post=post, about=about, shelved_until__lte=now)
        .select_for_update(no_key=True)
        .order_by("pk")
    )
    if not rows:
        return False
    for row in rows:
        row.shelved_until, row.woken_at = None, now
        row.next_wake_at = first_wake(Urgency(row.urgency), now)
    *earlier, latest = rows
    loudest = min(rows, key=lambda row: PRIORITY[Urgency(row.urgency)])
    messages = telling.remind(loudest, Occasion.WOKEN, now=now, both=False)
    also = tuple(row.pk for row in earlier)
    event = NoticeAnswered(notice=latest.pk, what="woken", until=None, also=also)
    journal.record(event, actor=ACTOR, now=now, rows=[*rows, *messages])
    return True


def _wake(post: str, *, now: datetime) -> bool:
    """Remind a post once of everything red that lies there; turn to the post above."""
    lying = selectors.red_rows(post)
    facts = lying.order_by("pk").values_list(*RED_FACTS)
    found = [
        RedNotice(number, about, posted_at, wake_at, raised=raised_at is not None)
        for number, about, posted_at, wake_at, raised_at in facts
    ]
    call = Call.objects.filter(pk=post).first()
    if not is_due(found, call.next_wake_at if call else None, now=now):
        return False
    matters = red_matters(found)
    call = call or Call(post=post)
    if not any(matter.called for matter in matters):  # the silence before was answered
        call.wakes, call.doubled = 0, 0
    above = telling.post_above(post) is not None
    step = call_step(matters, doubled=call.doubled, has_superior=above, now=now)
    call.wakes, call.doubled = call.wakes + 1, step.doubled
    call.woken_at, call.next_wake_at = now, step.next_at
    # What is written is locked in the order of its numbers, and looked at once more.
    written = {one.number for one in found if not one.called} | {*step.raise_now}
    rows = list(lying.filter(pk__in=written).select_for_update(no_key=True).order_by("pk"))
    for row in rows:
        row.call, row.next_wake_at = call, None
        if row.pk in step.raise_now:
            row.raised_at = now
    oldest = Notice.objects.get(pk=matters[0].first)
    messages = telling.remind(oldest, Occasion.REMINDED, now=now, both=True)
    named = tuple(matter.latest for matter in matters)
    event = NoticeReminded(post=post, notices=named, times=call.wakes, wake=step.wake.value)
    journal.record(event, actor=ACTOR, now=now, rows=[call, *rows, *messages])
    for row in rows:
        if row.pk in step.raise_now:
            telling.copy_upwards(row, Mark.UNANSWERED, actor=ACTOR, now=now)
    return True


def _hand_over_post(post: str, *, now: datetime) -> bool:
    holder = telling.faced_by(registry.on_duty(post, at=now))
    lines = selectors.heads().filter(post=post).exclude(before=holder)
    moved = list(lines.select_for_update(no_key=True).order_by("pk"))
    if not moved:
        return False
    moved.sort(key=lambda row: (PRIORITY[Urgency(row.urgency)], row.posted_at, row.pk))
    for row in moved:
        row.before = holder
    # One message for the whole hand-over, on the most pressing notice; the inbox holds the rest.
    messages = telling.remind(moved[0], Occasion.HANDED_OVER, now=now, both=False)
    event = DutyHandedOver(post=post, open_notices=len(moved))
    journal.record(event, actor=ACTOR, now=now, rows=[*moved, *messages])
    if not holder:
        for row in moved:
            if Urgency(row.urgency) is not Urgency.NORMAL:
                telling.copy_upwards(row, Mark.NOBODY_ON_DUTY, actor=ACTOR, now=now)
    return True
