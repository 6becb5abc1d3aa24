"""What whoever watches must see first: the most pressing open cases, and how many there are.

Every call costs the same number of queries, however many cases or areas there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Case as CaseWhen
from django.db.models import (
    CharField,
    Count,
    Exists,
    IntegerField,
    Max,
    Min,
    OuterRef,
    Q,
    Value,
    When,
)
from django.db.models.functions import Cast, Concat

from anlan.kernel.actor import Actor
from anlan.kernel.scales import WarningLevel, rank
from anlan.notices import public as notices
from anlan.registry import public as registry
from anlan.registry.public import Box, Cell
from anlan.response import access
from anlan.response.domain.words import CaseState
from anlan.response.models import Case

RISING_WITHIN = timedelta(hours=1)
#: A red case is called out to whoever watches while it is so fresh.
FRESH_WITHIN = timedelta(hours=1)
MOST_RED = 50

#: In these states the next step is somebody's first one.
WAITING_STATES = frozenset(
    {
        CaseState.FOUND,
        CaseState.ASSIGNED,
        CaseState.REPORTED,
        CaseState.DISPATCHED,
        CaseState.ARBITRATING,
    }
)
_MATTER = Concat(Value("case:"), Cast(OuterRef("pk"), CharField()))
# Nobody has laid a hand on it, and of those who were told nobody answered.
WAITING = Q(hands=[], state__in=[state.value for state in WAITING_STATES]) & Q(
    ~Exists(notices.answers_about(_MATTER))
)
OVERDUE = Q(overdue_since__isnull=False)
UNDECIDED = Q(state=CaseState.ARBITRATING.value)

# The priority first: it follows the official level, and danger to life that has none yet.
_LEVEL = CaseWhen(
    *[When(level=level.value, then=Value(rank(level))) for level in WarningLevel],
    default=Value(len(WarningLevel)),
    output_field=IntegerField(),
)


@dataclass(frozen=True, slots=True)
class Overview:
    """How many open cases need a look, in the order in which they do."""

    unanswered: int
    overdue: int
    unowned: int
    rising: int
    open: int


@dataclass(frozen=True, slots=True)
class Watched:
    """The most pressing cases, each in the first list that it belongs to; ``counts`` know them all.

    ``red`` are open cases of the highest level or priority that opened or had a sign lately.
    """

    counts: Overview
    unanswered: list[Case]
    overdue: list[Case]
    unowned: list[Case]
    rising: list[Case]
    red: list[Case]


def _rising(now: datetime) -> Q:
    return Q(signs__gte=2, last_sign_at__gt=now - RISING_WITHIN)


def overview(*, now: datetime, seen: Q | None = None) -> Overview:
    """Count the open cases of the whole workspace, or of those that ``seen`` lets through."""
    found = Case.objects.filter(seen or Q(), is_open=True).aggregate(
        unanswered=Count("id", filter=WAITING),
        overdue=Count("id", filter=OVERDUE),
        unowned=Count("id", filter=UNDECIDED),
        rising=Count("id", filter=_rising(now)),
        open=Count("id"),
    )
    return Overview(**found)


def watched(actor: Actor, *, now: datetime, limit: int) -> Watched:
    """Return what an actor must see first, at most ``limit`` cases a list (seven queries)."""
    seen = access.visible(actor)
    rows = Case.objects.filter(seen, is_open=True)
    lists: dict[str, list[int]] = {}
    above = Q(pk__in=[])
    for name, wanted in (
        ("unanswered", WAITING),
        ("overdue", OVERDUE),
        ("unowned", UNDECIDED),
        ("rising", _rising(now)),
    ):
        ordered = rows.filter(wanted).exclude(above)
        ordered = ordered.order_by("priority", _LEVEL, "next_at", "id")
        lists[name] = list(ordered.values_list("id", flat=True)[:limit])
        above |= wanted
    fresh = Q(opened_at__gt=now - FRESH_WITHIN) | Q(last_sign_at__gt=now - FRESH_WITHIN)
    red = rows.filter(fresh, Q(level=WarningLevel.RED.value) | Q(priority=1)).order_by("-id")
    lists["red"] = list(red.values_list("id", flat=True)[:MOST_RED])
    by_key = Case.objects.in_bulk({key for keys in lists.values() for key in keys})
    return Watched(
        counts=overview(now=now, seen=seen),
        **{name: [by_key[key] for key in keys if key in by_key] for name, keys in lists.items()},
    )


def is_waiting(case: Case) -> bool:
    """Return whether an open case waits for a first step, as far as its own row tells."""
    return case.is_open and not case.hands and case.state in WAITING_STATES


def watched_among(cases: Sequence[Case], *, now: datetime, limit: int) -> Watched:
    """Return what :func:`watched` would return if ``cases`` were all open cases: a past state."""
    waiting = [case for case in cases if is_waiting(case)]
    told = notices.told_of([f"case:{case.pk}" for case in waiting], at=now)
    belongs: dict[str, list[Case]] = {
        "unanswered": [case for case in waiting if not told.get(f"case:{case.pk}", (0, 0))[1]],
        "overdue": [case for case in cases if case.overdue_since is not None],
        "unowned": [case for case in cases if case.state == CaseState.ARBITRATING],
        "rising": [
            case for case in cases if case.signs >= 2 and case.last_sign_at > now - RISING_WITHIN
        ],
    }
    counts = Overview(open=len(cases), **{name: len(found) for name, found in belongs.items()})
    above: set[int] = set()
    lists: dict[str, list[Case]] = {}
    for name, found in belongs.items():
        lists[name] = sorted((c for c in found if c.pk not in above), key=_pressing)[:limit]
        above |= {case.pk for case in found}
    return Watched(counts=counts, red=[], **lists)


def most_pressing_first(cases: Iterable[Case]) -> list[Case]:
    """Return cases in the order in which they are listed."""
    return sorted(cases, key=_pressing)


def cases_by_area_among(cases: Iterable[Case], *, most: int) -> list[InArea]:
    """Return what :func:`cases_by_area` would return if ``cases`` were all open cases."""
    levels = [*(level.value for level in WarningLevel), ""]
    held: dict[str, list[Case]] = {}
    for case in cases:
        if case.lat is None and case.area:
            held.setdefault(case.area, []).append(case)
    found = [
        InArea(
            area,
            len(own),
            min((case.level for case in own), key=levels.index),
            max(case.pk for case in own),
        )
        for area, own in held.items()
    ]
    return sorted(found, key=lambda one: (levels.index(one.level), -one.count, one.area))[:most]


def _pressing(case: Case) -> tuple[int, int, datetime, int]:
    levels = [level.value for level in WarningLevel]
    place = levels.index(case.level) if case.level in levels else len(levels)
    return case.priority, place, case.next_at or case.opened_at, case.pk


@dataclass(frozen=True, slots=True)
class InArea:
    """Open cases of an area that state no point: how many, and the highest level among them."""

    area: str
    count: int
    level: str
    case: int  # one of them


def cases_in(
    actor: Actor, box: Box, *, most: int, which: Q | None = None
) -> tuple[list[Case], list[Cell]]:
    """Return the open cases inside ``box``; their counts by cells when there are too many.

    ``which`` narrows them further.
    """
    rows = Case.objects.filter(access.visible(actor), box.around(), which or Q(), is_open=True)
    columns = ("id", "number", "hazard", "area", "place", "level", "lat", "lon", "owner_post")
    ordered = rows.order_by("priority", _LEVEL, "next_at", "id").only(*columns)
    found = list(ordered[: most + 1])
    return ([], registry.cells_of(rows, box)) if len(found) > most else (found, [])


def cases_by_area(actor: Actor, *, most: int, which: Q | None = None) -> list[InArea]:
    """Return where open cases lie that state no point, the highest level first (one query)."""
    rows = Case.objects.filter(access.visible(actor), which or Q(), is_open=True, lat__isnull=True)
    counted = rows.exclude(area="").order_by().values("area")
    counted = counted.annotate(n=Count("id"), place=Min(_LEVEL), one=Max("id"))
    levels = [*(level.value for level in WarningLevel), ""]
    return [
        InArea(row["area"], row["n"], levels[row["place"]], row["one"])
        for row in counted.order_by("place", "-n", "area")[:most]
    ]
