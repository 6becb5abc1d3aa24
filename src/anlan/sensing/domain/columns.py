"""Readings in columns: the outcome that :func:`check_rows` has for each row, for all rows at once.

``check_rows`` is the slow, obvious twin of :func:`check_columns`; a property test holds them together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from anlan.kernel.actor import Actor
from anlan.kernel.remembered import Remembered
from anlan.science.compiled import compiled
from anlan.sensing.domain.observations import (
    EARLIEST,
    FUTURE_TOLERANCE,
    Quality,
    RefusedRow,
    RowIn,
    StreamFacts,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
NO_TIME = -(1 << 63)
"""Stands for a time that is missing or has no offset."""
UNREADABLE = NO_TIME + 1
"""Stands, in the place of its time, for a row that cannot be read."""
NO_QUALITY = 255
"""Stands for a quality that nobody knows."""
QUALITIES = tuple(Quality)
"""Numbered in this order in the store; never to be changed, only added to."""
_QUALITIES = len(QUALITIES)
_MISSING, _OUT_OF_RANGE = QUALITIES.index(Quality.MISSING), QUALITIES.index(Quality.OUT_OF_RANGE)
REFUSALS = (
    "",
    "observation.stream_unknown",
    "observation.time_missing",
    "observation.time_ahead",
    "observation.time_absurd",
    "observation.unit_refused",
    "observation.quality_unknown",
    "observation.not_a_number",
    "observation.row_malformed",
)
_UNKNOWN, _NO_TIME, _AHEAD, _ABSURD, _UNIT, _QUALITY, _NUMBER, _ROW = range(1, len(REFUSALS))

ASKED = 64 * 1024 * 1024
"""Columns of codes are looked up only once, so many bytes of them: a code costs :data:`CODE_COSTS` and its length."""
ASKED_LONG, CODE_COSTS = 2_000, 70
Places = NDArray[np.int32]


class Columns(msgspec.Struct, frozen=True, eq=False):
    """Readings as they were sent: arrays of one length.

    ``codes`` are the streams that are spoken of and ``index`` the place of each reading's stream
    among them; ``lists`` are the same codes as several messages named them (empty: as one did).
    ``at_us`` are µs since 1970 UTC, or ``NO_TIME``.  ``value`` is in the unit that was
    sent; where nothing was measured ``absent`` is true (None: nowhere).  ``quality`` numbers the
    stated :class:`Quality`, or is ``NO_QUALITY`` (None: all good).  ``units`` are named for each
    reading by ``unit_index``, else ``unit`` holds for all; empty: the stream's own.  ``odd`` holds
    rows as they were sent, as JSON, of which an array cannot hold everything.
    """

    codes: tuple[str, ...]
    index: Places
    at_us: NDArray[np.int64]
    value: NDArray[np.float64]
    absent: NDArray[np.bool_] | None = None
    quality: NDArray[np.uint8] | None = None
    unit: str = ""
    units: tuple[str, ...] = ()
    unit_index: Places | None = None
    odd: Mapping[int, str] = msgspec.field(default_factory=dict)
    lists: tuple[tuple[str, ...], ...] = ()

    def __len__(self) -> int:
        return len(self.index)

    def row(self, number: int) -> RowIn | None:
        """Return one reading as a row; None for one that cannot be read."""
        at_us = int(self.at_us[number])
        if at_us == UNREADABLE:
            return None
        absent = self.absent is not None and bool(self.absent[number])
        stated = 0 if self.quality is None else int(self.quality[number])
        unit = "" if self.unit_index is None else self.units[self.unit_index[number]]
        known = stated < len(QUALITIES)
        return RowIn(
            stream=self.codes[self.index[number]],
            at=None if at_us == NO_TIME else instant(at_us),
            value=None if absent else float(self.value[number]),
            quality=("" if stated == 0 else QUALITIES[stated].value) if known else "?",
            unit=unit,
        )


def instant(us: int) -> datetime | None:
    """Return the instant so many µs after 1970 UTC; None when no calendar holds it."""
    try:
        return EPOCH + us * MICROSECOND
    except OverflowError:
        return None


def micros(at: datetime) -> int:
    """Return an aware instant as whole µs since 1970 UTC, exactly."""
    return (at - EPOCH) // MICROSECOND


@dataclass(frozen=True, slots=True)
class StreamTable:
    """Every stream in force, in columns: what rows are checked against.

    ``kind_of`` numbers what streams have in common (unit, own unit, range, accepted units);
    ``factor`` holds for each kind and unit what a value is multiplied with, NaN: refused.  Unit 0
    is the stream's own, the last one any that nobody accepts.
    """

    codes: tuple[str, ...]
    number: Mapping[str, int]
    path_of: Places
    paths: tuple[str, ...]
    kind_of: Places
    factor: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    unit_number: Mapping[str, int]
    reaches: dict[tuple[str, ...], NDArray[np.bool_]] = field(default_factory=dict)
    asked: Remembered[tuple[str, ...], Places] = field(default_factory=lambda: Remembered(ASKED))

    def numbers_of(self, codes: tuple[str, ...]) -> Places:
        """Return the number of each code, -1 for none; a gateway asks for the same ones again."""
        found = self.asked.get(codes)
        if found is None:
            found = np.array([self.number.get(code, -1) for code in codes], np.int32)
            # What is refused need not be quick, and anybody may send it.
            if len(codes) <= ASKED_LONG and found.min(initial=0) >= 0:
                size = 300 + CODE_COSTS * len(codes) + sum(map(len, codes))
                self.asked.put(codes, found, size)
        return found

    def reach(self, actor: Actor) -> NDArray[np.bool_]:
        """Return for each path whether the actor's areas cover it; the last is no path at all."""
        found = self.reaches.get(actor.areas)
        if found is None:
            covered = [*(actor.covers(path) for path in self.paths), False]
            if len(self.reaches) >= 256:
                self.reaches.clear()
            found = self.reaches[actor.areas] = np.array(covered)
        return found


