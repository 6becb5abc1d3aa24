"""MultiDatastreams: which streams are put together, by whom and why; no reading is touched."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import datetime

from django.db import connection, transaction

from anlan.infra import journal
from anlan.infra.models import JournalHead
from anlan.kernel.actor import Actor
from anlan.kernel.canonical import canonical_bytes
from anlan.registry import public as registry
from anlan.registry.domain.errors import CodeTakenError, EditEmptyError
from anlan.sensing.domain.events import MultiDatastreamEnded, MultiDatastreamSet
from anlan.sensing.domain.multidatastreams import KnownMulti
from anlan.sensing.models import MultiDatastream

MOST_CODES = 5_000  # named in one question


def last_change() -> str:
    """Return what every change of any of them changes; empty while there were none.

    Asked before nearly every answer, so in plain SQL: compiling it would cost more than it does.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT mark FROM sensing_multidatastream ORDER BY changed DESC LIMIT 1")
        found = cursor.fetchone()
    return str(found[0]) if found else ""


def multis_in_force(codes: Collection[str] | None = None) -> tuple[KnownMulti, ...]:
    """Return those that were not ended, or which of ``codes`` were not, by code: one query."""
    found = MultiDatastream.objects.filter(ended_at__isnull=True).order_by("code")
    if codes is not None and len(codes) <= MOST_CODES:
        # PostgreSQL would refuse to look for a NUL.
        found = found.filter(code__in=[code for code in codes if code.isprintable()])
    rows = found.values_list("code", "name_zh", "name_en", "streams", "kinds")
    return tuple(
        KnownMulti(code, name_zh, name_en, tuple(streams), tuple(kinds))
        for code, name_zh, name_en, streams, kinds in rows
        if codes is None or code in codes
    )


@transaction.atomic
def put_together(actor: Actor, multi: KnownMulti, *, why: str, now: datetime) -> None:
    """Make a MultiDatastream of streams that the caller has looked at.

    Raises
    ------
    CodeTakenError
        When its code is or was that of another one, or of a sensor.
    EditReasonMissingError, EditReasonTooLongError, EditReasonPersonalError
        When nobody could tell later why, or when it tells how somebody is reached.
    """
    reason = registry.keep_reason(why, now=now)
    taken = registry.quantities_of({multi.code})
    if taken or MultiDatastream.objects.filter(code=multi.code).exists():
        raise CodeTakenError(key=multi.code)
    kept = MultiDatastream(
        code=multi.code, name_zh=multi.name_zh, name_en=multi.name_en,
        streams=list(multi.streams), kinds=list(multi.kinds),
    )  # fmt: skip
    event = MultiDatastreamSet(multi.code, multi.streams, str(reason.id), reason.digest)
    _record(actor, kept, event, now=now)


@transaction.atomic
def change(actor: Actor, multi: KnownMulti, *, why: str, now: datetime) -> None:
    """Give a MultiDatastream other names, or its results other kinds; its streams stay.

    Raises
    ------
    EditEmptyError
        When it is so already.
    EditReasonMissingError, EditReasonTooLongError, EditReasonPersonalError
        As :func:`put_together`.
    """
    reason = registry.keep_reason(why, now=now)
    kept = MultiDatastream.objects.select_for_update().get(code=multi.code)
    before = (kept.name_zh, kept.name_en, tuple(kept.kinds))
    if before == (multi.name_zh, multi.name_en, multi.kinds):
        raise EditEmptyError
    kept.name_zh, kept.name_en, kept.kinds = multi.name_zh, multi.name_en, list(multi.kinds)
    event = MultiDatastreamSet(multi.code, tuple(kept.streams), str(reason.id), reason.digest)
    _record(actor, kept, event, now=now)


@transaction.atomic
def end(actor: Actor, code: str, *, why: str, now: datetime) -> None:
    """End a MultiDatastream; its streams and their readings stay.

    Raises
    ------
    EditReasonMissingError, EditReasonTooLongError, EditReasonPersonalError
        As :func:`put_together`.
    """
    reason = registry.keep_reason(why, now=now)
    kept = MultiDatastream.objects.select_for_update().get(code=code)
    kept.ended_at = now
    _record(actor, kept, MultiDatastreamEnded(code, str(reason.id), reason.digest), now=now)


def _record(
    actor: Actor,
    row: MultiDatastream,
    event: MultiDatastreamSet | MultiDatastreamEnded,
    *,
    now: datetime,
) -> None:
    """Write a change with its number and mark, one after another."""
    JournalHead.objects.select_for_update().filter(pk=1).first()
    last = MultiDatastream.objects.order_by("-changed").values_list("changed", "mark").first()
    number, mark = last or (0, "")
    ended = row.ended_at is not None
    said = [mark, row.code, row.name_zh, row.name_en, row.streams, row.kinds, ended]
    row.changed, row.mark = number + 1, hashlib.sha256(canonical_bytes(said)).hexdigest()
    journal.record(event, actor=actor, now=now, rows=[row])
