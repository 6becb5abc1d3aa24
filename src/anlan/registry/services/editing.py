"""Change one thing of the city in force by hand: the same way in as a load, one entry at a time.

The city's data are a pack, whoever changes it.  An edit makes the pack as it would be,
has the linter compare both, and writes what differs with one journal entry that says who,
why and from which day on.  An export afterwards holds it; an older pack shows it as a
difference (``docs/adr/0007-one-way-into-the-registry.md``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from django.db import transaction

from anlan.infra import contents, journal
from anlan.infra.contents import ContentRef, Purpose
from anlan.infra.models import JournalHead
from anlan.kernel.actor import Actor
from anlan.kernel.canonical import canonical_bytes
from anlan.registry.domain import city as c
from anlan.registry.domain import edits
from anlan.registry.domain.edits import Difference, Edit, HolderEdit
from anlan.registry.domain.entry_edits import LINES, VERSIONED, EntriesEdit, applied_shapes
from anlan.registry.domain.errors import (
    EditDaysManyError,
    EditEmptyError,
    EditReasonMissingError,
    EditReasonPersonalError,
    EditReasonTooLongError,
    EditWorsensError,
    RecordChangedError,
)
from anlan.registry.domain.events import CityEdited
from anlan.registry.domain.reasons import names_somebody
from anlan.registry.models import Area, CityState, Holder, PackEntry
from anlan.registry.selectors import packs, sheets
from anlan.registry.services import holders
from anlan.registry.services.allowing import allow
from anlan.registry.services.around import around, moved_alike
from anlan.registry.services.edit_changes import edit_changes
from anlan.registry.services.examining import Found, about, errors_of, examine, worse
from anlan.registry.services.exporting import pack_in_force
from anlan.registry.services.loading import link
from anlan.registry.services.retention import destroy_contents
from anlan.registry.services.sections import Moment

MOST_LETTERS = 1000
MOST_DAYS = 8  # on which the linter looks at one edit: each costs as long as the first
TRIES = 5  # while others change the city
KIND = "registry_reason"
KEPT_FOR = timedelta(days=10 * 365)  # Anlan's default: as long as "who answered then?" is asked


@dataclass(frozen=True, slots=True)
class EditShown:
    """What an edit would change, before it is taken (改动预览)."""

    differences: tuple[Difference, ...]
    opened: tuple[Found, ...]  # findings that it would bring
    closed: tuple[Found, ...]  # findings that it would end
    seen: str  # what the entry is told by: the edit is refused when it is not the same any more
    planned: frozenset[object] = (
        frozenset()
    )  # matters only told: until their day they can be mended

    @property
    def refused(self) -> tuple[Found, ...]:
        """The errors that keep it from being taken."""
        return errors_of([item for item in self.opened if item.matter not in self.planned])


@dataclass(frozen=True)
class _Draft:
    """The pack before and after an edit, and what the linter says of both."""

    before: c.City
    after: c.City
    shown: EditShown


def fingerprint_of(section: str, key: str) -> str:
    """Return what an entry is told by now; a form keeps it until it is sent."""
    return edits.fingerprint(_entries(section, key))


def _entries(section: str, key: str) -> Iterable[Any]:
    """Return the entries that an edit of ``key`` is about: one, or a post's whole roster."""
    if section == holders.SECTION:
        people = Holder.objects.filter(pk=key, ended_at__isnull=True)
        return (_Told(row.code, row.contact_digest) for row in people)
    if section in VERSIONED:
        rows = PackEntry.objects.filter(section=section, code=key, in_pack=True)
        return (repr(row.spec) for row in rows.order_by("source", "version"))
    if section == sheets.AREAS.section:
        found = Area.objects.filter(pk=key, ended_at__isnull=True)
        return ((sheets.AREAS.entry(row), row.shape, row.schematic) for row in found)
    sheet = sheets.BY_SECTION[section]
    about = {"post": key} if sheet is sheets.SHIFTS else {"pk": key or None}
    lines = sheet.model._default_manager.filter(ended_at__isnull=True, **about)
    return (sheet.entry(row) for row in lines)


@dataclass(frozen=True, slots=True)
class _Told:
    """A holder as fingerprints see it: never the contact itself."""

    code: str
    digest: str


def show_edit(actor: Actor, edit: Edit, *, now: datetime) -> EditShown:
    """Return what :func:`take_edit` would change at ``now``; writes nothing.

    Raises
    ------
    NotAllowedError
        When the actor does not keep city data.
    RecordUnknownError
        When the entry lies outside the actor's areas.
    EditChoiceError, EditDayPastError, EditEmptyError
        When the edit cannot be meant.
    """
    return _drafted(actor, edit, now=now).shown


def _drafted(actor: Actor, edit: Edit, *, now: datetime) -> _Draft:
    today = packs.local_day(now)
    allow(actor, edit, today=today, now=now)
    draft = _judged(edit, pack_in_force(around(edit, today=today)), today=today)
    moved = {x.key for x in (*draft.shown.opened, *draft.shown.closed) if x.section == "sensors"}
    if alike := moved_alike(edit, draft.before, frozenset(moved)):
        draft = _judged(edit, pack_in_force(around(edit, today=today, alike=alike)), today=today)
    return draft


