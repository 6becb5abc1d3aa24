"""What people write when they act; the words themselves go to the content store (I12)."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from anlan.infra import contents, journal
from anlan.infra import rows as rows_of
from anlan.infra.contents import ContentRef, Purpose
from anlan.kernel.actor import Actor
from anlan.kernel.errors import InvalidInputError
from anlan.response.domain.asking import Picture
from anlan.response.domain.events import CaseNoted
from anlan.response.models import Case, CaseEntry, CaseNote, CasePhoto
from anlan.sensing import public as sensing

MAX_LETTERS = 10_000
KEPT_FOR = timedelta(days=3 * 365)  # Anlan's default: as long as a case may be reviewed


class NoteTooLongError(InvalidInputError):
    """A note has more letters than is kept."""

    code = "case.note_too_long"


def keep_text(text: str, *, now: datetime) -> ContentRef:
    """Keep free text that belongs to a case.

    Raises
    ------
    NoteTooLongError
        When it is longer than :data:`MAX_LETTERS`.
    """
    if len(text) > MAX_LETTERS:
        raise NoteTooLongError(letters=len(text), most=MAX_LETTERS)
    return contents.put("case_note", text.encode(), purpose=_purpose(now), now=now)


def _purpose(now: datetime) -> Purpose:
    return Purpose(
        name="case handling",
        legal_ground="statutory duty (个人信息保护法 Art 13(3))",
        expires_on=(now + KEPT_FOR).date(),
    )


def pictures_of(files: tuple[bytes, ...]) -> tuple[Picture, ...]:
    """Return image files as they will be kept.

    To be called before a move, not within it: decoding takes longer than others can wait.

    Raises
    ------
    SignRefusedError
        When a file is no photo, or there are too many or too large ones.
    """
    photos = sensing.clean_photos(files)
    return tuple(Picture(photo.data, photo.width_px, photo.height_px) for photo in photos)


def photographed(
    case: Case, pictures: tuple[Picture, ...], *, about: str, actor: Actor, now: datetime
) -> list[CasePhoto]:
    """Return the photos to be kept with an act."""
    found = []
    for picture in pictures:
        kept = contents.put("case_photo", picture.data, purpose=_purpose(now), now=now)
        found.append(
            CasePhoto(
                case=case,
                by=actor.id,
                by_post=actor.post or "",
                at=now,
                about=about,
                photo_content=kept.id,
                photo_digest=kept.digest,
                width_px=picture.width_px,
                height_px=picture.height_px,
            )
        )
    return found


def drafted(case: Case, text: str, *, about: str, actor: Actor, now: datetime) -> list[CaseNote]:
    """Return the note to be kept with an act; none when nothing was written."""
    if not text.strip():
        return []
    kept = keep_text(text, now=now)
    return [
        CaseNote(
            case=case,
            by=actor.id,
            by_post=actor.post or "",
            at=now,
            about=about,
            text_content=kept.id,
            text_digest=kept.digest,
        )
    ]


@transaction.atomic
def write_note(actor: Actor, case: Case, text: str, *, about: str, now: datetime) -> None:
    """Keep what was written of a case; nothing when nothing was."""
    rows = drafted(case, text, about=about, actor=actor, now=now)
    if rows:
        rows[0].save()
        event = CaseNoted(case=case.pk, note=rows[0].pk, about=about)
        entry = journal.record(event, actor=actor, now=now, rows=rows)
        rows_of.insert(CaseEntry(case=case, seq=entry.seq))
