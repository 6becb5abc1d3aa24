"""Set when a post, or the whole city, is left in peace."""

from __future__ import annotations

from datetime import datetime, time

from django.db import transaction

from anlan.infra import journal
from anlan.kernel.actor import Actor
from anlan.notices.domain.events import QuietHoursSet
from anlan.notices.models import QuietHours
from anlan.notices.selectors import CITY
from anlan.registry import public as registry
from anlan.registry.domain.errors import PostUnknownError


@transaction.atomic
def set_quiet_hours(actor: Actor, post: str, *, start: time, end: time, now: datetime) -> None:
    """Set the quiet hours of a post, or of the city (``*``); equal ends mean none at all.

    They hold back normal messages only; urgent and red always go at once.
    """
    # Refuses a post that does not exist, and one that the actor does not answer for.
    path = "" if post == CITY else registry.post(post).area_path
    if not actor.covers(path):
        raise PostUnknownError(code=post)
    row = QuietHours(post=post, start=start.strftime("%H:%M"), end=end.strftime("%H:%M"))
    event = QuietHoursSet(post=post, start=row.start, end=row.end)
    journal.record(event, actor=actor, now=now, rows=[row])
