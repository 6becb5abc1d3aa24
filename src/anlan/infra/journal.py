"""The journal: every change is written with its event, in one transaction (I16).

A service changes rows only through :func:`record`.  The entry holds the event
and the after-image of each changed row, so that the state at any instant can
be rebuilt (:func:`replay_images`) and what listeners hear is never lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import msgspec
from django.apps import apps
from django.db import connection, models

from anlan.infra import failpoints
from anlan.infra import rows as rows_of
from anlan.infra.models import JournalEntry, JournalHead
from anlan.kernel.actor import Actor
from anlan.kernel.canonical import bytes_of_plain, canonical_bytes, plain
from anlan.kernel.events import Event, Told

LEAF_PREFIX = b"\x00"  # RFC 9162 §2.1.1: domain separation of leaves from inner nodes


@cache
def _in_images(model: type[models.Model]) -> tuple[str, ...]:
    """Return the names of the journalled fields."""
    left_out = getattr(model, "journal_left_out", ())
    fields = (field for field in model._meta.concrete_fields if not field.primary_key)
    return tuple(field.attname for field in fields if field.attname not in left_out)


def image_of(row: models.Model) -> dict[str, object]:
    """Return the after-image of ``row``: its table, key and journalled fields."""
    values = {name: plain(getattr(row, name)) for name in _in_images(type(row))}
    return {"table": row._meta.label_lower, "pk": plain(row.pk), "fields": values}


def entry_bytes(
    seq: int, event: str, at: datetime, actor: str, payload: object, images: object
) -> bytes:
    """Return the canonical bytes of one entry: what the ledger seals."""
    return canonical_bytes(
        {
            "seq": seq,
            "event": event,
            "at": at,
            "actor": actor,
            "payload": payload,
            "images": images,
        }
    )


def leaf_hash(data: bytes) -> str:
    """Return the RFC 9162 leaf hash of ``data`` as hex."""
    return hashlib.sha256(LEAF_PREFIX + data).hexdigest()


def _next_seq(count: int = 1) -> int:
    """Take ``count`` numbers; return the last of them."""
    if connection.vendor == "sqlite":
        # The transaction began IMMEDIATE: this process is the only writer.
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE infra_journalhead SET seq = seq + %s WHERE id = 1 RETURNING seq", [count]
            )
            found = cursor.fetchone()
    else:
        head = JournalHead.objects.select_for_update().get(id=1)
        head.seq += count
        head.save(update_fields=["seq"])
        found = (head.seq,)
    if found is None:
        raise LookupError("the journal has no head row: run the migrations")
    return int(found[0])


def record(
    event: Event,
    *,
    actor: Actor,
    now: datetime,
    rows: Iterable[models.Model] = (),
    gone: Sequence[models.Model] = (),
    made: Sequence[models.Model] = (),
) -> JournalEntry:
    """Save ``rows``, delete ``gone``, and append ``event``: all in the caller's transaction.

    Those of ``rows`` that are also in ``made`` were written in this transaction just so (an event
    names the number of its row; many go with one statement): they are not written a second time.

    Raises
    ------
    RuntimeError
        When called outside a transaction: a change and its entry must commit together.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("journal.record needs a transaction")
    changed = list(rows)
    there = {id(row) for row in made}
    for row in changed:
        if id(row) not in there:
            rows_of.save(row)
    images: list[dict[str, object]] = [image_of(row) for row in changed]
    for row in gone:
        images.append({"table": row._meta.label_lower, "pk": plain(row.pk), "fields": None})
        row.delete()
    failpoints.reach("journal.rows_saved")
    return _append(event, images, actor=actor, now=now)


