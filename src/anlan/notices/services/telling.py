"""Put a notice before a post, and messages for the people on duty there into the outbox."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Q

from anlan.infra import journal
from anlan.infra import rows as rows_of
from anlan.infra.prepared import VALUE, Prepared
from anlan.infra.recall import recall
from anlan.kernel.actor import Actor
from anlan.kernel.canonical import instant_text
from anlan.notices import selectors
from anlan.notices.domain.answering import first_wake
from anlan.notices.domain.calling import SAY_AGAIN
from anlan.notices.domain.events import NoticePosted
from anlan.notices.domain.quiet import send_from
from anlan.notices.domain.wording import check_params
from anlan.notices.domain.words import (
    PENDING,
    PRIORITY,
    Channel,
    Mark,
    Occasion,
    Urgency,
    at_least,
)
from anlan.notices.models import Delivery, Notice
from anlan.registry import public as registry
from anlan.registry.domain.errors import PostUnknownError
from anlan.registry.domain.facts import OnDuty

MAX_KEY = 150
_KNOWN = Prepared(lambda: Notice.objects.filter(key=VALUE).values_list("pk")[:1])


@dataclass(frozen=True, slots=True)
class Matter:
    """What a notice is about, whoever it lies before."""

    about: str
    key: str
    subject: str
    params: dict[str, object]
    urgency: Urgency
    due_at: datetime | None = None


@transaction.atomic(savepoint=False)
def tell(  # noqa: PLR0913  the facts of a notice, all by name
    posts: Sequence[str],
    *,
    about: str,
    key: str,
    subject: str,
    params: Mapping[str, object],
    urgency: Urgency | str,
    actor: Actor,
    now: datetime,
    due_at: datetime | None = None,
) -> list[int]:
    """Put a notice before each post, in the caller's transaction; return the notices' numbers.

    Each post gets at most one notice of a ``key``: telling again changes nothing.
    What is ``about`` something that lies open there already joins its line, and goes
    out by itself only when it is louder or says something else.
    Where nobody is on duty, the post above gets it too, with a mark that says so.

    Raises
    ------
    NoticeParamError
        When a parameter is free text or looks like contact data (I12).
    """
    if len(key) > MAX_KEY:
        raise ValueError(f"a notice key has at most {MAX_KEY} letters")
    matter = Matter(about, key, subject, check_params(params), Urgency(urgency), due_at)
    return [put_before(post, matter, actor=actor, now=now).pk for post in dict.fromkeys(posts)]


def put_before(post: str, matter: Matter, *, actor: Actor, now: datetime) -> Notice:
    """Put a matter before one post, and before the one above when nobody is on duty there."""
    notice = Notice(
        post=post,
        about=matter.about,
        key=f"{matter.key}@{post}",
        subject=matter.subject,
        params=matter.params,
        urgency=matter.urgency.value,
        due_at=matter.due_at,
    )
    return _post(notice, actor=actor, now=now)


def copy_upwards(notice: Notice, mark: Mark, *, actor: Actor, now: datetime) -> Notice | None:
    """Put a notice before the post above, with a mark; nothing when nobody is above.

    A post above gets one copy of a matter of a post below, and another one only when
    it has answered the first, or the matter has become louder.  A circle of superiors
    ends where it began.
    """
    above = post_above(notice.post)
    root = selectors.root_of(notice)
    if above is None or above == root.post:
        return None
    lying = Notice.objects.filter(
        post=above,
        about=notice.about,
        origin__post=root.post,
        acknowledged_at__isnull=True,
        urgency__in=at_least(Urgency(notice.urgency)),
    )
    if lying.exists():
        return None
    copy = Notice(
        post=above,
        about=notice.about,
        key=f"{root.key}^{above}",
        subject=notice.subject,
        params=notice.params,
        urgency=notice.urgency,
        mark=mark.value,
        origin=root,
        due_at=notice.due_at,
    )
    return _post(copy, actor=actor, now=now)


def post_above(post: str) -> str | None:
    """Return the superior; for a post without one the city's commander, if that is another.

    A post that no pack knows has nobody either: what was meant for it still goes to someone.
    """
    try:
        above = registry.superior_of(post)
    except PostUnknownError:
        above = None
    if above is None:
        above = registry.city().commander_post
    return above if above != post else None


def _post(notice: Notice, *, actor: Actor, now: datetime) -> Notice:
    if _KNOWN.ask(notice.key) is not None:
        return Notice.objects.get(key=notice.key)
    urgency = Urgency(notice.urgency)
    on_duty = registry.on_duty(notice.post, at=now)
    notice.posted_at = now
    notice.before = faced_by(on_duty)
    _join_line(notice, now=now)
    try:
        with transaction.atomic():
            rows_of.insert(notice)
    except IntegrityError:
        # Another process told the same at the same moment; on anything else, do not hide it.
        there = Notice.objects.filter(key=notice.key).first()
        if there is None:
            raise
        return there
    # What is silent is not sent, so its quiet hours do not matter.
    send_at = now if notice.silent else _send_at(notice, now=now)
    watch = on_duty if send_at == now else registry.on_duty(notice.post, at=send_at)
    whom = [] if notice.silent else people(watch, urgency)
    messages = deliveries(notice, Occasion.POSTED, whom, send_at=send_at)
    posted = NoticePosted(
        notice=notice.pk,
        post=notice.post,
        about=notice.about,
        urgency=notice.urgency,
        mark=notice.mark,
    )
    journal.record(posted, actor=actor, now=now, rows=[notice, *messages], made=[notice])
    if watch.holder is None and watch.deputy is None:
        copy_upwards(notice, Mark.NOBODY_ON_DUTY, actor=actor, now=now)
    return notice


def _join_line(notice: Notice, *, now: datetime) -> None:
    """Let a notice join what lies open before its post about the same thing.

    Nothing that lies there is written or locked here: whoever tells holds the journal's
    head already.  So each red notice keeps an instant of its own by which it is named.
    """
    urgency = Urgency(notice.urgency)
    notice.next_wake_at = first_wake(urgency, now)
    line = selectors.line_of(notice)
    if line.said_at is not None and line.said_at > now - SAY_AGAIN:
        notice.silent = True
        if line.shelved_until is not None and line.shelved_until > now:
            notice.shelved_until, notice.next_wake_at = line.shelved_until, None
    if notice.next_wake_at is not None and line.wake_at is not None:
        notice.next_wake_at = line.wake_at  # the matter is not new: no sooner than the rest


def _send_at(notice: Notice, *, now: datetime) -> datetime:
    urgency = Urgency(notice.urgency)
    if urgency is not Urgency.NORMAL:
        return now
    return send_from(now, urgency, selectors.quiet_of(notice.post), registry.timezone())


def faced_by(watch: OnDuty) -> str:
    """Return the person before whom a post's notices lie; empty when nobody is on duty."""
    return watch.holder or watch.deputy or ""


