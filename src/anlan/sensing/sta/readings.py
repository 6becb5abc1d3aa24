"""Readings of the store as Observations: which stand, under which number, in which order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from anlan.sensing.domain.columns import QUALITIES
from anlan.sensing.domain.observations import Quality
from anlan.sensing.domain.sta_errors import EntityUnknownError, NameUnknownError, TooWideError
from anlan.sensing.services.hands import reader
from anlan.sensing.sta import pushing
from anlan.sensing.sta.catalogue import Numbers
from anlan.sensing.sta.columns import Column, nothing, objects
from anlan.sensing.sta.evaluate import Scope, holds, ranks
from anlan.sensing.sta.model import BASIC, FEATURE, IDS, READING, STREAM
from anlan.sensing.sta.options import Options, window
from anlan.sensing.sta.tree import Field, Node
from anlan.sensing.sta.view import Entities, View, within
from anlan.sensing.store import Rows
from anlan.sensing.store.latest import NEVER, Newest
from anlan.sensing.store.rows import REMOVED, joined, no_rows, standing

MOST_LOOKED_AT = 5_000_000
"""Readings that one question looks at; beyond, it has to be narrowed."""
MOST_FOUND_AMONG = 200_000_000
"""Sealed readings among which one is looked for by its number: about a second."""
MANY_STREAMS, STREAMS_AT_ONCE = 1000, 100
_WORDS = np.array([*(quality.value for quality in QUALITIES), "removed"], object)
_MISSING = QUALITIES.index(Quality.MISSING)


@dataclass(frozen=True)
class Readings:
    """Some readings: their rows, the stream of each in the catalogue, and the number it is told by."""

    view: View
    rows: Rows
    stream: Numbers
    number: Numbers

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.stream)

    @property
    def now_us(self) -> int:
        """The instant at which is asked."""
        return self.view.now_us

    def spend(self, steps: int) -> None:
        """Count what is about to be reckoned."""
        self.view.spent.more(steps)

    def take(self, which: NDArray[Any]) -> Readings:
        """Return some of them."""
        return Readings(
            self.view, self.rows.take(which), self.stream[which], self.number[which]
        )  # fmt: skip

    def column(self, field: Field) -> Column:
        """Return a property of each."""
        name, rest = field.steps[0], field.steps[1:]
        known = np.ones(self.size, bool)
        if name in {STREAM, FEATURE}:
            return Entities(self.view, name, self.stream).column(
                Field(rest or ("@iot.id",), field.at)
            )
        if name == "result":
            return within(self._results, rest)
        if rest or name not in (*BASIC[READING], *IDS):
            raise NameUnknownError(of=READING, name="/".join(field.steps)[:80])
        if name in IDS:
            return Column("number", self.number.astype(np.float64), known)
        if name == "resultQuality":
            return Column("string", quality_words(self.rows.quality), known)
        times = {"phenomenonTime": self.rows.at_us, "resultTime": self.rows.result_us}
        found = times.get(name)
        return nothing("any", self.size) if found is None else Column("instant", found, known)

    @cached_property
    def _results(self) -> Column:
        if not self.rows.text.any():
            return Column("number", self.rows.value, ~np.isnan(self.rows.value))
        found = results(self.rows)
        return Column("any", objects(found), np.array([x is not None for x in found], bool))

    def spread(self, node: Node) -> tuple[Scope, Numbers] | None:
        """Return a row for each related entity, where a condition speaks of many of them."""
        if not pushing.leads_to_many(node):
            return None
        raise NameUnknownError(of="a filter of Observations", name="a relation to many entities")


def quality_words(quality: NDArray[np.uint8]) -> NDArray[np.object_]:
    """Return the words for qualities."""
    return _WORDS[np.where(quality == REMOVED, len(QUALITIES), quality)]


def results(rows: Rows) -> list[Any]:
    """Return the result of each reading: a number, or what its JSON says; None where there is none."""
    found = [None if value != value else value for value in rows.value.tolist()]  # noqa: PLR0124
    for place in np.flatnonzero(rows.text != b"").tolist():
        if rows.quality[place] != REMOVED:
            found[place] = msgspec.json.decode(rows.text[place])
    return found


def shown(view: View, rows: Rows) -> Readings:
    """Return rows, of which all of each instant are there, as readings that are seen."""
    number = rows.id
    amended = rows.about != 0
    if amended.any():
        number = rows.id.copy()
        first: dict[int, int] = {}
        # By number: what is corrected came before its correction, and is led back already.
        places = np.flatnonzero(amended)
        for place in places[np.argsort(rows.id[places])].tolist():
            about = int(rows.about[place])
            number[place] = first[int(rows.id[place])] = first.get(about, about)
        if not view.history:
            kept = standing(rows)
            number = number[np.isin(rows.id, kept.id)]
            rows = kept
    known = view.of.numbers_in_store(dict_of_store())
    of_store = np.full(max(int(known.max(initial=-1)), int(rows.stream.max(initial=-1))) + 2, -1)
    of_store[known[known >= 0]] = np.flatnonzero(known >= 0)
    return Readings(view, rows, of_store[rows.stream], number)


def dict_of_store() -> Mapping[str, int]:
    """Return the store's number of every stream code."""
    return reader().know(())


