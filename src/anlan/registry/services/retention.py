"""Personal data is renewed while it is needed and destroyed when it is not (I12)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from anlan.infra import contents, failpoints, journal
from anlan.infra.contents import Purpose
from anlan.infra.models import ContentItem
from anlan.kernel.actor import Actor
from anlan.registry.domain.errors import PackUploadGoneError
from anlan.registry.domain.events import CityRowsLoaded, ContentsDestroyed
from anlan.registry.models import Holder
from anlan.registry.services import holders

RENEW_WITHIN = timedelta(days=180)
KEPT_AFTER_LEAVING = timedelta(days=30)
BATCH = 500
REPLACED_FOR = timedelta(days=1)  # by then whoever was writing a contact has written who holds it


def destroy_contents(actor: Actor, ids: Sequence[UUID], *, reason: str, now: datetime) -> int:
    """Destroy content items for good and journal that it was done; return how many.

    The entry commits first: a crash in between leaves items that the next run
    destroys, never a destruction that nobody can account for.
    """
    destroyed = 0
    for start in range(0, len(ids), BATCH):
        batch = list(ids[start : start + BATCH])
        event = ContentsDestroyed(ids=tuple(sorted(map(str, batch))), reason=reason)
        with transaction.atomic(durable=True):
            journal.record(event, actor=actor, now=now)
        failpoints.reach("contents.destruction_recorded")
        destroyed += contents.destroy(batch, reason=reason, now=now)
    return destroyed


def upload_kept(kind: str, upload: str) -> bytes:
    """Return the bytes of what waits to be confirmed; a key of any other content finds nothing.

    Raises
    ------
    PackUploadGoneError
        When it is no longer kept.
    """
    try:
        key = UUID(upload)
    except ValueError:
        raise PackUploadGoneError from None
    items = ContentItem.objects.using(contents.ALIAS).filter(pk=key, kind=kind, data__isnull=False)
    found = items.values_list("data", flat=True).first()
    if found is None:
        raise PackUploadGoneError
    return bytes(found)


def tend_contacts(actor: Actor, *, now: datetime) -> tuple[int, int]:
    """Renew contacts of holders in the pack, destroy those of holders who left; to be called daily.

    A contact is renewed half a year before its end date, so that nobody on duty falls
    silent, and destroyed 30 days after its holder left (个人信息保护法 Art 19: no longer
    than needed).  So are those that nobody refers to: a load brought in another, or the
    process died before it destroyed what it had replaced.  Returns how many were renewed
    and how many of those who left were destroyed.
    """
    with transaction.atomic(durable=True):
        replaced = _renew(actor, now)
    left = Holder.objects.filter(
        ended_at__lt=now - KEPT_AFTER_LEAVING, contact_content__isnull=False
    )
    gone = _still_kept([row.contact_content for row in left if row.contact_content])
    destroy_contents(actor, replaced, reason="replaced", now=now)
    destroy_contents(actor, _unheld(now), reason="replaced", now=now)
    return len(replaced), destroy_contents(actor, gone, reason="holder left", now=now)


def _unheld(now: datetime) -> list[UUID]:
    """Return kept contacts that no holder refers to."""
    kept = ContentItem.objects.using(contents.ALIAS).filter(
        kind=holders.KIND,
        purpose=holders.PURPOSE,
        destroyed_at__isnull=True,
        stored_at__lt=now - REPLACED_FOR,
    )
    ids = set(kept.values_list("id", flat=True))
    held = Holder.objects.filter(contact_content__isnull=False)
    return sorted(ids - set(held.values_list("contact_content", flat=True)))


def _still_kept(ids: list[UUID]) -> list[UUID]:
    items = ContentItem.objects.using(contents.ALIAS).filter(pk__in=ids, destroyed_at__isnull=True)
    return list(items.values_list("id", flat=True))


def _renew(actor: Actor, now: datetime) -> list[UUID]:
    """Give contacts near their end date a new item; return the items they replace."""
    near = ContentItem.objects.using(contents.ALIAS).filter(
        purpose=holders.PURPOSE,
        destroyed_at__isnull=True,
        expires_on__lt=now.date() + RENEW_WITHIN,
    )
    ids = list(near.values_list("id", flat=True))
    rows = list(
        Holder.objects.select_for_update().filter(ended_at__isnull=True, contact_content__in=ids)
    )
    purpose = Purpose(holders.PURPOSE, holders.GROUND, now.date() + holders.KEPT)
    replaced = []
    for row in rows:
        if row.contact_content is not None:
            data = contents.get(row.contact_content)
            if isinstance(data, bytes):
                replaced.append(row.contact_content)
                ref = contents.put(holders.KIND, data, purpose=purpose, now=now)
                row.contact_content, row.contact_digest = ref.id, ref.digest
    if replaced:
        event = CityRowsLoaded(section=holders.SECTION, rows=len(replaced))
        journal.record(event, actor=actor, now=now, rows=rows)
    return replaced
