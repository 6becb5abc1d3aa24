"""Seeded series that are a pure function of stream and instant.

Nothing is drawn in order: every random part is a hash of the stream's key and the number of the
sample (or of the stretch of time around it).  So any part of any stream can be made alone, in any
order and in pieces of any length, and is the same to the last bit.  docs/methods/simulator.md has
the equations.

References
----------
Steele, G. L., Lea, D., Flood, C. H. (2014). Fast splittable pseudorandom number generators. OOPSLA.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anlan.science.compiled import compiled

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
MINUTE = 60_000_000  # microseconds, as all times here
DAY = 1440 * MINUTE
MOST_STREAMS = 1 << 21
MOST_MILLISECONDS = 1 << 32  # of one run: 49 days


class Course(IntEnum):
    """How an event comes up to its target."""

    NONE = 0
    STRAIGHT = 1
    SATURATING = 2  # fast first, as gas fills a space
    SQUARE = 3  # slow first, as a fire grows
    SMOOTH = 4
    COUNTING = 5  # whole minutes since it began


class Flaw(IntEnum):
    """What is wrong with the instrument or its line."""

    NONE = 0
    STUCK = 1
    SPIKE = 2
    DRIFT = 3
    GAP = 4
    SKEW = 5
    DOUBLED = 6
    BEYOND = 7  # a value that cannot be
    BATTERY = 8


STREAM = np.dtype(
    [
        ("key", "u8"), ("number", "i8"), ("interval", "i8"), ("phase", "i8"), ("jitter", "i8"),
        ("level", "f8"), ("daily", "f8"), ("shape", "i8"), ("slow", "f8"), ("fast", "f8"),
        ("root", "f8"), ("warmth", "f8"), ("response", "i8"), ("sums", "i8"),
        ("floor", "f8"), ("ceiling", "f8"), ("per_unit", "f8"),
        ("course", "i8"), ("begins", "i8"), ("rise", "i8"), ("stay", "i8"), ("fall", "i8"),
        ("target", "f8"),
        ("flaw", "i8"), ("flawed_from", "i8"), ("flawed_to", "i8"), ("flaw_size", "f8"),
    ]
)  # fmt: skip
"""One stream.  Times in microseconds, values in its unit; ``per_unit`` steps of resolution make one unit."""

LINE = np.dtype([("lost", "f8"), ("late", "f8"), ("doubled", "f8"), ("late_most", "i8")])
"""The line to the centre: shares of readings lost, late (up to ``late_most``) and sent twice."""

_GOLD = np.uint64(0x9E3779B97F4A7C15)
_ONE = np.uint64(0xBF58476D1CE4E5B9)
_TWO = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S16, _S32, _S48 = (np.uint64(n) for n in (30, 27, 31, 16, 32, 48))
_LOW = np.uint64(0xFFFF)
_MEAN, _SPREAD = 131_070.0, 37_837.23  # of the sum of four numbers of 16 bits
_LATTICE_SPREAD = 0.862  # root mean square of the blend of two independent neighbours
_PARTS = 65536.0
_SLOW_LONG, _SLOW_SHORT = 60 * MINUTE, 12 * MINUTE
_SATURATING, _SQUARE, _SMOOTH, _COUNTING = (int(course) for course in tuple(Course)[2:])
_STUCK, _SPIKE, _DRIFT, _GAP, _SKEW, _DOUBLED, _BEYOND, _BATTERY = (
    int(flaw) for flaw in tuple(Flaw)[1:]
)


@compiled
def mixed(bits: Any) -> Any:
    """Return the SplitMix64 hash of 64 bits."""
    bits = (bits + _GOLD) & np.uint64(0xFFFFFFFFFFFFFFFF)
    bits = (bits ^ (bits >> _S30)) * _ONE
    bits = (bits ^ (bits >> _S27)) * _TWO
    return bits ^ (bits >> _S31)


@compiled
def deviate(bits: Any) -> float:
    """Return a nearly normal number of unit variance, never beyond 3.47 (Irwin-Hall of four)."""
    total = (bits & _LOW) + ((bits >> _S16) & _LOW) + ((bits >> _S32) & _LOW) + (bits >> _S48)
    return (float(total) - _MEAN) / _SPREAD


@compiled
def lattice(key: Any, at: int, period: int) -> float:
    """Return smooth noise of unit variance that forgets within about ``period``."""
    cell = at // period
    part = (at - cell * period) / period
    first = deviate(mixed(key ^ mixed(np.uint64(cell))))
    second = deviate(mixed(key ^ mixed(np.uint64(cell + 1))))
    weight = part * part * (3.0 - 2.0 * part)
    return (first * (1.0 - weight) + second * weight) / _LATTICE_SPREAD


@compiled
def slow_noise(key: Any, begins: int, count: int, period: int) -> Any:
    """Return :func:`lattice` at ``count`` minutes from ``begins``, of the stretch of ``key``."""
    key = mixed(np.uint64(key))
    found = np.empty(count)
    for minute in range(count):
        found[minute] = lattice(key, begins + minute * MINUTE, period)
    return found


@compiled
def _table(table: Any, place: float) -> float:
    """Return a table read between its entries; its first before, its last after."""
    if place <= 0.0:
        return table[0]
    low = int(place)
    if low >= table.size - 1:
        return table[-1]
    return table[low] + (place - low) * (table[low + 1] - table[low])


@compiled
def _pulsed(response: Any, arrivals: Any, amounts: Any, at: int) -> float:
    total = 0.0
    for pulse in range(arrivals.size):
        since = at - arrivals[pulse]
        if since > 0:
            total += amounts[pulse] * _table(response, since / MINUTE)
    return total


@compiled
def _come(one: Any, part: float) -> float:
    """Return how far an event is when ``part`` of its rise has passed."""
    if one.course == _SATURATING:
        return (1.0 - np.exp(-3.0 * part)) / (1.0 - np.exp(-3.0))
    if one.course == _SQUARE:
        return part * part
    return part * part * (3.0 - 2.0 * part) if one.course == _SMOOTH else part


@compiled
def share_of_event(one: Any, at: int) -> float:
    """Return how far an event has come, from 0 to 1."""
    since = at - one.begins
    if one.course == 0 or since <= 0:
        return 0.0
    if since >= one.rise + one.stay:
        if one.fall <= 0:
            return 0.0 if one.course == _COUNTING else 1.0
        return max(0.0, 1.0 - (since - one.rise - one.stay) / one.fall)
    return 1.0 if since >= one.rise or one.course == _COUNTING else _come(one, since / one.rise)


@compiled
def _value(one: Any, at: int, bits: Any, given: Any) -> float:
    shape, resting, warm, response, arrivals, amounts, first_day, begins = given
    if one.sums == 1:
        # A bucket tips at whole steps of its resolution: what fell in between is in the next sum.
        now = _pulsed(response, arrivals, amounts, at) * one.per_unit
        before = _pulsed(response, arrivals, amounts, at - one.interval) * one.per_unit
        return (np.floor(now) - np.floor(before)) / one.per_unit
    value = one.level
    if one.daily != 0.0:
        day = (at - first_day) // DAY
        kind = resting[min(max(day, 0), resting.size - 1)]
        value += one.daily * _table(shape[kind], ((at - first_day) - day * DAY) / (15 * MINUTE))
    if one.warmth != 0.0:
        value += one.warmth * _table(warm, (at - begins) / MINUTE)
    if one.response > 0:
        value += _pulsed(response, arrivals, amounts, at)
    if one.slow > 0.0:
        value += one.slow * 0.9 * lattice(one.key, at, _SLOW_LONG)
        value += one.slow * 0.44 * lattice(mixed(one.key), at, _SLOW_SHORT)
    if one.course == _COUNTING:
        if share_of_event(one, at) > 0.0:
            return np.floor((at - one.begins) / MINUTE)
    elif one.course > 0:
        value += share_of_event(one, at) * (one.target - value)
    value = max(value, one.floor)
    return value + (one.fast + one.root * np.sqrt(abs(value))) * deviate(bits)


@compiled
def _flawed(one: Any, value: float, nominal: int) -> float:
    """Return what a faulty instrument says instead, before rounding."""
    if one.flaw == _SPIKE and nominal - one.flawed_from < one.interval:
        return value + one.flaw_size
    if one.flaw == _DRIFT:
        return value + one.flaw_size * (nominal - one.flawed_from) / max(
            1, one.flawed_to - one.flawed_from
        )
    return one.flaw_size if one.flaw == _BEYOND else value


@compiled
def _is_lost(one: Any, nominal: int, chance: float, lost: float) -> bool:
    if one.flaw == _BATTERY and nominal >= one.flawed_from:
        # A failing battery skips more and more, and is silent at the end.
        gone = (nominal - one.flawed_from) / max(1, one.flawed_to - one.flawed_from)
        return chance < lost + gone
    if one.flaw == _GAP and one.flawed_from <= nominal < one.flawed_to:
        return True
    return chance < lost


@compiled
def _measured(one: Any, nominal: int, at: int, bits: Any, given: Any) -> float:
    """Return what the stream says at ``at``, at its resolution."""
    flawed = one.flaw > 0 and one.flawed_from <= nominal < one.flawed_to
    if flawed and one.flaw == _STUCK:
        value = _value(one, one.flawed_from, one.key, given)
    else:
        value = _value(one, at, bits, given)
    if flawed:
        value = _flawed(one, value, nominal)
    if not (flawed and one.flaw == _BEYOND):
        value = min(max(value, one.floor), one.ceiling)
    return np.rint(value * one.per_unit) / one.per_unit + 0.0  # never minus zero


@compiled
def _delay(line: Any, fate: Any, other: Any) -> int:
    """Return how long a reading is under way: up to two seconds, now and then minutes."""
    delay = 200_000 + int((other & _LOW) / _PARTS * 1_800_000)
    if ((fate >> _S32) & _LOW) / _PARTS < line.late:
        delay += int(((other >> _S16) & _LOW) / _PARTS * line.late_most)
    return delay


@compiled
def synthesise(streams: Any, shared: Any, pulses: Any, line: Any, span: Any, out: Any) -> int:
    """Fill ``out`` with the readings whose planned instant lies in ``span``; return how many.

    ``shared`` is (shapes by kind of day and quarter of an hour, kind of each day, warmth by
    minute, responses by minute, first local midnight, first instant); ``pulses`` their arrivals and
    amounts by stream.  ``out`` is (order, number, measured at, value, received at), long enough
    for two rows of each planned reading.  Sorting by ``order`` is the order of arrival.
    """
    order, number, measured, values, received = out
    shapes, resting, warm, responses, first_day, begins = shared
    arrivals, amounts = pulses
    count = 0
    for index in range(streams.size):
        one = streams[index]
        given = (
            shapes[one.shape], resting, warm, responses[one.response],
            arrivals[index], amounts[index], first_day, begins,
        )  # fmt: skip
        step = max(0, -((one.phase - span[0]) // one.interval))
        nominal = one.phase + step * one.interval
        while nominal < span[1]:
            bits = mixed(one.key + np.uint64(step) * _GOLD)
            fate = mixed(bits)
            if not _is_lost(one, nominal, (fate & _LOW) / _PARTS, line.lost):
                flawed = one.flaw > 0 and one.flawed_from <= nominal < one.flawed_to
                at = nominal + int(((fate >> _S16) & _LOW) / _PARTS * one.jitter)
                value = _measured(one, nominal, at, bits, given)
                other = mixed(fate)
                whole = (at + _delay(line, fate, other) - begins) // 1000
                says = at + int(one.flaw_size) if flawed and one.flaw == _SKEW else at
                twice = (flawed and one.flaw == _DOUBLED) or (fate >> _S48) / _PARTS < line.doubled
                for copy in range(2 if twice else 1):
                    whole += copy * (1000 + int(((other >> _S32) & _LOW) / _PARTS * 9000))
                    order[count] = (whole << 31) | (one.number << 10) | (step & 1023)
                    number[count] = one.number
                    measured[count] = says // 1000 * 1000
                    values[count] = value
                    received[count] = begins + whole * 1000
                    count += 1
            step += 1
            nominal += one.interval
    return count
