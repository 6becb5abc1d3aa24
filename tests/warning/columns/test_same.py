"""The judge in columns finds what the slow, obvious one finds: whatever comes, in whatever order."""

from __future__ import annotations

import math
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from anlan.warning.domain.signs import Stream
from tests.warning.domain.builders import a_rule, a_threshold, a_window

from .both import Both, Row, a_stream

NUMBERS = (0, 7, 8, 1500)  # one bundle, its neighbour, another block


def named(rule_id: str, spec: Any, **changes: Any) -> Any:
    return msgspec.structs.replace(spec, id=rule_id, **changes)


RULES = {
    "a": a_threshold(("yellow", 2, 1), ("red", 4, 3), hold="2m", clear_hold="2m"),
    "b": a_threshold(("orange", 2, 2), compare=">"),
    "c": a_threshold(("blue", 1, 2), ("yellow", 0.5, 1.5), compare="<=", clear_hold="90s"),
    "d": a_window("sum", ("orange", 8, 3, "5m"), ("red", 12, 6, "10m"), clear_hold="1m"),
    "e": a_window("mean", ("yellow", 3, 2, "4m"), min_coverage=0.6, hold="1m"),
    "f": a_window("change", ("yellow", 2, 1, "3m"), ("orange", 3, 1, "6m")),
    "g": a_window("rate", ("blue", 60, 10, "5m"), unit="m/h", min_coverage=0.4),
    "h": a_threshold(("red", 350, 100), unit="cm", hold="45s"),
    "y": a_rule("silence", hazard="system.device"),
    "z": a_rule(
        "silence", hazard="system.gauge", quantity="depth", intervals=4.5, at_least="2m",
        level="blue", only_place_kinds=["tunnel"],
    ),
}  # fmt: skip
FIRST = {rule_id: named(rule_id, spec) for rule_id, spec in RULES.items()}
SECOND = {
    rule_id: named(rule_id, spec, version=2)
    for rule_id, spec in (
        RULES
        | {
            "a": a_threshold(("yellow", 1, 0.5), hold="1m", clear_hold="3m"),
            "d": a_window("sum", ("yellow", 5, 3, "2m")),
            "y": a_rule("silence", hazard="system.device", intervals=2, level="orange"),
        }
    ).items()
}
OLDER = {(x.id, x.version): x for x in (*FIRST.values(), *SECOND.values())}

values = st.one_of(
    st.none(),
    st.just(math.nan),
    st.just(math.inf),
    st.integers(0, 5).map(float),
    st.integers(0, 50).map(lambda x: x / 10),
)
seconds = st.one_of(
    st.integers(-2, 2).map(lambda x: x * 60),
    st.integers(-50, 6).map(lambda x: x * 30),
    st.integers(-2000, 200),
)
readings = st.lists(st.tuples(st.sampled_from(NUMBERS), seconds, values), max_size=8)


class Night(RuleBasedStateMachine):
    """A night at both judges."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 6000
        self.folder = tempfile.TemporaryDirectory()
        self.versions: dict[str, Any] = dict(FIRST)
        self.streams: dict[int, Stream] = {
            0: a_stream(0, place_kind="tunnel"), 7: a_stream(7), 8: a_stream(8, place_kind="bridge"),
            1500: a_stream(1500, interval=timedelta(seconds=30), place_kind="tunnel"),
        }  # fmt: skip
        self.both = Both(self.streams, *self.versions.values())
        self.last: tuple[Row, ...] = ()

    def teardown(self) -> None:
        self.folder.cleanup()

    def look(self, *rows: Row, messages: int = 1) -> None:
        self.last = rows or self.last
        self.both.step(self.now, *rows, messages=messages)

    @rule(rows=readings, messages=st.integers(1, 3))
    def readings_come(self, rows: list[tuple[int, int, float | None]], messages: int) -> None:
        self.look(*((s, self.now + at, value) for s, at, value in rows), messages=messages)

    @rule(
        number=st.sampled_from(NUMBERS),
        series=st.lists(values, min_size=1, max_size=25),
        step=st.sampled_from([20, 60, 180]),
        cut=st.integers(0, 25),
    )
    def a_series_comes(self, number: int, series: list[float | None], step: int, cut: int) -> None:
        rows = [(number, self.now + i * step, value) for i, value in enumerate(series)]
        self.look(*rows[:cut])
        self.now += len(series) * step
        self.look(*rows[cut:])

    @rule(ticks=st.integers(1, 12), value=st.integers(0, 5), skew=st.integers(0, 40))
    def minutes_go_by(self, ticks: int, value: int, skew: int) -> None:
        for _ in range(ticks):
            self.now += 60
            rows = [(s, self.now - skew, float(value)) for s in NUMBERS]
            self.look(*rows)

    @rule(minutes=st.integers(-40, 90))
    def time_jumps(self, minutes: int) -> None:
        self.now = max(0, self.now + minutes * 60)
        self.look()

    @rule()
    def the_same_comes_again(self) -> None:
        self.look(*self.last)

    @rule()
    def what_is_due_comes(self) -> None:
        at = self.both.state.next_at
        if at is not None:
            self.now = max(self.now, -(-(at - self.start) // 1_000_000))
        self.look()

    start = 1_784_505_600_000_000

    @rule()
    def it_starts_again(self) -> None:
        self.both.restart(Path(self.folder.name))

    @rule(
        rule_id=st.sampled_from(sorted(RULES)),
        which=st.sampled_from(["first", "second", "none"]),
        known=st.booleans(),
    )
    def a_rule_changes(self, rule_id: str, which: str, known: bool) -> None:
        self.versions.pop(rule_id, None)
        if which != "none":
            self.versions[rule_id] = (FIRST if which == "first" else SECOND)[rule_id]
        self.both.set_rules(*self.versions.values(), older=OLDER if known else {})
        self.look()

    @rule(number=st.sampled_from(NUMBERS), rows=readings)
    def a_sensor_comes_or_goes(
        self, number: int, rows: list[tuple[int, int, float | None]]
    ) -> None:
        if number in self.streams:
            del self.streams[number]
        else:
            self.streams[number] = a_stream(number)
        self.both.set_streams(self.streams)
        self.look(*((s, self.now + at, value) for s, at, value in rows))

    @rule(
        number=st.sampled_from(NUMBERS),
        change=st.sampled_from(
            [
                {"interval": timedelta(seconds=20)},
                {"interval": timedelta(minutes=4)},
                {"in_maintenance": True},
                {"in_maintenance": False},
                {"place_kind": "tunnel"},
                {"quantity": "flow"},
                {"quantity": "depth"},
            ]
        ),
    )
    def a_sensor_changes(self, number: int, change: dict[str, Any]) -> None:
        if number in self.streams:
            self.streams[number] = msgspec.structs.replace(self.streams[number], **change)
            self.both.set_streams(self.streams)
            self.look()


TestNight = Night.TestCase
TestNight.settings = settings(
    max_examples=30,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
