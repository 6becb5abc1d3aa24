"""The past of streams, judged again from the store: for a memory that is lost, and for late news.

What the store holds is cut at an instant.  Readings before it only fill the windows; what was
open then is known from the alert instances; from there on every reading is judged in its order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from anlan.registry.domain.rulespecs import RuleSpec, ThresholdRule, WindowRule
from anlan.sensing import public as sensing
from anlan.warning import columns
from anlan.warning.columns.layout import I32, I64, LATE
from anlan.warning.domain.findings import Finding
from anlan.warning.domain.instants import span_micros
from anlan.warning.domain.rulebook import RuleBook, lookback_of
from anlan.warning.services.streams.city import JudgedCity
from anlan.warning.services.streams.cuts import Mark

ROWS_AT_ONCE = 2_000_000
FRAMES_AT_ONCE = 200
LONGEST_SLICE = 300_000_000  # µs: no stream outgrows its ring within one
MOST_OF_ONE = 4_000  # readings of one stream in one step: no ring overflows
AFTER_ALL = 1 << 62
FURTHEST = 31 * 86_400_000_000  # µs that a stream is judged again at most
FRAME = 1 << 20  # a reading's number is its frame's times this, plus its place


class Judged(NamedTuple):
    """How streams stand after their past, and what was found on the way since the cut."""

    state: columns.State
    findings: tuple[Finding, ...]


def holds_of(rules: Iterable[RuleSpec]) -> int:
    """Return the longest while of any rule on streams, in µs."""
    spans = [
        max(span_micros(rule.hold), span_micros(rule.clear_hold))
        for rule in rules
        if isinstance(rule, ThresholdRule | WindowRule)
    ]
    return max(spans, default=0)


def margin(book: RuleBook) -> int:
    """Return how long before something is decided the readings begin that decide it, in µs."""
    return LATE + holds_of(rules_of(book))


def rules_of(book: RuleBook) -> list[RuleSpec]:
    """Return the rules in force and the older versions that something open began with."""
    return [*book.in_force, *book.older.values()]


def longest_lookback(rules: Iterable[RuleSpec]) -> int:
    """Return how far the longest window looks back, in µs."""
    found = [lookback_of(rule) for rule in rules if isinstance(rule, ThresholdRule | WindowRule)]
    return max(found, default=0)


def all_streams(
    city: JudgedCity,
    open_ones: Sequence[columns.Standing],
    upto: Mark,
    known: Sequence[tuple[int, int]] = (),
) -> Judged:
    """Return all streams as they stand after the frames up to ``upto``.

    Far enough back for the lateness budget, every while and every window.  ``known`` says how many
    streams there were from which instant on: patience with those that never spoke began then.
    """
    start = upto.at - margin(city.columns.rules)
    run = _Run(city, upto)
    run.begin(open_ones, now=start)
    since = run.state.columns.cold["since"]
    since[:] = upto.at
    for count, at in reversed(known):  # a stream's number is as old as the stream
        since[:count] = min(at, upto.at)
    numbers = np.flatnonzero(city.columns.facts.there).astype(np.int32)
    lookback = run.state.tables.program["lookback"][run.state.columns.hot["program"][numbers]]
    for span in np.unique(lookback).tolist():
        # Streams whose windows are short are not read as far back as the others.
        mine = numbers[lookback == span]
        prefix = start - LATE - span
        run.take(run.newest_before(mine, prefix), now=prefix)
        for rows, end in _slices(mine, prefix, start):
            run.take(rows, now=end)
    run.stand(now=start)
    for rows, end in _slices(numbers, start, AFTER_ALL, known_upto=upto.at):
        run.hear(rows, now=min(end, upto.at))
    return run.end()


def no_past(city: JudgedCity, open_ones: Sequence[columns.Standing], upto: Mark) -> Judged:
    """Return all streams as if nothing had been heard of them but what is open."""
    run = _Run(city, upto)
    run.begin(open_ones, now=upto.at)
    run.stand(now=upto.at)
    return Judged(run.state, ())


def came_late(after: int, upto: int) -> dict[int, int]:
    """Return the streams of which frames told later than the judge waits, and since when (µs).

    By when a frame came, for nobody knows any more what was the newest then: a few
    streams too many are judged again, which tells nothing twice.
    """
    found: dict[int, int] = {}
    while after < upto:
        frames = sensing.frames_after(after, min(FRAMES_AT_ONCE, upto - after))
        if not frames:
            break
        for frame in frames:
            late = np.flatnonzero(frame.at_us < frame.received_us - LATE)
            for number, at in zip(
                frame.stream[late].tolist(), frame.at_us[late].tolist(), strict=True
            ):
                found[number] = min(at, found.get(number, at))
        after = frames[-1].seq
    return found


def start_before(since: int, spans: Sequence[tuple[int, int, int]], margin: int) -> int:
    """Return an instant so far before ``since`` that nothing was open at it.

    ``spans`` say of each instance when its condition began, when it was raised and when it ended.
    Where one has been open for longer than :data:`FURTHEST`, it is open there, too.
    """
    start = since - margin
    while start > since - FURTHEST:
        over = [began for began, raised, ended in spans if raised <= start < ended]
        if not over:
            break
        start = min(over) - margin
    return start


def one_stream(
    city: JudgedCity, number: int, open_ones: Sequence[columns.Standing], start: int, upto: Mark
) -> Judged:
    """Return one stream, as number 0, as it stands after the frames up to ``upto``.

    ``city`` holds that stream alone; ``open_ones`` are open at ``start``.
    """
    run = _Run(city, upto, renumber=number)
    run.begin(open_ones, now=start)
    prefix = start - LATE - longest_lookback(rules_of(city.columns.rules))
    rows = sensing.rows_between(np.array([number], np.int32), prefix, AFTER_ALL)
    before = rows.at_us < start
    for part in _parts(rows.take(before)):
        run.take(part, now=int(part.at_us.max()))
    run.stand(now=start)
    for part in _parts(rows.take(~before)):
        run.hear(part, now=int(part.at_us.max()))
    return run.end()


class _Run:
    """One go through the past."""

    def __init__(self, city: JudgedCity, upto: Mark, *, renumber: int = -1) -> None:
        self.city, self.upto, self.renumber = city, upto, renumber
        self.state = columns.new_state()
        self.found: list[Finding] = []
        self.open_ones: list[columns.Standing] = []
        self.books: list[RuleBook] = []

    def begin(self, open_ones: Sequence[columns.Standing], *, now: int) -> None:
        """Take over the streams, and the oldest rules that something open began with."""
        self.open_ones = list(open_ones)
        self.books = list(_books(self.city.columns.rules, self.open_ones))
        self._adopt(now=now)

    def _adopt(self, *, now: int) -> None:
        city = columns.City(self.books.pop(0), self.city.columns.facts, self.city.columns.units)
        columns.step(self.state, columns.NO_READINGS, now=now, city=city)

    def take(self, rows: sensing.Rows, *, now: int) -> columns.Step:
        """Judge readings and forget what that finds."""
        rows = rows.take(rows.id < (self.upto.frame + 1) * FRAME)
        rows = rows.take(np.argsort(rows.id, kind="stable"))
        stream = rows.stream if self.renumber < 0 else np.zeros(rows.size, np.int32)
        batch = columns.batch_of(
            stream, rows.at_us, rows.value, quality=rows.quality, arrival=rows.id // FRAME
        )
        return columns.step(self.state, batch, now=now)

    def hear(self, rows: sensing.Rows, *, now: int) -> None:
        """Judge readings and keep what that finds."""
        self._keep(self.take(rows, now=now))

    def _keep(self, done: columns.Step) -> None:
        self.found += columns.findings_of(done, self.city.columns, self.city.stream_of)

    def newest_before(self, streams: I32, at: int) -> sensing.Rows:
        """Return the newest reading of those streams that have not spoken since ``at``."""
        newest = sensing.newest_readings(streams)
        old = np.flatnonzero((newest.at_us < at) & (newest.at_us > -AFTER_ALL))
        nothing: I64 = np.zeros(len(old), np.int64)
        return sensing.Rows(
            newest.id[old], streams[old], newest.at_us[old], newest.result_us[old],
            newest.value[old], newest.quality[old], nothing, np.full(len(old), b"", object),
        )  # fmt: skip

    def stand(self, *, now: int) -> None:
        """Let all be calm but what is open, version by version."""
        columns.stand_still(self.state)
        left = columns.hold_open(self.state, self.open_ones)
        while self.books:
            self._adopt(now=now)
            left = columns.hold_open(self.state, left)
        in_force = dict([*self.state.rules, *self.state.silences])
        # A version that nobody knows any more: the one in force judges what is open.
        other = [x._replace(named=(x.named[0], in_force.get(x.named[0], 0))) for x in left]
        columns.hold_open(self.state, other)

    def end(self) -> Judged:
        """Let time go on to the end."""
        self._keep(columns.step(self.state, columns.NO_READINGS, now=self.upto.at))
        return Judged(self.state, tuple(self.found))


def _books(book: RuleBook, open_ones: Iterable[columns.Standing]) -> Iterator[RuleBook]:
    """Yield rules to take over one after another, so that every open version has had its turn."""
    current = {rule.id: rule for rule in book.in_force}
    older: dict[str, dict[int, RuleSpec]] = {}
    for rule_id, version in {item.named for item in open_ones}:
        found = book.older.get((rule_id, version))
        if found is not None and current.get(rule_id) != found:
            older.setdefault(rule_id, {})[version] = found
    for turn in range(max(map(len, older.values()), default=0)):
        changed = dict(current)
        for rule_id, versions in older.items():
            if turn < len(versions):
                changed[rule_id] = versions[sorted(versions)[turn]]
        yield RuleBook(in_force=tuple(changed.values()), older=book.older)
    yield book


def _slices(
    streams: I32, begin: int, end: int, *, known_upto: int | None = None
) -> Iterator[tuple[sensing.Rows, int]]:
    """Yield what stands of streams in a period, in pieces that fit into memory, and their ends."""
    last = end if known_upto is None else known_upto
    pieces = -(-sensing.most_rows_between(begin, end) // ROWS_AT_ONCE)
    if not pieces:
        return
    edges = np.linspace(begin, last, pieces + 1).astype(np.int64).tolist()
    edges[-1] = end
    for low, high in pairwise(edges):
        rows = sensing.rows_between(streams, low, high)
        slices = (rows.at_us - low) // LONGEST_SLICE
        for number in np.unique(slices).tolist():
            yield rows.take(slices == number), min(high, low + (number + 1) * LONGEST_SLICE)


def _parts(rows: sensing.Rows) -> Iterator[sensing.Rows]:
    """Yield readings of one stream in order of time, never parting those of one instant."""
    rows = rows.take(np.argsort(rows.at_us, kind="stable"))
    begin = 0
    while begin < rows.size:
        end = min(begin + MOST_OF_ONE, rows.size)
        while end < rows.size and rows.at_us[end] == rows.at_us[end - 1]:
            end += 1
        yield rows.take(np.arange(begin, end))
        begin = end
