"""What the registry knows, asked the way a door asks: unknown is an answer, not an error.

Words, hazards and the time zone are decoded once per city revision, so that a
report costs one query for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from anlan.kernel.actor import Actor
from anlan.kernel.errors import NotFoundError
from anlan.kernel.geometry import Point
from anlan.registry import public as registry
from anlan.registry.domain.facts import KnownArea, KnownStream
from anlan.registry.domain.jurisdiction import Quantity
from anlan.sensing.domain.columns import StreamTable, table_of
from anlan.sensing.domain.observations import StreamFacts
from anlan.sensing.domain.reports import HazardWords, words_of
from anlan.sensing.services.here import workspace_here


@dataclass(frozen=True, slots=True)
class CityFacts:
    """What is needed of the packs to understand a sign; empty before a city is loaded."""

    revision: str
    zone: ZoneInfo
    lexicon: tuple[HazardWords, ...]
    hazards: frozenset[str]

    @property
    def loaded(self) -> bool:
        """Whether the workspace has a city."""
        return bool(self.revision)

    def local_day(self, at: datetime) -> date:
        """Return the local day at an instant."""
        return at.astimezone(self.zone).date()


def city_facts() -> CityFacts:
    """Return the facts of the city in force; a workspace without a city takes signs too."""
    return _facts_of(registry.revision())


@lru_cache(maxsize=4)
def _facts_of(revision: str) -> CityFacts:
    if not revision:
        return CityFacts(
            revision="",
            zone=ZoneInfo(workspace_here().timezone),
            lexicon=(),
            hazards=frozenset(),
        )
    return CityFacts(
        revision=revision,
        zone=registry.timezone(),
        lexicon=words_of(registry.lexicon()),
        hazards=frozenset(entry.id for entry in registry.hazards()),
    )


def area_named(code: str) -> KnownArea | None:
    """Return the area of that code, or None."""
    if not code.isprintable():
        return None  # PostgreSQL would refuse to look for a NUL
    try:
        return registry.area(code)
    except NotFoundError:
        return None


def area_of(point: Point, facts: CityFacts) -> KnownArea | None:
    """Return the most specific outlined area that holds ``point``, or None."""
    return registry.area_at(point) if facts.loaded else None


def stream_facts(actor: Actor, codes: set[str], *, at: datetime) -> dict[str, StreamFacts]:
    """Return what rows of ``codes`` are checked against.

    Streams that are not in force or that the actor may not see are left out.
    """
    facts = city_facts()
    if not facts.loaded:
        return {}
    known = _streams_of(facts.revision, facts.local_day(at), At(at))
    found = ((code, known.get(code)) for code in codes)
    return {code: item[0] for code, item in found if item is not None and actor.covers(item[1])}


def stream_table(*, at: datetime) -> StreamTable:
    """Return what rows of every stream in force are checked against, in columns."""
    facts = city_facts()
    if not facts.loaded:
        return table_of([])
    return _table_of(facts.revision, facts.local_day(at), At(at))


@dataclass(frozen=True, slots=True)
class At:
    """An instant that does not count in a cache's key: validity changes with the day only."""

    instant: datetime = field(compare=False)


@lru_cache(maxsize=4)
def _streams_of(_revision: str, _day: date, at: At) -> dict[str, tuple[StreamFacts, str]]:
    """Return every stream in force on a day with its area's path, read once per process."""
    found = registry.streams(at=at.instant)
    measured = {name: _quantity(name) for name in {stream.quantity for stream in found}}
    return {
        one.code: (_facts_of_stream(one, measured[one.quantity]), one.area_path) for one in found
    }


@lru_cache(maxsize=2)
def _table_of(revision: str, day: date, at: At) -> StreamTable:
    return table_of(tuple(_streams_of(revision, day, at).values()))


def _quantity(name: str) -> Quantity | None:
    try:
        return registry.quantity(name)
    except NotFoundError:
        return None


def _facts_of_stream(stream: KnownStream, quantity: Quantity | None) -> StreamFacts:
    if quantity is None:
        # A pack without this quantity: values are kept in the sensor's own unit.
        return StreamFacts(stream.code, stream.unit, stream.unit)
    return StreamFacts(
        stream.code, quantity.unit, stream.unit, quantity.accepts, quantity.low, quantity.high
    )
