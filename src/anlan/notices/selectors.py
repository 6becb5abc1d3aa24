"""What lies in the inboxes, what waits in the outbox, when a post is left in peace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Case, Count, IntegerField, Max, Min, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce

from anlan.infra.prepared import PreparedQuery
from anlan.infra.recall import recall
from anlan.notices.catalogue import messages
from anlan.notices.domain.quiet import DEFAULT_QUIET, Quiet
from anlan.notices.domain.views import ChannelState, NoticeSeen, OutboxState
from anlan.notices.domain.wording import Framing, NoticeText, entry_of, fill, notice_text
from anlan.notices.domain.words import (
    PENDING,
    PRIORITY,
    Channel,
    DeliveryState,
    Mark,
    Occasion,
    Urgency,
    at_least,
)
from anlan.notices.models import Delivery, Notice, QuietHours
from anlan.registry import public as registry

CITY = "*"
NO_CHANNEL = "no_channel"
STUCK_AFTER = timedelta(minutes=15)
DAY = timedelta(hours=24)

# Whole seconds and codes only: red first, then what has waited longest.
_RED_FIRST = Case(
    *[When(urgency=urgency.value, then=Value(place)) for urgency, place in PRIORITY.items()],
    output_field=IntegerField(),
)
# One for what is awake, nothing for what is put aside.
_AWAKE = Case(
    When(shelved_until__isnull=True, then=Value(1)), default=Value(0), output_field=IntegerField()
)
_LATEST, _COUNT, _SINCE = Max("pk"), Count("pk"), Min("posted_at")


def quiet_of(post: str) -> Quiet:
    """Return the quiet hours of a post: its own, else the city's, else the default."""
    return recall(("notices.quiet", post), lambda: _quiet_of(post))


def _quiet_of(post: str) -> Quiet:
    rows = {name: (start, end) for name, start, end in _QUIET.rows(post)}
    found = rows.get(post) or rows.get(CITY)
    if found is None:
        return DEFAULT_QUIET
    return Quiet(*map(time.fromisoformat, found))


_QUIET = PreparedQuery(
    lambda post: QuietHours.objects.filter(Q(post=post) | Q(post=CITY)).values_list(
        "post", "start", "end"
    ),
    (("a", "b"),),
)


def root_of(notice: Notice) -> Notice:
    """Return the notice with which it began: itself, or the one below that it stands for."""
    return notice.origin if notice.origin is not None else notice


def seen(notice: Notice) -> NoticeSeen:
    """Return a notice as others see it."""
    return NoticeSeen(
        id=notice.pk,
        post=notice.post,
        about=notice.about,
        subject=notice.subject,
        params=notice.params,
        urgency=notice.urgency,
        mark=notice.mark,
        for_post=root_of(notice).post,
        before=notice.before,
        posted_at=notice.posted_at,
        due_at=notice.due_at,
        acknowledged_at=notice.acknowledged_at,
        acknowledged_by=notice.acknowledged_by,
        shelved_until=notice.shelved_until,
        woken_at=notice.woken_at,
        wakes=notice.call.wakes if notice.call is not None else 0,
        since=notice.posted_at,
    )


def one_seen(notice_id: int) -> NoticeSeen:
    """Return one notice by itself."""
    return seen(Notice.objects.select_related("origin", "call").get(pk=notice_id))


def heads() -> QuerySet[Notice]:
    """Return the latest open notice of each matter of each post: the heads of all lines."""
    lying = Notice.objects.filter(acknowledged_at__isnull=True).order_by()
    latest = lying.values("post", "about").annotate(latest=Max("pk")).values("latest")
    return Notice.objects.filter(pk__in=latest)


def open_of(post: str, about: str) -> QuerySet[Notice]:
    """Return the open notices of a post about one thing."""
    return Notice.objects.filter(post=post, about=about, acknowledged_at__isnull=True)


