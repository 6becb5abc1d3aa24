"""The printed table: both languages, figures with their marks, false alerts beside them."""

import pytest
from msgspec.structs import replace

from anlan.kernel.columns import width
from anlan.learning.domain import summary_text as text
from anlan.learning.domain.scenario import Words
from anlan.learning.domain.summary import (
    ClaimRow,
    FigureRow,
    OpenRow,
    OrdinaryRow,
    RaisedRow,
    RuleCount,
    Summary,
    from_json,
    to_json,
)

RULE_R = Words(zh="规则甲", en="Rule R")
BOTH = Words(zh="中", en="english")
SUMMARY = Summary(
    format=1, scenario="x-1", title=Words(zh="某事件", en="Some event"), source="report",
    city="demo", timezone="Asia/Shanghai", policy=Words(zh="无人应答", en="nobody answers"),
    from_at="2021-07-19T18:00:00", to_at="2021-07-20T18:00:00", readings=5, inputs=(),
    raised=(
        RaisedRow(
            at="2021-07-19T21:59:00", form="lag", rule="lag.r", hazard="met.rainstorm", level="red",
            place="", area="410100", posts=("P-1", "P-2", "P-3", "P-4"), tasks=2, about="case:1", marks=("assumed",),
        ),
    ),
    climbed=(),
    figures=(
        FigureRow(
            form="lead", what=BOTH, at="2021-07-20T18:00:00", raised_at="2021-07-19T21:59:00",
            by="lag.r", place="410100", minutes=1201.0, urgent_at="2021-07-19T22:59:00",
            urgent_minutes=1141.0, marks=("memory", "assumed"), urgent_marks=("memory",),
        ),
        FigureRow(
            form="gain", what=BOTH, at="2021-07-20T18:00:00", raised_at="", by="", place="",
            minutes=None, urgent_at="", urgent_minutes=None, marks=(),
        ),
    ),
    notices=4, unanswered_notices=3,
    open_cases=(
        OpenRow(
            case=1, opened_at="2021-07-19T21:59:00", hazard="met.rainstorm", place="", owner="P-1",
            priority=1, rungs=2, top_post="P-9", reminders=7, missed_clocks=3, area="410100",
        ),
    ),
    closed_cases=0,
    claims=(
        ClaimRow(
            at="2021-07-20T06:38:00", by=BOTH, claim=BOTH, case=1, refused=True,
            code="case.measurement_needed", trigger="close", tried_by="handler",
        ),
    ),
    refused_moves=(),
    ordinary=OrdinaryRow(
        city="demo", weeks=100, first_seed=0, red_mean=0.5, red_max=2, orange_mean=3.25,
        orange_max=9, rules=(RuleCount(rule="r", level="red", total=50, per_week=0.5, title=RULE_R),),
        readings=1, reports=1, city_name=Words(zh="示意市", en="Demo city"),
    ),
    names={
        "met.rainstorm": Words(zh="暴雨", en="Rainstorm"),
        "lag.r": Words(zh="响应滞后规则", en="Response lags"),
        "410100": Words(zh="示意市", en="Demo city"), "P-9": Words(zh="指挥长", en="Commander"),
    },
)  # fmt: skip


def test_both_languages_say_everything():
    english, chinese = text.render(SUMMARY, "en"), text.render(SUMMARY, "zh")
    for said in ("+20 h 01 min", "counted from 19 Jul 22:59, when it was orange or red (rests on: memory)",
                 "+19 h 01 min", "never raised", "(rests on: memory, assumed)", "0.50",
                 "refused case.measurement_needed", "Demo city (2 tasks) → P-1, P-2 +2",
                 "Commander (rung 2): Rainstorm · Demo city; each with deadlines missed: 3, "
                 "reminders on the top", "red lag alert: Response lags (rests on: assumed)", "Rule R",
                 "19 Jul 21:59", "how long before the harm"):  # fmt: skip
        assert said in english
    for said in ("某事件", "记忆、假定", "未发现", "平均 0.50", "被拒绝", "（任务 2 项）", "响应滞后规则",
                 "示意市", "指挥长", "7月19日 21:59", "红色 响应滞后", "规则甲", "比危害早多久"):  # fmt: skip
        assert said in chinese
    assert "red" not in chinese.replace("registered", "")
    assert not {"lag.r", "410100", "demo"} & set(english.replace(",", " ").split())


@pytest.mark.parametrize("places", [60, 80, 120])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_line_is_wider_than_the_terminal(places, language):
    long = Words(zh="洪水冲垮停车场挡水围墙，灌入5号线" * 4, en="water breaks the yard wall " * 6)
    figures = tuple(replace(row, what=long) for row in SUMMARY.figures)
    said = text.render(replace(SUMMARY, figures=figures), language, places)
    assert [line for line in said.splitlines() if width(line) > places] == []


def test_what_counts_stands_first():
    lines = text.render(SUMMARY, "en", 120).split("\n\n")[1].splitlines()
    heads = [line.split()[0] for line in lines]
    assert heads == ["lead", "+19", "gain", "false", "first", "unanswered"]
    assert lines[0].endswith("before “english” at 20 Jul 18:00 (rests on: memory, assumed)")
    assert lines[3].endswith("0.50 red and 3.25 orange in an ordinary week (mean of 100)")
    assert lines[4].endswith("19 Jul 21:59 Response lags, Demo city")
    assert "3 of 4 notices; cases open: 1, closed: 0 (answering policy: nobody" in lines[5]


def test_only_words_that_are_used_are_explained():
    only_lead = replace(SUMMARY, figures=SUMMARY.figures[:1], ordinary=None)
    assert [word for word, _ in text.legend("en", [only_lead])] == ["lead"]
    assert text.legend("zh", []) == []


def test_on_one_day_the_hour_says_enough_and_one_case_is_told_once():
    row = SUMMARY.raised[0]
    by_report = replace(row, rule="", level="")
    one_day = replace(SUMMARY, to_at="2021-07-19T23:00:00", raised=(by_report, row))
    said = text.render(one_day, "en")
    assert "  21:59  red lag alert: " in said
    assert "a person's report" not in said
    later = replace(one_day, raised=(replace(by_report, at="2021-07-19T21:58:00"), row))
    assert "  21:58  lag alert: a person's report" in text.render(later, "en")


def test_spans_say_who_was_first():
    assert text.span_words(82) == "+1 h 22 min"
    assert text.span_words(82, "zh") == "+1 小时 22 分"
    assert text.span_words(-5, "zh") == "-5 分"
    assert text.span_words(-5.5) == "-5 min"
    assert text.span_words(0) == "+0 min"


def test_a_summary_comes_back_from_its_file():
    assert from_json(to_json(SUMMARY)) == SUMMARY


def test_several_replays_stand_under_one_another_with_their_false_alarms():
    lines = text.overview([SUMMARY, replace(SUMMARY, title=BOTH)], "en", 120).splitlines()
    assert lines[0] == "All replays together"
    assert [line for line in lines if line and line[0] != " "][1:] == ["Some event", "english"]
    assert sum("3.25 orange in an ordinary week" in line for line in lines) == 2
    assert sum("+20 h 01 min" in line for line in lines) == 2
