"""What became of the contents that the journal names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from anlan.infra import contents
from anlan.infra.models import ContentItem

AT_ONCE = 500


class ContentState(StrEnum):
    """What is left of a content item."""

    KEPT = "kept"
    DESTROYED = "destroyed"  # data and salt are gone; the digest tells nothing any more
    MISSING = "missing"  # not even its row is left: nothing lawful does that


@dataclass(frozen=True, slots=True)
class ContentStanding:
    """One content item beside the digest that the journal holds of it."""

    id: str
    journal_digest: str
    store_digest: str
    state: ContentState
    destroyed_at: datetime | None = None
    reason: str = ""


def standings(refs: Mapping[str, str]) -> Iterator[ContentStanding]:
    """Yield how each item of ``{id: digest}`` stands, by id."""
    ids = sorted(refs)
    for start in range(0, len(ids), AT_ONCE):
        part = ids[start : start + AT_ONCE]
        rows = ContentItem.objects.using(contents.ALIAS).filter(pk__in=[_uuid(i) for i in part])
        found = {str(row.id): row for row in rows.defer("data", "salt")}
        for item_id in part:
            yield _standing(item_id, refs[item_id], found.get(item_id))


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)  # names no item: it will be found missing


def _standing(item_id: str, digest: str, row: ContentItem | None) -> ContentStanding:
    if row is None:
        return ContentStanding(item_id, digest, "", ContentState.MISSING)
    state = ContentState.KEPT if row.destroyed_at is None else ContentState.DESTROYED
    return ContentStanding(
        item_id, digest, row.digest, state, row.destroyed_at, row.destroyed_reason
    )
