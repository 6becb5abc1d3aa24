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
    FEATURE,
    IDS,
    KINDS,
    LOCATION,
    MOVED,
    MULTI,
    OF_STREAMS,
    OF_THINGS,
    QUANTITY,
    READING,
    SENSOR,
    STREAM,
    THING,
    relation,
)
from anlan.sensing.sta.multis import ragged
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
    def _things(self) -> NDArray[np.bool_]:
        return self._areas[self.of.thing_area]

    @cached_property
    def _located(self) -> NDArray[np.bool_]:
        return self._things & entities.column(self.of, LOCATION, "location").known

    @cached_property
    def streams(self) -> NDArray[np.bool_]:
        """Which streams are seen."""
        return self._areas[self.of.stream_area]

    @cached_property
    def _multis(self) -> NDArray[np.bool_]:
        """Which MultiDatastreams are seen: those of which every stream is."""
        of = self.of.multis
        if not of.known:
            return np.zeros(0, bool)
        return np.logical_and.reduceat(self.streams[of.streams], of.starts[:-1])

    @cached_property
    def _of_kind(self) -> dict[str, NDArray[np.bool_]]:
        streams, multis = self.streams, self._multis
        both = np.concatenate([streams, multis])
        return {
            STREAM: np.concatenate([streams, np.zeros(len(multis), bool)]),
            MULTI: np.concatenate([np.zeros(len(streams), bool), multis]),
            SENSOR: both,
            FEATURE: both,
        }

    def sees(self, kind: str) -> NDArray[np.bool_]:
        """Return which entities of a kind are seen, by number."""
        if kind == QUANTITY:
            return np.ones(len(self.of.quantities), bool)
        if kind in {LOCATION, MOVED}:
            return self._located
        return self._things if kind == THING else self._of_kind[kind]

    def only(self, kind: str, owners: Numbers) -> Numbers:
        """Return the numbers of Datastreams and MultiDatastreams that are of a kind, else -1."""
        if kind not in {STREAM, MULTI}:
            return owners
        alone = owners < len(self.of.streams)
        return np.where(alone if kind == STREAM else ~alone, owners, -1)

    def number(self, kind: str, id_: Any) -> int:
        """Return the number of an entity.

        Raises
        ------
        EntityUnknownError
            When there is none, or it may not be seen.
        """
        code = str(id_)
        if kind == QUANTITY:
            found = self.of.quantity_number.get(code, -1)
        elif kind in OF_THINGS:
            found = self.of.thing_number.get(code, -1)
        else:
            found = -1 if kind == MULTI else self.of.stream_number.get(code, -1)
            if found < 0 and kind != STREAM:
                found = self.of.number_of_multi(code)
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
            children = (self.of.thing_of if target == THING else self.of.quantity_of)[numbers]
        elif kind == MULTI:
            children, places = self._of_multis(target, numbers - len(self.of.streams))
        else:
            children, places = self._measuring(kind, target, numbers)
        keep = children >= 0
        keep[keep] = self.sees(target)[children[keep]]
        return target, children[keep], places[keep]

    def _of_multis(self, target: str, numbers: Numbers) -> tuple[Numbers, Numbers]:
        of = self.of.multis
        if target == THING:
            return of.thing_of[numbers], np.arange(len(numbers))
        _bounded(int(np.diff(of.starts)[numbers].sum()))
        parts, owners, _ = of.parts(numbers)
        return of.quantities[parts], owners

    def _measuring(self, kind: str, target: str, numbers: Numbers) -> tuple[Numbers, Numbers]:
        """Return the Datastreams or MultiDatastreams of places or quantities."""
        of = self.of
        if target == MULTI:
            leads, order = (of.multis.of_thing if kind == THING else of.multis.of_quantity)()
            order = order + len(of.streams)
        else:
            order = of.by_thing if kind == THING else of.by_quantity
            leads = (of.thing_of if kind == THING else of.quantity_of)[order]
        first = np.searchsorted(leads, numbers, "left")
        counts = np.searchsorted(leads, numbers, "right") - first
        _bounded(int(counts.sum()))
        found, places, _ = ragged(first, counts)
        return order[found], places


def _bounded(related: int) -> None:
    if related > MOST_RELATED:
        raise TooWideError(limit=f"{MOST_RELATED} related entities")


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
        places = entities.places(self.view.of, self.kind, self.numbers)
        if name in IDS:
            return entities.column(self.view.of, self.kind, "id").take(places)
        if name in KINDS[self.kind].relations:
            return self._led(name, Field(rest or ("@iot.id",), field.at))
        typed = entities.SAID[self.kind].get(name)
        if typed is None or (rest and typed[0] != "any"):
            raise NameUnknownError(of=self.kind, name="/".join(field.steps)[:80])
        found = entities.column(self.view.of, self.kind, name).take(places)
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
            value = _in(value, step)  # noqa: PLW2901
        found.append(value)
    made = column_of("any", found) if found else nothing("any", len(column.known))
    return made if len(made.known) == len(column.known) else nothing("any", len(column.known))


def _in(value: Any, step: str) -> Any:
    """Return what lies under a name of an object, or at a place of a list."""
    if isinstance(value, dict):
        return value.get(step)
    is_place = isinstance(value, list) and step.isascii() and step.isdigit() and len(step) < 5
    return value[int(step)] if is_place and int(step) < len(value) else None
