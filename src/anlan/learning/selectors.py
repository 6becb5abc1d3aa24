"""What a replay reads back: the journal of its own workspace, and stored summaries."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec

from anlan.infra import journal
from anlan.infra.models import JournalEntry, JournalHead
from anlan.kernel.events import Event, Told
from anlan.learning.domain.summary import SUMMARY_FILE, Summary, from_json
from anlan.notices.domain.events import NoticeAnswered, NoticePosted
from anlan.registry import public as registry
from anlan.registry.domain.rulespecs import RuleSpec
from anlan.response.domain.events import (
    CaseClockMissed,
    CaseEscalated,
    CaseMoved,
    CaseOpened,
    CaseOwnerChanged,
    CasePriorityRaised,
    CasesMerged,
    MembersJoined,
    SignJoinedCase,
    TaskGiven,
)
from anlan.sensing.domain.events import ReportReceived, SignalReceived
from anlan.warning.domain.events import AlertLevelChanged, AlertRaised

log = logging.getLogger(__name__)
READ: tuple[type[Event], ...] = (
    AlertRaised,
    AlertLevelChanged,
    CaseOpened,
    CaseMoved,
    CaseOwnerChanged,
    CasePriorityRaised,
    CasesMerged,
    CaseClockMissed,
    CaseEscalated,
    SignJoinedCase,
    MembersJoined,
    TaskGiven,
    NoticePosted,
    NoticeAnswered,
)


def head() -> int:
    """Return the number of the latest journal entry."""
    return JournalHead.objects.values_list("seq", flat=True).first() or 0


def told_after(seq: int) -> list[Told]:
    """Return the events that a replay reads, after ``seq``, in their order."""
    entries = (
        JournalEntry.objects.filter(seq__gt=seq, event__in=[event.__name__ for event in READ])
        .defer("images")
        .order_by("seq")
    )
    return [journal.told(entry) for entry in entries.iterator(2000)]


def last_sign(kind: type[ReportReceived] | type[SignalReceived]) -> str:
    """Return the reference of the report or signal kept last, as ``report:12``."""
    entry = JournalEntry.objects.filter(event=kind.__name__).defer("images").order_by("-seq")[0]
    event = journal.told(entry).event
    if isinstance(event, SignalReceived):
        return f"signal:{event.signal}"
    return f"report:{event.report}" if isinstance(event, ReportReceived) else ""


def rules_by_id(at_rules: tuple[RuleSpec, ...]) -> dict[str, RuleSpec]:
    """Return rules by their id."""
    return {rule.id: rule for rule in at_rules}


def path_reader() -> Callable[[str], str]:
    """Return a function from area code to governing path that asks for each code once."""

    @cache
    def path_of(code: str) -> str:
        return registry.area_path(code) or code

    return path_of


def stored_summaries(replays: Path) -> list[Summary]:
    """Return the stored summaries of the rehearsal workspaces in a folder, by name.

    One that cannot be read is left out: it is of another version, or not whole.  A replay
    can be run again, and a page that shows summaries must not fail for one.
    """
    found = []
    for path in sorted(replays.glob(f"*/{SUMMARY_FILE}")):
        try:
            found.append(from_json(path.read_bytes()))
        except (OSError, msgspec.DecodeError) as error:
            log.warning("summary left out", extra={"path": str(path), "error": str(error)})
    return found
