"""What database and store of readings note of one another, so that one restored alone is noticed.

The database notes the last frame that it saw (:class:`~anlan.sensing.models.StoreMark`).  The store
holds ``witness.json``: of which workspace it is, and the last entry of the journal that it saw.
"""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path

import msgspec
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Max

from anlan.infra import failpoints
from anlan.infra.models import JournalEntry
from anlan.kernel.errors import UnavailableError
from anlan.sensing.domain.errors import StoreOfAnotherError
from anlan.sensing.models import Segment, StoreMark
from anlan.sensing.services.framing import to_us
from anlan.sensing.services.here import workspace_here
from anlan.sensing.store.places import put_whole
from anlan.sensing.store.writer import Known

FILE = "witness.json"

log = logging.getLogger(__name__)


class Witness(msgspec.Struct, frozen=True):
    """The workspace of a store, and an entry of its journal: number, leaf, and when it was made (µs)."""

    workspace: str
    seq: int
    leaf: str
    at_us: int


def known_of_the_store() -> Known:
    """Return up to which frame the database knows of readings; asked when a process begins to write.

    Raises
    ------
    StoreOfAnotherError
        When the folder is another workspace's.
    UnavailableError
        When the database does not answer.
    """
    refuse_another()
    try:
        mark = StoreMark.objects.first()
        sealed = Segment.objects.filter(name__contains="/").aggregate(
            Max("last_batch"), Max("sealed_at")
        )
    except (OperationalError, InterfaceError) as error:
        raise UnavailableError(what="database", problem="it does not answer") from error
    found = [Known(mark.frame, to_us(mark.at))] if mark is not None else []
    if sealed["last_batch__max"] is not None:
        found.append(Known(sealed["last_batch__max"], to_us(sealed["sealed_at__max"])))
    return max(found, default=Known(0, 0))


def refuse_another() -> None:
    """Refuse a folder of readings that another workspace wrote.

    Raises
    ------
    StoreOfAnotherError
        When it is.
    """
    found, here = read_witness(), workspace_here()
    if found is not None and found.workspace != here.id:
        raise StoreOfAnotherError(found=found.workspace, workspace=here.id)


def read_witness() -> Witness | None:
    """Return what the store has seen of the journal; None before anything, or when it is harmed."""
    try:
        return msgspec.json.decode(_file().read_bytes(), type=Witness)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError):
        log.warning("what the store noted of the journal cannot be read", exc_info=True)
        return None


def note_journal() -> None:
    """Let the store note the newest entry of the journal, if that is another one."""
    newest = JournalEntry.objects.order_by("-seq").values_list("seq", "leaf", "at").first()
    if newest is None:
        return
    seq, leaf, at = newest
    said = Witness(workspace_here().id, seq, leaf, to_us(at))
    if said != read_witness():
        file = _file()
        file.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        put_whole(file, msgspec.json.encode(said))
        failpoints.reach("witness.journal_noted")


def note_frames(last: int, *, now: datetime) -> None:
    """Let the database note the last frame; never an earlier one than it knows."""
    if StoreMark.objects.filter(frame__gte=last).exists():
        return
    with transaction.atomic():
        mark, made = StoreMark.objects.select_for_update().get_or_create(
            defaults={"frame": last, "at": now}
        )
        if not made and mark.frame < last:
            mark.frame, mark.at = last, now
            mark.save(update_fields=["frame", "at"])


def _file() -> Path:
    return workspace_here().observations / FILE
