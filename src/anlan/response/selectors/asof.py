"""The open cases as they stood at an instant, from the after-images that the journal keeps.

A case is asked for by the entries that speak of it, so the cost follows the number of cases
that were open then, not the length of the journal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max, Q

from anlan.infra.models import JournalEntry
from anlan.kernel.actor import Actor
from anlan.response import access
from anlan.response.models import Case, CaseEntry

MOST_THEN = 2000
AT_ONCE = 500
#: Entries that speak of a case without changing its row.
WITHOUT_IMAGE = ("CaseNoted",)


@dataclass(frozen=True, slots=True)
class CasesThen:
    """The open cases of an instant; ``cut`` when there were more than :data:`MOST_THEN`.

    ``entry`` is the last journal entry of that instant.
    """

    cases: list[Case]
    entry: int
    cut: bool


def cases_as_of(actor: Actor, at: datetime) -> CasesThen:
    """Return the cases that were open at ``at``, of those that the actor may see today.

    Whoever may see a case may read its history; so may they see where it stood.
    """
    entry = _last_entry(at)
    ended = Q(is_open=False, closed_at__lte=at)
    wanted = Case.objects.filter(access.visible(actor), opened_at__lte=at).exclude(ended)
    keys = list(wanted.order_by("-opened_at", "-id").values_list("id", flat=True)[: MOST_THEN + 1])
    cut, keys = len(keys) > MOST_THEN, keys[:MOST_THEN]
    found = [case for case in _images(keys, entry) if case.is_open]
    return CasesThen(found, entry, cut)


def _last_entry(at: datetime) -> int:
    rows = JournalEntry.objects.filter(at__lte=at).order_by("-seq")
    return rows.values_list("seq", flat=True).first() or 0


def _images(keys: Sequence[int], entry: int) -> Iterator[Case]:
    for start in range(0, len(keys), AT_ONCE):
        part = keys[start : start + AT_ONCE]
        silent = JournalEntry.objects.filter(event__in=WITHOUT_IMAGE, seq__lte=entry).values("seq")
        last = CaseEntry.objects.filter(case_id__in=part, seq__lte=entry).exclude(seq__in=silent)
        numbers = last.values("case_id").annotate(last=Max("seq")).values_list("case_id", "last")
        wanted = {number: case for case, number in numbers.order_by()}
        rows = JournalEntry.objects.filter(seq__in=list(wanted)).values_list("seq", "images")
        for seq, images in rows:
            case = _case_in(images, wanted[seq])
            if case is not None:
                yield case


def _case_in(images: list[dict[str, Any]], key: int) -> Case | None:
    """Return the row of a case as an entry left it."""
    table = Case._meta.label_lower
    fields = next(
        (one["fields"] for one in images if (one["table"], one["pk"]) == (table, key)), None
    )
    if fields is None:
        return None
    row = Case(pk=key)
    for field in Case._meta.concrete_fields:
        if field.attname in fields:
            setattr(row, field.attname, field.to_python(fields[field.attname]))
    return row
