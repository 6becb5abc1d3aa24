"""Showing what was photographed at a case: who looks, and why, is journalled first (I13)."""

from __future__ import annotations

from datetime import datetime

from anlan.infra import contents
from anlan.kernel.actor import Actor
from anlan.kernel.errors import NotFoundError
from anlan.response import access
from anlan.response.models import CasePhoto
from anlan.sensing import public as sensing


def show_photo(actor: Actor, case_id: int, photo_id: int, reason: str, *, now: datetime) -> bytes:
    """Return a photo of a case as JPEG bytes.

    Raises
    ------
    NotFoundError
        When the actor may not know of the case, or it has no such photo (any more).
    ReadReasonError
        When the reason is none of the list.
    """
    case = access.case_for_actor(actor, case_id)
    row = CasePhoto.objects.filter(pk=photo_id, case=case).first()
    if row is None:
        raise NotFoundError(what="photo", id=photo_id)
    sensing.note_reading(actor, f"case_photo:{row.pk}", reason, now=now)
    data = contents.get(row.photo_content)
    if not isinstance(data, bytes):
        raise NotFoundError(what="photo", id=photo_id)
    return data
