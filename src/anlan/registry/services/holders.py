"""Holders of posts: the contact goes to the content store, the table keeps its reference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

import msgspec

from anlan.infra import contents
from anlan.infra.contents import Purpose
from anlan.registry.domain import city as c
from anlan.registry.domain.facts import Contact
from anlan.registry.models import Holder
from anlan.registry.services.areas import LOOK_UP, chunks
from anlan.registry.services.changes import Change
from anlan.registry.services.sections import Moment, endings

SECTION = "holders"
KIND = "contact"
PURPOSE = "duty roster"
GROUND = "个人信息保护法 Art 13(3): needed to fulfil statutory duties"
KEPT = timedelta(days=730)


def contact_of(holder: c.Holder) -> Contact:
    """Return the personal part of a pack's holder."""
    return Contact(
        name=holder.name,
        email=holder.email,
        phone=holder.phone,
        webhook=holder.webhook,
        language=holder.language,
    )


def kept_contacts(rows: Iterable[Holder]) -> dict[str, bytes]:
    """Return the contacts of holders as kept, by code; without those destroyed or run out."""
    found: dict[str, bytes] = {}
    for chunk in chunks(rows, LOOK_UP):
        items = [row.contact_content for row in chunk if row.contact_content is not None]
        texts = contents.get_texts(items)
        for row in chunk:
            if row.contact_content in texts:
                found[row.code] = texts[row.contact_content].encode()
    return found


def holder_changes(entries: Iterable[c.Holder], moment: Moment) -> Iterator[Change]:
    """Yield the differences of the holders; rows carry no content yet, see :func:`keep`."""
    known = {row.code: row for row in Holder.objects.all()}
    kept = kept_contacts(known.values())
    for entry in entries:
        row = known.pop(entry.code, None)
        if row is None:
            yield Change(SECTION, "added", entry.code, Holder(code=entry.code))
            continue
        same = _decoded(kept.get(entry.code)) == contact_of(entry)
        if not same or row.ended_at is not None:
            row.ended_at = None
            yield Change(SECTION, "changed", entry.code, row, () if same else ("contact",))
    yield from endings(SECTION, known, moment)


def _decoded(data: bytes | None) -> Contact | None:
    return None if data is None else msgspec.json.decode(data, type=Contact)


def keep(changes: Iterable[Change], pack: c.City, moment: Moment) -> Iterator[Change]:
    """Pass holder changes on after keeping each new contact in the content store."""
    entries = {entry.code: entry for entry in pack.holders}
    purpose = Purpose(PURPOSE, GROUND, moment.day + KEPT)
    for change in changes:
        row = change.row
        if isinstance(row, Holder) and (change.what == "added" or "contact" in change.columns):
            data = msgspec.json.encode(contact_of(entries[row.code]))
            ref = contents.put(KIND, data, purpose=purpose, now=moment.now)
            row.contact_content, row.contact_digest = ref.id, ref.digest
        yield change