def table_of(streams: Sequence[tuple[StreamFacts, str]]) -> StreamTable:
    """Return streams and the paths of their areas in columns."""
    # By what they are, not by what they say: a million streams share a few lists of units.
    kinds: dict[tuple[object, ...], int] = {}
    paths: dict[str, int] = {}
    units: dict[str, int] = {"": 0}
    first: list[StreamFacts] = []
    kind_of, path_of = np.empty(len(streams), np.int32), np.empty(len(streams), np.int32)
    for place, (facts, path) in enumerate(streams):
        key = (
            facts.unit,
            facts.own_unit,
            facts.low,
            facts.high,
            id(facts.accepts) * bool(facts.accepts),
        )
        if key not in kinds:
            kinds[key] = len(first)
            first.append(facts)
            for unit in (facts.unit, facts.own_unit, *facts.accepts):
                units.setdefault(unit, len(units))
        kind_of[place] = kinds[key]
        path_of[place] = paths.setdefault(path, len(paths))
    factor = np.full((max(len(first), 1), len(units) + 1), np.nan)
    for kind, facts in enumerate(first):
        for unit, number in units.items():
            factor[kind, number] = _factor(unit or facts.own_unit, facts)
    return StreamTable(
        codes=tuple(facts.code for facts, _ in streams),
        number={facts.code: place for place, (facts, _) in enumerate(streams)},
        path_of=path_of,
        paths=tuple(paths),
        kind_of=kind_of,
        factor=factor,
        low=_bounds([facts.low for facts in first], -math.inf),
        high=_bounds([facts.high for facts in first], math.inf),
        unit_number=units,
    )


def _factor(unit: str, facts: StreamFacts) -> float:
    return 1.0 if unit in {"", facts.unit} else facts.accepts.get(unit, math.nan)


def _bounds(found: Sequence[float | None], none: float) -> NDArray[np.float64]:
    return np.array([none if one is None else one for one in found] or [none], np.float64)


@dataclass(frozen=True, slots=True)
class CheckedColumns:
    """What is kept, in the unit of each stream's quantity, and why the rest is not.

    ``stream`` numbers the streams of the table; every index is kept or in ``refused``.
    """

    stream: Places
    at_us: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]
    refused: tuple[RefusedRow, ...] = ()


