"""The judge in columns: ``step(state, batch, now=)`` gives the state after, and findings.

It means exactly what ``domain/judge.py`` means for thresholds, windows and
silence, for a million streams at once.  No clock, no database, no randomness:
the same state, readings and instant give the same findings, so whoever starts
again from a saved state drops those that were written already.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anlan.warning.columns.adopting import NOTHING_TOLD, adopt, scratch, widen
from anlan.warning.columns.layout import (
    BLOCK,
    EVIDENCE,
    I64,
    MISSED,
    NEVER,
    ROW,
    SILENCE_ENDED,
    Batch,
    Out,
    Room,
    Told,
)
from anlan.warning.columns.one import DONE, NO_PAPER
from anlan.warning.columns.programs import City, Named
from anlan.warning.columns.quick import (
    end_all,
    find_due,
    group_up,
    take_in,
    take_in_groups,
    walk,
)
from anlan.warning.columns.rings import leave, seat
from anlan.warning.columns.sharing import PIECES, all_rise, cut, each, joined
from anlan.warning.columns.state import State

PAPER = 4_096  # findings that a thread may write before it asks for more
SCRATCH_TURNS, SCRATCH_LANES = 256, 8
SMALL = 20_000  # rows that are not worth a second thread


class Step(NamedTuple):
    """What a step leaves behind; ``findings`` are in order of stream."""

    state: State
    findings: Out
    rules: tuple[Named, ...]  # what `findings.named` counts, of stream rules
    silences: tuple[Named, ...]  # … and of silence rules
    too_late: int  # readings older than the lateness budget, which are not judged here
    unknown: int  # readings of streams that the judge does not know
    missed: I64  # the streams of which something came too late
    missed_from: I64  # and the earliest of its instants
    otherwise: int  # how often what was told is no more as it was, worth telling or not


class _Groups(NamedTuple):
    """Streams in rising order; the rows of each are ``order[starts[g] : starts[g + 1]]``."""

    streams: I64
    order: I64
    starts: I64


class _Desk:
    """Paper and scratch of one thread."""

    def __init__(self, state: State) -> None:
        self.out = _paper(PAPER)
        self.width = state.columns.on.shape[2]
        self.turns, self.lanes = SCRATCH_TURNS, SCRATCH_LANES
        self.room: Room = scratch(self.turns, self.lanes, self.width)

    def more_paper(self) -> None:
        """Double the paper and keep what is written."""
        longer = _paper(2 * len(self.out.row))
        for old, new in zip(self.out, longer, strict=True):
            new[: len(old)] = old
        self.out = longer

    def more_scratch(self, lanes: int) -> None:
        """Make room for more turns and lanes."""
        tally = self.room.tally
        self.turns, self.lanes = 2 * self.turns, max(self.lanes, lanes)
        self.room = scratch(self.turns, self.lanes, self.width)
        self.room.tally[:] = tally


def batch_of(
    stream: Sequence[int] | NDArray[Any],
    at_us: Sequence[int] | NDArray[Any],
    value: Sequence[float] | NDArray[Any],
    *,
    quality: Sequence[int] | NDArray[Any] | None = None,
    arrival: int | Sequence[int] | NDArray[Any] = 0,
) -> Batch:
    """Return readings in order of arrival; ``arrival`` is the number of their message, or of each."""
    size = len(stream)
    qualities = np.zeros(size, np.uint8) if quality is None else quality
    numbers = np.broadcast_to(np.asarray(arrival, np.int64), size)
    return Batch(
        stream=_column(stream, np.int32),
        at_us=_column(at_us, np.int64),
        value=_column(value, np.float64),
        quality=_column(qualities, np.uint8),
        arrival=_column(numbers & 0xFFFFFFFF, np.uint32),
    )


def _column(values: Any, kind: Any) -> Any:
    # Columns of a stored frame may be read-only and unaligned: compiled code takes neither.
    return np.require(values, kind, ["C", "A", "W"])


NO_READINGS = batch_of([], [], [])


def step(
    state: State,
    batch: Batch,
    *,
    now: int,
    city: City | None = None,
    hands: Executor | None = None,
) -> Step:
    """Judge what is new and what time alone has changed, as of ``now`` (µs).

    ``city`` is given when the rules, the streams or what is known of them have
    changed.  The state is changed in place and handed back.  ``hands`` lend a
    thread beside the caller's for large batches.
    """
    desks = [_Desk(state)]
    if city is not None:
        return _step_with_city(state, batch, city, now=now)
    if hands is not None and len(batch.stream) >= SMALL:
        desks.append(_Desk(state))
    if len(batch.stream):
        hard = _take_in(state, batch, len(desks), now=now, hands=hands)
        _judge(state, batch, hard, NOTHING_TOLD, desks, now=now, hands=hands)
    due = _due(state, len(desks), now=now, hands=hands)
    nothing = _Groups(due, np.zeros(0, np.int64), np.zeros(len(due) + 1, np.int64))
    _judge(state, batch, nothing, NOTHING_TOLD, desks, now=now, hands=hands)
    return _step(state, desks)


def _step_with_city(state: State, batch: Batch, city: City, *, now: int) -> Step:
    """Judge every stream by rules and facts that are new."""
    ended = _Desk(state)
    _end_those_gone(state, city, ended, now=now)
    before = state.rules, state.silences
    told = adopt(state, city, now=now)
    desk = _Desk(state)
    groups = _with_all_streams(state, batch)
    _judge(state, batch, groups, told, [desk], now=now, hands=None)
    # What has ended is named as it was before.
    rows = ended.out.row[: ended.out.size[0]]
    silent = rows["why"] == SILENCE_ENDED
    rows["named"] += np.where(silent, len(state.silences), len(state.rules)).astype(np.int32)
    done = _step(state, [ended, desk])
    return done._replace(rules=state.rules + before[0], silences=state.silences + before[1])


def _step(state: State, desks: list[_Desk]) -> Step:
    tally = sum((desk.room.tally for desk in desks), np.zeros(3, np.int64))
    findings = _together([desk.out for desk in desks])
    late = findings.row["what"] == MISSED
    missed = findings.row[late]
    if len(missed):
        findings = findings._replace(row=findings.row[~late])
        findings.size[0] = len(findings.row)
    return Step(
        state, findings, state.rules, state.silences, int(tally[0]), int(tally[1]),
        missed["stream"].astype(np.int64), missed["at"].copy(), int(tally[2]),
    )  # fmt: skip


def _due(state: State, parts: int, *, now: int, hands: Executor | None) -> I64:
    """Return the streams for which something is due that time alone brings."""
    look_at = state.columns.look_at
    if not len(look_at) or look_at.min() > now:
        return np.zeros(0, np.int64)
    found = np.empty(len(look_at) * BLOCK, np.int64)
    middle = len(look_at) // 2 if parts > 1 else 0
    spans = [(low, high) for low, high in ((0, middle), (middle, len(look_at))) if low < high]

    def blocks(low: int, high: int) -> int:
        return find_due(state.tables, state.columns, now, low, high, found[low * BLOCK :])

    counts = each(blocks, spans, hands)
    return joined(found, [(low * BLOCK, high * BLOCK) for low, high in spans], counts)


def _take_in(
    state: State, batch: Batch, parts: int, *, now: int, hands: Executor | None
) -> _Groups:
    """Take what is quickly taken; return the rest, by stream."""
    size = len(batch.stream)
    if all_rise(batch.stream, parts, hands):
        spans = cut(batch.stream, parts * PIECES if parts > 1 else 1)
        hard = np.empty(size, np.int64)

        def rows(low: int, high: int) -> int:
            return take_in(state.tables, state.columns, batch, now, low, high, hard[low:high])

        left = each(rows, spans, hands)
        chosen = joined(hard, spans, left)
        return _Groups(batch.stream[chosen].astype(np.int64), chosen, np.arange(len(chosen) + 1))
    order = np.argsort(batch.stream, kind="stable")
    starts = np.empty(size + 1, np.int64)
    groups = group_up(batch.stream, order, starts)
    starts = starts[: groups + 1]
    streams = batch.stream[order[starts[:-1]]].astype(np.int64)
    spans = cut(streams, parts)
    hard = np.empty(groups, np.int64)

    def whole(low: int, high: int) -> int:
        return take_in_groups(
            state.tables, state.columns, batch, now, order, starts, low, high, hard[low:high]
        )

    left = each(whole, spans, hands)
    chosen = joined(hard, spans, left)
    return _chosen(_Groups(streams, order, starts), chosen)


def _chosen(groups: _Groups, chosen: I64) -> _Groups:
    """Return some of the groups."""
    counts = groups.starts[chosen + 1] - groups.starts[chosen]
    starts = np.concatenate([[0], np.cumsum(counts)])
    within = np.arange(starts[-1]) - np.repeat(starts[:-1], counts)
    order = groups.order[np.repeat(groups.starts[chosen], counts) + within]
    return _Groups(groups.streams[chosen], order, starts)


def _with_all_streams(state: State, batch: Batch) -> _Groups:
    """Return every stream that is there, with its rows, and streams of rows that are not."""
    order = np.argsort(batch.stream, kind="stable")
    there = np.flatnonzero(state.columns.hot["program"] >= 0)
    sorted_streams = batch.stream[order].astype(np.int64)
    streams = np.union1d(there, sorted_streams)
    starts = np.searchsorted(sorted_streams, np.append(streams, np.iinfo(np.int64).max))
    return _Groups(streams, order, starts.astype(np.int64))


def _judge(
    state: State,
    batch: Batch,
    groups: _Groups,
    told: Told,
    desks: list[_Desk],
    *,
    now: int,
    hands: Executor | None,
) -> None:
    """Judge the streams of ``groups``, growing what turns out too small."""
    while len(groups.streams):
        spans = cut(groups.streams, len(desks))
        crowded = np.empty(len(groups.streams), np.int64)
        current = groups

        def part(low: int, high: int) -> int:
            desk = desks[0] if low == 0 else desks[-1]  # of one thread: never more spans than desks
            return _walk_on(state, batch, current, told, desk, crowded[low:high], low, high, now)  # noqa: B023

        left = each(part, spans, hands)
        chosen = joined(crowded, spans, left)
        if not len(chosen):
            return
        groups = _chosen(groups, chosen)
        _grow(state, groups)


def _walk_on(
    state: State, batch: Batch, groups: _Groups, told: Told, desk: _Desk, crowded: I64,
    low: int, high: int, now: int,
) -> int:  # fmt: skip
    """Walk over a part of the groups; return how many lack room for their readings."""
    found = 0
    while low < high:
        low, why, lacking = walk(
            state.tables, state.columns, batch, now, groups.streams, groups.order, groups.starts,
            low, high, told, desk.room, desk.out, crowded[found:],
        )  # fmt: skip
        found += lacking
        if why == NO_PAPER:
            desk.more_paper()
        elif why != DONE:
            desk.more_scratch(int(state.columns.cold["lanes"][groups.streams[low]]))
    return found


def _grow(state: State, groups: _Groups) -> None:
    """Give larger rings to streams whose readings have no room."""
    streams = groups.streams
    need = state.columns.hot["count"][streams] + (groups.starts[1:] - groups.starts[:-1]) + 1
    seat(state, streams, 1 << np.ceil(np.log2(need)).astype(np.int64))


def _end_those_gone(state: State, city: City, desk: _Desk, *, now: int) -> None:
    widen(state, len(city.facts.there))
    columns = state.columns
    there = np.zeros(len(columns.hot), np.bool_)
    there[: len(city.facts.there)] = city.facts.there
    gone = np.flatnonzero((columns.hot["program"] >= 0) & ~there)
    low = 0
    while low < len(gone):
        low = end_all(columns, gone, low, now, desk.out)
        if low < len(gone):
            desk.more_paper()
    leave(state, gone)


def _paper(size: int) -> Out:
    return Out(
        size=np.zeros(2, np.int64),
        row=np.empty(size, ROW),
        e_at=np.empty(size * EVIDENCE, np.int64),
        e_value=np.empty(size * EVIDENCE, np.float64),
    )


NOTHING_FOUND = _paper(0)


def _together(papers: list[Out]) -> Out:
    """Return the findings of all threads, in order of stream."""
    papers = [paper for paper in papers if paper.size[0]]
    if not papers:
        return NOTHING_FOUND
    rows, at, value = [], [], []
    shift = 0
    for paper in papers:
        found, readings = int(paper.size[0]), int(paper.size[1])
        row = paper.row[:found].copy()
        row["e_first"] += shift
        shift += readings
        rows.append(row)
        at.append(paper.e_at[:readings])
        value.append(paper.e_value[:readings])
    row = np.concatenate(rows)
    row = row[np.argsort(row["stream"], kind="stable")]
    size = np.array([len(row), shift], np.int64)
    return Out(size, row, np.concatenate(at), np.concatenate(value))


__all__ = ["NEVER", "NO_READINGS", "Batch", "City", "State", "Step", "batch_of", "step"]
