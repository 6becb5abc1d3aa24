"""What a message says when it goes out: one notice, or all that a post has not answered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from anlan.kernel.canonical import instant_text
from anlan.notices import selectors
from anlan.notices.catalogue import messages
from anlan.notices.domain.outgoing import Outgoing
from anlan.notices.domain.views import NoticeSeen
from anlan.notices.domain.wording import Framing, NoticeText, fill, notice_text
from anlan.notices.domain.words import Channel, Mark, Occasion, Urgency
from anlan.notices.models import Delivery
from anlan.registry import public as registry

UNANSWERED = "notice.unanswered"
NAMED = 5  # matters that a reminder names one by one; the inbox holds the rest


def outgoing(
    delivery: Delivery, *, now: datetime, public_url: str = "", exercise: bool = False
) -> Outgoing | None:
    """Return a message with its address, ready to be sent; nothing when the address is gone."""
    contact = registry.contact_of(delivery.holder)
    if contact is None:
        return None
    address = contact.email if delivery.channel == Channel.EMAIL else contact.webhook
    if not address:
        return None
    notice = selectors.seen(delivery.notice)
    matters = _matters_of(delivery)
    text = _text(notice, matters, delivery.occasion, contact.language, exercise=exercise)
    footer = {"link": f"{public_url}/inbox", "key": delivery.key}
    below = fill(messages()["mail.footer"], footer, contact.language, registry.timezone())
    return Outgoing(
        key=delivery.key,
        holder=delivery.holder,
        at=now,
        text=NoticeText(text.title, f"{text.body}\n\n{below.body}"),
        language=contact.language,
        facts=facts_of(notice, matters, occasion=delivery.occasion, exercise=exercise),
        address=address,
    )


def _matters_of(delivery: Delivery) -> list[NoticeSeen]:
    """Return what a reminder stands for: each red matter that is still unanswered now."""
    if delivery.occasion != Occasion.REMINDED:
        return []
    return selectors.red_lines(delivery.notice.post)


def _text(
    notice: NoticeSeen,
    matters: Sequence[NoticeSeen],
    occasion: str,
    language: str,
    *,
    exercise: bool,
) -> NoticeText:
    """Return the text of one message; a reminder of several matters counts and names them."""
    if len(matters) < 2:
        alone = matters[0] if matters else notice
        return selectors.text_of(alone, language, occasion=Occasion(occasion), exercise=exercise)
    since = min(matter.since or matter.posted_at for matter in matters)
    framing = Framing(Urgency.RED, Mark.NONE, Occasion(occasion), exercise=exercise)
    params = {"count": len(matters), "since": instant_text(since)}
    whole = notice_text(
        messages(), UNANSWERED, params, framing, language=language, zone=registry.timezone()
    )
    named = [selectors.plain_title(matter, language) for matter in matters[:NAMED]]
    more = ["…"] if len(matters) > NAMED else []
    return NoticeText(whole.title, "\n".join([*named, *more, whole.body]))


def facts_of(
    notice: NoticeSeen, matters: Sequence[NoticeSeen] = (), *, occasion: str, exercise: bool
) -> dict[str, object]:
    """Return what a program reads of a notice; nothing personal.

    ``unanswered`` names the latest notice of each matter that a reminder stands for.
    """
    return {
        "notice": notice.id,
        "post": notice.post,
        "for_post": notice.for_post,
        "about": notice.about,
        "subject": notice.subject,
        "params": notice.params,
        "urgency": notice.urgency,
        "mark": notice.mark,
        "occasion": occasion,
        "exercise": exercise,
        "unanswered": [matter.id for matter in matters],
        "posted_at": instant_text(notice.posted_at),
        "due_at": instant_text(notice.due_at) if notice.due_at else None,
    }