def people(watch: OnDuty, urgency: Urgency) -> list[str]:
    """Return whom to reach: the holder, the deputy when there is none, both for red."""
    both = [person for person in (watch.holder, watch.deputy) if person]
    return list(dict.fromkeys(both if urgency is Urgency.RED else both[:1]))


def remind(notice: Notice, occasion: Occasion, *, now: datetime, both: bool) -> list[Delivery]:
    """Return new messages for the people on duty now, beside those still on their way."""
    send_at = _send_at(notice, now=now)
    watch = registry.on_duty(notice.post, at=send_at)
    whom = people(watch, Urgency.RED if both else Urgency(notice.urgency))
    return deliveries(notice, occasion, whom, send_at=send_at)


def deliveries(
    notice: Notice, occasion: Occasion, holders: Sequence[str], *, send_at: datetime
) -> list[Delivery]:
    """Return one message for each person and channel that has an address; not saved yet.

    A person for whom a message of this notice, or a reminder of this post, still
    waits on a channel gets no second one there: after an outage nobody finds ten copies.
    """
    waiting: set[tuple[str, str]] = set()
    if holders and occasion is not Occasion.POSTED:
        same = Q(notice=notice)
        if occasion is Occasion.REMINDED:
            same |= Q(notice__post=notice.post, occasion=Occasion.REMINDED.value)
        pending = Delivery.objects.filter(same, state__in=PENDING)
        waiting = set(pending.values_list("holder", "channel"))
    return [
        Delivery(
            notice=notice,
            occasion=occasion.value,
            channel=channel.value,
            holder=holder,
            key=_delivery_key(notice, occasion, holder, channel, send_at),
            priority=PRIORITY[Urgency(notice.urgency)],
            due_at=send_at,
            next_at=send_at,
        )
        for holder in holders
        for channel in _channels_of(holder)
        if (holder, channel.value) not in waiting
    ]


def _channels_of(holder: str) -> list[Channel]:
    """Return by which channels a person can be reached; the addresses are not kept."""

    def ask() -> list[Channel]:
        contact = registry.contact_of(holder)
        if contact is None:
            return []
        addresses = {Channel.EMAIL: contact.email, Channel.WEBHOOK: contact.webhook}
        return [channel for channel, address in addresses.items() if address]

    return recall(("notices.channels", holder), ask)


def _delivery_key(
    notice: Notice, occasion: Occasion, holder: str, channel: Channel, send_at: datetime
) -> str:
    words = (notice.key, occasion.value, holder, channel.value, instant_text(send_at))
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:40]
