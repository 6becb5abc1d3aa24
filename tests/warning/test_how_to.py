"""The rule and the test of the how-to page do what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import yaml

from anlan.registry.domain.rulespecs import RuleSpec
from anlan.warning.domain.ruleoutcome import RuleTestResult
from anlan.warning.domain.ruletest import run_rule_tests

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "write-and-test-a-rule.md"


def run(tmp_path: Path, text: str) -> RuleTestResult:
    page = PAGE.read_text(encoding="utf-8")
    rules, _ = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "tunnel.yaml").write_text(text, encoding="utf-8")
    spec = msgspec.convert(yaml.safe_load(rules), list[RuleSpec])
    (result,) = run_rule_tests(tmp_path, spec)
    return result


def blocks() -> tuple[str, str]:
    page = PAGE.read_text(encoding="utf-8")
    _, test = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (shown,) = re.findall(r"```console\n\$ anlan rules test my-city\n(.*?)```", page, re.DOTALL)
    return test, shown


def test_the_test_of_the_page_passes(tmp_path: Path) -> None:
    test, _ = blocks()
    result = run(tmp_path, test)
    assert result.passed, result.lines("en")


def test_the_failure_of_the_page_is_what_is_printed(tmp_path: Path) -> None:
    test, shown = blocks()
    wrong = test.replace("level: red", "level: yellow")
    assert wrong != test
    assert "\n".join(run(tmp_path, wrong).lines("en")) + "\n" == shown
