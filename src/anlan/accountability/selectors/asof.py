"""The state as of an instant, for the auditor: rows as they stood, never personal data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import TextField
from django.db.models.functions import Cast

from anlan.accountability.selectors.contents import standings
from anlan.infra import journal
from anlan.infra.models import JournalEntry
from anlan.kernel.actor import Actor, Role
from anlan.kernel.errors import InvalidInputError, NotAllowedError, NotFoundError

AUDITORS = frozenset({Role.AUDITOR, Role.AUDIT_ADMIN})
MOST_ROWS = 200
AT_ONCE = 2000
_PATHS = ("area_path", "path")


@dataclass(slots=True)
class RowAsOf:
    """One row as it stood; ``entry`` is the journal entry that made it so."""

    pk: object
    entry: int
    fields: dict[str, object]


@dataclass(slots=True)
class StateAsOf:
    """What was known at an instant.

    ``entry`` is the last entry looked at.  ``counts`` are rows by table; ``rows`` are
    those of the table asked for, at most :data:`MOST_ROWS`, ``more`` when there were others.
    """

    at: datetime
    entry: int
    counts: dict[str, int] = field(default_factory=dict)
    rows: list[RowAsOf] = field(default_factory=list)
    more: bool = False


def state_as_of(
    actor: Actor,
    at: datetime,
    *,
    table: str | None = None,
    key: str | None = None,
    after: int = 0,
) -> StateAsOf:
    """Return how many rows each table held at ``at``, or the rows of one table.

    ``after`` skips as many rows.  The answer costs one pass over the journal up to
    ``at``; asking for one table reads only the entries that name it.

    Raises
    ------
    NotAllowedError
        When the actor is no auditor.
    NotFoundError
        When no journalled table has this name, or the row was not there.
    """
    if actor.role not in AUDITORS:
        raise NotAllowedError(permission="asof:read")
    if key is not None and table is None:
        raise InvalidInputError(where="key", problem="needs a table")
    known = {model._meta.label_lower for model in journal.journalled_models()}
    if table is not None and table not in known:
        raise NotFoundError(what="table")
    state, entry = _replay(at, table)
    answer = StateAsOf(at=at, entry=entry)
    if table is None:
        for (name, _), row in state.items():
            if _may_see(actor, row):
                answer.counts[name] = answer.counts.get(name, 0) + 1
        answer.counts = dict(sorted(answer.counts.items()))
        return answer
    rows = [row for row in state.values() if _may_see(actor, row)]
    answer.counts[table] = len(rows)
    if key is not None:
        rows = [row for row in rows if str(row.pk) == key]
        if not rows:
            raise NotFoundError(what=table)
    rows.sort(key=lambda row: (isinstance(row.pk, str), row.pk))
    answer.rows, answer.more = rows[after : after + MOST_ROWS], len(rows) > after + MOST_ROWS
    _mark_contents(answer.rows)
    return answer


def _entries(at: datetime, table: str | None) -> Iterator[JournalEntry]:
    entries = JournalEntry.objects.filter(at__lte=at).order_by("seq")
    if table is not None:
        # Both databases write a JSON member as '"table": "x"' when it is cast to text.
        entries = entries.annotate(images_text=Cast("images", TextField())).filter(
            images_text__contains=f'"table": "{table}"'
        )
    return entries.defer("payload").iterator(AT_ONCE)


def _replay(at: datetime, table: str | None) -> tuple[dict[tuple[str, object], RowAsOf], int]:
    state: dict[tuple[str, object], RowAsOf] = {}
    for entry in _entries(at, table):
        for image in entry.images:
            name = image["table"]
            if table is not None and name != table:
                continue
            place = (name, image["pk"])
            if image["fields"] is None:
                state.pop(place, None)
            else:
                state[place] = RowAsOf(image["pk"], entry.seq, dict(image["fields"]))
    last = JournalEntry.objects.filter(at__lte=at).order_by("-seq")
    return state, last.values_list("seq", flat=True).first() or 0


def _may_see(actor: Actor, row: RowAsOf) -> bool:
    """An auditor of the whole city sees every row; others only rows that say where they lie."""
    if actor.covers(""):
        return True
    paths = [row.fields[name] for name in _PATHS if name in row.fields]
    return any(isinstance(path, str) and path and actor.covers(path) for path in paths)


def _mark_contents(rows: list[RowAsOf]) -> None:
    """Say of each content whether it is kept or destroyed, in the place of its key."""
    refs = {
        value: ""
        for row in rows
        for name, value in row.fields.items()
        if name.endswith("_content") and isinstance(value, str)
    }
    state = {found.id: found.state.value for found in standings(refs)}
    for row in rows:
        for name, value in row.fields.items():
            if name.endswith("_content") and isinstance(value, str):
                row.fields[name] = state[value]
