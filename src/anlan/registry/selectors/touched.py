"""What edits and loads have touched since somebody read the city: by the journal, not by looking at all.

Every change of city data stands there with the rows it changed (ADR 0007), in the order in which
they were committed.  Whoever keeps something made of the city keeps a :class:`CityMark` with it,
taken before it read, and later reads again only what was touched since.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max

from anlan.infra.models import JournalEntry
from anlan.registry.models import Area, RiskPoint, Sensor

ROWS, CLOSING = "CityRowsLoaded", ("CityEdited", "CityLoaded")
"""Events with rows of a load that goes on, and those that put another revision in force."""
EVENTS = (ROWS, *CLOSING)
MOST_TOUCHED = 5_000
"""Rows changed since; where it is more, reading the whole city is about as quick."""


@dataclass(frozen=True, slots=True)
class CityMark:
    """The newest change of the city that stands in the journal; ``leaf`` tells it from any other."""

    seq: int
    leaf: str
    at: datetime
    """The latest instant of any change: whatever it ended or began has ended or begun by then."""


@dataclass(frozen=True, slots=True)
class Touched:
    """Codes of what was added, changed or ended; what stands in an area or at a place follows it."""

    areas: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()
    sensors: frozenset[str] = frozenset()
    loaded: bool = False
    """Whether a load was among the changes: it can bring another law."""


def city_mark() -> CityMark | None:
    """Return the newest change of the city, None when there was none (two queries)."""
    changes = JournalEntry.objects.filter(event__in=EVENTS)
    newest = changes.aggregate(seq=Max("seq"), at=Max("at"))
    leaf = JournalEntry.objects.filter(seq=newest["seq"]).values_list("leaf", flat=True).first()
    return None if leaf is None else CityMark(newest["seq"], leaf, newest["at"])


def touched_since(mark: CityMark) -> Touched | None:
    """Return what was touched behind ``mark``, where another revision came in force (three queries).

    None where nobody can tell: the journal is another one (a backup was restored), nothing in it
    put another revision in force, or more than :data:`MOST_TOUCHED` rows changed.
    """
    if not JournalEntry.objects.filter(seq=mark.seq, leaf=mark.leaf).exists():
        return None
    behind = JournalEntry.objects.filter(event__in=EVENTS, seq__gt=mark.seq).order_by("seq")
    told = list(behind.values_list("seq", "event", "payload")[: MOST_TOUCHED + 1])
    if not any(event in CLOSING for _, event, _ in told):
        return None
    rows = sum(_rows_of(event, payload) for _, event, payload in told)
    if max(rows, len(told)) > MOST_TOUCHED:
        return None
    codes: dict[str, set[str]] = defaultdict(set)
    for images in behind.filter(seq__lte=told[-1][0]).values_list("images", flat=True):
        for image in images:
            codes[image["table"]].add(image["pk"])
    areas, places, sensors = (
        frozenset(codes[model._meta.label_lower]) for model in (Area, RiskPoint, Sensor)
    )
    loaded = any(event != "CityEdited" for _, event, _ in told)
    return Touched(areas, places, sensors, loaded=loaded)


def _rows_of(event: str, payload: Mapping[str, int]) -> int:
    """Return how many rows an entry holds; that of a whole load repeats the sum of those before."""
    if event == ROWS:
        return payload["rows"]
    if event == "CityLoaded":
        return 0
    return payload["added"] + payload["changed"] + payload["ended"]
