"""The watcher's own eyes: I1, I2, I16 and I17 asked of the tables in plain SQL.

On purpose nothing of the response room's code is used here: a mistake there must not
hide itself.  The table and column names are the contract.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from anlan.accountability.domain import witness
from anlan.accountability.domain.note import NoteError, read_unchecked
from anlan.accountability.domain.places import LedgerPlaces
from anlan.accountability.models import Checkpoint, WatchRun
from anlan.accountability.selectors.tree import LedgerContradictionError, StoredTree
from anlan.infra.models import JournalEntry, JournalHead, ListenerCursor, ParkedEvent

MOST_PER_CHECK = 50  # a landslide is one landslide; the rest is found when these are mended
UNSWEPT_AFTER = timedelta(minutes=5)
UNHEARD_AFTER = timedelta(minutes=10)
OWN_HAZARD = "system.breach"  # cases the watcher raised: it does not raise one about them

_RUNS = "k.met_at IS NULL AND k.missed_at IS NULL AND k.stopped_at IS NULL"
_RUNNING = f"SELECT 1 FROM response_caseclock k WHERE k.case_id = c.id AND {_RUNS}"  # noqa: S608
_EARLIEST = f"SELECT MIN(k.due_at) FROM response_caseclock k WHERE k.case_id = c.id AND {_RUNS}"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Broken:
    """Something that must always be true and is not."""

    invariant: str
    subject: str
    detail: str
    own: bool = False  # it is about a case of the watcher's own


@dataclass(frozen=True, slots=True)
class _CaseCheck:
    invariant: str
    detail: str
    broken: str  # SQL condition on an open case c; :now and :late stand for instants


CASE_CHECKS = (
    _CaseCheck("I1.owner", "no_owner", "c.owner_post = ''"),
    _CaseCheck(
        "I1.owner",
        "owner_unknown",
        "c.owner_post <> '' AND NOT EXISTS (SELECT 1 FROM registry_post p"
        " WHERE p.code = c.owner_post AND (p.ended_at IS NULL OR p.ended_at > :now))",
    ),
    _CaseCheck("I1.clock", "no_running_clock", f"NOT EXISTS ({_RUNNING})"),
    _CaseCheck(
        "I1.clock",
        "stands_on_no_running_clock",
        f"EXISTS ({_RUNNING}) AND NOT EXISTS ({_RUNNING} AND k.id = c.running_clock_id)",
    ),
    _CaseCheck("I1.next", "no_next_instant", "c.next_at IS NULL"),
    _CaseCheck("I1.next", "next_is_not_the_earliest", f"c.next_at <> ({_EARLIEST})"),
    _CaseCheck(
        "I1.sweep",
        "due_and_not_swept",
        f"EXISTS ({_RUNNING} AND k.due_at < :late)",
    ),
    _CaseCheck(
        "I2.ground",
        "deadline_without_ground",
        f"EXISTS ({_RUNNING} AND (k.rule_id = '' OR k.rule_version < 1 OR k.start_event = ''"
        " OR k.calendar NOT IN ('natural', 'working_hours', 'working_days')"
        " OR CAST(k.basis AS TEXT) IN ('{}', 'null', '[]', '')))",
    ),
    _CaseCheck("I1.state", "open_and_ended", "c.closed_at IS NOT NULL"),
)


@dataclass(frozen=True, slots=True)
class Round:
    """What one look found; ``cut`` are the invariants of which there was more than was listed."""

    broken: list[Broken]
    cut: frozenset[str]
    cases: int
    journal_seq: int


def prove(
    places: LedgerPlaces | None, *, now: datetime, listeners: Collection[str] | None
) -> Round:
    """Look at everything once.

    ``listeners`` are those that the flow knows; ``None`` takes every cursor there is.
    Without ``places`` the witness outside is not asked.
    """
    broken: dict[tuple[str, str], Broken] = {}
    cut: set[str] = set()
    for check in CASE_CHECKS:
        found = _ask(check, now)
        if len(found) >= MOST_PER_CHECK:
            cut.add(check.invariant)
        for item in found:
            broken.setdefault((item.invariant, item.subject), item)
    proven, gaps = _journal_gaps()
    others = [*gaps, *_unheard(listeners, now), *_parked(listeners)]
    if places is not None:
        others += _witness(places)
    for item in others:
        broken.setdefault((item.invariant, item.subject), item)
    return Round(list(broken.values()), frozenset(cut), _open_cases(), proven)


def _ask(check: _CaseCheck, now: datetime) -> list[Broken]:
    condition, params = _bound(check.broken, now)
    # The conditions are the constants above; the instants are bound.
    sql = (
        f"SELECT c.id, c.hazard FROM response_case c WHERE c.is_open AND ({condition})"  # noqa: S608
        f" ORDER BY c.id LIMIT {MOST_PER_CHECK}"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return [
            Broken(check.invariant, f"case:{case}", check.detail, own=hazard == OWN_HAZARD)
            for case, hazard in cursor.fetchall()
        ]


def _bound(condition: str, now: datetime) -> tuple[str, list[datetime | str | None]]:
    """Replace the named instants by the placeholders of the database, in their order."""
    instants = {":now": now, ":late": now - UNSWEPT_AFTER}
    params: list[datetime | str | None] = []
    words = []
    for word in condition.split(" "):
        bare = word.rstrip(")")
        if bare in instants:
            params.append(connection.ops.adapt_datetimefield_value(instants[bare]))
            words.append("%s" + word[len(bare) :])
        else:
            words.append(word)
    return " ".join(words), params


def _open_cases() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM response_case c WHERE c.is_open")
        return int(cursor.fetchone()[0])


_JOURNAL = (
    "SELECT h.seq,"
    " (SELECT COUNT(*) FROM infra_journalentry e WHERE e.seq > %s AND e.seq <= h.seq),"
    " (SELECT MAX(e.seq) FROM infra_journalentry e)"
    " FROM infra_journalhead h WHERE h.id = 1"
)


def _journal_gaps() -> tuple[int, list[Broken]]:
    """Count what was appended since the last round; return up to where there is no gap."""
    last = WatchRun.objects.order_by("-at", "-pk").values_list("journal_seq", flat=True).first()
    # One statement sees one state: asked one after the other, an entry that another process
    # appends in between would look like one beyond the head.
    with connection.cursor() as cursor:
        cursor.execute(_JOURNAL, [last or 0])
        head, found, newest = cursor.fetchone()
    begun = min(last or 0, head)
    if found == head - begun and (newest or 0) <= head:
        return int(head), []
    detail = f"{head - begun - found} entries are missing after {begun}"
    return begun, [Broken("I16.journal", "journal", detail)]


def _unheard(listeners: Collection[str] | None, now: datetime) -> Iterator[Broken]:
    for name, at in oldest_unheard(listeners).items():
        if now - at > UNHEARD_AFTER:
            yield Broken("I16.heard", f"listener:{name}", "stuck")


def oldest_unheard(listeners: Collection[str] | None) -> dict[str, datetime]:
    """Return, for each listener that lags, when the first entry it has not heard was made."""
    head = JournalHead.objects.get(id=1).seq
    lagging = ListenerCursor.objects.filter(seq__lt=head)
    if listeners is not None:
        lagging = lagging.filter(listener__in=list(listeners))
    cursors = dict(lagging.values_list("listener", "seq"))
    firsts = JournalEntry.objects.filter(seq__in={seq + 1 for seq in cursors.values()})
    made = dict(firsts.values_list("seq", "at"))
    return {name: made[seq + 1] for name, seq in sorted(cursors.items()) if seq + 1 in made}


def _parked(listeners: Collection[str] | None) -> Iterator[Broken]:
    parked = ParkedEvent.objects.filter(resolved_at__isnull=True).order_by("pk")
    for item in parked[:MOST_PER_CHECK]:
        if listeners is None or item.listener in listeners:
            yield Broken("I16.parked", f"{item.listener}:{item.seq}"[:160], item.error)


def _witness(places: LedgerPlaces) -> list[Broken]:
    """Hold the newest checkpoint outside against the stored tree: a quick look, not a proof."""
    names = sorted(file.name for file in places.outside.glob(f"*{witness.SUFFIX}"))
    if not names:
        if Checkpoint.objects.count() > 1:
            return [Broken("I17.witness", "outside", "no_checkpoint_outside")]
        return []
    (held,) = witness.read(places.outside / names[-1]).notes
    try:
        said = read_unchecked(held.note)
    except NoteError:
        return [Broken("I17.witness", f"outside:{held.name}", "unreadable")]
    if said.size > JournalHead.objects.get(id=1).seq:
        return [Broken("I17.witness", f"outside:{held.name}", "journal_is_shorter")]
    try:
        fits = StoredTree().root(said.size) == said.root
    except LedgerContradictionError:
        fits = False
    return [] if fits else [Broken("I17.witness", f"outside:{held.name}", "root_differs")]
