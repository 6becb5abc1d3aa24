"""Lists of cases with bounded queries."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from django.db.models import Q

from anlan.kernel.actor import Actor
from anlan.kernel.canonical import instant_text, parse_instant
from anlan.registry import public as registry
from anlan.response import access
from anlan.response.domain.errors import CursorInvalidError
from anlan.response.models import Case, CaseFollower, CaseIncident, CaseTask
from anlan.response.selectors.watching import WAITING

MOST = 200
Order = Literal["due", "newest"]


@dataclass(frozen=True, slots=True)
class CaseFilters:
    """Which cases to list; what is ``None`` or empty does not filter."""

    area: str = ""  # an area code: the area and everything below it
    kind: str = ""
    hazard: str = ""
    place: str = ""
    state: str = ""
    owner: str = ""
    priority: int | None = None  # this one or higher
    is_open: bool | None = None
    overdue: bool | None = None
    escalated: bool | None = None
    listed: bool | None = None
    unanswered: bool | None = None
    order: Order = "due"


@dataclass(frozen=True, slots=True)
class CasePage:
    """One page of a list and the cursor of the next; empty when there is none."""

    cases: list[Case]
    next_cursor: str


def cases(actor: Actor, filters: CaseFilters, *, cursor: str = "", limit: int = 50) -> CasePage:
    """Return a page of the actor's cases (two queries, or three with an area).

    ``due`` lists open cases, what is due first on top; ``newest`` lists all, the latest
    opened on top.  Pages follow keys, not numbers: nothing is shown twice or left out.
    """
    rows = Case.objects.filter(access.visible(actor), _condition(filters)).exclude(state="new")
    size = max(1, min(limit, MOST))
    column, sign = ("next_at", "") if filters.order == "due" else ("opened_at", "-")
    if filters.order == "due":
        rows = rows.filter(is_open=True)
    if cursor:
        rows = rows.filter(_after(cursor, column, descending=bool(sign)))
    # Keys first: a sort of whole rows, with their ladders, would be ten times the work.
    keys = list(
        rows.order_by(f"{sign}{column}", f"{sign}id").values_list("id", flat=True)[: size + 1]
    )
    by_key = Case.objects.in_bulk(keys)
    found = [by_key[key] for key in keys if key in by_key]
    more = len(found) > size
    found = found[:size]
    return CasePage(found, _cursor(found[-1], column) if more else "")


def _condition(filters: CaseFilters) -> Q:
    wanted = {
        name: value
        for name, value in (
            ("kind", filters.kind),
            ("hazard", filters.hazard),
            ("place", filters.place),
            ("state", filters.state),
            ("owner_post", filters.owner),
            ("is_open", filters.is_open),
            ("priority__lte", filters.priority),
        )
        if value not in ("", None)
    }
    condition = Q(**wanted)
    if filters.area:
        condition &= registry.under(registry.area_path(filters.area))
    for asked, present in (
        (filters.overdue, Q(overdue_since__isnull=False)),
        (filters.escalated, Q(rung__gt=0)),
        (filters.listed, Q(listed_until__isnull=False)),
        (filters.unanswered, WAITING),
    ):
        if asked is not None:
            condition &= present if asked else ~present
    if filters.overdue or filters.escalated or filters.listed or filters.unanswered:
        condition &= Q(is_open=True)
    return condition


def _cursor(last: Case, column: str) -> str:
    text = f"{column}|{instant_text(getattr(last, column))}|{last.pk}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _after(cursor: str, column: str, *, descending: bool) -> Q:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        name, at_text, key_text = text.split("|")
        at, key = parse_instant(at_text), int(key_text)
    except (ValueError, binascii.Error, UnicodeDecodeError):
        raise CursorInvalidError from None
    if name != column:
        raise CursorInvalidError
    way = "lt" if descending else "gt"
    # The plain bound on the column lets the index begin there; the rest settles ties.
    return Q(**{f"{column}__{way}e": at}) & (
        Q(**{f"{column}__{way}": at}) | Q(**{column: at, f"id__{way}": key})
    )


def tasks_of(actor: Actor, *, limit: int = 100) -> list[CaseTask]:
    """Return the open tasks of the actor's post, the earliest due first."""
    if not actor.post:
        return []
    rows = CaseTask.objects.filter(post=actor.post, state="given").select_related("case")
    return list(rows.order_by("due_at", "id")[: max(1, min(limit, MOST))])


def case_of_sign(sign: str) -> Case | None:
    """Return the case that answers a sign, or ``None``; the caller checks who asks."""
    follower = CaseFollower.objects.filter(sign=sign).select_related("case").first()
    return follower.case if follower else None


@dataclass(frozen=True, slots=True)
class CaseEnd:
    """How the case of a sign stands: what counting needs of it."""

    id: int
    state: str
    is_open: bool
    reason: str  # of a dismissal


def ends_of_signs(signs: Iterable[str]) -> dict[str, CaseEnd]:
    """Return how the case of each sign stands, wherever it lies (one query)."""
    rows = CaseFollower.objects.filter(sign__in=list(signs)).values_list(
        "sign", "case_id", "case__state", "case__is_open", "case__closing"
    )
    return {
        sign: CaseEnd(case, state, is_open, str(closing.get("reason", "")))
        for sign, case, state, is_open, closing in rows
    }


def alerts_of_cases(cases: Iterable[int]) -> list[int]:
    """Return the alerts that some cases answer (one query)."""
    rows = CaseFollower.objects.filter(case__in=list(cases), sign__startswith="alert:")
    return [int(sign.partition(":")[2]) for sign in rows.values_list("sign", flat=True)]


def owners_of(cases: Iterable[int]) -> dict[int, str]:
    """Return which post owns each of some cases (one query)."""
    return dict(Case.objects.filter(pk__in=list(cases)).values_list("pk", "owner_post"))


def cases_of_signs(actor: Actor, signs: Iterable[str]) -> dict[str, Case]:
    """Return the case that each sign follows, of those the actor may see (one query)."""
    visible = Case.objects.filter(access.visible(actor))
    rows = CaseFollower.objects.filter(sign__in=set(signs), case__in=visible)
    return {row.sign: row.case for row in rows.select_related("case")}


def cases_of_incidents(actor: Actor, incidents: Collection[int]) -> dict[int, int]:
    """Return the open case that answers for each incident, of those the actor may see (one query)."""
    visible = Case.objects.filter(access.visible(actor), is_open=True)
    rows = CaseIncident.objects.filter(incident__in=list(incidents), case__in=visible)
    return dict(rows.order_by("-pk").values_list("incident", "case"))


def alerts_of_open_cases() -> frozenset[int]:
    """Return the alerts that open cases answer: what they rest on must stay as it is."""
    signs = CaseFollower.objects.filter(case__is_open=True, sign__startswith="alert:")
    return frozenset(
        int(sign.removeprefix("alert:")) for sign in signs.values_list("sign", flat=True)
    )