def _store_numbers(view: View, streams: Numbers) -> NDArray[np.int32]:
    """Return the store's numbers of streams, those left out that never sent."""
    numbers = view.of.numbers_in_store(reader().all_numbers())[streams]
    return numbers[numbers >= 0].astype(np.int32)


class Found(NamedTuple):
    """Readings in their order, those of each stream together, and what there is beyond them."""

    readings: Readings
    counts: dict[int, int]  # of each stream or of all (-1), where it was asked for
    more: set[int]  # streams, or -1, of which there are further ones


def look(view: View, streams: Numbers, options: Options, *, of_each: bool) -> Found:
    """Return a page of the readings of streams: of each of them, or of all together.

    Raises
    ------
    TooWideError
        When more than :data:`MOST_LOOKED_AT` would have to be looked at.
    """
    streams, condition = pushing.narrowed(view, streams, options.filter)
    rows = options.rows(view.page)
    if of_each and rows == 1 and _is_plain_newest(view, options):
        found = _newest(view, streams)
        return Found(found, {}, set(found.stream.tolist()))
    needed = options.skip + rows + 1
    falling = pushing.time_order(options.order)
    patient = options.count or falling == 0
    walk = _Walk(view, streams, condition, of_each=of_each)
    found = walk.gather(needed if not patient else None, falling=falling < 0)
    ordered = found.take(_places(found, options))
    return _paged(ordered, options, rows, of_each=of_each)


def _is_plain_newest(view: View, options: Options) -> bool:
    return (
        not (options.filter or options.skip or options.count or view.history)
        and pushing.only_newest(options.order)
    )  # fmt: skip


class _Walk:
    """Goes through the store period by period, until enough is found."""

    def __init__(
        self, view: View, streams: Numbers, condition: Node | None, *, of_each: bool
    ) -> None:
        self.view = view
        self.condition = condition
        self.of_each = of_each
        self.streams = streams
        self.looked_at = 0

    def gather(self, needed: int | None, *, falling: bool) -> Readings:
        """Return all readings that meet the condition, or so many of each stream or together."""
        store = reader()
        wanted = np.unique(_store_numbers(self.view, self.streams))
        bounds = store.bounds()
        parts = [shown(self.view, no_rows())]
        if bounds is None or not len(wanted):
            return parts[0]
        low, before = pushing.period(self.condition)
        first, last = max(bounds[0], low), min(bounds[1], before - 1)
        count = np.zeros(int(wanted.max()) + 1, np.int64)
        for start, end in pushing.days(first, last, falling=falling):
            part = self._part(wanted, start, end)
            parts.append(part)
            count += np.bincount(part.rows.stream, minlength=len(count))[: len(count)]
            if needed is None:
                continue
            if self.of_each:
                wanted = wanted[count[wanted] < needed]
            if not len(wanted) or (not self.of_each and count.sum() >= needed):
                break
        rows = joined([part.rows for part in parts])
        return Readings(
            self.view, rows,
            np.concatenate([part.stream for part in parts]),
            np.concatenate([part.number for part in parts]),
        )  # fmt: skip

    def _part(self, wanted: NDArray[np.int32], start: int, end: int) -> Readings:
        store = reader()
        many = len(wanted) > MANY_STREAMS
        if many and self.looked_at + store.most_rows(start, end) > MOST_LOOKED_AT:
            raise TooWideError(limit=f"{MOST_LOOKED_AT} readings")
        # Of many streams it is known beforehand how much comes; few may speak very often.
        step = len(wanted) if many else STREAMS_AT_ONCE
        parts = []
        for first in range(0, len(wanted), step):
            parts.append(store.read(wanted[first : first + step], start, end, history=True))
            self.looked_at += parts[-1].size
            if self.looked_at > MOST_LOOKED_AT:
                raise TooWideError(limit=f"{MOST_LOOKED_AT} readings")
        part = shown(self.view, joined(parts))
        return part if self.condition is None else part.take(holds(self.condition, part))


