"""Retention: personal data goes on its end date, and its going is journalled (I12).

The entry comes first and the erasing after it: a crash between the two repeats the
erasing, and nothing is ever gone without a record.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from anlan.infra import contents
from anlan.infra.models import ContentItem, JournalEntry
from anlan.kernel.actor import Actor, Role, system_actor
from anlan.kernel.errors import InvalidInputError, NotAllowedError, NotFoundError
from anlan.registry import public as registry
from anlan.registry.domain.errors import NoCityError
from anlan.registry.domain.events import ContentsDestroyed

BATCH = 500
MADE_GOOD = timedelta(days=30)  # longer than any machine stands still unnoticed
DESTROYERS = frozenset({Role.AUDIT_ADMIN, Role.SYSTEM})


class DestructionReason(StrEnum):
    """Why contents are destroyed (销毁事由)."""

    EXPIRED = "expired"  # the end date set when it was stored
    CONSENT_WITHDRAWN = "consent_withdrawn"
    LEGAL_REQUEST = "legal_request"  # the person or an authority asked, and the law agrees
    RESPONSE_ENDED = "response_ended"  # emergency data, on the end of the response
    STORED_BY_MISTAKE = "stored_by_mistake"


class ReasonUnknownError(InvalidInputError):
    """The reason for a destruction is not on the list."""

    code = "contents.reason_unknown"


def expire_contents(*, now: datetime) -> int:
    """Destroy every content item whose end date has passed; return how many.

    What was recorded as destroyed lately and was left by a crash goes as well.
    """
    actor = system_actor("retention")
    destroyed = _finish_recorded(now)
    try:
        today = registry.local_day(now)
    except NoCityError:
        today = now.astimezone(UTC).date()
    while ids := contents.expired_ids(today, limit=BATCH):
        destroyed += registry.destroy_contents(
            actor, ids, reason=DestructionReason.EXPIRED.value, now=now
        )
    return destroyed


def _finish_recorded(now: datetime) -> int:
    """Erase what entries of the last days call destroyed and is still kept."""
    recorded = JournalEntry.objects.filter(event=ContentsDestroyed.__name__, at__gt=now - MADE_GOOD)
    finished = 0
    for payload in recorded.order_by("seq").values_list("payload", flat=True):
        ids = [UUID(item) for item in payload["ids"]]
        finished += contents.destroy(ids, reason=payload["reason"], now=now)
    return finished


def destroy_contents(actor: Actor, ids: Sequence[UUID], reason: str, *, now: datetime) -> int:
    """Destroy named content items before their end date; return how many were still kept.

    Raises
    ------
    NotAllowedError
        When the actor does not keep the ledger.
    ReasonUnknownError
        When the reason is not a :class:`DestructionReason`.
    NotFoundError
        When one of the items does not exist; then none is destroyed.
    """
    if actor.role not in DESTROYERS:
        raise NotAllowedError(permission="contents:destroy")
    if reason not in list(DestructionReason):
        raise ReasonUnknownError(reason=reason, known=", ".join(DestructionReason))
    wanted = set(ids)
    there = ContentItem.objects.using(contents.ALIAS).filter(pk__in=wanted)
    if there.count() != len(wanted):
        raise NotFoundError(what="content")
    kept = list(there.filter(destroyed_at__isnull=True).values_list("pk", flat=True))
    return registry.destroy_contents(
        actor, sorted(kept), reason=DestructionReason(reason).value, now=now
    )
