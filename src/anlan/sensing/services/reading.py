"""Reading what a person said: who, of which post, what and why is journalled first (I13)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from anlan.infra import contents, journal
from anlan.kernel.actor import Actor
from anlan.kernel.errors import NotFoundError
from anlan.sensing import access, selectors
from anlan.sensing.domain.errors import ReadReasonError
from anlan.sensing.domain.events import ContentsRead
from anlan.sensing.domain.reading import ReadReason
from anlan.sensing.models import Quarantine, Report, ReportPhoto


@dataclass(frozen=True, slots=True)
class ReportWords:
    """What a reporter said and showed; empty where it was destroyed."""

    text: str
    place: str
    contact: dict[str, str]  # only to call back
    photos: tuple[bytes, ...]  # JPEG


def read_report(actor: Actor, report: Report, reason: str, *, now: datetime) -> ReportWords:
    """Return the words and photos of a report, after noting who reads them and why.

    Raises
    ------
    NotFoundError
        To whoever may not read words: an auditor proves that they exist, not what they say.
    ReadReasonError
        When the reason is none of :class:`ReadReason`.
    """
    _note(actor, f"report:{report.pk}", reason, now=now)
    said = selectors.report_said(report.pk)
    keys = ReportPhoto.objects.filter(report=report).order_by("position")
    kept = [key for key in keys.values_list("photo_content", flat=True) if key is not None]
    photos = [contents.get(key) for key in kept]
    return ReportWords(
        text=said.text,
        place=said.place,
        contact=said.contact if reason == ReadReason.CALL_BACK else {},
        photos=tuple(photo for photo in photos if isinstance(photo, bytes)),
    )


def read_aside(actor: Actor, row: Quarantine, reason: str, *, now: datetime) -> bytes:
    """Return a message as it came, after noting who reads it and why.

    Raises
    ------
    NotFoundError
        When it was lawfully destroyed, or the actor may not read words.
    ReadReasonError
        When the reason is none of :class:`ReadReason`.
    """
    _note(actor, f"quarantine:{row.pk}", reason, now=now)
    raw = contents.get(row.raw_content) if row.raw_content else contents.DESTROYED
    if not isinstance(raw, bytes):
        raise NotFoundError(what="content", id=row.pk)
    return raw


def words_of_report(actor: Actor, report_id: int, reason: str, *, now: datetime) -> ReportWords:
    """Return the words of the report of that key, as :func:`read_report` does.

    Raises
    ------
    NotFoundError
        When there is none in the actor's areas.
    """
    report = access.report_for(actor, selectors.report(report_id).number)
    return read_report(actor, report, reason, now=now)


def note_reading(actor: Actor, what: str, reason: str, *, now: datetime) -> None:
    """Note that somebody reads the personal content ``what`` of another room, and why.

    Raises
    ------
    NotFoundError, ReadReasonError
        As :func:`read_report`.
    """
    _note(actor, what, reason, now=now)


@transaction.atomic
def _note(actor: Actor, what: str, reason: str, *, now: datetime) -> None:
    if not actor.reads_contents:
        raise NotFoundError(what="content", id=what)
    if reason not in list(ReadReason):
        raise ReadReasonError(known=", ".join(ReadReason))
    event = ContentsRead(what=what, reason=reason, post=actor.post or "")
    journal.record(event, actor=actor, now=now)
