"""Whatever comes in whatever order: one instance at a time, and memory says what was told."""

from __future__ import annotations

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from anlan.kernel.scales import ResponseLevel, WarningLevel
from anlan.warning.domain.findings import Phase, What
from anlan.warning.domain.judge import level_now, phase_of
from anlan.warning.domain.rulebook import RuleBook
from anlan.warning.domain.signs import Place, ResponseStanding, SignalInForce, World

from .builders import Room, a_report, a_rule, a_stream, a_threshold, a_window, a_world, at, reading

RAIN = "met.rainstorm"


def named(rule_id: str, rule_spec: object) -> object:
    return msgspec.structs.replace(rule_spec, id=rule_id)  # type: ignore[type-var]


RULES = [
    named("depth", a_threshold(("yellow", 2, 1), ("red", 4, 3), hold="2m", clear_hold="2m")),
    named("sum", a_window("sum", ("orange", 8, 3, "5m"))),
    named("silence", a_rule("silence", hazard="system.device")),
    named(
        "crowd",
        a_rule(
            "cluster",
            hazard="crowd.crush",
            within_m=300,
            limits=[
                {"level": "yellow", "reports": 2, "within": "20m"},
                {"level": "red", "reports": 4, "within": "20m"},
            ],
            clear_after="30m",
        ),
    ),
    named(
        "place",
        a_rule(
            "conjunction",
            place_kinds=["tunnel"],
            level="red",
            signal={"hazard": RAIN, "at_least": "orange"},
            reading={"quantity": "depth", "compare": ">=", "value": 2, "max_age": "10m"},
        ),
    ),
    named(
        "lag",
        a_rule(
            "lag", hazard=RAIN, level="red", grace="5m", signal={"hazard": RAIN, "at_least": "red"}
        ),
    ),
]
CHANGED = [msgspec.structs.replace(item, version=2) for item in RULES]  # type: ignore[type-var]


class Night(RuleBasedStateMachine):
    """A night at the judge: signs, jumps of the clock, restarts, replays, new rule versions."""

    def __init__(self) -> None:
        super().__init__()
        self.minute = 100
        self.standing: dict[str, object] = {}
        self.streams = {"S1", "S2"}
        self.last: tuple[object, ...] = ()
        self.reports = 0
        self.room = Room(self.world(), *RULES)  # type: ignore[arg-type]

    def world(self) -> World:
        streams = [a_stream(code, place="P1", place_kind="tunnel") for code in sorted(self.streams)]
        return a_world(
            *streams,
            places=(Place("P1", "tunnel", "A1", 37.5, 127.0),),
            signals=tuple(x for x in self.standing.values() if isinstance(x, SignalInForce)),
            responses=tuple(x for x in self.standing.values() if isinstance(x, ResponseStanding)),
            asked={(RAIN, "red"): ResponseLevel.I},
            area_paths={"A1": "A1"},
        )

    def look(self, *signs: object) -> None:
        self.last = signs
        self.room.step(self.minute, *signs, world=self.world())

    @rule(
        rows=st.lists(
            st.tuples(
                st.sampled_from(["S1", "S2"]),
                st.integers(-25, 3),
                st.one_of(st.none(), st.integers(0, 5).map(float), st.just(float("nan"))),
            ),
            max_size=6,
        )
    )
    def readings_come(self, rows: list[tuple[str, int, float | None]]) -> None:
        signs = [
            reading(self.minute + late, value, stream=code, received=self.minute)
            for code, late, value in rows
        ]
        self.look(*signs)

    @rule(count=st.integers(1, 3), late=st.integers(0, 30), north=st.integers(0, 3))
    def reports_come(self, count: int, late: int, north: int) -> None:
        signs = []
        for _ in range(count):
            self.reports += 1
            signs.append(a_report(self.reports, self.minute - late, lat=37.5 + north * 0.002))
        self.look(*signs)

    @rule(level=st.sampled_from(["yellow", "orange", "red", None]))
    def warning_changes(self, level: str | None) -> None:
        self.standing.pop("signal", None)
        if level is not None:
            self.standing["signal"] = SignalInForce(
                1, RAIN, WarningLevel(level), at(self.minute), ("A1",), frozenset({"P1"})
            )
        self.look()

    @rule(level=st.sampled_from(["II", "I", None]))
    def response_changes(self, level: str | None) -> None:
        self.standing.pop("response", None)
        if level is not None:
            self.standing["response"] = ResponseStanding(1, RAIN, ResponseLevel(level), "A1")
        self.look()

    @rule(minutes=st.integers(-40, 90))
    def time_jumps(self, minutes: int) -> None:
        self.minute = max(0, self.minute + minutes)
        self.look()

    @rule()
    def the_same_signs_come_again(self) -> None:
        before = len(self.room.found)
        memory = self.room.memory
        if any(not hasattr(sign, "stream") for sign in self.last):
            return  # reports carry a number; the cursor keeps them from coming twice
        self.look(*self.last)
        if memory == self.room.memory:
            assert len(self.room.found) == before

    @rule(new=st.booleans())
    def the_rules_change(self, new: bool) -> None:
        older = {(item.id, item.version): item for item in (*RULES, *CHANGED)}  # type: ignore[attr-defined]
        self.room.rules = RuleBook(in_force=tuple(CHANGED if new else RULES), older=older)  # type: ignore[arg-type]
        self.look()

    @rule(code=st.sampled_from(["S1", "S2"]))
    def a_sensor_comes_or_goes(self, code: str) -> None:
        self.streams ^= {code}
        self.look()

    @invariant()
    def each_subject_has_one_instance_at_a_time(self) -> None:
        told: dict[tuple[str, str], str] = {}
        for item in self.room.found:
            key = (item.rule, item.subject)
            level = told.get(key, "")
            assert (item.what is What.RAISED) == (level == "")
            assert item.before == level
            if item.what is What.CLEARED:
                del told[key]
            else:
                assert item.level != level
                told[key] = item.level
        for (rule_id, subject), level in told.items():
            assert level_now(self.room.memory, rule_id, subject) == level

    @invariant()
    def what_is_open_has_an_open_phase(self) -> None:
        for stream, memory in self.room.memory.streams.items():
            for item in memory.rules:
                phase = phase_of(self.room.memory, item.rule, f"stream:{stream}")
                assert item.told or phase in {Phase.NORMAL, Phase.PENDING, Phase.LOST}
                assert not item.told or phase in {Phase.RAISED, Phase.CLEARING, Phase.LOST}

    @invariant()
    def memory_stays_small(self) -> None:
        for memory in self.room.memory.streams.values():
            assert len(memory.readings) <= 60


TestNight = Night.TestCase
TestNight.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
