"""The content store: contact data, free text and photos, apart from everything else (I12).

Each item carries its purpose, legal ground and end date.  Journal and ledger
hold a :class:`ContentRef`: a key and a salted hash.  Destroying an item erases
data *and* salt, so the hash that stays in the journal tells nothing any more.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID, uuid4

from django.db import connections, transaction

from anlan.infra import failpoints, rows
from anlan.infra.models import ContentItem
from anlan.infra.prepared import PreparedQuery

ALIAS = "contents"
SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class ContentRef:
    """What the journal may know of a content item."""

    id: UUID
    digest: str


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why personal data is kept, on what ground, and until when."""

    name: str
    legal_ground: str
    expires_on: date


class Destroyed:
    """What is read where an item was lawfully destroyed."""

    def __repr__(self) -> str:
        return "destroyed"


DESTROYED = Destroyed()


def salted_digest(salt: bytes, data: bytes) -> str:
    """Return the keyed SHA-256 that stands for ``data`` in the journal."""
    return hmac.new(salt, data, hashlib.sha256).hexdigest()


def prepared(kind: str, data: bytes, *, purpose: Purpose, now: datetime) -> ContentItem:
    """Return an item that :func:`keep` has yet to make durable."""
    salt = secrets.token_bytes(SALT_BYTES)
    return ContentItem(
        id=uuid4(),
        kind=kind,
        purpose=purpose.name,
        legal_ground=purpose.legal_ground,
        stored_at=now,
        expires_on=purpose.expires_on,
        data=data,
        salt=salt,
        digest=salted_digest(salt, data),
    )


def ref_of(item: ContentItem) -> ContentRef:
    """Return what the journal may know of an item."""
    return ContentRef(id=item.id, digest=item.digest)


def keep(items: Sequence[ContentItem]) -> None:
    """Keep prepared items durably, in one transaction.

    They are committed before the caller's own transaction: a crash between
    the two leaves items that nothing names, which the expiry job removes on
    their end date.
    """
    if not items:
        return
    with transaction.atomic(using=ALIAS):
        for item in items:
            rows.insert(item, alias=ALIAS)
    for _ in items:
        failpoints.reach("contents.put")


def put(kind: str, data: bytes, *, purpose: Purpose, now: datetime) -> ContentRef:
    """Keep ``data`` durably, at once and before anything else, and return its reference."""
    item = prepared(kind, data, purpose=purpose, now=now)
    keep([item])
    return ref_of(item)


def get(item_id: UUID | str) -> bytes | Destroyed:
    """Return the bytes of an item, or :data:`DESTROYED`."""
    item = ContentItem.objects.using(ALIAS).get(pk=item_id)
    return DESTROYED if item.data is None else bytes(item.data)


def get_text(item_id: UUID | str | None) -> str:
    """Return an item as text; empty when there is none or it was destroyed."""
    if item_id is None:
        return ""
    found = _DATA.rows(UUID(str(item_id)))
    return bytes(found[0][0]).decode() if found and found[0][0] is not None else ""


_DATA = PreparedQuery(
    lambda item: ContentItem.objects.using(ALIAS).filter(pk=item).values_list("data"),
    ((UUID(int=1), UUID(int=2)),),
    alias=ALIAS,
)


def get_texts(item_ids: list[UUID]) -> dict[UUID, str]:
    """Return several items as text in one query, without those destroyed."""
    found = ContentItem.objects.using(ALIAS).filter(pk__in=item_ids, data__isnull=False)
    return {item.id: bytes(item.data or b"").decode() for item in found}


def destroy(item_ids: list[UUID], *, reason: str, now: datetime) -> int:
    """Erase the data and salt of items; return how many were erased."""
    erased = (
        ContentItem.objects.using(ALIAS)
        .filter(pk__in=item_ids, destroyed_at__isnull=True)
        .update(data=None, salt=None, destroyed_at=now, destroyed_reason=reason)
    )
    if erased and connections[ALIAS].vendor == "sqlite":
        transaction.on_commit(_empty_the_log, using=ALIAS)
    return erased


def _empty_the_log() -> None:
    """Let the erased bytes leave SQLite's write-ahead log too (``secure_delete`` zeroes pages)."""
    with connections[ALIAS].cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def expired_ids(today: date, *, limit: int = 1000) -> list[UUID]:
    """Return items whose end date has passed and that are still kept."""
    found = ContentItem.objects.using(ALIAS).filter(expires_on__lt=today, destroyed_at__isnull=True)
    return list(found.values_list("id", flat=True)[:limit])


def verify() -> list[UUID]:
    """Return the items whose data no longer gives their digest (none, when all is well)."""
    kept = ContentItem.objects.using(ALIAS).filter(destroyed_at__isnull=True)
    return [
        item.id
        for item in kept.iterator(500)
        if salted_digest(bytes(item.salt or b""), bytes(item.data or b"")) != item.digest
    ]
