"""The catalogue as one caller sees it, and conditions asked of it."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as one_field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anlan.kernel.actor import Actor
from anlan.sensing.domain.sta_errors import (
    EntityUnknownError,
    FilterKindError,
    NameUnknownError,
    TooWideError,
)
from anlan.sensing.sta import entities
from anlan.sensing.sta.catalogue import Catalogue, Numbers
from anlan.sensing.sta.columns import Column, column_of, nothing
from anlan.sensing.sta.evaluate import Scope
from anlan.sensing.sta.model import (
    IDS,
    KINDS,
    LOCATION,
    MOVED,
    OF_STREAMS,
    OF_THINGS,
    QUANTITY,
    READING,
    STREAM,
    THING,
    relation,
)
from anlan.sensing.sta.tree import Field, Node, fields_in

MOST_STEPS = 500_000_000
"""What one question may reckon, about 10 ns each (:func:`anlan.sensing.sta.evaluate.weight_of`)."""
MOST_RELATED = 2_000_000
"""Related entities that one condition or one level of an answer may look at."""
PER_RELATED = 10


@dataclass(slots=True)
class Spent:
    """What a question has reckoned so far, in all of its parts."""

    steps: int = 0

    def more(self, steps: int) -> None:
        """Count what is about to be reckoned.

        Raises
        ------
        TooWideError
            When it is more than :data:`MOST_STEPS` in all.
        """
        self.steps += steps
        if self.steps > MOST_STEPS:
            raise TooWideError(limit=f"{MOST_STEPS} steps")


@dataclass(frozen=True)
class View:
    """What one caller may see; what lies outside the areas is not there."""

    of: Catalogue
    actor: Actor
    now_us: int
    base: str  # the address of the service, without a slash at its end
    reads: bool  # may see readings
    page: int = 1000  # entities of one page, at most
    history: bool = False  # also what was corrected or removed since
    spent: Spent = one_field(default_factory=Spent)

    @cached_property
    def _areas(self) -> NDArray[np.bool_]:
        return np.array([self.actor.covers(path) for path in self.of.area_paths], bool)

    @cached_property
    def _carriers(self) -> NDArray[np.bool_]:
        return self._areas[self.of.carrier_area]

    @cached_property
    def _located(self) -> NDArray[np.bool_]:
        return self._carriers & entities.column(self.of, LOCATION, "location").known

    @cached_property
    def streams(self) -> NDArray[np.bool_]:
        """Which streams are seen."""
        return self._areas[self.of.stream_area]

    def sees(self, kind: str) -> NDArray[np.bool_]:
        """Return which entities of a kind are seen, by number."""
        if kind == QUANTITY:
            return np.ones(len(self.of.quantities), bool)
        if kind in {LOCATION, MOVED}:
            return self._located
        return self._carriers if kind == THING else self.streams

    def number(self, kind: str, id_: Any) -> int:
        """Return the number of an entity.

        Raises
        ------
        EntityUnknownError
            When there is none, or it may not be seen.
        """
        if kind == QUANTITY:
            known = self.of.quantity_number
        else:
            known = self.of.carrier_number if kind in OF_THINGS else self.of.stream_number
        found = known.get(str(id_), -1)
        if found < 0 or not self.sees(kind)[found]:
            raise EntityUnknownError(what=KINDS[kind].plural, id=str(id_)[:80])
        return found

    def related(self, kind: str, numbers: Numbers, name: str) -> tuple[str, Numbers, Numbers]:
        """Return the kind and numbers of related entities, and the place of the one each belongs to."""
        target = relation(kind, name).kind
        places = np.arange(len(numbers))
        if {kind, target} <= OF_THINGS or {kind, target} <= OF_STREAMS:
            children = numbers
        elif kind == STREAM:
            children = (self.of.carrier_of if target == THING else self.of.quantity_of)[numbers]
        else:
            children, places = self._streams_of(kind, numbers)
        keep = children >= 0
        keep[keep] = self.sees(target)[children[keep]]
        return target, children[keep], places[keep]

    def _streams_of(self, kind: str, numbers: Numbers) -> tuple[Numbers, Numbers]:
        leads = self.of.carrier_of if kind == THING else self.of.quantity_of
        order = self.of.by_carrier if kind == THING else self.of.by_quantity
        ordered = leads[order]
        first = np.searchsorted(ordered, numbers, "left")
        counts = np.searchsorted(ordered, numbers, "right") - first
        total = int(counts.sum())
        if total > MOST_RELATED:
            raise TooWideError(limit=f"{MOST_RELATED} related entities")
        places = np.repeat(np.arange(len(numbers)), counts)
        within = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
        return order[np.repeat(first, counts) + within], places


@dataclass(frozen=True, slots=True)
class Entities:
    """Some entities of one kind; a number below zero stands for none."""

    view: View
    kind: str
    numbers: Numbers

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.numbers)

    @property
    def now_us(self) -> int:
        """The instant at which is asked."""
        return self.view.now_us

    def spend(self, steps: int) -> None:
        """Count what is about to be reckoned."""
        self.view.spent.more(steps)

    def column(self, field: Field) -> Column:
        """Return a property of each, or of the one it leads to."""
        name, rest = field.steps[0], field.steps[1:]
        if name in IDS:
            return entities.column(self.view.of, self.kind, "id").take(self.numbers)
        if name in KINDS[self.kind].relations:
            return self._led(name, Field(rest or ("@iot.id",), field.at))
        typed = entities.SAID[self.kind].get(name)
        if typed is None or (rest and typed[0] != "any"):
            raise NameUnknownError(of=self.kind, name="/".join(field.steps)[:80])
        found = entities.column(self.view.of, self.kind, name).take(self.numbers)
        return within(found, rest)

    def _led(self, name: str, field: Field) -> Column:
        if relation(self.kind, name).many:
            raise FilterKindError(at=field.at, name=name, kind="many entities")
        there = np.flatnonzero(self.numbers >= 0)
        target, children, places = self.view.related(self.kind, self.numbers[there], name)
        led = np.full(len(self.numbers), -1, np.int64)
        led[there[places]] = children
        return Entities(self.view, target, led).column(field)

    def spread(self, node: Node) -> tuple[Scope, NDArray[np.int64]] | None:
        """Return a row for each related entity, where a condition speaks of many of them."""
        prefix = prefix_of(self.kind, node)
        if not prefix:
            return None
        kind, numbers, owners = self.kind, self.numbers, np.arange(len(self.numbers))
        for name in prefix:
            if relation(kind, name).kind == READING:
                raise NameUnknownError(of="a filter over many Observations", name=name)
            there = numbers >= 0
            kind, numbers, places = self.view.related(kind, numbers[there], name)
            owners = owners[there][places]
            self.spend(PER_RELATED * len(numbers))
        return _Spread(self, Entities(self.view, kind, numbers), prefix, owners), owners


def prefix_of(kind: str, node: Node) -> tuple[str, ...]:
    """Return the steps up to the last that leads to many; empty when none does."""
    found: set[tuple[str, ...]] = set()
    for field in fields_in(node):
        here, long = kind, 0
        for place, name in enumerate(field.steps, start=1):
            led = KINDS[here].relations.get(name)
            if led is None:
                break
            here, long = led.kind, place if led.many else long
        if long:
            found.add(field.steps[:long])
    if len(found) > 1:
        raise NameUnknownError(of="one comparison", name=", ".join("/".join(x) for x in found)[:80])
    return found.pop() if found else ()


@dataclass(frozen=True, slots=True)
class _Spread:
    """A row for each related entity, beside what is said of the one it belongs to."""

    outer: Entities
    inner: Entities
    prefix: tuple[str, ...]
    owners: Numbers

    @property
    def size(self) -> int:
        return self.inner.size

    @property
    def now_us(self) -> int:
        return self.outer.now_us

    def spend(self, steps: int) -> None:
        self.outer.spend(steps)

    def column(self, field: Field) -> Column:
        long = len(self.prefix)
        if field.steps[:long] == self.prefix:
            return self.inner.column(Field(field.steps[long:] or ("@iot.id",), field.at))
        return self.outer.column(field).take(self.owners)

    def spread(self, node: Node) -> tuple[Scope, NDArray[np.int64]] | None:  # noqa: ARG002
        return None


def within(column: Column, steps: tuple[str, ...]) -> Column:
    """Return what lies in JSON values under some names."""
    if not steps:
        return column
    found = []
    for value in column.data.tolist():
        for step in steps:
            value = value.get(step) if isinstance(value, dict) else None  # noqa: PLW2901
        found.append(value)
    made = column_of("any", found) if found else nothing("any", len(column.known))
    return made if len(made.known) == len(column.known) else nothing("any", len(column.known))
