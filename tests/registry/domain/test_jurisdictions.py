"""Facts of the shipped jurisdictions, checked against the law's own numbers."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import product

import pytest

from anlan.kernel.durations import parse_span
from anlan.kernel.scales import AccidentGrade, ResponseLevel, RiskGrade, WarningLevel, rank
from anlan.registry.domain.choice import closest_clock
from anlan.registry.domain.jurisdiction import AccidentTable, Jurisdiction, RiskMethod
from anlan.registry.domain.packwords import Confidence
from anlan.registry.domain.parse import jurisdiction_folder, read_jurisdiction
from anlan.registry.domain.rulespecs import (
    ClusterRule,
    ConjunctionRule,
    LagRule,
    SilenceRule,
    ThresholdRule,
    WindowRule,
)

PACKS = {name: read_jurisdiction(jurisdiction_folder(name)).pack for name in ("cn", "generic")}
CN = PACKS["cn"]
BOTH = pytest.mark.parametrize("law", PACKS.values(), ids=PACKS)


def grade_of(table: AccidentTable, *, deaths: int, injuries: int, loss: int) -> AccidentGrade:
    """Read the table as the law says: lower bounds inclusive, the highest criterion wins."""
    for row in table.rows:
        if deaths >= row.deaths or injuries >= row.serious_injuries or loss >= row.loss_cny:
            return row.grade
    raise AssertionError("the last row begins at zero")


@pytest.mark.parametrize(
    ("deaths", "injuries", "loss", "grade"),
    [
        (2, 0, 0, "ordinary"),
        (3, 0, 0, "considerable"),
        (9, 0, 0, "considerable"),
        (10, 0, 0, "serious"),
        (29, 0, 0, "serious"),
        (30, 0, 0, "extremely_serious"),
        (0, 9, 0, "ordinary"),
        (0, 10, 0, "considerable"),
        (0, 49, 0, "considerable"),
        (0, 50, 0, "serious"),
        (0, 99, 0, "serious"),
        (0, 100, 0, "extremely_serious"),
        (0, 0, 9_999_999, "ordinary"),
        (0, 0, 10_000_000, "considerable"),
        (0, 0, 49_999_999, "considerable"),
        (0, 0, 50_000_000, "serious"),
        (0, 0, 99_999_999, "serious"),
        (0, 0, 100_000_000, "extremely_serious"),
        (1, 100, 0, "extremely_serious"),
        (0, 0, 0, "ordinary"),
    ],
)
def test_accident_grades_at_their_boundary_numbers(
    deaths: int, injuries: int, loss: int, grade: str
) -> None:
    (table,) = CN.accident_tables
    assert grade_of(table, deaths=deaths, injuries=injuries, loss=loss) == grade
    assert [rank(row.grade) for row in table.rows] == [0, 1, 2, 3]
    assert (table.revise_days, table.revise_days_road_fire) == (30, 7)


def band_of(method: RiskMethod, score: float) -> str:
    for band in method.bands:
        if score > band.at_least if band.open else score >= band.at_least:
            return band.grade.value
    raise AssertionError(score)


def method(law: Jurisdiction, name: str) -> RiskMethod:
    return next(item for item in law.risk_methods if item.id == name)


@BOTH
def test_lec_bands(law: Jurisdiction) -> None:
    lec = method(law, "lec")
    # ">320 red" and "<70 blue": 320 belongs to the lower grade, 160 and 70 to the higher.
    assert [band_of(lec, score) for score in (320.1, 320, 160, 159.9, 70, 69.9, 20, 0.05)] == [
        "major", "considerable", "considerable", "general", "general", "low", "low", "low",
    ]  # fmt: skip
    names = {band.at_least: band.name.en for band in lec.bands}
    assert [band.open for band in lec.bands] == [True, False, False, False, False]
    assert (names[20], names[0]) == ("Take care", "Acceptable")  # "<20 acceptable"
    assert {factor.value for factor in lec.factors["L"]} == {10, 6, 3, 1, 0.5, 0.2, 0.1}
    assert {factor.value for factor in lec.factors["E"]} == {10, 6, 3, 2, 1, 0.5}
    assert {factor.value for factor in lec.factors["C"]} == {100, 40, 15, 7, 3, 1}


@BOTH
def test_ls_has_a_grade_for_every_possible_product(law: Jurisdiction) -> None:
    ls = method(law, "ls")
    products = {a.value * b.value for a, b in product(ls.factors["L"], ls.factors["S"])}
    assert products == {1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 15, 16, 20, 25}
    assert {score: band_of(ls, score) for score in (25, 20, 16, 15, 12, 9, 8, 1)} == {
        25: "major", 20: "major", 16: "considerable", 15: "considerable",
        12: "general", 9: "general", 8: "low", 1: "low",
    }  # fmt: skip


def test_rainstorm_signals_are_those_of_the_national_table() -> None:
    rain = {
        item.level: (item.window, item.millimetres)
        for item in CN.signals
        if item.hazard == "met.rainstorm"
    }
    assert rain == {
        WarningLevel.BLUE: ("12h", 50),
        WarningLevel.YELLOW: ("6h", 50),
        WarningLevel.ORANGE: ("3h", 50),
        WarningLevel.RED: ("3h", 100),
    }
    rule = next(rule for rule in CN.rules if rule.id == "rain.signal_table")
    assert isinstance(rule, WindowRule)
    assert {item.level: (item.window, item.raise_at) for item in rule.limits} == rain


@pytest.mark.parametrize(
    ("day", "is_worked"),
    [
        # Make-up workdays (调休) and the days off that they pay for.
        ("2021-02-07", True),
        ("2021-02-11", False),
        ("2021-10-07", False),
        ("2021-10-09", True),
        ("2022-10-08", True),
        ("2024-02-04", True),
        ("2025-01-26", True),
        ("2025-10-08", False),
        ("2026-02-14", True),
        ("2026-02-23", False),
        ("2026-11-23", True),
        ("2026-11-22", False),
        # Projected from the statute.
        ("2027-02-05", False),
        ("2027-10-04", True),
    ],
)
def test_the_chinese_calendar(day: str, is_worked: bool) -> None:
    (calendar,) = CN.calendars
    asked = date.fromisoformat(day)
    year = next(item for item in calendar.years if item.year == asked.year)
    is_off = any(span.first <= asked <= span.last for span in year.holidays)
    is_weekend = asked.isoweekday() in calendar.weekend
    assert (asked in year.makeup_workdays or not (is_off or is_weekend)) is is_worked


def test_calendar_years_are_whole_and_consistent() -> None:
    for law in PACKS.values():
        for calendar in law.calendars:
            numbers = [item.year for item in calendar.years]
            assert numbers == list(range(2014, 2028))
            for year in calendar.years:
                days = {
                    span.first + timedelta(days=ahead)
                    for span in year.holidays
                    for ahead in range((span.last - span.first).days + 1)
                }
                assert {day.year for day in days} == {year.year}
                assert not days.intersection(year.makeup_workdays)
                # A make-up workday is a day that would otherwise be off.
                assert {day.isoweekday() for day in year.makeup_workdays} <= set(calendar.weekend)


@BOTH
@pytest.mark.parametrize("case", ["hidden_danger", "service", "device"])
@pytest.mark.parametrize("stage", ["accept", "handle", "check", "arbitrate", "task", "suspend"])
@pytest.mark.parametrize("priority", [1, 2, 3, 4])
def test_every_stage_of_every_case_has_a_clock(
    law: Jurisdiction, case: str, stage: str, priority: int
) -> None:
    for hazard in ("met.rainstorm", "gas.leak", "lift.trapped", ""):
        found = closest_clock(law.clocks, case, stage, hazard, priority)
        assert found is not None
        assert found.basis.title


@BOTH
def test_a_higher_priority_never_has_more_time(law: Jurisdiction) -> None:
    natural_days = {"natural": 1.0, "working_days": 1.4, "working_hours": 4.2}
    for case, stage in product(
        ["hidden_danger", "service", "device"], ["accept", "handle", "check", "arbitrate"]
    ):
        limits = []
        for priority in (1, 2, 3, 4):
            found = closest_clock(law.clocks, case, stage, "met.rainstorm", priority)
            assert found is not None
            limits.append(parse_span(found.limit) * natural_days[found.calendar])
        assert limits == sorted(limits), (case, stage)


def test_no_rule_rests_on_a_law_before_that_law_was_in_force() -> None:
    began = {"第16号": date(2007, 6, 12), "第493号": date(2007, 6, 1), "(2024)": date(2024, 11, 1)}
    for section in ("rules", "clocks", "signals", "accident_tables"):
        for entry in getattr(CN, section):
            for law, day in began.items():
                if law in entry.basis.title:
                    assert entry.effective_from >= day, entry.id


def test_legal_reporting_clocks() -> None:
    clocks = {clock.id: clock for clock in CN.clocks}
    for name, limit, article in [
        ("report.unit", "1h", "第九条"),
        ("report.level", "2h", "第十条、第十一条"),
        ("investigate.report", "60d", "第二十九条"),
        ("investigate.approve", "15d", "第三十二条"),
    ]:
        clock = clocks[name]
        assert (clock.limit, clock.basis.article, clock.calendar) == (limit, article, "natural")
        assert clock.confidence is Confidence.VERIFIED_LAW
    assert (clocks["service.handle"].limit, clocks["service.handle"].calendar) == (
        "5d",
        "working_days",
    )


@BOTH
def test_all_six_kinds_of_rule_are_there(law: Jurisdiction) -> None:
    kinds = {type(rule) for rule in law.rules}
    assert kinds == {
        ThresholdRule, WindowRule, SilenceRule, ClusterRule, ConjunctionRule, LagRule,
    }  # fmt: skip


@BOTH
def test_every_rule_says_what_to_do_in_both_languages(law: Jurisdiction) -> None:
    for rule in law.rules:
        assert rule.then.tasks, rule.id
        for text in (rule.title, rule.advice, *(task.title for task in rule.then.tasks)):
            assert any("\u4e00" <= letter <= "\u9fff" for letter in text.zh), (rule.id, text)
            assert text.en.isascii() or "×" in text.en or "“" in text.en, (rule.id, text)


@BOTH
@pytest.mark.parametrize(
    "kind",
    [
        "underground_rail_line", "rail_yard", "road_tunnel", "underpass", "reservoir",
        "hospital", "school", "mall", "underground_garage",
    ],
)  # fmt: skip
def test_red_rain_gives_every_endangered_kind_of_place_its_tasks(
    law: Jurisdiction, kind: str
) -> None:
    rules = [
        rule
        for rule in law.rules
        if isinstance(rule, ConjunctionRule)
        and rule.signal is not None
        and (rule.signal.hazard, rule.signal.at_least) == ("met.rainstorm", WarningLevel.RED)
        and kind in rule.place_kinds
    ]
    assert len(rules) == 1
    (rule,) = rules
    assert rule.level is WarningLevel.RED
    assert all(parse_span(task.within) <= timedelta(minutes=30) for task in rule.then.tasks)


@BOTH
def test_gas_near_a_covered_channel_closes_by_measurement_only(law: Jurisdiction) -> None:
    rule = next(rule for rule in law.rules if rule.id == "gas_report.over_channel")
    assert isinstance(rule, ConjunctionRule)
    assert rule.then.evidence_to_close == "measurement"
    assert "Evacuate" in rule.then.tasks[0].title.en
    assert rule.then.tasks[0].within == "10m"


@BOTH
def test_crowd_reports_escalate_as_documented(law: Jurisdiction) -> None:
    rule = next(rule for rule in law.rules if rule.id == "reports.crowd")
    assert isinstance(rule, ClusterRule)
    limits = {(item.level, item.reports, item.within, item.strong) for item in rule.limits}
    assert rule.within_m == 500
    assert limits == {
        (WarningLevel.RED, 3, "30m", 3),
        (WarningLevel.ORANGE, 3, "60m", 2),
        (WarningLevel.ORANGE, 10, "30m", 0),  # without a word of danger: only a great many
        (WarningLevel.YELLOW, 2, "120m", 1),
        (WarningLevel.YELLOW, 3, "60m", 0),
    }


@BOTH
def test_slugs_are_known_everywhere(law: Jurisdiction) -> None:
    hazards = {item.id for item in law.hazards}
    assert {"met.rainstorm", "security.crowd", "gas.leak"} <= hazards
    assert {"system.device", "system.sick", "system.breach"} <= hazards
    assert {item.hazard for item in law.lexicon} <= hazards
    assert {rule.hazard for rule in law.rules} <= hazards
    assert {clock.hazard for clock in law.clocks} - {"*"} <= hazards


@BOTH
def test_words_for_every_level_of_every_scale(law: Jurisdiction) -> None:
    named = {(item.scale, item.level) for item in law.level_names}
    scales = {
        "warning": WarningLevel,
        "response": ResponseLevel,
        "risk": RiskGrade,
        "accident": AccidentGrade,
    }
    assert named == {(scale, level.value) for scale, levels in scales.items() for level in levels}


@BOTH
def test_reasons_for_every_use(law: Jurisdiction) -> None:
    uses = {reason.use for reason in law.reasons}
    assert uses == {
        "return", "false_alarm", "suspend", "extend", "merge", "reopen", "priority",
    }  # fmt: skip


def test_the_generic_pack_rests_on_no_national_law() -> None:
    law = PACKS["generic"]
    for section in ("rules", "clocks", "risk_methods"):
        for entry in getattr(law, section):
            title = entry.basis.title
            assert title.startswith(("Anlan default", "Graham")), (entry.id, title)
