"""Both judges side by side: the slow, obvious one and the one in columns, fed the same history."""

from __future__ import annotations

from dataclasses import replace as changed
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from anlan.registry.domain.rulespecs import RuleSpec
from anlan.warning.columns import (
    City,
    Facts,
    State,
    batch_of,
    copied,
    findings_of,
    load,
    new_state,
    save,
    step,
)
from anlan.warning.columns.layout import BUNDLE, DEAD, MOVING, level_of
from anlan.warning.columns.ring import catch_all_up
from anlan.warning.domain import judge as twin
from anlan.warning.domain.findings import Finding
from anlan.warning.domain.instants import EPOCH, instant, micros
from anlan.warning.domain.memory import CityMemory, Memory
from anlan.warning.domain.rulebook import RuleBook
from anlan.warning.domain.signs import Batch, Observation, Stream, Units, World

START = datetime(2026, 7, 20, tzinfo=UTC)
UNITS = {"depth": Units("m", {"cm": 0.01}), "flow": Units("m3/s", {})}
BAD = 2

Row = tuple[int, int, float | None]  # stream, seconds after START, value


def us(seconds: float) -> int:
    """Return an instant as µs."""
    return micros(START + timedelta(seconds=seconds))


def code_of(number: int) -> str:
    """Return the code of a stream; their order is that of the numbers."""
    return f"S{number:07d}"