def _judged(edit: Edit, before: c.City, *, today: date) -> _Draft:
    """Return what an edit makes of ``before``, and what the linter says of both."""
    was = getattr(before, edit.section)
    will = edits.apply(edit, was, today=today)
    after = msgspec.structs.replace(before, **{edit.section: will})
    different = edits.differences(edit.section, was, will)
    if isinstance(edit, EntriesEdit):
        after = msgspec.structs.replace(after, shapes=applied_shapes(edit, before.shapes))
        different += edits.differences("shapes", before.shapes, after.shapes)
    if not different:
        raise EditEmptyError
    days, later = {today, edit.on}, {day for day in edits.days_left(different) if day > today}
    if len(days | later) > MOST_DAYS:
        raise EditDaysManyError(days=len(days | later), most=MOST_DAYS)
    if edit.section in LINES:  # who follows can be named in the same table
        days, later = days | later, set()
    opened, closed = _compared(before, after, days=days)
    ahead, mended = _compared(before, after, days=later - days)
    planned = frozenset(item.matter for item in ahead) - {item.matter for item in opened}
    opened += tuple(item for item in ahead if item.matter in planned)
    closed += tuple(x for x in mended if x.matter not in {item.matter for item in closed})
    matter = edit.matter if isinstance(edit, EntriesEdit) else edit.key
    seen = fingerprint_of(edit.section, matter)
    return _Draft(before, after, EditShown(different, opened, closed, seen, planned))


def _compared(
    before: c.City, after: c.City, *, days: Iterable[date]
) -> tuple[tuple[Found, ...], tuple[Found, ...]]:
    """Return the findings that an edit brings and those it ends, on any of some days."""
    paths: dict[str, str] = {}  # where each lies nobody asks of a preview
    opened: dict[object, Found] = {}
    closed: dict[object, Found] = {}
    for day in sorted(days):
        old = about(before, examine(before, today=day), paths)
        new = about(after, examine(after, today=day), paths)
        opened |= {item.matter: item for item in worse(old, new)}
        closed |= {item.matter: item for item in worse(new, old)}
    return tuple(opened.values()), tuple(closed.values())


def take_edit(
    actor: Actor, edit: Edit, *, seen: str, reason: str, now: datetime, looked_at: str = ""
) -> EditShown:
    """Put an edit in force and return what it changed.

    ``seen`` is the fingerprint that the form was opened with.  A table of many entries has none
    of its own: ``looked_at`` is the revision of the city that it was compared with.

    Raises
    ------
    EditReasonMissingError, EditReasonTooLongError, EditReasonPersonalError
        See :func:`keep_reason`.
    RecordChangedError
        When somebody else changed the entry meanwhile.
    EditWorsensError
        When it would bring an error that the city does not have.
    """
    words = _reason(reason)
    for _ in range(TRIES):
        # The linter reads much, and nobody else writes meanwhile: so it looks before the lock,
        # and once more only where the city became another one while it did.
        revision = packs.revision()
        if looked_at and revision != looked_at:
            raise RecordChangedError
        draft = _drafted(actor, edit, now=now)
        if draft.shown.seen != seen:
            raise RecordChangedError
        if wrong := draft.shown.refused:
            raise EditWorsensError(count=len(wrong), finding=wrong[0].finding.code)
        if (replaced := _put(actor, edit, draft, words, revision, now=now)) is not None:
            destroy_contents(actor, replaced, reason="replaced", now=now)
            return draft.shown
    raise RecordChangedError


@transaction.atomic
def _put(
    actor: Actor, edit: Edit, draft: _Draft, words: str, revision: str, *, now: datetime
) -> list[Any] | None:
    """Write a draft and return the contacts it replaced; None when the city is another by now."""
    JournalHead.objects.select_for_update().filter(pk=1).first()  # one change at a time
    if packs.revision() != revision:
        return None
    replaced = _contacts(edit)
    kept = keep_reason(words, now=now)
    _write(actor, edit, draft, kept, now=now)
    return replaced


def _reason(text: str) -> str:
    words = text.strip()
    if not words:
        raise EditReasonMissingError
    if len(words) > MOST_LETTERS:
        raise EditReasonTooLongError(letters=len(words), most=MOST_LETTERS)
    if names_somebody(words):
        raise EditReasonPersonalError
    return words


def keep_reason(text: str, *, now: datetime) -> ContentRef:
    """Keep why something was changed or looked at; people write names into reasons.

    Raises
    ------
    EditReasonMissingError, EditReasonTooLongError, EditReasonPersonalError
        When nobody could tell later why, or when it tells how somebody is reached.
    """
    purpose = Purpose(
        name="registry history",
        legal_ground=holders.GROUND,
        expires_on=(now + KEPT_FOR).date(),
    )
    return contents.put(KIND, _reason(text).encode(), purpose=purpose, now=now)


def _contacts(edit: Edit) -> list[Any]:
    """Return the contact that an edit replaces: no longer needed, so no longer kept."""
    if not isinstance(edit, HolderEdit):
        return []
    found = Holder.objects.filter(pk=edit.code, contact_content__isnull=False)
    return list(found.values_list("contact_content", flat=True))


def _write(actor: Actor, edit: Edit, draft: _Draft, reason: ContentRef, *, now: datetime) -> None:
    moment = Moment(now=now, day=packs.local_day(now))
    changes = list(edit_changes(edit, draft.after, draft.shown.differences, moment))
    state = CityState.objects.get(pk=1)
    chain = hashlib.sha256()
    for change in changes:
        link(chain, change)
    chain.update(canonical_bytes([state.revision, reason.digest]))
    state.revision = chain.hexdigest()
    event = CityEdited(
        section=edit.section,
        key=edit.key,
        effective_on=edit.on,
        added=sum(change.what == "added" for change in changes),
        changed=sum(change.what == "changed" for change in changes),
        ended=sum(change.what == "ended" for change in changes),
        reason_content=str(reason.id),
        reason_digest=reason.digest,
    )
    # New rows first: a changed row may refer to one of them.
    rows = sorted((change.row for change in changes), key=lambda row: not row._state.adding)
    journal.record(event, actor=actor, now=now, rows=[*rows, state])
