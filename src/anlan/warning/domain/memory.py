"""What the judge remembers between steps: plain values, small, and stored as msgpack.

Every instant is in microseconds (:mod:`anlan.warning.domain.instants`).
"""

from __future__ import annotations

import msgspec

from anlan.warning.domain.findings import Phase


class Latch(msgspec.Struct, frozen=True, array_like=True):
    """One limit of a rule on one stream: on or off, and since when it is about to turn."""

    on: bool = False
    since: int | None = None


class Turn(msgspec.Struct, frozen=True, array_like=True):
    """The level of a rule on a stream became ``level`` (empty: none) at ``at``."""

    at: int
    level: str
    since: int


class RuleOnStream(msgspec.Struct, frozen=True, array_like=True):
    """A threshold or window rule on one stream.

    ``latches`` and ``level`` hold at the settled reading; ``turns`` are those
    after it, as they were told.  A late reading may still change them.
    """

    rule: str
    version: int
    latches: tuple[Latch, ...]
    level: str = ""
    turns: tuple[Turn, ...] = ()
    phase: Phase = Phase.NORMAL

    @property
    def told(self) -> str:
        """The level of the open alert instance, or empty."""
        return self.turns[-1].level if self.turns else self.level


class SilenceOnStream(msgspec.Struct, frozen=True, array_like=True):
    """An open silence alert: raised when nothing had come since ``last``."""

    rule: str
    version: int
    level: str
    last: int
    raised_at: int


class Reading(msgspec.Struct, frozen=True, array_like=True):
    """A reading in the window; ``value`` None when the sensor said "no value"."""

    at: int
    received: int
    value: float | None


class StreamMemory(msgspec.Struct, frozen=True, array_like=True):
    """One stream: readings that may still matter, and how each rule stands on it."""

    since: int  # when the judge first knew the stream
    settled: int | None = None  # readings up to this one are final
    last: int | None = None  # latest reading with a value
    readings: tuple[Reading, ...] = ()
    rules: tuple[RuleOnStream, ...] = ()
    silence: SilenceOnStream | None = None
    next_at: int | None = None


class KeptReport(msgspec.Struct, frozen=True, array_like=True):
    """A report that may still become part of a cluster or of a conjunction."""

    id: int
    at: int
    hazard: str
    lat: float | None
    lon: float | None
    area: str
    spot: str
    strong: bool


class Cluster(msgspec.Struct, frozen=True, array_like=True):
    """An open cluster of reports around its centre report."""

    rule: str
    version: int
    subject: str
    centre: KeptReport
    level: str
    since: int
    raised_at: int
    last_at: int
    members: tuple[tuple[int, int, bool], ...]  # id, instant, strong


class Standing(msgspec.Struct, frozen=True, array_like=True):
    """An instance of a conjunction or lag rule, pending or open."""

    rule: str
    version: int
    subject: str
    level: str
    since: int
    phase: Phase


class KeptSignal(msgspec.Struct, frozen=True, array_like=True):
    """A message about a warning that may still count as a repetition."""

    id: int
    at: int
    hazard: str
    level: str
    areas: tuple[str, ...]


class CityMemory(msgspec.Struct, frozen=True):
    """What concerns no single stream."""

    known: frozenset[str] = frozenset()  # streams that have a memory
    loose: dict[str, tuple[KeptReport, ...]] = {}  # by cluster rule
    clusters: tuple[Cluster, ...] = ()
    reports: tuple[KeptReport, ...] = ()
    signals: tuple[KeptSignal, ...] = ()
    latest: dict[str, tuple[int, float]] = {}  # readings that conjunctions ask for
    standing: tuple[Standing, ...] = ()
    next_at: int | None = None


class Memory(msgspec.Struct, frozen=True):
    """Everything, or the part that a step needs: streams without news may be left out."""

    city: CityMemory = CityMemory()
    streams: dict[str, StreamMemory] = {}
