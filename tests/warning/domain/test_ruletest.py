"""Rule tests from files: pass, fail with evidence, and clear problems instead of crashes."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from anlan.warning.domain import ruletest
from anlan.warning.domain.ruleoutcome import RuleTestResult
from anlan.warning.domain.ruletest import run_rule_tests

from .builders import a_rule, a_threshold

DEPTH = msgspec.structs.replace(a_threshold(("orange", 5, 4), ("red", 8, 7), hold="2m"), id="depth")
CROWD = msgspec.structs.replace(
    a_rule(
        "cluster",
        hazard="crowd.crush",
        within_m=500,
        limits=[{"level": "red", "reports": 2, "within": "10m"}],
    ),
    id="crowd",
)
HEAD = "format: 1\ntests:\n  - name: one\n"
QUIET = "    expect: [{at: 1m, rule: depth, raised: 0}]\n"
STREAM = '    streams: [{code: S1, quantity: depth, series: "0x2 5x3"}]\n'


def run(tmp_path: Path, body: str, head: str = HEAD) -> RuleTestResult:
    (tmp_path / "a.yaml").write_text(head + body, encoding="utf-8")
    (result,) = run_rule_tests(tmp_path, [DEPTH, CROWD])
    return result


def test_a_test_that_holds_passes(tmp_path: Path) -> None:
    expect = (
        "    expect:\n"
        "      - {at: 3m, rule: depth, subject: 'stream:S1', state: pending, level: none}\n"
        "      - {at: 4m, rule: depth, subject: 'stream:S1', state: raised, level: orange}\n"
        "      - {at: 4m, rule: depth, open: 1, raised: 1}\n"
    )
    result = run(tmp_path, STREAM + expect)
    assert result.passed, result.lines("en")
    assert result.raised == ("depth",)


def test_a_failure_says_what_was_found_and_on_what_it_rests(tmp_path: Path) -> None:
    expect = (
        "    expect: [{at: 4m, rule: depth, subject: 'stream:S1', state: raised, level: red}]\n"
    )
    result = run(tmp_path, STREAM + expect)
    assert not result.passed
    (failure,) = result.failures
    assert failure.expected == {"state": "raised", "level": "red"}
    assert failure.got == {"state": "raised", "level": "orange"}
    assert result.lines("en") == [
        "FAILED a.yaml: one",
        "    4m depth stream:S1",
        "        expected: state raised, level red",
        "        got: state raised, level orange",
        "        4m raised orange stream:S1: The reading of 5 m is beyond the limit of 5 m."
        " [readings 0 0 5 5 5]",
    ]
    assert result.lines("zh")[1:] == [
        "    4m depth stream:S1",
        "        应为：状态 已报警（raised），级别 红色",
        "        实为：状态 已报警（raised），级别 橙色",
        "        4m 报警 橙色 stream:S1：读数 5 m，超出限值 5 m。 [读数 0 0 5 5 5]",
    ]
    assert json.loads(json.dumps(result.as_dict()))["passed"] is False


def test_reports_are_numbered_in_the_order_of_the_file(tmp_path: Path) -> None:
    body = (
        "    reports:\n"
        "      - {at: 0s, hazard: crowd.crush, spot: G1}\n"
        "      - {at: 10m, hazard: crowd.crush, spot: G1}\n"
        "    expect: [{at: 10m, rule: crowd, subject: 'cluster:1', level: red}]\n"
    )
    assert run(tmp_path, body).passed


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (STREAM + "    expect: [{at: 1m, rule: nothing, raised: 0}]\n", "no such rule: nothing"),
        (STREAM + "    expect: []\n", "expect"),
        (STREAM + "    expect: [{at: 1m, rule: depth}]\n", "says state, level, open or raised"),
        (STREAM + "    expect: [{at: 1m, rule: depth, state: raised}]\n", "need a subject"),
        (STREAM + "    expect: [{at: soon, rule: depth, raised: 0}]\n", "expect[0].at"),
        (STREAM + "    expekt: [{at: 1m, rule: depth, raised: 0}]\n", "expekt"),
        (
            STREAM.replace("5x3", "much") + "    expect: [{at: 1m, rule: depth, raised: 0}]\n",
            "series: much",
        ),
        # A misspelt word must not pass for a quiet rule.
        (STREAM.replace("y: d", "y: b") + QUIET, "concerns the rule depth"),
        (STREAM.replace("S1,", "S1, place: P,") + QUIET, "no such place in the test: P"),
        (STREAM.replace("S1,", "S1, interval: 0s,") + QUIET, "interval of stream S1 is zero"),
        (
            STREAM + "    expect: [{at: 1m, rule: depth, subject: 'stream:S2', level: none}]\n",
            "no such subject in the test: stream:S2",
        ),
        (
            STREAM + "    expect: [{at: 1m, rule: crowd, raised: 0}]\n",
            "concerns the rule crowd",
        ),
        ("    expect: {at: [}\n", "line"),
    ],
)
def test_a_file_that_says_nothing_sensible_is_named(
    tmp_path: Path, body: str, problem: str
) -> None:
    result = run(tmp_path, body)
    assert not result.passed
    assert result.problem is not None
    assert problem in result.problem.line("en")
    assert result.problem.line("zh") in result.lines("zh")[1]


def test_a_test_that_does_not_reach_its_end_has_not_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ruletest, "MOST_STEPS", 3)
    late = "    expect: [{at: 4m, rule: depth, subject: 'stream:S1', level: red}]\n"
    result = run(tmp_path, STREAM + late)
    assert not result.passed
    assert "3 steps do not reach" in result.lines("en")[1]
    monkeypatch.setattr(ruletest, "MOST_STEPS", 50)
    assert run(tmp_path, STREAM + late).failures


def test_a_hostile_or_empty_file_is_a_problem_not_a_crash(tmp_path: Path) -> None:
    for text in ("", "a: &a [*a]", "!!python/object/apply:os.system [ls]", "\x00", "[" * 100):
        assert run(tmp_path, text, head="").problem


def test_no_folder_means_no_tests(tmp_path: Path) -> None:
    assert run_rule_tests(tmp_path / "missing", [DEPTH]) == []
