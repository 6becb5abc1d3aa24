"""``anlan rules test``: what it prints, in both languages, and how it ends."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from anlan.entrypoints.cli.rules import rules
from anlan.registry.domain.parse import city_folder, jurisdiction_folder

RESERVOIR = Path("tests") / "reservoir.yaml"


def run(*words: str | Path, language: str = "en") -> Result:
    return CliRunner().invoke(
        rules, ["test", *map(str, words)], env={"ANLAN_LANG": language}, catch_exceptions=False
    )


@pytest.fixture
def city(tmp_path: Path) -> Path:
    """A city pack of one's own, with its own rule and its tests."""
    return Path(shutil.copytree(city_folder("demo"), tmp_path / "my-city"))


@pytest.mark.parametrize("pack", ["cn", "generic"])
def test_every_shipped_rule_fires_in_a_test_and_is_quiet_in_another(pack: str) -> None:
    done = run(pack, "--strict", "--format", "json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.output)
    assert (said["failed"], said["never_fired"], said["never_quiet"]) == (0, [], [])
    assert said["tests"] == len(said["results"]) >= 2 * said["rules"] > 0
    assert all(item["passed"] for item in said["results"])


def test_a_city_pack_is_tested_with_its_own_rules_before_those_of_its_jurisdiction(
    city: Path,
) -> None:
    (city / "tests" / "silence.yaml").write_text(
        "format: 1\n"
        "tests:\n"
        "  - name: a gauge falls silent\n"
        '    streams: [{code: S1, quantity: ponding_depth, interval: 1m, series: "0x3 stale"}]\n'
        "    expect: [{at: 20m, rule: device.silence, open: 1}]\n"
    )
    done = run(city)
    assert done.exit_code == 0, done.output
    assert done.output == "1 rules, 3 tests, 0 failed.\n"
    assert "passed silence.yaml: a gauge falls silent" in run(city, "--verbose").output


def test_a_failing_test_says_what_came_instead_and_ends_with_one(city: Path) -> None:
    said = (city / RESERVOIR).read_text()
    (city / RESERVOIR).write_text(said.replace("level: red", "level: orange"))
    done = run(city)
    assert done.exit_code == 1
    assert "FAILED reservoir.yaml" in done.output
    assert "expected: state raised, level orange" in done.output
    assert "got: state raised, level red" in done.output
    assert done.output.endswith("1 rules, 2 tests, 1 failed.\n")
    zh = run(city, language="zh")
    assert zh.exit_code == 1
    assert "未通过 reservoir.yaml" in zh.output
    assert zh.output.endswith("1 条规则，2 项测试，1 项未通过。\n")
    failed = [
        x for x in json.loads(run(city, "--format", "json").output)["results"] if x["failures"]
    ]
    assert failed[0]["failures"][0]["rule"] == "demo.reservoir_level"
    assert failed[0]["failures"][0]["evidence"]


def test_a_rule_without_a_test_is_named_and_fails_only_when_asked_to(city: Path) -> None:
    said = (city / RESERVOIR).read_text()
    (city / RESERVOIR).write_text(said[: said.index('  - name: "Just below')])
    assert "Rules that no test holds quiet: demo.reservoir_level" in run(city).output
    assert run(city).exit_code == 0
    assert run(city, "--strict").exit_code == 1


def test_without_tests_or_with_a_broken_pack_nothing_is_proven(city: Path) -> None:
    shutil.rmtree(city / "tests")
    assert run(city).exit_code == 3
    assert "There is no test" in run(city).output
    (city / "rules.yaml").write_text("- {id: x, kind: guess}\n")
    done = run(city)
    assert done.exit_code == 3
    assert "rules.yaml:1" in done.output
    assert json.loads(run(city, "--format", "json").output)["unreadable"]


def test_a_test_file_that_cannot_be_read_fails_and_says_why(city: Path) -> None:
    (city / "tests" / "odd.yaml").write_text("format: 1\ntests: [{name: x}]\n")
    done = run(city)
    assert done.exit_code == 1
    assert "could not run" in done.output


def test_what_is_no_pack_is_misuse(tmp_path: Path) -> None:
    assert run(tmp_path).exit_code == 2
    assert run("no-such-pack").exit_code == 2
    assert jurisdiction_folder("cn").is_dir()