def check_columns(
    sent: Columns, table: StreamTable, actor: Actor, *, now: datetime
) -> CheckedColumns:
    """Judge every row on its own, as :func:`check_rows` does, for the streams the actor may see."""
    lists = [table.numbers_of(codes) for codes in sent.lists or (sent.codes,)]
    asked = np.concatenate(lists) if len(lists) > 1 else lists[0]
    stream = np.empty(len(sent), np.int32)
    known, last = table.unit_number, table.factor.shape[1] - 1
    unit = known.get(sent.unit, last)
    if sent.unit_index is None:
        units = np.array([unit], np.int32)
    else:
        numbers = [known.get(name, last) if name else unit for name in sent.units]
        units = np.array(numbers or [unit], np.int32)[sent.unit_index]
    value, quality = np.empty(len(sent)), np.empty(len(sent), np.uint8)
    why = np.empty(len(sent), np.uint8)
    bad = _judge(
        asked,
        sent.index,
        sent.at_us,
        sent.value,
        _NOWHERE if sent.absent is None else sent.absent,
        _ALL_GOOD if sent.quality is None else sent.quality,
        units,
        _Facts(
            table.path_of, table.kind_of, table.reach(actor), table.factor, table.low, table.high
        ),
        (micros(EARLIEST), micros(now), micros(now + FUTURE_TOLERANCE)),
        (value, quality, why, stream),
    )
    if not bad:
        return CheckedColumns(stream, sent.at_us, value, quality)
    good = why == 0
    refused = tuple(RefusedRow(n, REFUSALS[why[n]]) for n in np.flatnonzero(~good).tolist())
    return CheckedColumns(stream[good], sent.at_us[good], value[good], quality[good], refused)


@compiled
def number_rows(numbers: Places, stream: Places, found: Places) -> int:
    """Write the number of each row's stream into ``found``; return how many have none (-1) yet."""
    without = 0
    for row in range(len(stream)):
        found[row] = numbers[stream[row]]
        without += found[row] < 0
    return without


_NOWHERE: NDArray[np.bool_] = np.zeros(0, np.bool_)
_ALL_GOOD: NDArray[np.uint8] = np.zeros(0, np.uint8)


class _Facts(NamedTuple):
    path_of: Places
    kind_of: Places
    reach: NDArray[np.bool_]
    factor: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


@compiled
def _judge(  # noqa: PLR0913, PLR0917  compiled code is handed its columns by place
    asked: Places,
    index: Places,
    at_us: NDArray[np.int64],
    value: NDArray[np.float64],
    absent: NDArray[np.bool_],
    quality: NDArray[np.uint8],
    units: Places,
    facts: _Facts,
    times: tuple[int, int, int],
    found: tuple[NDArray[np.float64], NDArray[np.uint8], NDArray[np.uint8], Places],
) -> int:
    bad = 0
    for row in range(len(index)):
        number = asked[index[row]]
        found[3][row] = number
        known = number >= 0 and facts.reach[facts.path_of[number]]
        kind = facts.kind_of[number] if known else 0
        by = facts.factor[kind, units[row if len(units) > 1 else 0]]
        mark = quality[row] if len(quality) else 0
        missing = mark == _MISSING or (len(absent) > 0 and absent[row])
        what = value[row] * by
        found[2][row] = _why(at_us[row], known, by, mark, missing, what, times)
        found[0][row] = np.nan if missing else what
        inside = missing or facts.low[kind] <= what <= facts.high[kind]
        found[1][row] = _MISSING if missing else (mark if inside else _OUT_OF_RANGE)
        bad += found[2][row] != 0
    return bad


@compiled
def _why(  # noqa: PLR0911, PLR0917  one return for each refusal
    at: int,
    known: bool,  # noqa: FBT001
    by: float,
    mark: int,
    missing: bool,  # noqa: FBT001
    value: float,
    times: tuple[int, int, int],
) -> int:
    """Return why a row is refused, 0 when it is kept; the order is that of ``check_rows``."""
    if at == UNREADABLE:
        return _ROW
    if not known:
        return _UNKNOWN
    if at == NO_TIME:
        return _NO_TIME
    if at > times[2] or at < times[0]:
        return _AHEAD if at > times[1] else _ABSURD
    if np.isnan(by):
        return _UNIT
    if mark >= _QUALITIES:
        return _QUALITY
    return _NUMBER if not missing and not np.isfinite(value) else 0
