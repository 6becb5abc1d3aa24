"""Anlan's own matters become cases like everybody else's: with an owner and a clock."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from anlan.accountability.domain.events import OwnCaseRaised
from anlan.accountability.domain.wording import title
from anlan.accountability.models import Breach, Sickness
from anlan.infra import journal
from anlan.kernel.actor import Actor
from anlan.kernel.errors import AnlanError
from anlan.notices import public as notices
from anlan.registry import public as registry
from anlan.registry.domain.errors import NoCityError
from anlan.response import public as response
from anlan.response.domain.opening import Opening

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OwnMatter:
    """Something about Anlan itself that needs a person; ``cause`` is its key."""

    cause: str
    hazard: str
    subject: str  # of the message catalogue
    params: Mapping[str, str | int]
    priority: int


def raise_case(actor: Actor, row: Breach | Sickness, matter: OwnMatter, *, now: datetime) -> bool:
    """Open the one case of a matter and tell the system's post in red; return whether it was.

    Before a city is loaded there is no post to tell: the next round tries again, as it
    does when the case is refused.
    """
    try:
        with transaction.atomic():
            _raise(actor, row, matter, now=now)
    except NoCityError:
        return False
    except AnlanError as error:
        log.exception("own case refused", extra={"code": error.code, "cause": matter.cause})
        return False
    return True


def _raise(actor: Actor, row: Breach | Sickness, matter: OwnMatter, *, now: datetime) -> None:
    held = type(row)._default_manager.select_for_update().get(pk=row.pk)
    if held.case is not None:  # another process was faster
        return
    city = registry.city()
    opened = response.open_case(
        actor,
        Opening(
            kind="device",
            hazard=matter.hazard,
            area=city.root_area,
            origin="watch",
            known_at=now,
            priority=matter.priority,
            cause=matter.cause[:200],
            title=dict(title(matter.subject, matter.params)),
            owner_post=city.system_post,
        ),
        now=now,
    )
    held.case = opened.pk
    event = OwnCaseRaised(subject=matter.cause, case=opened.pk)
    journal.record(event, actor=actor, now=now, rows=[held])
    notices.tell(
        [city.system_post],
        about=f"case:{opened.pk}",
        key=f"own:{type(row).__name__.lower()}:{row.pk}",
        subject=matter.subject,
        params=dict(matter.params),
        urgency="red",
        actor=actor,
        now=now,
    )
