"""A million streams for the benchmarks of the judge: facts, one rule, and readings tick by tick."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import numpy as np

from anlan.registry.domain.rulespecs import RuleSpec
from anlan.warning.columns import Batch, City, Facts
from anlan.warning.domain.rulebook import RuleBook
from anlan.warning.domain.signs import Units

MINUTE = 60_000_000
START = 1_784_505_600_000_000
SPEC: Any = RuleSpec


def a_rule(kind: str, **said: Any) -> RuleSpec:
    """Return a rule, in what a benchmark does not care about like any other."""
    basis = {
        "basis": {"title": "benchmark"}, "confidence": "default",
        "effective_from": date(2020, 1, 1), "id": kind, "title": {"zh": "规则", "en": "rule"},
        "hazard": "hydro.flood", "advice": {"zh": "撤离", "en": "leave"},
    }  # fmt: skip
    return msgspec.convert({**basis, "kind": kind, **said}, SPEC)


def threshold() -> RuleSpec:
    """Return one threshold with hysteresis and duration."""
    limit = {"level": "orange", "raise_at": 8.0, "clear_at": 6.0}
    return a_rule(
        "threshold", quantity="depth", unit="m", limits=[limit], hold="2m", clear_hold="2m"
    )


def window(function: str, span: str) -> RuleSpec:
    """Return one window rule that quiet readings do not meet."""
    high = {"sum": 1e6, "mean": 8.0, "change": 8.0, "rate": 1e6}[function]
    limit = {"level": "orange", "raise_at": high, "clear_at": high / 2, "window": span}
    unit = "m/h" if function == "rate" else "m"
    return a_rule("window", quantity="depth", unit=unit, function=function, limits=[limit])


def silence() -> RuleSpec:
    """Return the general rule for silence."""
    return a_rule("silence")


def city(streams: int, *rules: RuleSpec) -> City:
    """Return a city of streams that all speak once a minute."""
    facts = Facts(
        quantity=np.zeros(streams, np.int32),
        place_kind=np.zeros(streams, np.int32),
        interval=np.full(streams, MINUTE, np.int64),
        maintenance=np.zeros(streams, np.bool_),
        there=np.ones(streams, np.bool_),
        quantities=("depth",),
        place_kinds=("",),
    )
    units = {"depth": Units("m", {})}
    return City(RuleBook(in_force=rules), facts, units)


class Ticks:
    """Readings of every stream, one tick after another, seeded."""

    def __init__(
        self, streams: int, *, seed: int = 1, late: float = 0.0, lost: float = 0.0
    ) -> None:
        """``late``: the share of readings that come 2½ minutes late; ``lost``: of those that do not."""
        self.random = np.random.default_rng(seed)
        self.streams, self.late, self.lost = streams, late, lost
        self.hot = 0  # so many streams read high
        self.number = np.arange(streams, dtype=np.int32)
        self.offset = self.random.integers(0, MINUTE // 2, streams)
        self.tick = 0

    def next(self, *, shuffled: bool = False) -> tuple[Batch, int]:
        """Return one reading of every stream, and the instant of the tick."""
        self.tick += 1
        now = START + self.tick * MINUTE
        at = now - MINUTE + self.offset
        if self.late:
            at = np.where(self.random.random(self.streams) < self.late, at - 5 * MINUTE // 2, at)
        value = np.round(self.random.normal(3.0, 0.5, self.streams), 2)
        value[: self.hot] += 7.0
        batch = Batch(
            self.number, at, value, np.zeros(self.streams, np.uint8),
            np.full(self.streams, self.tick, np.uint32),
        )  # fmt: skip
        if self.lost:
            here = self.random.random(self.streams) >= self.lost
            batch = Batch._make(column[here] for column in batch)
        if shuffled:
            order = self.random.permutation(self.streams)
            batch = Batch._make(column[order] for column in batch)
        return batch, now
