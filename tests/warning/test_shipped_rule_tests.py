"""The shipped packs pass their own rule tests, and no rule is left untested."""

from __future__ import annotations

import pytest

from anlan.registry.domain.parse import jurisdiction_folder, read_jurisdiction
from anlan.warning.domain.ruleoutcome import RuleTestResult
from anlan.warning.domain.ruletest import run_rule_tests


def results_of(pack: str) -> tuple[list[RuleTestResult], set[str]]:
    folder = jurisdiction_folder(pack)
    rules = read_jurisdiction(folder).pack.rules
    return run_rule_tests(folder / "tests", rules), {rule.id for rule in rules}


@pytest.mark.parametrize("pack", ["cn", "generic"])
def test_every_default_rule_raises_when_it_should_and_is_quiet_when_it_should(pack: str) -> None:
    results, rules = results_of(pack)
    failed = [line for item in results if not item.passed for line in item.lines("en")]
    assert not failed, "\n".join(failed)
    raised = {rule for item in results for rule in item.raised}
    quiet = {rule for item in results for rule in set(item.rules) - set(item.raised)}
    assert rules - raised == set()
    assert rules - quiet == set()
