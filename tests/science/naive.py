"""The slow and obvious twins of the methods, written from their definitions in docs/methods/detect.md."""

from __future__ import annotations

import copy
import math

import numpy as np


class Tail:
    """Every value that came is kept with the weight it had; nothing is binned in advance."""

    def __init__(self, bins: int = 64) -> None:
        self.bins, self.places, self.mean = bins, [], 0.0

    def step(self, value: float) -> float:
        if not (0 <= value < math.inf):
            return 0.0
        n = len(self.places)
        rate = 1 / min(n + 1, 2000)
        held = value if n < 50 else min(value, 10 * self.mean)
        # The recursion as it stands: what never changes must stay on its side of a bin's edge.
        self.mean += rate * (held - self.mean)
        nothing = 1e6 if value > 0 else 0.0
        ratio = value / self.mean if self.mean > 0 else nothing
        place = 0.0 if ratio <= 0 else (math.log2(ratio) + 6) * 4
        place = min(max(place, 0.0), self.bins - 1.0001)
        answer = self.surprise(place) if n >= 50 else 0.0
        self.places.append(place)
        return answer

    def surprise(self, place: float) -> float:
        n = len(self.places)
        # In units of the weight that the newest value has: the one before weighs 1/(1 + 1/4000) of it.
        weights = [(1 + 1 / 4000) ** (k - n + 1) for k in range(n)]
        pairs = list(zip(self.places, weights, strict=True))
        unit = 1.0
        bin_ = math.floor(place)
        above = sum(w for at, w in pairs if math.floor(at) > bin_)
        alike = sum(w for at, w in pairs if math.floor(at) == bin_)
        total = sum(weights)
        seen = (above + alike * (1 - (place - bin_) / 2) + unit) / (total + unit)
        if seen >= 0.02:
            return -math.log10(seen)
        start, mass, moment = self.bins, 0.0, 0.0
        while start > 1 and mass < 0.02 * total:
            start -= 1
            inside = sum(w for at, w in pairs if math.floor(at) == start)
            mass += inside
            moment += inside * (start + 0.5)
        slope = max(moment / mass - start, 0.4) if mass > 0 else 1.0
        beyond = (mass + unit) / (total + unit) * math.exp(-max(0.0, place - start) / slope)
        trust = (above + alike) / (above + alike + 1)
        return -math.log10(seen**trust * min(seen, beyond) ** (1 - trust))


class Season:
    def __init__(self) -> None:
        self.profiles: dict[tuple[str, int], list[float]] = {}
        self.errors, self.compared = [0.0, 0.0], 0

    def usual(self, slots: int, slot: int, kind: int) -> tuple[float, float] | None:
        own = self.profiles.get((f"kind {kind}", slot))
        if (
            self.compared >= slots
            and own
            and own[2] >= 3
            and self.errors[1] < 0.95 * self.errors[0]
        ):
            return own[0], own[1]
        found = self.profiles.get(("all", slot))
        return (found[0], found[1]) if found else None

    def learn(self, slot: int, kind: int, value: float, spread: float) -> None:
        limit = 5 * spread
        keys = [("all", slot), (f"kind {kind}", slot)]
        if keys[1] in self.profiles and self.profiles[keys[1]][2] >= 3:
            self.compared += 1
            rate = max(0.002, 1 / self.compared)
            for k, key in enumerate(keys):
                error = min(abs(value - self.profiles[key][0]), limit)
                self.errors[k] = (1 - rate) * self.errors[k] + rate * error
        for key in keys:
            if key not in self.profiles:
                self.profiles[key] = [value, spread, 1]
                continue
            mean, wide, count = self.profiles[key]
            rate = 1 / min(count + 1, 80)
            away = value - mean
            wide += rate * (min(abs(away), limit) - wide)
            mean += rate * max(-limit, min(limit, away))
            self.profiles[key] = [mean, wide, count + 1]


class Forecast:
    def __init__(self) -> None:
        self.count, self.last, self.quick, self.slow, self.off = 0, 0.0, 0.0, 0.0, 0.0
        self.errors = [0.0] * 5

    def parts(self, usual: float | None) -> list[float]:
        if usual is None:
            return [self.last, self.quick, self.slow, self.slow, self.slow]
        return [self.last, self.quick, self.slow, usual + self.off, usual]

    def combined(self, parts: list[float], spread: float) -> float:
        if spread == 0:
            return parts[0]
        weights = [1 / max(error / spread, 1e-6) ** 2 for error in self.errors]
        return sum(w * p for w, p in zip(weights, parts, strict=True)) / sum(weights)

    def learn(self, parts: list[float], usual: float | None, value: float) -> None:
        rate = max(0.01, 1 / (self.count + 1))
        for k, part in enumerate(parts):
            error = abs(value - part)
            if self.count >= 50:
                error = min(error, 10 * self.errors[k])
            self.errors[k] += rate * (error - self.errors[k])
        if usual is not None:
            self.off += 0.2 * (value - usual - self.off)
        if self.count == 0:
            self.quick = self.slow = value
        self.last = value
        self.quick += 0.3 * (value - self.quick)
        self.slow += 0.03 * (value - self.slow)
        self.count += 1


