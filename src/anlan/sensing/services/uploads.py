"""Photos on their way, in pieces: what was acknowledged is there after a crash or a broken line.

Drawn on the tus protocol (https://tus.io/protocols/resumable-upload): begin, append at an
offset, ask for the offset.  A piece is kept in the content store before the row that counts it;
a crash between the two leaves bytes that nothing names, which go on their end date.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Count, F, Sum

from anlan.infra import contents, failpoints, together
from anlan.kernel.actor import Actor, Role
from anlan.sensing.domain import uploads as words
from anlan.sensing.domain.errors import (
    UploadsManyError,
    UploadUnfinishedError,
    UploadUnknownError,
)
from anlan.sensing.domain.uploads import UploadState
from anlan.sensing.models import Upload, UploadPiece
from anlan.sensing.services.known import city_facts
from anlan.sensing.services.retention import ON_ITS_WAY

SWEPT_AT_ONCE = 200


def begin_upload(actor: Actor, length: int, *, now: datetime) -> str:
    """Begin a photo of ``length`` bytes; return the secret name under which it is sent.

    Raises
    ------
    UploadTooLargeError, UploadNotAPhotoError
        It could not be kept when it had come.
    UploadsManyError
        The actor has too many on their way, or all that may come without a seat is on its way.
    """
    words.refuse_length(length)
    token = secrets.token_urlsafe(24)

    def effect() -> None:
        open_now = Upload.objects.filter(owner=actor.id, until__gt=now)
        if actor.role is Role.PROGRAM:
            there = open_now.aggregate(bytes=Sum("length"), photos=Count("pk"))
            full = (there["bytes"] or 0) + length > words.PUBLIC_BYTES
            if full or there["photos"] >= words.PUBLIC_MOST:
                raise UploadsManyError
        elif open_now.count() >= words.EACH_MOST:
            raise UploadsManyError
        Upload.objects.create(
            token_hash=_hash(token),
            owner=actor.id,
            length=length,
            began_at=now,
            until=now + words.KEPT_FOR,
        )

    try:
        together.commit(effect)
    except UploadsManyError:
        if actor.role is not Role.PROGRAM or not _make_room(actor, now=now):
            raise
        together.commit(effect)
    return token


def _make_room(actor: Actor, *, now: datetime) -> int:
    """Forget photos that were announced and hardly come; return how many.

    Announcing costs nothing: a few tiny requests would keep everybody else out for a day.
    """
    idle = Upload.objects.filter(
        owner=actor.id, began_at__lte=now - words.BEGUN_WITHIN, offset__lt=words.BEGUN_BYTES
    )
    keys = list(idle.exclude(offset=F("length")).values_list("pk", flat=True))
    return _forget(keys, reason="hardly begun", now=now) if keys else 0


def upload_state(actor: Actor, token: str, *, now: datetime) -> UploadState:
    """Return how much of a photo has come.

    Raises
    ------
    UploadUnknownError
        When there is none of that name that the actor began.
    """
    return _state(_upload(actor, token, now=now))


def append_piece(actor: Actor, token: str, offset: int, data: bytes, *, now: datetime) -> int:
    """Keep the next piece of a photo durably; return how many bytes have come.

    Raises
    ------
    UploadUnknownError, or one of :func:`anlan.sensing.domain.uploads.refuse_piece`
        Nothing was kept then.
    """
    found = _upload(actor, token, now=now)
    words.refuse_piece(_state(found), offset, data, pieces=found.pieces.count())
    purpose = ON_ITS_WAY.from_day(city_facts().local_day(now))
    item = contents.prepared("photo_piece", data, purpose=purpose, now=now)

    def effect() -> int:
        # Another request with the same piece may have been faster: the row as it is now counts.
        row = _upload(actor, token, now=now, lock=True)
        words.refuse_piece(_state(row), offset, data, pieces=row.pieces.count())
        UploadPiece.objects.create(upload=row, offset=offset, piece_content=item.id)
        row.offset += len(data)
        row.save(update_fields=["offset"])
        failpoints.reach("sensing.before_commit")
        return row.offset

    try:
        come = together.commit(effect, items=[item])
    except Exception:
        contents.destroy([item.id], reason="sent twice at once", now=now)
        raise
    failpoints.reach("sensing.committed")
    return come


def uploaded(actor: Actor, tokens: Sequence[str], *, now: datetime) -> tuple[bytes, ...]:
    """Return photos that have come whole.

    Raises
    ------
    UploadUnknownError, UploadUnfinishedError
        With the first that is not there, or not whole.
    """
    return tuple(_whole(_upload(actor, token, now=now)) for token in dict.fromkeys(tokens))


def _whole(row: Upload) -> bytes:
    if row.offset != row.length:
        raise UploadUnfinishedError(offset=row.offset, length=row.length)
    keys = row.pieces.order_by("offset").values_list("piece_content", flat=True)
    pieces = [contents.get(key) for key in keys]
    data = b"".join(piece for piece in pieces if isinstance(piece, bytes))
    if len(data) != row.length:
        raise UploadUnknownError  # a piece was lawfully destroyed
    return data


def forget_uploads(actor: Actor, tokens: Sequence[str], *, now: datetime) -> int:
    """Destroy photos on their way that the actor used or does not want; return how many."""
    rows = Upload.objects.filter(owner=actor.id, token_hash__in=[_hash(one) for one in tokens])
    return _forget(list(rows.values_list("pk", flat=True)), reason="used or taken back", now=now)


def sweep_uploads(*, now: datetime) -> int:
    """Destroy what came of photos whose time is over; return how many photos."""
    gone = 0
    rows = Upload.objects.filter(until__lte=now).values_list("pk", flat=True)
    while keys := list(rows[:SWEPT_AT_ONCE]):
        gone += _forget(keys, reason="never finished", now=now)
    return gone


def _forget(keys: list[str], *, reason: str, now: datetime) -> int:
    """Destroy the bytes first: what a crash leaves behind is a row without them, swept later."""
    pieces = UploadPiece.objects.filter(upload__in=keys)
    named: list[UUID] = list(pieces.values_list("piece_content", flat=True))
    contents.destroy(named, reason=reason, now=now)
    with transaction.atomic():
        pieces.delete()
        Upload.objects.filter(pk__in=keys).delete()
    return len(keys)


def _upload(actor: Actor, token: str, *, now: datetime, lock: bool = False) -> Upload:
    rows = Upload.objects.select_for_update() if lock else Upload.objects
    found = rows.filter(pk=_hash(token), owner=actor.id, until__gt=now).first()
    if found is None:
        raise UploadUnknownError
    return found


def _state(row: Upload) -> UploadState:
    return UploadState(offset=row.offset, length=row.length, until=row.until)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