class Both:
    """Two judges that must say the same."""

    def __init__(self, streams: dict[int, Stream], *rules: RuleSpec) -> None:
        self.memory = Memory()
        self.state = new_state()
        self.streams = dict(streams)
        self.every = dict(streams)
        self.rules = RuleBook(in_force=tuple(rules))
        self.changed = True
        self.frame = 0
        self.found: list[Finding] = []

    def set_rules(self, *rules: RuleSpec, older: dict[Any, Any] | None = None) -> None:
        self.rules = RuleBook(in_force=tuple(rules), older=older or {})
        self.changed = True

    def set_streams(self, streams: dict[int, Stream]) -> None:
        self.streams = dict(streams)
        self.every |= streams
        self.changed = True

    def step(self, now_s: float, *rows: Row, messages: int = 1) -> list[Finding]:
        """Give both the same readings; they must find the same and stand the same.

        The rows come in so many messages, one after the other, of about equal length.
        """
        now = us(now_s)
        first = self.frame + 1
        self.frame += messages
        frames = [first + i * messages // len(rows) for i in range(len(rows))]
        slow = self._slow(now, rows, frames)
        fast = self._fast(now, rows, frames)
        assert fast == list(slow.findings)
        self.changed = False
        self.found += fast
        self.compare()
        return fast

    def _slow(self, now: int, rows: tuple[Row, ...], frames: list[int]) -> twin.Step:
        world = World(streams={code_of(k): x for k, x in self.streams.items()}, units=UNITS)
        batch = Batch(
            tuple(
                Observation(
                    code_of(s), START + timedelta(seconds=at), value,
                    EPOCH + timedelta(microseconds=frame),
                )
                for (s, at, value), frame in zip(rows, frames, strict=True)
            )
        )  # fmt: skip
        vanished = set(self.memory.city.known) - set(world.streams)
        touched = {code_of(s) for s, _, _ in rows} | vanished
        given = {
            code: item
            for code, item in self.memory.streams.items()
            if self.changed or code in touched or (item.next_at is not None and item.next_at <= now)
        }
        memory = Memory(CityMemory(known=self.memory.city.known), given)
        done = twin.step(self.rules, memory, batch, world, now=instant(now))
        kept = {k: v for k, v in self.memory.streams.items() if k not in vanished}
        self.memory = Memory(done.memory.city, kept | done.memory.streams)
        return done

    def city(self) -> City:
        """Return what the judge in columns is told of the city."""
        size = max(self.every, default=-1) + 1
        quantities = sorted({x.quantity for x in self.every.values()})
        kinds = sorted({x.place_kind for x in self.every.values()})
        facts = Facts(
            quantity=np.zeros(size, np.int32),
            place_kind=np.zeros(size, np.int32),
            interval=np.zeros(size, np.int64),
            maintenance=np.zeros(size, np.bool_),
            there=np.zeros(size, np.bool_),
            quantities=quantities,
            place_kinds=kinds,
        )
        for number, stream in self.streams.items():
            facts.quantity[number] = quantities.index(stream.quantity)
            facts.place_kind[number] = kinds.index(stream.place_kind)
            facts.interval[number] = stream.interval // timedelta(microseconds=1)
            facts.maintenance[number] = stream.in_maintenance
            facts.there[number] = True
        return City(self.rules, facts, UNITS)

    def _fast(self, now: int, rows: tuple[Row, ...], frames: list[int]) -> list[Finding]:
        values = [np.nan if value is None else value for _, _, value in rows]
        batch = batch_of(
            [s for s, _, _ in rows],
            [us(at) for _, at, _ in rows],
            values,
            arrival=frames,
        )
        city = self.city()
        done = step(self.state, batch, now=now, city=city if self.changed else None)
        self.state = done.state
        return list(findings_of(done, city, lambda s: self.every[s]))

    def restart(self, folder: Path) -> None:
        """Keep the state in a file and go on from there; the other goes through its own bytes."""
        path = folder / "judge.npz"
        save(self.state, path, cursor=self.frame)
        self.state, cursor, _ = load(path)
        assert cursor == self.frame
        self.memory = msgspec.msgpack.decode(msgspec.msgpack.encode(self.memory), type=Memory)

    def compare(self) -> None:
        """Levels told, silence, settled instants, readings and what is due must agree."""
        state = caught_up(self.state)
        c = state.columns
        nearest = None
        for number in self.streams:
            slow = self.memory.streams[code_of(number)]
            cold = c.cold[number]
            lanes = c.lane[cold["lane0"] : cold["lane0"] + cold["lanes"]]
            fast = [
                (*self.state.rules[lane["rule"]], level_of(int(lane["told"])))
                for lane in lanes
                if not lane["flags"] & DEAD
            ]
            assert fast == [(item.rule, item.version, item.told) for item in slow.rules]
            silence = slow.silence
            assert level_of(int(cold["s_height"])) == (silence.level if silence else "")
            if silence:
                named = self.state.silences[cold["s_named"]]
                assert named == (silence.rule, silence.version)
                assert cold["s_last"] == silence.last
            valued = [item for item in slow.readings if item.value is not None]
            kept = readings(state, number)
            spare = len(kept) - len(valued)
            assert kept[spare:] == [(x.at, x.value) for x in valued]
            # The quick way forgets nothing before its ring is full.
            assert spare == 0 or (spare > 0 and c.hot["state"][number] != MOVING)
            if slow.next_at is not None:
                nearest = slow.next_at if nearest is None else min(nearest, slow.next_at)
        if nearest is not None:
            assert self.state.next_at is not None
            assert self.state.next_at <= nearest


def caught_up(state: State) -> State:
    """Return a copy whose streams say themselves what they took together; the judge goes on ahead."""
    found = copied(state)
    catch_all_up(found.columns)
    return found


def readings(state: State, number: int) -> list[tuple[int, float]]:
    """Return the readings that a stream keeps, oldest first; of a state that is caught up."""
    c = state.columns
    bundle, lane = divmod(int(c.hot["row"][number]), BUNDLE)
    base, size, step = (int(c.bundle[name][bundle]) for name in ("base", "size", "step"))
    found = []
    for i in range(int(c.hot["count"][number])):
        spot = base + (int(c.hot["head"][number]) + i) % size * step + lane
        found.append((int(c.r_at[spot]), float(c.r_value[spot])))
    return found


def a_stream(number: int, **said: Any) -> Stream:
    """Return a stream of water depth every minute."""
    values = {"quantity": "depth", "interval": timedelta(minutes=1), "area": "A1"} | said
    return Stream(code=code_of(number), **values)


__all__ = ["Both", "Row", "a_stream", "caught_up", "changed", "code_of", "us"]
