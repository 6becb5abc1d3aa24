"""Hand out what is personal in the registry: to whom, and why, stands in the journal."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from pathlib import Path

from django.db import transaction

from anlan.infra import here, journal, passing
from anlan.kernel.actor import Actor
from anlan.registry import access
from anlan.registry.domain.errors import RecordUnknownError
from anlan.registry.domain.events import ContactsShown
from anlan.registry.domain.facts import Contact
from anlan.registry.models import Holder
from anlan.registry.selectors import duties
from anlan.registry.services.allowing import may_edit_holder
from anlan.registry.services.editing import keep_reason
from anlan.registry.services.exporting import export_city

PACK = "pack"
# Zip dates begin in 1980; one date for all makes equal packs equal files.
ZIP_DATE = (1980, 1, 1, 0, 0, 0)


def show_contact(actor: Actor, code: str, *, reason: str, now: datetime) -> Contact | None:
    """Return how a holder is reached, after it was journalled who looked and why.

    Raises
    ------
    NotAllowedError
        When the actor does not keep city data.
    RecordUnknownError
        When the person sits at a post beyond the actor's areas, or there is none.
    EditReasonMissingError, EditReasonTooLongError
        See :func:`keep_reason`.
    """
    access.require_city_keeper(actor)
    if not Holder.objects.filter(pk=code).exists() or not may_edit_holder(actor, code):
        raise RecordUnknownError(section="holders", key=code[:64])
    _note(actor, code, 1, reason=reason, now=now)
    return duties.contact_of(code)


def pack_zip(actor: Actor, *, reason: str, now: datetime) -> bytes:
    """Return the city pack in force as a zip; it holds every contact, so it is journalled.

    Raises
    ------
    NotAllowedError
        When the actor does not keep the data of the whole city.
    EditReasonMissingError, EditReasonTooLongError
        See :func:`keep_reason`.
    """
    access.require_whole_city(actor)
    with passing.folder(here.workspace(), now=now) as opened:
        folder = opened / PACK
        pack = export_city(actor, folder)
        _note(actor, PACK, len(pack.holders), reason=reason, now=now)
        return _zipped(folder)


@transaction.atomic
def _note(actor: Actor, what: str, holders: int, *, reason: str, now: datetime) -> None:
    kept = keep_reason(reason, now=now)
    event = ContactsShown(
        what=what, holders=holders, reason_content=str(kept.id), reason_digest=kept.digest
    )
    journal.record(event, actor=actor, now=now)


def _zipped(folder: Path) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                info = zipfile.ZipInfo(path.relative_to(folder).as_posix(), ZIP_DATE)
                info.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(info, path.read_bytes())
    return out.getvalue()


def reachable_by(code: str) -> tuple[str, ...]:
    """Return by which ways a holder can be reached, without showing any of them."""
    contact = duties.contact_of(code)
    if contact is None:
        return ()
    return tuple(name for name in ("email", "phone", "webhook") if getattr(contact, name))
