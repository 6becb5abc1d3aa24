"""Every rule can be said in plain words, in both languages."""

from __future__ import annotations

import pytest

from anlan.registry.domain.packwords import Text
from anlan.registry.domain.parse import jurisdiction_folder, read_jurisdiction
from anlan.warning.domain.ruletext import Words, basis_text, describe, span_words

from .builders import a_rule, a_threshold, a_window

WORDS = Words(
    quantities={"depth": Text(zh="积水深度", en="water depth")},
    hazards={
        "met.rainstorm": Text(zh="暴雨", en="rainstorm"),
        "hydro.flood": Text(zh="洪水", en="flood"),
    },
    place_kinds={"tunnel": Text(zh="隧道", en="tunnel")},
    levels={"red": Text(zh="红色", en="red"), "orange": Text(zh="橙色", en="orange")},
    units={"degC": Text(zh="℃", en="°C")},
)
SIGNAL = {"hazard": "met.rainstorm", "at_least": "red"}


@pytest.mark.parametrize(
    ("rule", "zh", "en"),
    [
        (
            a_threshold(("red", 0.4, 0.3), hold="2m", only_place_kinds=["tunnel"]),
            "积水深度达到或超过限值并持续 2 分钟时报警：红色 ≥ 0.4 m（≤ 0.3 m 解除）。"
            "仅适用于：隧道。",
            "Raised when water depth reaches or exceeds a limit for 2 minutes:"
            " red at ≥ 0.4 m (clears at ≤ 0.3 m). Only at: tunnel.",
        ),
        (
            a_window("rate", ("red", 0.5, 0.1, "1h30m"), unit="m/h"),
            "积水深度的变化速率达到限值时报警：红色 ≥ 0.5 m/h（1 小时 30 分钟内）"
            "（≤ 0.1 m/h 解除）。有效读数不足 50% 时不解除。",
            "Raised when the rate of rise of water depth meets a limit: red at ≥ 0.5 m/h in"
            " 1 hour 30 minutes (clears at ≤ 0.1 m/h). With less than 50% of the readings"
            " nothing is cleared.",
        ),
        (
            a_window("sum", ("red", 50, 30, "1h"), hold="2m", clear_hold="5m", unit="mm"),
            "积水深度的累计达到限值并持续 2 分钟时报警：红色 ≥ 50 mm（1 小时内）（≤ 30 mm 解除）。"
            "有效读数不足 50% 时不解除。恢复须持续 5 分钟。",
            "Raised when the sum of water depth meets a limit for 2 minutes: red at ≥ 50 mm in"
            " 1 hour (clears at ≤ 30 mm). With less than 50% of the readings nothing is cleared."
            " The calm must last 5 minutes.",
        ),
        (
            a_window("rate", ("red", 2, 1, "1h"), unit="degC/h"),
            "积水深度的变化速率达到限值时报警：红色 ≥ 2 ℃/h（1 小时内）（≤ 1 ℃/h 解除）。"
            "有效读数不足 50% 时不解除。",
            "Raised when the rate of rise of water depth meets a limit: red at ≥ 2 °C/h in"
            " 1 hour (clears at ≤ 1 °C/h). With less than 50% of the readings nothing is cleared.",
        ),
        (
            a_rule("lag", level="red", signal={**SIGNAL, "at_most": "red"}),
            "暴雨红色预警生效，而响应级别低于预案要求时，报红色。",
            "red when a rainstorm warning (red, not above) is in force and the response is below"
            " what the plan asks.",
        ),
        (
            a_rule(
                "lag",
                level="red",
                signal={"hazard": "met.rainstorm", "at_least": "orange", "at_most": "red"},
            ),
            "暴雨橙色至红色预警生效，而响应级别低于预案要求时，报红色。",
            "red when a rainstorm warning (orange to red) is in force and the response is below"
            " what the plan asks.",
        ),
        (
            a_rule("silence", level="orange"),
            "任何传感器连续 3 个周期（至少 5 分钟）没有数据时报警，级别不低于橙色，"
            "也不低于失联前的级别。",
            "Raised when any sensor has given nothing for 3 intervals (at least 5 minutes);"
            " at least orange, and at least its last level.",
        ),
        (
            a_rule(
                "cluster",
                within_m=500,
                limits=[{"level": "red", "reports": 3, "within": "60m", "strong": 1}],
            ),
            "500 米内多人反映“洪水”时报警：红色 1 小时内 3 起，其中 1 起有危险词。"
            "2 小时无新报告后解除。",
            "Raised when reports of flood lie within 500 m: red at 3 within 1 hour,"
            " 1 with words of danger. Clears 2 hours after the last report.",
        ),
        (
            a_rule("conjunction", place_kinds=["tunnel"], level="red", signal=SIGNAL),
            "对每一处隧道：暴雨红色及以上预警生效时，报红色。",
            "For each place of the kind tunnel: red when there is"
            " a rainstorm warning (red or above) in force.",
        ),
        (
            a_rule("lag", level="red", signal=SIGNAL, grace="30m"),
            "暴雨红色及以上预警生效，而响应级别低于预案要求超过 30 分钟时，报红色。",
            "red when a rainstorm warning (red or above) is in force and the response is below"
            " what the plan asks for more than 30 minutes.",
        ),
    ],
)
def test_each_kind_in_plain_words(rule: object, zh: str, en: str) -> None:
    said = describe(rule, WORDS)  # type: ignore[arg-type]
    assert said.zh == zh
    assert said.en == en


@pytest.mark.parametrize("pack", ["cn", "generic"])
def test_every_shipped_rule_can_be_said_and_names_its_basis(pack: str) -> None:
    law = read_jurisdiction(jurisdiction_folder(pack)).pack
    words = Words(
        hazards={item.id: item.name for item in law.hazards},
        quantities={item.id: item.name for item in law.quantities},
        place_kinds={item.id: item.name for item in law.place_kinds},
    )
    for rule in law.rules:
        said = describe(rule, words)
        assert said.zh.endswith("。")
        assert said.en.endswith(".")
        assert rule.basis.title in basis_text(rule)
        reading, unit = getattr(rule, "reading", None), getattr(rule, "unit", "")
        quantities = {getattr(rule, "quantity", "*"), getattr(reading, "quantity", "*")} - {"*"}
        kinds = {*rule.only_place_kinds, *getattr(rule, "place_kinds", ())}
        for slug in quantities | kinds:
            assert slug == unit or slug not in said.zh, (rule.id, slug)


def test_spans_are_said_as_people_say_them() -> None:
    assert span_words("1d", "en") == "1 day"
    assert span_words("90m", "zh") == "1 小时 30 分钟"
    assert span_words("0s", "en") == "at once"