def red_rows(post: str) -> QuerySet[Notice]:
    """Return the red notices of a post that call for an answer now."""
    return Notice.objects.filter(
        post=post,
        urgency=Urgency.RED.value,
        acknowledged_at__isnull=True,
        shelved_until__isnull=True,
    )


@dataclass(frozen=True, slots=True)
class Line:
    """What lies open already, before the same post and about the same thing as a new notice."""

    said_at: datetime | None  # when the same was last sent as loudly
    wake_at: datetime | None  # when a reminder names the matter
    shelved_until: datetime | None  # set when as loud a notice of the same words is put aside


def line_of(notice: Notice) -> Line:
    """Return what a notice that is about to be posted finds lying there."""
    found = _LYING[notice.urgency].rows(notice.post, notice.about, notice.subject, notice.mark)
    return Line(*found[0]) if found else Line(None, None, None)


def _lying(urgency: str, post: str, about: str, subject: str, mark: str) -> QuerySet[Any, Any]:
    loud = Q(urgency__in=at_least(Urgency(urgency)))
    same = loud & Q(subject=subject, mark=mark)
    red = Q(urgency=Urgency.RED.value, shelved_until__isnull=True)
    # One group, all of one post: nothing lies there when there is none.
    return (
        open_of(post, about)
        .order_by()
        .values("post")
        .annotate(
            said=Max("posted_at", filter=same & Q(silent=False)),
            wake=Min(Coalesce("call__next_wake_at", "next_wake_at"), filter=red),
            shelved=Max("shelved_until", filter=same),
        )
        .values_list("said", "wake", "shelved")
    )


_LYING = {
    urgency.value: PreparedQuery(partial(_lying, urgency.value), (("a", "b"),) * 4)
    for urgency in Urgency
}


def open_notices(post: str, *, limit: int = 500) -> list[NoticeSeen]:
    """Return what lies before a post: one line for each matter, with its latest notice.

    Red first, then what has waited longest; what is put aside as a whole comes last.
    """
    lying = Notice.objects.filter(post=post, acknowledged_at__isnull=True)
    matters = lying.values("about").annotate(
        latest=_LATEST, count=_COUNT, since=_SINCE, place=Min(_RED_FIRST), awake=Max(_AWAKE)
    )
    return _lines(matters.order_by("-awake", "place", "since", "latest")[:limit])


def red_lines(post: str) -> list[NoticeSeen]:
    """Return the lines of a post that call for an answer now, the oldest first."""
    matters = (
        red_rows(post)
        .values("about")
        .annotate(latest=_LATEST, count=_COUNT, since=_SINCE, place=Min(_RED_FIRST))
    )
    return _lines(matters.order_by("since", "latest"))


def answered_notices(post: str, *, limit: int = 100) -> list[NoticeSeen]:
    """Return what a post has acknowledged, the latest first; what was answered at once, in one."""
    rows = Notice.objects.filter(post=post, acknowledged_at__isnull=False)
    answers = rows.values("about", "acknowledged_at").annotate(
        latest=_LATEST, count=_COUNT, since=_SINCE, place=Min(_RED_FIRST)
    )
    return _lines(answers.order_by("-acknowledged_at", "-latest")[:limit])


def _lines(matters: Iterable[Mapping[str, Any]]) -> list[NoticeSeen]:
    facts = list(matters)
    rows = Notice.objects.select_related("origin", "call")
    latest = {row.pk: row for row in rows.filter(pk__in=[one["latest"] for one in facts])}
    loudness = {place: urgency.value for urgency, place in PRIORITY.items()}
    return [
        replace(
            seen(latest[one["latest"]]),
            urgency=loudness[one["place"]],
            count=one["count"],
            since=one["since"],
        )
        for one in facts
    ]


def notices_about(about: str, *, limit: int = 500) -> list[NoticeSeen]:
    """Return who was told of a matter ("case:7"), in order."""
    rows = Notice.objects.filter(about=about).select_related("origin", "call").order_by("pk")
    return [seen(notice) for notice in rows[:limit]]