def record_bulk(
    event: Event,
    *,
    actor: Actor,
    now: datetime,
    rows: Sequence[models.Model],
    update: bool = False,
) -> JournalEntry:
    """Like :func:`record` for many rows of one table (city data): one entry, few queries.

    New rows need their keys beforehand, or a database that returns them.
    With ``update`` the rows exist already and are replaced field by field.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("journal.record_bulk needs a transaction")
    if rows:
        model = type(rows[0])
        manager = model._default_manager
        if update:
            names = [f.name for f in model._meta.concrete_fields if not f.primary_key]
            manager.bulk_update(rows, names, batch_size=200)
        else:
            manager.bulk_create(rows, batch_size=2000)
    return _append(event, [image_of(row) for row in rows], actor=actor, now=now)


def record_each(
    changes: Sequence[tuple[Event, models.Model]], *, actor: Actor, now: datetime
) -> list[JournalEntry]:
    """Append one entry for each of many rows of one table, in their order, with few statements.

    What stands in the journal is what :func:`record` would have put there one by one; the
    rows are written already, in the same transaction.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("journal.record_each needs a transaction")
    if not changes:
        return []
    failpoints.reach("journal.rows_saved")
    first = _next_seq(len(changes)) - len(changes) + 1
    entries = [
        _entry(first + number, event, [image_of(row)], actor=actor, now=now)
        for number, (event, row) in enumerate(changes)
    ]
    rows_of.insert_many(entries)
    failpoints.reach("journal.appended")
    return entries


def _append(
    event: Event, images: list[dict[str, object]], *, actor: Actor, now: datetime
) -> JournalEntry:
    entry = _entry(_next_seq(), event, images, actor=actor, now=now)
    rows_of.insert(entry)
    failpoints.reach("journal.appended")
    return entry


def _entry(
    seq: int, event: Event, images: list[dict[str, object]], *, actor: Actor, now: datetime
) -> JournalEntry:
    payload = plain(event.payload())
    # As entry_bytes gives it: payload and images are plain already.
    data = bytes_of_plain(
        {
            "seq": seq,
            "event": event.name,
            "at": plain(now),
            "actor": actor.id,
            "payload": payload,
            "images": images,
        }
    )
    return JournalEntry(
        seq=seq,
        event=event.name,
        at=now,
        actor=actor.id,
        payload=payload,
        images=images,
        leaf=leaf_hash(data),
    )


def head() -> int:
    """Return the number of the last entry: whether it moved says whether anything happened.

    Asked several times a second while somebody watches, so in plain SQL.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq FROM infra_journalhead WHERE id = 1")
        found = cursor.fetchone()
    return int(found[0]) if found else 0


def happened(events: Collection[str], *, after: int) -> bool:
    """Return whether one of ``events`` stands in the journal behind entry ``after``."""
    return JournalEntry.objects.filter(event__in=list(events), seq__gt=after).exists()


def payloads(events: Collection[str], *, after: int) -> list[dict[str, Any]]:
    """Return what those of ``events`` say that stand behind entry ``after``, in their order."""
    rows = JournalEntry.objects.filter(event__in=list(events), seq__gt=after).order_by("seq")
    return list(rows.values_list("payload", flat=True))


class Line(NamedTuple):
    """What listeners hear of an entry: without its images, and lighter than a row."""

    seq: int
    event: str
    at: datetime
    actor: str
    payload: dict[str, Any]


def lines(entries: models.QuerySet[JournalEntry], *, most: int) -> list[Line]:
    """Return the first of some entries, in their order."""
    return [Line(*row) for row in entries.order_by("seq").values_list(*Line._fields)[:most]]


def told(entry: JournalEntry | Line) -> Told:
    """Return ``entry`` as its listeners hear it."""
    cls = Event.registered[entry.event]
    event = msgspec.convert(entry.payload, cls, strict=False)
    return Told(event=event, seq=entry.seq, at=entry.at, actor=entry.actor)


def journalled_models() -> list[type[models.Model]]:
    """Return the models whose rows are part of the rebuilt state."""
    return [model for model in apps.get_models() if getattr(model, "journalled", False)]


def replay_images(
    entries: Iterable[JournalEntry],
) -> dict[str, dict[object, dict[str, object]]]:
    """Apply after-images in order and return ``{table: {pk: fields}}``: the state they describe."""
    state: dict[str, dict[object, dict[str, object]]] = {}
    for entry in entries:
        for image in entry.images:
            table = state.setdefault(image["table"], {})
            if image["fields"] is None:
                table.pop(image["pk"], None)
            else:
                table[image["pk"]] = image["fields"]
    return state


def live_state() -> dict[str, dict[object, dict[str, object]]]:
    """Return every journalled row as it stands now, in the form of :func:`replay_images`."""
    state: dict[str, dict[object, dict[str, object]]] = {}
    for model in journalled_models():
        rows = {}
        for row in model._default_manager.all().iterator(2000):
            image = image_of(row)
            rows[image["pk"]] = image["fields"]
        if rows:
            state[model._meta.label_lower] = rows  # type: ignore[assignment]
    return state
