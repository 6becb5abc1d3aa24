"""Is the system itself well?  From measurements to ailments, by stated limits."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Probes:
    """What only the outside edge can measure.

    ``disks``: share in use (0 to 1) by name.  ``clock_jump_s``: seconds by which the
    wall clock was moved since the process began.  ``beats``: last sign of life of each
    process that must beat (``None``: never).  ``doors``: when something last came in
    through each door that is never quiet for long.  ``steps``: since when each duty of
    the clockwork that fails now has failed every time it was tried.  ``intakes``: since when
    nothing can come in by each way in that Anlan itself keeps open, where that is so now.
    ``harmed``: files that are not what was written: ``missing``, ``changed`` or ``unreadable``.
    ``apart``: which of database and readings is of an earlier time than the other, and what it lacks.
    """

    disks: Mapping[str, float] = field(default_factory=dict)
    clock_jump_s: float = 0.0
    beats: Mapping[str, datetime | None] = field(default_factory=dict)
    doors: Mapping[str, datetime | None] = field(default_factory=dict)
    steps: Mapping[str, datetime] = field(default_factory=dict)
    intakes: Mapping[str, datetime] = field(default_factory=dict)
    harmed: Mapping[str, str] = field(default_factory=dict)
    apart: Mapping[str, Mapping[str, str | int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """When a measurement is an ailment: Anlan's own defaults, no outside claim."""

    disk_share: float = 0.90
    disk_relief: float = 0.02  # a sick disk is well again only this far below the limit
    clock_jump_s: float = 30.0
    journal_ahead: timedelta = timedelta(minutes=2)  # newest entry against now
    beat: timedelta = timedelta(minutes=2)
    door: timedelta = timedelta(minutes=30)
    listener: timedelta = timedelta(minutes=5)
    watcher: timedelta = timedelta(minutes=5)
    unsealed: timedelta = timedelta(minutes=15)
    intake: timedelta = timedelta(minutes=2)  # a broker may be started anew
    step: timedelta = timedelta(minutes=1)  # one failure may be chance; a minute of them is not
    harmed: int = 5  # a broken disk is one broken disk; the rest is told when these are mended


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """How one way out of the house does."""

    name: str
    given_up: int
    failed: int
    served: bool = True


@dataclass(frozen=True, slots=True)
class Facts:
    """What the system knows of itself; instants are ``None`` where there is nothing."""

    probes: Probes
    newest_entry_at: datetime | None = None
    oldest_unheard: Mapping[str, datetime] = field(default_factory=dict)  # by listener
    parked: int = 0
    outbox_stuck: bool = False
    channels: Collection[ChannelFacts] = ()
    watched_at: datetime | None = None
    began_at: datetime | None = None  # of the journal: nobody watched or sealed before it
    oldest_unsealed_at: datetime | None = None
    open_breaches: int = 0


@dataclass(frozen=True, slots=True)
class Ailment:
    """One part that is not well; ``code`` names its wording, ``params`` fill it."""

    part: str
    code: str
    params: Mapping[str, str | int] = field(default_factory=dict)


def diagnose(
    facts: Facts, *, sick: Collection[str], limits: Limits, now: datetime
) -> list[Ailment]:
    """Return what is not well now; ``sick`` are the parts that were not well before."""
    found = [
        *_disks(facts.probes, sick, limits),
        *_clocks(facts, limits, now),
        *_silences(facts, limits, now),
        *_deliveries(facts),
        *_proof(facts, limits, now),
        *_harms(facts.probes, sick, limits),
    ]
    return sorted(found, key=lambda item: item.part)


def _disks(probes: Probes, sick: Collection[str], limits: Limits) -> Iterator[Ailment]:
    for name, share in probes.disks.items():
        part = f"disk:{name}"
        limit = limits.disk_share - (limits.disk_relief if part in sick else 0.0)
        if share >= limit:
            # Whole percent of the alarm, not of the moment: the wording stays one and the same.
            yield Ailment(part, "disk_full", {"percent": round(limits.disk_share * 100)})


def _clocks(facts: Facts, limits: Limits, now: datetime) -> Iterator[Ailment]:
    if abs(facts.probes.clock_jump_s) > limits.clock_jump_s:
        yield Ailment("clock:wall", "clock_moved", {"limit_s": round(limits.clock_jump_s)})
    newest = facts.newest_entry_at
    if newest is not None and newest - now > limits.journal_ahead:
        yield Ailment("clock:journal", "clock_behind_journal")


def _late(last: datetime | None, limit: timedelta, now: datetime) -> bool:
    return last is None or now - last > limit


def _minutes(span: timedelta) -> int:
    return round(span.total_seconds() / 60)


def _silences(facts: Facts, limits: Limits, now: datetime) -> Iterator[Ailment]:
    for name, last in facts.probes.beats.items():
        if _late(last, limits.beat, now):
            yield Ailment(f"process:{name}", "process_silent", {"limit_min": _minutes(limits.beat)})
    for name, last in facts.probes.doors.items():
        if _late(last, limits.door, now):
            yield Ailment(f"door:{name}", "door_silent", {"limit_min": _minutes(limits.door)})
    for name, oldest in facts.oldest_unheard.items():
        if now - oldest > limits.listener:
            yield Ailment(f"listener:{name}", "listener_stuck")
    yield from _failures(facts.probes, limits, now)
    watched = facts.watched_at or facts.began_at
    if watched is not None and now - watched > limits.watcher:
        yield Ailment("watcher", "watcher_silent", {"limit_min": _minutes(limits.watcher)})


def _failures(probes: Probes, limits: Limits, now: datetime) -> Iterator[Ailment]:
    for name, since in probes.steps.items():
        if now - since >= limits.step:
            yield Ailment(f"step:{name}", "step_failing")
    for name, since in probes.intakes.items():
        if now - since > limits.intake:
            yield Ailment(f"intake:{name}", "intake_down", {"limit_min": _minutes(limits.intake)})


def _deliveries(facts: Facts) -> Iterator[Ailment]:
    if facts.outbox_stuck:
        yield Ailment("outbox", "outbox_stuck")
    for channel in facts.channels:
        part = f"channel:{channel.name}"
        if not channel.served:
            yield Ailment(part, "channel_unserved")
        elif channel.given_up:
            yield Ailment(part, "deliveries_given_up")
    if facts.parked:
        yield Ailment("parked", "events_parked")


def _proof(facts: Facts, limits: Limits, now: datetime) -> Iterator[Ailment]:
    oldest = facts.oldest_unsealed_at
    if oldest is not None and now - oldest > limits.unsealed:
        yield Ailment("ledger", "ledger_unsealed", {"limit_min": _minutes(limits.unsealed)})
    if facts.open_breaches:
        yield Ailment("invariants", "breaches_open")


def _harms(probes: Probes, sick: Collection[str], limits: Limits) -> Iterator[Ailment]:
    for code, params in probes.apart.items():
        yield Ailment(f"restore:{code}", code, params)
    parts = {f"readings:{name}": name for name in sorted(probes.harmed)}
    # Those that were told stay told: another one before them must not push them out.
    for part in sorted(parts, key=lambda part: part not in sick)[: limits.harmed]:
        name = parts[part]
        yield Ailment(part, f"readings_{probes.harmed[name]}", {"file": name})
