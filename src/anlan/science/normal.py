"""What is normal for one stream, learnt as it comes: a surprise and a reason for each reading.

Members look at a reading from different sides; each gives a size, the size a tail probability
against the stream's own past (``tail``), and the probabilities are joined by their weighted
harmonic mean (Wilson 2019), which holds for members that depend on each other.  What was told
raises the bar (``news``).  Strictly causal, one pass, state of fixed size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from anlan.science.compiled import compiled
from anlan.science.forecast import WIDTH as FORECAST
from anlan.science.forecast import forecast_learn, forecast_of, forecast_parts
from anlan.science.nearest import nearest_step, nearest_width
from anlan.science.news import WIDTH as NEWS
from anlan.science.news import news_step
from anlan.science.season import HEAD as SEASON
from anlan.science.season import season_choice, season_learn, season_width
from anlan.science.tail import tail_step, tail_width


class Reason(IntEnum):
    """Which member a surprise comes from first."""

    NONE = 0
    JUMP = 1  # unlike the forecast from the readings just before
    SEASON = 2  # unlike this time of this kind of day
    LEVEL = 3  # the mean of the last dozen is far from the long-run level
    RANGE = 4  # outside of all that was seen
    SPREAD = 5  # steps from reading to reading larger than usual
    DRIFT = 6  # off the usual time of day, for long
    PATTERN = 7  # a course unlike any kept one
    FROZEN = 8  # the same value for longer than usual
    MISSING = 9  # no reading for longer than usual


MEMBERS = 9
# How much each member is believed: the two sides of a reading itself fully, derived ones half,
# signs of the device a tenth.
WEIGHTS = np.array([1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.1, 0.1])
DAY_S = 86_400.0

# Places in the state: before the season, the forecast, the bar, the tails and the ring.
_COUNT, _LEVEL, _SPREAD, _MEAN, _STEPS, _OFF, _RUN, _HEARD, _LOW, _HIGH = range(10)
_HEAD = 10
LEVEL_MEMORY = 2000.0
FEW = 12.0  # readings of the short mean and of the short spread
LONG = 64.0  # readings of a drift
LIMIT = 5.0  # spreads: what one reading may move the level by
Z_LIMIT = 8.0
WARM = 20
LARGEST = 1e150  # beyond it no number is a reading, and squares would overflow


@dataclass(frozen=True, slots=True)
class Shape:
    """How much is kept of a stream: slots of a day, bins of a tail, values for the nearest window."""

    slots: int = 48
    bins: int = 64
    ring: int = 512

    @property
    def width(self) -> int:
        """How many floats the state of one stream takes."""
        tails = MEMBERS * tail_width(self.bins)
        return _HEAD + FORECAST + NEWS + season_width(self.slots) + tails + nearest_width(self.ring)

    @property
    def nbytes(self) -> int:
        """How many bytes the state of one stream takes."""
        return 8 * self.width


FULL = Shape()
LEAN = Shape(slots=24, bins=64, ring=0)  # for a whole city at once


def new_state(shape: Shape = FULL, streams: int = 1) -> NDArray[np.float64]:
    """Return the state of streams of which nothing is known yet, one row each."""
    return np.zeros((streams, shape.width))


@compiled
def joined(surprises: NDArray[np.float64], weights: NDArray[np.float64]) -> tuple[float, int]:
    """Return -log10 of the weighted harmonic mean of probabilities, and which weighs most."""
    total, mass, most, which = 0.0, 0.0, -1.0, 0
    for k in range(surprises.size):
        part = weights[k] * 10.0 ** surprises[k]
        total += part
        mass += weights[k]
        if part > most:
            most, which = part, k
    return math.log10(total / mass), which


@compiled
def _learn_level(own: NDArray[np.float64], value: float) -> None:
    """Learn the long-run level and spread, the short mean, the steps and the range."""
    count = own[_COUNT]
    rate = 1.0 / min(count + 1.0, LEVEL_MEMORY)
    held = value
    if count > 50 and own[_SPREAD] > 0.0:
        reach = LIMIT * own[_SPREAD]
        held = max(own[_LEVEL] - reach, min(own[_LEVEL] + reach, value))
    own[_SPREAD] += rate * (abs(held - own[_LEVEL]) - own[_SPREAD])
    own[_LEVEL] += rate * (held - own[_LEVEL])
    own[_LOW] = min(own[_LOW], value)
    own[_HIGH] = max(own[_HIGH], value)
    own[_COUNT] = count + 1.0


@compiled
def _sizes(
    own: NDArray[np.float64],
    value: float,
    forecast: float,
    last: float,
    z: float,
    sizes: NDArray[np.float64],
) -> None:
    """Write the size of each member but the last three, and move their short means."""
    count = own[_COUNT]
    short = max(1.0 / FEW, 1.0 / (count + 1.0))
    sizes[0] = abs(value - forecast)
    sizes[1] = abs(z)
    own[_MEAN] += short * (value - own[_MEAN])
    sizes[2] = abs(own[_MEAN] - own[_LEVEL])
    reach = own[_HIGH] - own[_LOW]
    outside = max(value - own[_HIGH], own[_LOW] - value)
    sizes[3] = np.nan
    if count >= 50:
        sizes[3] = 0.0
        if outside > 0.0:
            sizes[3] = outside / reach if reach > 0.0 else 1.0
    own[_STEPS] += short * (abs(value - last) - own[_STEPS])
    sizes[4] = own[_STEPS]
    if not math.isnan(z):
        own[_OFF] += (max(-Z_LIMIT, min(Z_LIMIT, z)) - own[_OFF]) / LONG
        sizes[5] = abs(own[_OFF])
    else:
        sizes[5] = np.nan


@compiled
def _step(  # noqa: PLR0913, PLR0917  the arrays are the whole of what is known
    state: NDArray[np.float64],
    slots: int,
    bins: int,
    at: float,
    value: float,
    slot: int,
    kind: int,
    work: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> tuple[float, int]:
    """Return the surprise and the member of one reading, and learn it."""
    a = _HEAD
    own, ahead, season = state[:a], state[a : a + FORECAST], state[a + FORECAST + NEWS :]
    s, t = SEASON + 9 * slots, bins + 4
    tails, ring = season[s : s + MEMBERS * t], season[s + MEMBERS * t :]
    sizes, surprises, parts = work[0], work[1], work[2]
    first, given = own[_COUNT] == 0.0, abs(value) < LARGEST
    if first and given:
        own[_LEVEL], own[_MEAN], own[_LOW], own[_HIGH], own[_HEARD] = value, value, value, value, at
        ahead[1], ahead[2], ahead[3] = value, value, value
    surprises[:] = 0.0
    silent = max(0.0, at - own[_HEARD]) if own[_COUNT] > 0.0 else 0.0
    if not given:
        # A row without a value only lengthens the silence; nothing is learnt from it.
        tail = tails[8 * t : 9 * t].copy()
        surprises[8] = tail_step(tail, silent)
        return joined(surprises, weights)
    spread = own[_SPREAD]
    where = season_choice(season, slots, slot, kind)
    known = season[SEASON + 6 * slots + where] >= 1.0
    usual = season[SEASON + where] if known else np.nan
    forecast_parts(ahead, usual, parts)
    forecast = forecast_of(ahead, parts, spread)
    z = np.nan
    if known and own[_COUNT] >= WARM:
        scale = 0.5 * season[SEASON + 3 * slots + where] + 0.5 * spread
        z = (value - usual) / scale if scale > 0.0 else (0.0 if value == usual else 1e6)
    last = ahead[1]
    _sizes(own, value, forecast, last, z, sizes)
    sizes[6] = nearest_step(ring, value) if ring.size else np.nan
    own[_RUN] = own[_RUN] + 1.0 if value == last and not first else 0.0
    sizes[7], sizes[8] = own[_RUN], silent
    for k in range(MEMBERS):
        surprises[k] = tail_step(tails[k * t : (k + 1) * t], sizes[k])
    own[_HEARD] = max(own[_HEARD], at)
    forecast_learn(ahead, parts, usual, value)
    _learn_level(own, value)
    season_learn(season, slots, slot, kind, value, own[_SPREAD])
    return joined(surprises, weights)


@compiled
def _score(  # noqa: PLR0913, PLR0917  a loop knows no objects
    state: NDArray[np.float64],
    slots: int,
    bins: int,
    times: NDArray[np.float64],
    values: NDArray[np.float64],
    places: NDArray[np.int64],
    kinds: NDArray[np.int64],
    rest: float,
    weights: NDArray[np.float64],
    out: NDArray[np.float64],
    reasons: NDArray[np.int64],
) -> None:
    work = np.zeros((3, MEMBERS))
    bar = state[_HEAD + FORECAST : _HEAD + FORECAST + NEWS]
    for i in range(values.size):
        found, which = _step(
            state, slots, bins, times[i], values[i], places[i], kinds[i], work, weights
        )
        out[i] = news_step(bar, times[i], max(0.0, found), rest)
        reasons[i] = which + 1 if found > 0.0 else 0


def _check(
    times: NDArray[np.float64],
    values: NDArray[np.float64],
    slots: NDArray[np.int64],
    kinds: NDArray[np.int64],
    shape: Shape,
) -> None:
    if not times.shape == values.shape == slots.shape == kinds.shape or values.ndim != 1:
        raise ValueError("times, values, slots and kinds must be of one length")
    if values.size and (slots.min() < 0 or slots.max() >= shape.slots):
        raise ValueError(f"slots must be from 0 to {shape.slots - 1}")
    if values.size and (kinds.min() < 0 or kinds.max() > 1):
        raise ValueError("kinds must be 0 (a workday) or 1 (a day of rest)")


def score_stream(
    state: NDArray[np.float64],
    times: NDArray[np.float64],
    values: NDArray[np.float64],
    slots: NDArray[np.int64],
    kinds: NDArray[np.int64],
    *,
    shape: Shape = FULL,
    rest_s: float = DAY_S,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the surprise (-log10 of a tail probability) and the reason of each reading."""
    if state.shape != (shape.width,):
        raise ValueError(f"state must have {shape.width} floats, got {state.shape}")
    _check(times, values, slots, kinds, shape)
    out, reasons = np.empty(values.size), np.empty(values.size, dtype=np.int64)
    _score(
        state, shape.slots, shape.bins, times, values, slots, kinds, rest_s, WEIGHTS, out, reasons
    )
    return out, reasons


@compiled
def _tick(  # noqa: PLR0913, PLR0917
    states: NDArray[np.float64],
    slots: int,
    bins: int,
    times: NDArray[np.float64],
    values: NDArray[np.float64],
    places: NDArray[np.int64],
    kinds: NDArray[np.int64],
    rest: float,
    weights: NDArray[np.float64],
    out: NDArray[np.float64],
    reasons: NDArray[np.int64],
) -> None:
    for i in range(values.size):
        one = slice(i, i + 1)
        _score(
            states[i], slots, bins, times[one], values[one], places[one], kinds[one], rest, weights,
            out[one], reasons[one],
        )  # fmt: skip


def score_tick(
    states: NDArray[np.float64],
    times: NDArray[np.float64],
    values: NDArray[np.float64],
    slots: NDArray[np.int64],
    kinds: NDArray[np.int64],
    *,
    shape: Shape = LEAN,
    rest_s: float = DAY_S,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return surprise and reason of one reading of each of many streams, one row of ``states`` each."""
    if states.shape != (values.size, shape.width):
        raise ValueError(f"states must be {(values.size, shape.width)}, got {states.shape}")
    _check(times, values, slots, kinds, shape)
    out, reasons = np.empty(values.size), np.empty(values.size, dtype=np.int64)
    _tick(
        states, shape.slots, shape.bins, times, values, slots, kinds, rest_s, WEIGHTS, out, reasons
    )
    return out, reasons
