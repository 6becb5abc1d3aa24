"""What the judge is told of the city: its rules, and its streams by their numbers in the store."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
import numpy as np

from anlan.kernel.errors import UnavailableError
from anlan.registry.domain.rulespecs import SilenceRule, ThresholdRule, WindowRule
from anlan.sensing import public as sensing
from anlan.warning import columns
from anlan.warning.columns.programs import Named
from anlan.warning.domain.instants import span_micros
from anlan.warning.domain.rulebook import RuleBook
from anlan.warning.domain.signs import Stream
from anlan.warning.services import surroundings

OF_STREAMS = (ThresholdRule, WindowRule, SilenceRule)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JudgedCity:
    """A city as the judge in columns sees it, and what findings about it need to be written."""

    of: surroundings.City
    columns: columns.City
    codes: tuple[str, ...]  # by number; empty where it is no stream of this city
    digest: str  # of everything that makes a difference to what is found

    def stream_of(self, number: int) -> Stream:
        """Return a stream by its number; one that is no more is known by its code alone."""
        code = self.codes[number] if number < len(self.codes) else ""
        found = self.of.streams.get(code)
        if found is not None:
            return found
        known = sensing.stream_codes(number)
        return Stream(code=known[number], quantity="", interval=timedelta(0))

    def alone(self, number: int) -> JudgedCity:
        """Return the city with one stream, as number 0, and without its silence."""
        stream = self.stream_of(number)
        rules = self.columns.rules
        spoken = tuple(rule for rule in rules.in_force if not isinstance(rule, SilenceRule))
        told = columns.City(
            RuleBook(in_force=spoken, older=rules.older),
            facts_of({0: stream}, 1),
            self.columns.units,
        )
        return JudgedCity(self.of, told, (stream.code,), "")


class Surveyor:
    """Makes a :class:`JudgedCity`, anew only as far as something has changed."""

    def __init__(self) -> None:
        self._of: surroundings.City | None = None
        self._facts: columns.Facts | None = None
        self._codes: tuple[str, ...] = ()

    def look(self, revision: str, kept: Iterable[Named], *, at: datetime) -> JudgedCity:
        """Return the city at ``at``; ``kept`` are rule versions that something open began with."""
        return self.look_at(revision, kept, worked_on(at), at=at)

    def look_at(
        self, revision: str, kept: Iterable[Named], maintained: frozenset[str], *, at: datetime
    ) -> JudgedCity:
        """Return the city at ``at``, where the silence of ``maintained`` streams is expected."""
        city = surroundings.city_at(revision, at=at)
        if self._facts is None or city is not self._of:
            self._codes, self._facts, whole = _facts_of(city.streams)
            self._of = city if whole else None
        rules = surroundings.rules_at(set(kept), at=at)
        quiet = np.fromiter(
            (code in maintained for code in self._codes), np.bool_, len(self._codes)
        )
        facts = self._facts._replace(maintenance=self._facts.maintenance | quiet)
        told = columns.City(rules, facts, city.units)
        return JudgedCity(city, told, self._codes, _digest(told))


def worked_on(at: datetime) -> frozenset[str]:
    """Return the streams that are in maintenance at an instant (one query)."""
    return frozenset(sensing.in_maintenance(at=at))


def _facts_of(
    streams: Mapping[str, Stream],
) -> tuple[tuple[str, ...], columns.Facts, bool]:
    """Return the code of each number, what is known of it, and whether every stream has a number."""
    numbers = sensing.stream_numbers()
    missing = [code for code in streams if code not in numbers]
    whole = True
    if missing:
        try:
            sensing.number_streams(missing)
        except UnavailableError:
            # A full disk: those that never spoke wait for their number, the others are judged.
            log.warning("streams without a number are not judged yet", exc_info=True)
            whole = False
        numbers = sensing.stream_numbers()
    known = {numbers[code]: item for code, item in streams.items() if code in numbers}
    size = max(known, default=-1) + 1
    codes = [""] * size
    for number, item in known.items():
        codes[number] = item.code
    return tuple(codes), facts_of(known, size), whole


def facts_of(streams: Mapping[int, Stream], size: int) -> columns.Facts:
    """Return streams by their numbers, below ``size``, as columns."""
    quantities = sorted({item.quantity for item in streams.values()})
    kinds = sorted({item.place_kind for item in streams.values()})
    quantity_of = {name: at for at, name in enumerate(quantities)}
    kind_of = {name: at for at, name in enumerate(kinds)}
    facts = columns.Facts(
        quantity=np.zeros(size, np.int32),
        place_kind=np.zeros(size, np.int32),
        interval=np.zeros(size, np.int64),
        maintenance=np.zeros(size, np.bool_),
        there=np.zeros(size, np.bool_),
        quantities=quantities,
        place_kinds=kinds,
    )
    for number, item in streams.items():
        facts.quantity[number] = quantity_of[item.quantity]
        facts.place_kind[number] = kind_of[item.place_kind]
        facts.interval[number] = span_micros(item.interval)
        facts.maintenance[number] = item.in_maintenance
        facts.there[number] = True
    return facts


def _digest(city: columns.City) -> str:
    found = hashlib.sha256()
    facts = city.facts
    for column in (
        facts.quantity, facts.place_kind, facts.interval, facts.maintenance, facts.there
    ):  # fmt: skip
        found.update(np.ascontiguousarray(column).tobytes())
    rules = [x for x in city.rules.in_force if isinstance(x, OF_STREAMS)]
    units = sorted((name, x.unit, sorted(x.accepts.items())) for name, x in city.units.items())
    rest = (facts.quantities, facts.place_kinds, sorted(rules, key=lambda rule: rule.id), units)
    found.update(msgspec.msgpack.encode(rest))
    return found.hexdigest()