def _places(found: Readings, options: Options) -> Numbers:
    """Return the order of readings: as asked, else by time; then by stream and number."""
    keys: list[NDArray[Any]] = [found.rows.id, found.stream]
    if not options.order:
        keys.append(found.rows.at_us)
    keys += ranks(options.order, found)
    return np.lexsort(keys).astype(np.int64)


def _paged(found: Readings, options: Options, rows: int, *, of_each: bool) -> Found:
    """Return the page of each stream, or of all: the order within stays."""
    owners = found.stream if of_each else np.full(found.size, -1, np.int64)
    order = np.argsort(owners, kind="stable")
    keep, numbers, more = window(owners[order], options.skip, rows)
    return Found(found.take(order[keep]), numbers if options.count else {}, more)


def _newest(view: View, streams: Numbers) -> Readings:
    """Return the newest reading of each stream, from the arrays that the store keeps of them."""
    store = reader()
    numbers = _store_numbers(view, streams)
    newest = store.newest_of(numbers)
    there = newest.at_us != NEVER
    numbers, newest = numbers[there], Newest._make(column[there] for column in newest)
    count = len(numbers)
    rows = Rows(
        id=newest.id, stream=numbers, at_us=newest.at_us, result_us=newest.result_us,
        value=newest.value, quality=newest.quality, about=np.zeros(count, np.int64),
        text=np.full(count, b"", object),
    )  # fmt: skip
    odd = np.flatnonzero(np.isnan(rows.value) & (rows.quality != _MISSING))
    if len(odd):
        times = rows.at_us[odd]
        said = store.read(numbers[odd], int(times.min()), int(times.max()) + 1, history=True)
        texts = dict(zip(said.id.tolist(), said.text.tolist(), strict=True))
        rows.text[odd] = objects([texts.get(id_, b"") for id_ in rows.id[odd].tolist()])
    found = shown(view, rows)
    return Readings(view, found.rows, found.stream, newest.first)


def one(view: View, number: int, stream: int | None = None) -> Readings:
    """Return the reading that is told by a number, as it stands now; ``stream``: it is said to be of.

    Raises
    ------
    EntityUnknownError
        When there is none, it was removed, or its stream may not be seen.
    TooWideError
        When it is not among the first :data:`MOST_FOUND_AMONG`, and nobody said of which stream it is.
    """
    found = chain(view, number, stream)
    rows = found.rows
    if view.history:
        mine = rows.id == number
        return found.take(mine if mine.any() else np.arange(1))  # received twice, and kept once
    alive = found.take(np.isin(rows.id, standing(rows).id))
    return alive.take(np.arange(1)) if alive.size else _unknown(number)


def _unknown(number: int) -> Readings:
    raise EntityUnknownError(what="Observations", id=number)


def chain(view: View, number: int, stream: int | None = None) -> Readings:
    """Return everything that was kept of one reading: as received, its corrections, its removal."""
    store = reader()
    if not 0 < number < 1 << 62:
        return _unknown(number)
    known = None if stream is None else _store_numbers(view, np.array([stream]))
    asked = store.by_id(number, stream=known, most=MOST_FOUND_AMONG)
    if asked is None:
        raise TooWideError(limit=f"{MOST_FOUND_AMONG} readings")
    if not asked.size:
        return _unknown(number)
    store.all_numbers()
    at = int(asked.at_us[0])
    rows = store.read(asked.stream, at, at + 1, history=True)
    whole = shown(_with_history(view), rows)
    if whole.stream[0] < 0 or not view.streams[whole.stream[0]]:
        return _unknown(number)
    mine = whole.number[rows.id == number]
    if not len(mine):  # received twice, and kept once
        mine = whole.number[_same_as(rows, asked)]
    return whole.take(whole.number == mine[0])


def _with_history(view: View) -> View:
    from dataclasses import replace

    return replace(view, history=True)


def _same_as(rows: Rows, asked: Rows) -> NDArray[np.bool_]:
    bits = rows.value.view(np.int64) == asked.value.view(np.int64)
    alike = (rows.result_us == asked.result_us) & (rows.about == asked.about) & bits
    return np.asarray(alike & (rows.text == asked.text), bool)