def told_of(abouts: Iterable[str], *, at: datetime) -> dict[str, tuple[int, int]]:
    """Return for each matter how many posts were told by ``at``, and how many answered (one query)."""
    rows = Notice.objects.filter(about__in=list(abouts), posted_at__lte=at).order_by()
    counted = rows.values("about").annotate(
        told=Count("post", distinct=True),
        answered=Count("post", distinct=True, filter=Q(acknowledged_at__lte=at)),
    )
    return {row["about"]: (row["told"], row["answered"]) for row in counted}


def matters_of(notices: Iterable[int]) -> dict[int, str]:
    """Return what each of some notices is about (one query)."""
    return dict(Notice.objects.filter(pk__in=list(notices)).values_list("pk", "about"))


def answers_about(matter: object) -> QuerySet[Notice]:
    """Return the answered notices about a matter, given by a column of another query or as text."""
    return Notice.objects.filter(about=matter, acknowledged_at__isnull=False)


def outbox_state(*, now: datetime) -> OutboxState:
    """Return whether what must go out goes out."""
    channels = {channel.value: _channel_state(channel, now=now) for channel in Channel}
    lacking = (
        Delivery.objects.filter(state__in=PENDING, last_error=NO_CHANNEL)
        .values_list("channel", flat=True)
        .distinct()
        .order_by("channel")
    )
    late = Delivery.objects.filter(state__in=PENDING, due_at__lt=now - STUCK_AFTER)
    return OutboxState(
        at=now,
        channels=channels,
        stuck=late.exclude(last_error=NO_CHANNEL).exists(),
        unserved=tuple(lacking),
        unattended=heads().filter(before="").count(),
    )


def _channel_state(channel: Channel, *, now: datetime) -> ChannelState:
    rows = Delivery.objects.filter(channel=channel.value)
    pending = rows.filter(state__in=PENDING)
    due = Q(state=DeliveryState.WAITING.value, next_at__lte=now)
    figures = pending.aggregate(
        waiting=Count("pk", filter=due),
        held=Count("pk", filter=Q(next_at__gt=now)),
        failed=Count("pk", filter=Q(state=DeliveryState.FAILED.value)),
        oldest=Min("due_at", filter=Q(due_at__lte=now)),
    )
    done = rows.filter(finished_at__gt=now - DAY).aggregate(
        given_up=Count("pk", filter=Q(state=DeliveryState.GIVEN_UP.value)),
        sent=Count("pk", filter=Q(state=DeliveryState.SENT.value)),
    )
    errors = (
        pending.filter(state=DeliveryState.FAILED.value)
        .values_list("last_error")
        .annotate(n=Count("pk"))
        .order_by("last_error")
    )
    return ChannelState(
        waiting=figures["waiting"],
        held=figures["held"],
        failed=figures["failed"],
        given_up_24h=done["given_up"],
        sent_24h=done["sent"],
        oldest_due_at=figures["oldest"],
        errors=dict(errors),
    )


def text_of(
    notice: NoticeSeen,
    language: str,
    *,
    occasion: Occasion = Occasion.POSTED,
    exercise: bool = False,
    zone: ZoneInfo | None = None,
) -> NoticeText:
    """Return a notice as a person reads it, in "zh" or "en".

    Who words many hands over the city's ``zone``, so that it is asked for once.
    """
    framing = Framing(
        urgency=Urgency(notice.urgency),
        mark=Mark(notice.mark),
        occasion=occasion,
        exercise=exercise,
        for_post=notice.for_post,
    )
    params = {"about": notice.about, "subject": notice.subject, **notice.params}
    return notice_text(
        messages(),
        notice.subject,
        params,
        framing,
        language=language,
        zone=zone or registry.timezone(),
    )


def plain_title(notice: NoticeSeen, language: str) -> str:
    """Return the one line of a notice without what stands around it."""
    params = {"about": notice.about, "subject": notice.subject, **notice.params}
    texts = entry_of(messages(), notice.subject)
    return fill(texts, params, language, registry.timezone()).title