def nearest(values: list[float], ring: int) -> float:
    """Return the distance of the last window of 32 to the third nearest of the kept ones."""
    kept = np.array(values[-ring:])
    if kept.size < 66:
        return math.nan
    last = kept[-32:]
    ends = range(32, kept.size - 32 + 1)
    return float(sorted(np.sqrt(np.sum((kept[end - 32 : end] - last) ** 2)) for end in ends)[2])


class News:
    def __init__(self) -> None:
        self.height, self.at = 0.0, 0.0

    def step(self, at: float, surprise: float, rest: float) -> float:
        past = max(0.0, at - self.at)
        if surprise > self.height * max(0.0, 1 - past / rest):
            self.height, self.at = surprise, at
            return surprise
        if self.height >= 2 and surprise >= self.height / 2:
            self.at = max(self.at, at)
        return 0.0


class Normal:
    """The whole detector of one stream."""

    weights = (1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.1, 0.1)

    def __init__(self, slots: int, bins: int, ring: int) -> None:
        self.slots, self.ring = slots, ring
        self.tails = [Tail(bins) for _ in range(9)]
        self.season, self.ahead, self.news = Season(), Forecast(), News()
        self.values: list[float] = []
        self.level = self.spread = self.mean = self.steps = self.off = self.heard = 0.0
        self.run = 0

    def step(self, at: float, value: float, slot: int, kind: int, rest: float) -> tuple[float, int]:
        silent = max(0.0, at - self.heard) if self.values else 0.0
        if not abs(value) < 1e150:
            surprises = [0.0] * 8 + [copy.deepcopy(self.tails[8]).step(silent)]
        else:
            surprises = self._learn(at, value, slot, kind, silent)
        parts = [w * 10**s for w, s in zip(self.weights, surprises, strict=True)]
        found = math.log10(sum(parts) / sum(self.weights))
        told = self.news.step(at, max(0.0, found), rest)
        return told, (parts.index(max(parts)) + 1 if found > 0 else 0)

    def _learn(self, at: float, value: float, slot: int, kind: int, silent: float) -> list[float]:
        n = len(self.values)
        if n == 0:
            self.level = self.mean = value
            self.heard = at
            self.ahead.last = self.ahead.quick = self.ahead.slow = value
        found = self.season.usual(self.slots, slot, kind)
        usual = found[0] if found else None
        parts = self.ahead.parts(usual)
        forecast = self.ahead.combined(parts, self.spread)
        last = self.values[-1] if self.values else value
        z = math.nan
        if found and n >= 20:
            scale = (found[1] + self.spread) / 2
            z = (value - found[0]) / scale if scale > 0 else (0.0 if value == found[0] else 1e6)
        sizes = self._sizes(n, value, forecast, last, z)
        self.values.append(value)
        sizes.append(nearest(self.values, self.ring) if self.ring else math.nan)
        self.run = self.run + 1 if n and value == last else 0
        sizes += [self.run, silent]
        surprises = [tail.step(size) for tail, size in zip(self.tails, sizes, strict=True)]
        self.heard = max(self.heard, at)
        self.ahead.learn(parts, usual, value)
        rate = 1 / min(n + 1, 2000)
        held = value
        if n > 50 and self.spread > 0:
            held = max(self.level - 5 * self.spread, min(self.level + 5 * self.spread, value))
        self.spread += rate * (abs(held - self.level) - self.spread)
        self.level += rate * (held - self.level)
        self.season.learn(slot, kind, value, self.spread)
        return surprises

    def _sizes(self, n: int, value: float, forecast: float, last: float, z: float) -> list[float]:
        short = max(1 / 12, 1 / (n + 1))
        self.mean += short * (value - self.mean)
        self.steps += short * (abs(value - last) - self.steps)
        outside = math.nan
        if n >= 50:
            low, high = min(self.values), max(self.values)
            beyond = max(value - high, low - value, 0.0)
            outside = 0.0 if beyond == 0 else beyond / (high - low) if high > low else 1.0
        if not math.isnan(z):
            self.off += (max(-8.0, min(8.0, z)) - self.off) / 64
        drift = math.nan if math.isnan(z) else abs(self.off)
        return [
            abs(value - forecast),
            abs(z),
            abs(self.mean - self.level),
            outside,
            self.steps,
            drift,
        ]
