"""The checks of streams, slowly and from their definitions: everything is worked out anew each time."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from statistics import median

HOUR, DAY = 3_600_000_000, 86_400_000_000


@dataclass
class NaiveStream:
    """One stream, with all it ever sent."""

    limits: object
    values: list = field(default_factory=list)  # (at, x) in order, late ones left out
    counted: list = field(default_factory=list)  # instants of all values that were new
    repeats: Counter = field(default_factory=Counter)
    spiked: list = field(default_factory=list)
    delays: list = field(default_factory=list)  # (frame, least delay in seconds)
    since: dict = field(default_factory=dict)
    changes: list = field(default_factory=list)

    def stretch(self):
        """The newest readings that no pause parts."""
        found = []
        for at, x in reversed(self.values):
            if found and found[0][0] - at > self.limits.fresh_us:
                break
            found.insert(0, (at, x))
        return found

    def run(self):
        """The newest readings of one value: its beginning, first value and number."""
        found = None
        for at, x in self.values:
            parted = found is None or at - found[3] > self.limits.fresh_us
            if parted or abs(x - found[1]) > self.limits.stuck_within:
                found = [at, x, 0, at]
            found[2] += 1
            found[3] = at
        return found

    def newest_hour(self):
        return max(self.counted) // HOUR if self.counted else 0

    def in_a_day(self, instants):
        newest = self.newest_hour()
        return sum(1 for at in instants if newest - 24 <= at // HOUR <= newest)

    def turn(self, fault, is_on, is_off, at, since=None):
        if fault not in self.since and is_on:
            self.since[fault] = at if since is None else since
            self.changes.append((fault, self.since[fault], None))
        elif fault in self.since and is_off:
            self.changes.append((fault, self.since.pop(fault), at))

    def take(self, at, x, quality, about, seq, got):
        limits = self.limits
        if quality > 1 or x is None or math.isnan(x) or math.isinf(x) or about:
            return
        self._clock(at, seq, got)
        if (at, x) in self.stretch()[-7:]:
            if self.newest_hour() - at // HOUR < 25:
                self.repeats[at // HOUR] += 1
            times = self.in_a_day([h * HOUR for h in self.repeats.elements()])
            self.turn("duplicate", 0 < limits.repeat_times <= times, False, got)
            return
        self.counted.append(at)
        if self.values and at <= self.values[-1][0]:
            return
        self.turn("battery", x < limits.low, x >= limits.recovers_at, at)
        before = self.run()
        self.values.append((at, x))
        self._stuck(before, at)
        self._spike()

    def _clock(self, at, seq, got):
        delay = (got - at) / 1e6
        if self.delays and self.delays[-1][0] == seq:
            self.delays[-1] = (seq, min(self.delays[-1][1], delay))
        else:
            self.delays.append((seq, delay))
        newest = [delay for _, delay in self.delays[-5:]]
        if len(newest) == 5:
            middle = median(newest)
            steady = (max(newest) - min(newest)) * 1e6 <= 2 * self.limits.interval_us
            ahead = middle < -self.limits.ahead_s
            behind = middle > self.limits.behind_s
            self.turn("clock", ahead or (behind and steady), not ahead and not behind, got)

    def _stuck(self, before, at):
        limits, run = self.limits, self.run()
        if before is not None and run[0] != before[0]:
            self.turn("stuck", False, True, at)
        long = run[3] - run[0] >= limits.stuck_us > 0
        stuck = long and run[2] >= limits.stuck_readings and run[1] > limits.rests_upto
        self.turn("stuck", stuck and run[2] > 1, False, at, since=run[0])

    def _spike(self):
        limits, window = self.limits, self.stretch()[-7:]
        if len(window) < 7:
            return
        when, x = window.pop(3)
        middle = median(value for _, value in window)
        spread = 1.4826 * median(abs(value - middle) for _, value in window)
        if abs(x - middle) > max(limits.spike_away, limits.spike_spreads * spread):
            if self.newest_hour() - when // HOUR < 25:
                self.spiked.append(when)
            times = self.in_a_day(self.spiked)
            self.turn("spike", times >= limits.spike_times, False, when)
