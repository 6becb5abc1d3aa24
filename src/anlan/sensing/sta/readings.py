"""Readings of the store as Observations: which stand, under which number, in which order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from anlan.sensing.domain.columns import QUALITIES
from anlan.sensing.domain.sta_errors import NameUnknownError
from anlan.sensing.services.hands import reader
from anlan.sensing.sta import entities, pushing, times
from anlan.sensing.sta.catalogue import Numbers
from anlan.sensing.sta.columns import Column, nothing, objects
from anlan.sensing.sta.evaluate import Scope
from anlan.sensing.sta.model import BASIC, FEATURE, IDS, MULTI, READING, STREAM
from anlan.sensing.sta.rows import Parts, grouped, row_id, together
from anlan.sensing.sta.tree import Field, Node
from anlan.sensing.sta.view import Entities, View, within
from anlan.sensing.store import Rows
from anlan.sensing.store.rows import REMOVED, joined, standing

OF_ROWS = 300
"""Steps for what is made anew of each row of results: its id, its list of results or of qualities."""
_WORDS = np.array([*(quality.value for quality in QUALITIES), "removed"], object)


@dataclass(frozen=True)
class Readings:
    """Some readings: their rows, the stream of each in the catalogue, and the number it is told by.

    With ``parts`` some of them are rows of results, of MultiDatastreams (:mod:`anlan.sensing.sta.rows`).
    """

    view: View
    rows: Rows
    stream: Numbers
    number: Numbers
    parts: Parts | None = None

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
            self.view, self.rows.take(which), self.stream[which], self.number[which],
            None if self.parts is None else self.parts.take(which),
        )  # fmt: skip

    def column(self, field: Field) -> Column:
        """Return a property of each."""
        name, rest = field.steps[0], field.steps[1:]
        known = np.ones(self.size, bool)
        if name in {STREAM, MULTI, FEATURE}:
            return Entities(self.view, name, self.view.only(name, self.stream)).column(
                Field(rest or ("@iot.id",), field.at)
            )
        if self.parts is not None and name in {*IDS, "result", "resultQuality"}:
            self.spend(OF_ROWS * self.size)
        if name == "result":
            return within(self._results, rest)
        if rest or name not in (*BASIC[READING], *IDS):
            raise NameUnknownError(of=READING, name="/".join(field.steps)[:80])
        if name in IDS and self.parts is None:
            return Column("number", self.number.astype(np.float64), known)
        if name in IDS:
            return Column("any", objects(self.ids), known)
        if name == "resultQuality":
            found = qualities(self)
            return Column("string" if self.parts is None else "any", objects(found), known)
        instants = {"phenomenonTime": self.rows.at_us, "resultTime": self.rows.result_us}
        at = instants.get(name)
        return nothing("any", self.size) if at is None else Column("instant", at, known)

    @cached_property
    def ids(self) -> list[Any]:
        """The id of each: its number, or code and instants of a row of results."""
        found: list[Any] = (self.rows.id if self.view.history else self.number).tolist()
        if self.parts is None:
            return found
        there = np.flatnonzero(self.parts.place >= 0)
        written = zip(
            there.tolist(),
            self.stream[there].tolist(),
            times.each_written(self.rows.at_us[there]),
            times.each_written(self.rows.result_us[there]),
            strict=True,
        )
        for place, owner, at, made in written:
            code = entities.id_of(self.view.of, MULTI, owner)
            found[place] = row_id(code, at, made)
        return found

    @cached_property
    def _results(self) -> Column:
        if not self.rows.text.any() and self.parts is None:
            return Column("number", self.rows.value, ~np.isnan(self.rows.value))
        found = results_of(self)
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


def results_of(of: Readings) -> list[Any]:
    """Return the result of each Observation; for a row of them a list, null where there is none."""
    return _with_rows(of, results(of.rows), results, None)


def qualities(of: Readings) -> list[Any]:
    """Return the quality of each Observation; for a row of results those of all of them."""
    plain = quality_words(of.rows.quality).tolist()
    return _with_rows(of, plain, lambda rows: quality_words(rows.quality).tolist(), "missing")


def _with_rows(
    of: Readings, plain: list[Any], said: Callable[[Rows], list[Any]], nothing_there: str | None
) -> list[Any]:
    """Put what is said of the parts of rows in the place of what is said of the rows."""
    if of.parts is None:
        return plain
    there = np.flatnonzero(of.parts.place >= 0)
    which = of.parts.which[of.parts.place[there]]
    used, back = np.unique(which[which >= 0], return_inverse=True)
    cells = np.full(which.shape, nothing_there, object)
    cells[which >= 0] = objects(said(of.parts.rows.take(used)))[back]
    widths = np.diff(of.view.of.multis.starts)[of.stream[there] - len(of.view.of.streams)]
    for place, width, row in zip(there.tolist(), widths.tolist(), cells.tolist(), strict=True):
        plain[place] = row[:width]
    return plain


def all_of(view: View, found: Sequence[Readings]) -> Readings:
    """Return readings one after another."""
    return Readings(
        view,
        joined([one.rows for one in found]),
        np.concatenate([one.stream for one in found]),
        np.concatenate([one.number for one in found]),
        together([(one.parts, one.size) for one in found]),
    )


def rows_of(found: Readings, multis: Numbers) -> Readings:
    """Return the rows of results that MultiDatastreams have in readings that stand."""
    of, alone = found.view.of.multis, len(found.view.of.streams)
    made = grouped(found.rows, found.stream, found.number, of, multis - alone)
    return Readings(found.view, made.rows, made.owner + alone, made.rows.id, made.parts)


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


def store_numbers(view: View, streams: Numbers) -> NDArray[np.int32]:
    """Return the store's numbers of streams, those left out that never sent."""
    numbers = view.of.numbers_in_store(reader().all_numbers())[streams]
    return numbers[numbers >= 0].astype(np.int32)


def standing_in(found: Readings) -> Readings:
    """Return those that stand; rows of results are made of these alone."""
    if not found.view.history:
        return found
    return found.take(np.isin(found.rows.id, standing(found.rows).id))
