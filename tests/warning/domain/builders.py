"""Small builders: rules, streams, readings and steps, in minutes after one morning."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from anlan.registry.domain.rulespecs import RuleSpec
from anlan.warning.domain.findings import Finding
from anlan.warning.domain.judge import Step, step
from anlan.warning.domain.memory import Memory
from anlan.warning.domain.rulebook import RuleBook
from anlan.warning.domain.signs import Batch, Observation, ReportSign, Stream, Units, World

MORNING = datetime(2026, 7, 20, tzinfo=UTC)
SPEC: Any = RuleSpec


def at(minutes: float) -> datetime:
    """Return an instant of that morning."""
    return MORNING + timedelta(minutes=minutes)


def minutes(moment: datetime) -> float:
    """Return an instant as minutes after that morning."""
    return (moment - MORNING).total_seconds() / 60


def a_rule(kind: str, **said: Any) -> RuleSpec:
    """Return a rule with everything filled in that a test does not care about."""
    basis = {
        "basis": {"title": "test"},
        "confidence": "default",
        "effective_from": date(2020, 1, 1),
        "id": "rule",
        "title": {"zh": "规则", "en": "rule"},
        "hazard": "hydro.flood",
        "advice": {"zh": "撤离", "en": "leave"},
    }
    return msgspec.convert({**basis, "kind": kind, **said}, SPEC)


def a_threshold(*limits: tuple[str, float, float], **said: Any) -> RuleSpec:
    """Return a threshold rule on water depth; limits are (level, raise, clear)."""
    values = {"quantity": "depth", "unit": "m", "hold": "0s"} | said
    shown = [{"level": lv, "raise_at": up, "clear_at": down} for lv, up, down in limits]
    return a_rule("threshold", limits=shown, **values)


def a_window(function: str, *limits: tuple[str, float, float, str], **said: Any) -> RuleSpec:
    """Return a window rule; limits are (level, raise, clear, window)."""
    values = {"quantity": "depth", "unit": "m", "function": function} | said
    shown = [
        {"level": lv, "raise_at": up, "clear_at": down, "window": w} for lv, up, down, w in limits
    ]
    return a_rule("window", limits=shown, **values)


def a_stream(code: str = "S1", **said: Any) -> Stream:
    """Return a stream of water depth every minute."""
    values = {"quantity": "depth", "interval": timedelta(minutes=1), "area": "A1"} | said
    return Stream(code=code, **values)


def a_world(*streams: Stream, **said: Any) -> World:
    """Return a world with these streams, depth in metres."""
    units = {"depth": Units("m", {"cm": 0.01})}
    return World(**({"streams": {item.code: item for item in streams}, "units": units} | said))


def reading(
    minute: float, value: float | None, *, stream: str = "S1", received: float | None = None
) -> Observation:
    """Return a reading, received when it was taken unless said otherwise."""
    return Observation(stream, at(minute), value, at(minute if received is None else received))


def a_report(id: int, minute: float, **said: Any) -> ReportSign:  # noqa: A002  the field's name
    """Return a report of a crowd at one spot."""
    values = {"hazard": "crowd.crush", "lat": 37.5345, "lon": 126.9946, "area": "A1"} | said
    return ReportSign(id=id, at=at(minute), **values)


class Room:
    """A judge that steps on, keeping its memory and everything it found."""

    def __init__(self, world: World, *rules: RuleSpec) -> None:
        self.world, self.rules = world, RuleBook(in_force=rules)
        self.memory = Memory()
        self.found: list[Finding] = []

    def step(self, minute: float, *signs: Any, world: World | None = None) -> Step:
        """Judge signs at a minute; the memory is stored and read back in between."""
        batch = Batch(
            observations=tuple(x for x in signs if isinstance(x, Observation)),
            reports=tuple(x for x in signs if isinstance(x, ReportSign)),
            signals=tuple(x for x in signs if not isinstance(x, Observation | ReportSign)),
        )
        done = step(self.rules, self.memory, batch, world or self.world, now=at(minute))
        stored = msgspec.msgpack.encode(done.memory)
        self.memory = msgspec.msgpack.decode(stored, type=Memory)
        assert self.memory == done.memory
        self.found += done.findings
        return done

    def told(self) -> list[tuple[str, str, float]]:
        """Return what was found as (what, level, minute)."""
        return [(item.what.value, item.level, minutes(item.at)) for item in self.found]
