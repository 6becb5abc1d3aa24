"""Looking for Observations in the store: a page of those of many streams, the newest ones, one by its id."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anlan.sensing.domain.columns import QUALITIES
from anlan.sensing.domain.observations import Quality
from anlan.sensing.domain.sta_errors import EntityUnknownError, TooWideError
from anlan.sensing.services.hands import reader
from anlan.sensing.sta import pushing
from anlan.sensing.sta.catalogue import Numbers
from anlan.sensing.sta.columns import objects
from anlan.sensing.sta.evaluate import holds, ranks
from anlan.sensing.sta.model import MULTI
from anlan.sensing.sta.options import Options, window
from anlan.sensing.sta.readings import Readings, all_of, rows_of, shown, standing_in, store_numbers
from anlan.sensing.sta.rows import bounded, told_by
from anlan.sensing.sta.times import instant_us
from anlan.sensing.sta.tree import Field, Node
from anlan.sensing.sta.view import View
from anlan.sensing.store import Rows
from anlan.sensing.store.latest import NEVER, Newest
from anlan.sensing.store.rows import joined, no_rows, standing

MOST_LOOKED_AT = 5_000_000
"""Readings that one question looks at; beyond, it has to be narrowed."""
MOST_FOUND_AMONG = 200_000_000
"""Sealed readings among which one is looked for by its number: about a second."""
MANY_STREAMS, STREAMS_AT_ONCE = 1000, 100
NEWEST_FIRST = ((Field(("phenomenonTime",), 1), True),)
_MISSING = QUALITIES.index(Quality.MISSING)


class Found(NamedTuple):
    """Readings in their order, those of each stream together, and what there is beyond them."""

    readings: Readings
    counts: dict[int, int]  # of each stream or of all (-1), where it was asked for
    more: set[int]  # streams, or -1, of which there are further ones


def look(view: View, owners: Numbers, options: Options, *, of_each: bool) -> Found:
    """Return a page of the readings of streams: of each of them, or of all together.

    ``owners`` are Datastreams and MultiDatastreams.

    Raises
    ------
    TooWideError
        When more than :data:`MOST_LOOKED_AT` would have to be looked at.
    """
    owners, condition = pushing.narrowed(view, owners, options.filter)
    rows = options.rows(view.page)
    if of_each and rows == 1 and _is_plain_newest(view, options):
        found = _newest(view, owners)
        return Found(found, {}, set(found.stream.tolist()))
    needed = options.skip + rows + 1
    falling = pushing.time_order(options.order)
    patient = options.count or falling == 0
    walk = _Walk(view, condition, of_each=of_each)
    found = walk.gather(owners, needed if not patient else None, falling=falling < 0)
    ordered = found.take(_places(found, options))
    return _paged(ordered, options, rows, of_each=of_each)


def _is_plain_newest(view: View, options: Options) -> bool:
    return (
        not (options.filter or options.skip or options.count or view.history)
        and pushing.only_newest(options.order)
    )  # fmt: skip


class _Walk:
    """Goes through the store period by period, until enough is found."""

    def __init__(self, view: View, condition: Node | None, *, of_each: bool) -> None:
        self.view = view
        self.condition = condition
        self.of_each = of_each
        self.looked_at = 0
        self.cells = 0

    def gather(self, wanted: Numbers, needed: int | None, *, falling: bool) -> Readings:
        """Return all readings that meet the condition, or so many of each stream or together."""
        store = reader()
        bounds = store.bounds()
        parts = [shown(self.view, no_rows())]
        if bounds is None or not len(wanted):
            return parts[0]
        low, before = pushing.period(self.condition)
        first, last = max(bounds[0], low), min(bounds[1], before - 1)
        of = self.view.of
        count = np.zeros(len(of.streams) + len(of.multis.known), np.int64)
        for start, end in pushing.days(first, last, falling=falling):
            part = self._part(wanted, start, end)
            parts.append(part)
            count += np.bincount(part.stream, minlength=len(count))
            if needed is None:
                continue
            if self.of_each:
                wanted = wanted[count[wanted] < needed]
            if not len(wanted) or (not self.of_each and count.sum() >= needed):
                break
        return all_of(self.view, parts)

    def _part(self, wanted: Numbers, start: int, end: int) -> Readings:
        """Return what streams have in a period, and MultiDatastreams, whose rows are made of theirs."""
        plain, multis = apart(self.view, wanted)
        part = shown(self.view, self._read(members_too(self.view, wanted), start, end))
        if len(multis):
            there = standing_in(part)
            mine = np.isin(part.stream, plain) if len(plain) else np.zeros(part.size, bool)
            rows = rows_of(there, multis)
            self.cells += 0 if rows.parts is None else rows.parts.which.size
            bounded(self.cells)
            part = all_of(self.view, [part.take(mine), rows])
        return part if self.condition is None else part.take(holds(self.condition, part))

    def _read(self, streams: Numbers, start: int, end: int) -> Rows:
        store = reader()
        wanted = np.unique(store_numbers(self.view, streams))
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
        return joined(parts)


def apart(view: View, owners: Numbers) -> tuple[Numbers, Numbers]:
    """Return the Datastreams and the MultiDatastreams among some of both."""
    alone = owners < len(view.of.streams)
    return owners[alone], owners[~alone]


def members_too(view: View, owners: Numbers) -> Numbers:
    """Return the streams whose readings are those of some Datastreams and MultiDatastreams."""
    plain, multis = apart(view, owners)
    if not len(multis):
        return plain
    of = view.of.multis
    parts, _, _ = of.parts(multis - len(view.of.streams))
    return np.unique(np.concatenate([plain, of.streams[parts]]))


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


def _newest(view: View, owners: Numbers) -> Readings:
    """Return the newest reading of each stream, from the arrays that the store keeps of them."""
    plain, multis = apart(view, owners)
    found = _newest_of_streams(view, plain)
    if not len(multis):
        return found
    # A stream whose newest reading is an older one has none at the newest instant of the row.
    rows = rows_of(_newest_of_streams(view, members_too(view, multis)), multis)
    place = rows.stream - len(view.of.streams)
    last = np.full(len(view.of.multis.known), NEVER)
    np.maximum.at(last, place, rows.rows.at_us)
    rows = rows.take(rows.rows.at_us == last[place])
    # Of two results of one instant, made at two, the arrays may know a part of each: look.
    odd = np.bincount(rows.stream, minlength=len(view.of.streams) + len(last)) > 1
    several = multis[odd[multis]]
    looked = _Walk(view, None, of_each=True).gather(several, 1, falling=True)
    order = _places(looked, Options(order=NEWEST_FIRST))
    again = _paged(looked.take(order), Options(top=1), 1, of_each=True)
    return all_of(view, [found, rows.take(~odd[rows.stream]), again.readings])


def _newest_of_streams(view: View, streams: Numbers) -> Readings:
    store = reader()
    numbers = store_numbers(view, streams)
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
        at = rows.at_us[odd]
        said = store.read(numbers[odd], int(at.min()), int(at.max()) + 1, history=True)
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


def row(view: View, id_: str) -> Readings:
    """Return the row of results that is told by code and instants.

    Raises
    ------
    EntityUnknownError
        When nothing stands there, or its MultiDatastream may not be seen.
    """
    code, at, made = told_by(id_)
    try:
        owner = view.number(MULTI, code)
        at_us, made_us = instant_us(at), instant_us(made)
    except (ValueError, OverflowError, EntityUnknownError):
        return _unknown(id_)
    view = replace(view, history=False)
    owners = np.array([owner])
    streams = store_numbers(view, members_too(view, owners))
    rows = reader().read(streams, at_us, at_us + 1, history=True)
    found = rows_of(shown(view, rows), owners)
    found = found.take(found.rows.result_us == made_us)
    return found if found.size else _unknown(id_)


def _unknown(number: int | str) -> Readings:
    number = number if isinstance(number, int) else number[:80]
    raise EntityUnknownError(what="Observations", id=number)


def chain(view: View, number: int, stream: int | None = None) -> Readings:
    """Return everything that was kept of one reading: as received, its corrections, its removal."""
    store = reader()
    if not 0 < number < 1 << 62:
        return _unknown(number)
    known = None if stream is None else store_numbers(view, np.array([stream]))
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
    return replace(whole.take(whole.number == mine[0]), view=view)


def _with_history(view: View) -> View:
    return replace(view, history=True)


def _same_as(rows: Rows, asked: Rows) -> NDArray[np.bool_]:
    bits = rows.value.view(np.int64) == asked.value.view(np.int64)
    alike = (rows.result_us == asked.result_us) & (rows.about == asked.about) & bits
    return np.asarray(alike & (rows.text == asked.text), bool)
