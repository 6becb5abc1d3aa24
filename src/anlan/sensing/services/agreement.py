"""Whether database and store of readings are of one time: one that was restored alone is told aloud.

Neither is stopped by it.  What comes in is kept, under numbers that nobody has used, and what is there
stays; a person puts the newer one back, or accepts what is lost (``docs/adr/0021``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db import transaction

from anlan.infra import failpoints, journal
from anlan.infra.models import JournalEntry
from anlan.kernel.actor import Actor
from anlan.registry import public as registry
from anlan.sensing.domain.errors import NothingLostError
from anlan.sensing.domain.events import LossAccepted
from anlan.sensing.models import Segment, StoreMark
from anlan.sensing.readings import last_received
from anlan.sensing.services.framing import from_us
from anlan.sensing.services.hands import hand, reader
from anlan.sensing.services.here import workspace_here
from anlan.sensing.services.segments import missing_segments
from anlan.sensing.services.witness import (
    note_frames,
    note_journal,
    read_witness,
    refuse_another,
)
from anlan.sensing.store.writer import PASSED_OVER

STORE, DATABASE = "store_behind", "database_behind"
LOST = "lost"
"""Stands for a successor where a segment is gone and a person has accepted it."""
UNKNOWN = "…"


class Apart(NamedTuple):
    """Which of the two is behind, and what it lacks: frames or entries, and from when to when.

    ``since`` is None where nothing is left that would tell.
    """

    code: str
    first: int
    last: int
    since: datetime | None
    until: datetime
    segments: tuple[str, ...] = ()

    @property
    def params(self) -> Mapping[str, str | int]:
        """What fills its wording; instants in the workspace's own time."""
        return {
            "first": self.first,
            "last": self.last,
            "since": _local(self.since),
            "until": _local(self.until),
            "segments": len(self.segments),
        }


_found: dict[Path, tuple[Apart, ...]] = {}


def agree(*, now: datetime) -> tuple[Apart, ...]:
    """Compare the two, and let each note of the other what it did not know; return how they differ.

    While the database is behind, the store keeps what it has seen of the journal.

    Raises
    ------
    StoreOfAnotherError
        When the store is another workspace's.
    """
    found = apart()
    note_frames(reader().last(), now=now)
    if all(one.code != DATABASE for one in found):
        note_journal()
    _found[workspace_here().observations] = found
    return found


def note_kept(*, now: datetime) -> None:
    """Let the database note the last frame that this process has kept; nothing where it does not write."""
    writing = hand().writing
    if writing is not None:
        note_frames(writing.writer.log.last, now=now)


def seen_apart() -> tuple[Apart, ...]:
    """Return what the last :func:`agree` of this process found."""
    return _found.get(workspace_here().observations, ())


def apart() -> tuple[Apart, ...]:
    """Return how database and store differ; changes nothing (a few small queries).

    Raises
    ------
    StoreOfAnotherError
        When the store is another workspace's.
    """
    refuse_another()
    return (*_store_behind(), *_database_behind())


def _store_behind() -> tuple[Apart, ...]:
    mark = StoreMark.objects.first()
    accepted = mark.accepted if mark is not None else 0
    gone = missing_segments()
    store = reader()
    parts = [
        Apart(STORE, x.after + 1, x.upto, from_us(x.since_us) if x.since_us else None, from_us(x.until_us))
        for x in store.kept().lost
        if x.upto > accepted
    ]  # fmt: skip
    last = store.last()
    if mark is not None and mark.frame > last and mark.frame + PASSED_OVER > accepted:
        # Nobody has begun to write yet.
        parts.append(Apart(STORE, last + 1, mark.frame, last_received(), mark.at))
    if gone:
        first, newest = min(x.first_batch for x in gone), max(x.last_batch for x in gone)
        begins, ends = min(x.first_at for x in gone), max(x.last_at for x in gone)
        parts.append(Apart(STORE, first, newest, begins, ends))
    if not parts:
        return ()
    known = [part.since for part in parts if part.since is not None]
    return (
        Apart(
            STORE,
            min(part.first for part in parts),
            max(part.last for part in parts),
            min(known, default=None),
            max(part.until for part in parts),
            tuple(sorted(row.name for row in gone)),
        ),
    )


def _database_behind() -> tuple[Apart, ...]:
    seen = read_witness()
    if seen is None:
        return ()
    if JournalEntry.objects.filter(seq=seen.seq, leaf=seen.leaf).exists():
        return ()
    until = from_us(seen.at_us)
    # What was entered since the restore was made later: what is older than the witness was there before.
    before = JournalEntry.objects.filter(at__lte=until, seq__lt=seen.seq).order_by("-at", "-seq")
    seq, at = before.values_list("seq", "at").first() or (0, None)
    return (Apart(DATABASE, seq + 1, seen.seq, at, until),)


def accept_loss(actor: Actor, *, reason: str, now: datetime) -> tuple[Apart, ...]:
    """Accept that what differs is lost; the journal says when and why.  Return what it was.

    Raises
    ------
    EditReasonMissingError, EditReasonTooLongError, EditReasonPersonalError
        When nobody could tell later why, or when it tells how somebody is reached.
    NothingLostError
        When nothing differs.
    """
    with transaction.atomic():
        why = registry.keep_reason(reason, now=now)
        note_frames(reader().last(), now=now)
        mark = StoreMark.objects.select_for_update().get()
        found = apart()
        if not found:
            raise NothingLostError
        for one in found:
            _accept(actor, one, (str(why.id), why.digest), now=now)
            if one.code == STORE:
                mark.accepted = max(mark.accepted, _upto(one, mark))
                mark.save(update_fields=["accepted"])
        failpoints.reach("agreement.before_commit")
    # A crash before this leaves it to be accepted once more.
    note_journal()
    _found.pop(workspace_here().observations, None)
    return found


def _upto(one: Apart, mark: StoreMark) -> int:
    """Return up to which number frames are accepted as lost."""
    # Whoever begins to write will pass over so many.
    return mark.frame + PASSED_OVER if mark.frame > reader().last() else one.last


def _accept(actor: Actor, one: Apart, reason: tuple[str, str], *, now: datetime) -> None:
    rows = list(Segment.objects.select_for_update().filter(name__in=one.segments))
    for row in rows:
        row.replaced_by = LOST
    event = LossAccepted(
        what="readings" if one.code == STORE else "database",
        first=one.first,
        last=one.last,
        since=one.since,
        until=one.until,
        segments=len(rows),
        reason_content=reason[0],
        reason_digest=reason[1],
    )
    journal.record(event, actor=actor, now=now, rows=rows)


def _local(at: datetime | None) -> str:
    if at is None:
        return UNKNOWN
    return at.astimezone(ZoneInfo(workspace_here().timezone)).strftime("%Y-%m-%d %H:%M")


def forget_agreement() -> None:
    """Forget what was found; the next comparison finds it again."""
    _found.clear()
