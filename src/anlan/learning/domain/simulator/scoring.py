"""How a system did against the truth of a run: found, missed, late, false."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from anlan.kernel.scales import WarningLevel, rank
from anlan.learning.domain.simulator.truth import ShouldRaise, TrueFault, TrueIncident, Truth

#: An alert this long before or after what was planted still belongs to it: windows look back.
AROUND = timedelta(minutes=30)
AT_ONCE = timedelta(seconds=1)  # the truth reads milliseconds, the judge microseconds


#: The check that is meant for a planted fault; silence is found by a rule of the judge.
MEANT = {
    "stuck": "stuck", "spike": "spike", "drift": "drift", "gap": "gaps", "clock_skew": "clock",
    "duplicates": "duplicate", "battery": "gaps",
}  # fmt: skip
#: The flag that readings of a planted fault are meant to get.
FLAGGED = {
    "stuck": "stuck",
    "spike": "spike",
    "gap": "gap",
    "battery": "gap",
    "out_of_range": "no_value",
}


@dataclass(frozen=True, slots=True)
class Doubted:
    """One fault of a stream, as the checks of quality found it."""

    check: str
    stream: str
    since: datetime
    until: datetime | None
    known_at: datetime


@dataclass(frozen=True, slots=True)
class Heard:
    """One alert instance, as the system kept it."""

    rule: str
    hazard: str
    stream: str  # empty when the alert is of a place or an area
    place: str
    level: str  # the highest it reached
    raised_at: datetime  # by the evidence
    known_at: datetime  # when the system wrote it down


class IncidentResult(msgspec.Struct, frozen=True):
    """What became of one planted incident; seconds."""

    kind: str
    stream: str
    place: str
    expected: str
    level: str  # the highest that was raised; empty: missed
    due: datetime | None  # when the data first called for an alert
    known_at: datetime | None
    behind_s: float | None  # known after it was due
    lead_s: float | None  # known before the worst


class FaultResult(msgspec.Struct, frozen=True):
    """What became of one planted fault; ``rule`` is what told of the device, empty: nothing did.

    ``checks`` are the checks of quality that found something of the device, ``flags`` those of its
    single readings; ``behind_s`` is the first of rule and checks, counted from the fault's beginning.
    """

    kind: str
    stream: str
    rule: str
    behind_s: float | None
    dangers: int  # alerts of danger that the faulty instrument raised: false
    checks: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    @property
    def is_told(self) -> bool:
        """Whether anything was told of the device."""
        return bool(self.rule or self.checks)

    @property
    def is_named(self) -> bool:
        """Whether the check that is meant for the fault found it, or the readings got its flag."""
        return MEANT.get(self.kind) in self.checks or FLAGGED.get(self.kind) in self.flags


class FalseRow(msgspec.Struct, frozen=True):
    """False alarms of one rule."""

    rule: str
    alerts: int
    on_faulty: int  # of these, raised by an instrument with a planted fault
    per_stream_day: float


class FalseFault(msgspec.Struct, frozen=True):
    """Faults that a check of quality found on instruments with none planted at that time."""

    check: str
    faults: int
    per_stream_day: float


class Score(msgspec.Struct, frozen=True):
    """A whole run, simulated, against its truth."""

    simulated: bool
    city: str
    seed: int
    begins: datetime
    ends: datetime
    streams: int
    readings: int
    alerts: int
    incidents: tuple[IncidentResult, ...]
    faults: tuple[FaultResult, ...]
    false: tuple[FalseRow, ...]
    missed: tuple[ShouldRaise, ...]
    false_faults: tuple[FalseFault, ...] = ()


def score(
    truth: Truth,
    heard: Sequence[Heard],
    *,
    readings: int,
    device: Collection[str],
    doubted: Sequence[Doubted] = (),
    flags: Mapping[str, Sequence[str]] | None = None,
) -> Score:
    """Return how ``heard`` and ``doubted`` compare with ``truth``.

    ``device`` are the hazards of broken devices; ``flags`` those that readings of a stream with a
    planted fault got while it lasted.
    """
    belongs = [_belongs(one, truth) for one in heard]
    incidents = tuple(_incident(one, heard) for one in truth.incidents)
    faults = tuple(
        _fault(one, heard, device, doubted, tuple((flags or {}).get(one.stream, ())))
        for one in truth.faults
    )
    days = (truth.ends - truth.begins) / timedelta(days=1) * max(1, truth.streams)
    faulty = {one.stream for one in truth.faults}
    false: Counter[str] = Counter()
    on_faulty: Counter[str] = Counter()
    for one, is_true in zip(heard, belongs, strict=True):
        if is_true or (one.hazard in device and _of_fault(one, truth.faults)):
            continue
        false[one.rule] += 1
        on_faulty[one.rule] += one.stream in faulty
    return Score(
        simulated=True,
        city=truth.city,
        seed=truth.seed,
        begins=truth.begins,
        ends=truth.ends,
        streams=truth.streams,
        readings=readings,
        alerts=len(heard),
        incidents=incidents,
        faults=faults,
        false=tuple(
            FalseRow(rule, count, on_faulty[rule], count / days)
            for rule, count in sorted(false.items(), key=lambda item: (-item[1], item[0]))
        ),
        missed=tuple(
            due for one in truth.incidents for due in one.should_raise if not _raised(due, heard)
        ),
        false_faults=_false_faults(truth, doubted, days),
    )


def _within(at: datetime, begins: datetime, ends: datetime) -> bool:
    return begins - AROUND <= at <= ends + AROUND


def _is_of(one: Heard, incident: TrueIncident) -> bool:
    there = one.stream in incident.streams or (
        not one.stream and bool(one.place) and one.place == incident.place
    )
    return there and _within(one.raised_at, incident.begins, incident.ends)


def _belongs(one: Heard, truth: Truth) -> bool:
    return any(_is_of(one, incident) for incident in truth.incidents)


def _of_fault(one: Heard, faults: Iterable[TrueFault]) -> bool:
    return any(
        one.stream == fault.stream and _within(one.raised_at, fault.begins, fault.ends)
        for fault in faults
    )


def _raised(due: ShouldRaise, heard: Iterable[Heard]) -> bool:
    wanted = rank(WarningLevel(due.level))
    return any(
        (one.rule, one.stream) == (due.rule, due.stream)
        and abs(one.raised_at - due.at) <= AROUND
        and rank(WarningLevel(one.level)) <= wanted
        for one in heard
    ) or any(
        (one.rule, one.stream) == (due.rule, due.stream)
        and one.raised_at <= due.at + AT_ONCE
        and rank(WarningLevel(one.level)) <= wanted
        for one in heard
    )


def _incident(truth: TrueIncident, heard: Iterable[Heard]) -> IncidentResult:
    rules = {due.rule for due in truth.should_raise}
    found = [one for one in heard if one.rule in rules and _is_of(one, truth)]
    first = min(found, key=lambda one: one.known_at, default=None)
    level = min((one.level for one in found), key=lambda text: rank(WarningLevel(text)), default="")
    known = first.known_at if first else None
    behind = (known - truth.first).total_seconds() if known and truth.first else None
    return IncidentResult(
        kind=truth.kind,
        stream=truth.streams[0],
        place=truth.place,
        expected=truth.expected,
        level=level,
        due=truth.first,
        known_at=known,
        behind_s=behind,
        lead_s=(truth.top - known).total_seconds() if known else None,
    )


def _fault(
    truth: TrueFault,
    heard: Iterable[Heard],
    device: Collection[str],
    doubted: Iterable[Doubted],
    flags: tuple[str, ...],
) -> FaultResult:
    here = [
        one
        for one in heard
        if one.stream == truth.stream and _within(one.raised_at, truth.begins, truth.ends)
    ]
    told = min(
        (one for one in here if one.hazard in device), key=lambda one: one.known_at, default=None
    )
    found = [one for one in doubted if _is_doubt_of(one, truth)]
    known = [one.known_at for one in ([told] if told else []) + found]
    return FaultResult(
        kind=truth.kind,
        stream=truth.stream,
        rule=told.rule if told else "",
        behind_s=(min(known) - truth.begins).total_seconds() if known else None,
        dangers=sum(one.hazard not in device for one in here),
        checks=tuple(sorted({one.check for one in found})),
        flags=flags,
    )


def _is_doubt_of(one: Doubted, fault: TrueFault) -> bool:
    """Return whether a check spoke of a planted fault: it may take as long to find as it lasted."""
    return (
        one.stream == fault.stream
        and one.since <= fault.ends + AROUND
        and (one.until is None or one.until >= fault.begins - AROUND)
    )


def _false_faults(truth: Truth, doubted: Iterable[Doubted], days: float) -> tuple[FalseFault, ...]:
    counts = Counter(
        one.check for one in doubted if not any(_is_doubt_of(one, x) for x in truth.faults)
    )
    return tuple(
        FalseFault(check, count, count / days)
        for check, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )
