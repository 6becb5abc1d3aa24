"""Leaving quiet streams out changes no red and no orange alert."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from anlan.kernel.scales import WarningLevel
from anlan.learning.domain import ordinary, weekrun
from anlan.learning.domain.ordinary import Ground, Setting, StreamPlan, Usual
from anlan.learning.domain.packworld import PackWorld
from anlan.learning.domain.quiet import loud_streams
from anlan.registry.domain.packwords import Basis, Confidence, Text
from anlan.registry.domain.rulespecs import (
    Limit,
    SilenceRule,
    ThresholdRule,
    WindowLimit,
    WindowRule,
)
from anlan.warning.domain.rulebook import RuleBook
from anlan.warning.domain.signs import Stream, Units, World

START = datetime(2024, 7, 1, tzinfo=UTC)
STEP = timedelta(minutes=30)
RED, ORANGE, YELLOW = WarningLevel.RED, WarningLevel.ORANGE, WarningLevel.YELLOW


def rule(kind, name, **values):
    return kind(
        id=name, title=Text(zh="题", en="t"), hazard="h", advice=Text(zh="做", en="do"),
        basis=Basis(title="b"), confidence=Confidence.DEFAULT, effective_from=date(2020, 1, 1),
        **values,
    )  # fmt: skip


def limits(kind, pairs, **values):
    return tuple(kind(level=lv, raise_at=up, clear_at=down, **values) for lv, up, down in pairs)


RULES = (
    rule(
        ThresholdRule, "high", quantity="depth", unit="m", hold="30m",
        limits=limits(Limit, [(RED, 0.9, 0.5), (ORANGE, 0.3, 0.2), (YELLOW, 0.05, 0.01)]),
    ),
    rule(
        ThresholdRule, "low", quantity="press", unit="kPa", compare="<",
        limits=limits(Limit, [(RED, 50, 100), (ORANGE, 240, 260)]),
    ),
    rule(
        WindowRule, "sum", quantity="rain", unit="mm", function="sum",
        limits=limits(WindowLimit, [(RED, 40, 20), (ORANGE, 15, 10)], window="3h"),
    ),
    rule(
        WindowRule, "mean", quantity="depth", unit="m", function="mean",
        limits=limits(WindowLimit, [(ORANGE, 0.12, 0.05)], window="1h"),
    ),
    rule(
        WindowRule, "change", quantity="depth", unit="m", function="change",
        limits=limits(WindowLimit, [(ORANGE, 0.2, 0.05)], window="1h"),
    ),
    rule(
        WindowRule, "rate", quantity="press", unit="MPa", function="rate", compare="<=",
        limits=limits(WindowLimit, [(ORANGE, -0.5, -0.1)], window="2h"),
    ),
    rule(SilenceRule, "silence"),
)  # fmt: skip
PACKS = PackWorld(
    rules=RuleBook(in_force=RULES),
    world=World(
        streams={
            code: Stream(code, quantity, STEP, area="C")
            for code, quantity in (("R", "rain"), ("D", "depth"), ("P", "press"))
        },
        area_paths={"C": "C"},
        units={"rain": Units("mm"), "depth": Units("m"), "press": Units("MPa", {"kPa": 0.001})},
    ),
    lexicon=(),
    root_area="C",
    ground=Ground(34.0, 113.0, 35.0, 114.0),
)
SETTING = Setting(
    streams=(StreamPlan("R", "rain", STEP), StreamPlan("D", "depth", STEP), StreamPlan("P", "press", STEP)),
    usual={
        "depth": Usual(level=0.0, noise=0.05, per_mm=0.01, spike=0.5),
        "press": Usual(level=0.28, noise=0.008, spike=-0.25),
    },
    ground=PACKS.ground,
    complaints_per_week=0.0,
    language="zh",
    rain_quantity="rain",
)  # fmt: skip


def counted(count):
    return [alert for alert in count.alerts if alert.level in weekrun.COUNTED]


@pytest.mark.parametrize("seed", range(12))
def test_the_same_reds_and_oranges_with_and_without_quiet_streams(seed):
    week = ordinary.ordinary_week(SETTING, seed)
    every = weekrun.run_week(
        week, PACKS, hazard="r", start=START, streams=PACKS.world.streams.keys()
    )
    loud = weekrun.run_week(week, PACKS, hazard="r", start=START)
    assert counted(every) == counted(loud)
    assert every.readings == loud.readings


def test_some_streams_are_left_out_and_some_are_not():
    left = [
        loud_streams(ordinary.ordinary_week(SETTING, seed), PACKS, weekrun.COUNTED)
        for seed in range(40)
    ]
    assert any("R" not in streams for streams in left)
    assert any("R" in streams for streams in left)
    assert any("P" in streams for streams in left)


def test_a_limit_that_is_just_reached_is_judged():
    week = ordinary.ordinary_week(SETTING, 1)
    at_s = np.arange(1, 4) * 1800.0
    week.series["P"] = ordinary.Series(at_s, np.array([0.3, 0.24 - 1e-9, 0.3]))
    week.series["R"] = ordinary.Series(at_s, np.array([5.0, 5.0, 5.0]))
    week.series["D"] = ordinary.Series(at_s, np.array([0.0, 0.0, 0.0]))
    assert loud_streams(week, PACKS, weekrun.COUNTED) == {"P", "R"}
