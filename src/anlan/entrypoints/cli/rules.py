"""The command ``rules test``: a duty officer tests rules from a data file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from anlan.entrypoints.cli import screen
from anlan.registry.domain.findings import Finding, Severity
from anlan.registry.domain.lint_report import as_table
from anlan.registry.domain.parse import (
    PackUnknownError,
    city_folder,
    jurisdiction_folder,
    law_folder,
    read_city,
    read_jurisdiction,
)
from anlan.registry.domain.rulespecs import RuleSpec
from anlan.warning.domain.ruleoutcome import RuleTestResult
from anlan.warning.domain.ruletest import run_rule_tests

NOT_CHECKED = 3


@dataclass(frozen=True, slots=True)
class Bench:
    """What is put to the test: the pack's own rules, and those it is judged together with."""

    tests: Path
    own: tuple[RuleSpec, ...]
    all: tuple[RuleSpec, ...]
    broken: tuple[Finding, ...]  # entries that could not be read: nothing is proven then


def folder_of(pack: str) -> Path:
    """Return the folder of a pack: a path, or the name of one that is shipped.

    Raises
    ------
    BadParameter
        When it is neither.
    """
    folder = Path(pack)
    if folder.is_dir():
        if any((folder / head).exists() for head in ("city.yaml", "jurisdiction.yaml")):
            return folder
        raise click.BadParameter(f"{pack} has neither city.yaml nor jurisdiction.yaml")
    for find in (jurisdiction_folder, city_folder):
        try:
            return find(pack)
        except PackUnknownError:
            continue
    raise click.BadParameter(f"{pack} is no folder and no pack that is shipped")


def bench_of(folder: Path) -> Bench:
    """Read a pack; a city's rules stand before those of its jurisdiction, as in service."""
    if (folder / "jurisdiction.yaml").exists():
        law = read_jurisdiction(folder)
        return Bench(folder / "tests", law.pack.rules, law.pack.rules, _errors(law.findings))
    city = read_city(folder)
    law = read_jurisdiction(law_folder(folder, city.pack.info.jurisdiction))
    replaced = {rule.id for rule in city.pack.rules} | {rule.replaces for rule in city.pack.rules}
    rest = tuple(rule for rule in law.pack.rules if rule.id not in replaced)
    broken = _errors([*city.findings, *law.findings])
    return Bench(folder / "tests", city.pack.rules, (*city.pack.rules, *rest), broken)


def _errors(found: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(item for item in found if item.severity is Severity.ERROR)


def untested(
    own: Sequence[RuleSpec], results: Sequence[RuleTestResult]
) -> tuple[list[str], list[str]]:
    """Return the rules that no test makes fire, and those that no test holds quiet."""
    rules = {rule.id for rule in own}
    fired = {rule for item in results for rule in item.raised if rule in item.rules}
    quiet = {rule for item in results for rule in set(item.rules) - set(item.raised)}
    return sorted(rules - fired), sorted(rules - quiet)


@click.group()
def rules() -> None:
    """Rules of judgement."""


@rules.command("test")
@click.argument("pack")
@click.option("--verbose", is_flag=True, help="Name the tests that hold, too.")
@click.option("--strict", is_flag=True, help="Every rule must fire in a test and be quiet in one.")
@screen.FORMAT
def test(pack: str, form: str, *, verbose: bool, strict: bool) -> None:
    """Run the rule tests of PACK: a folder, or a shipped pack ("cn", "generic", "demo").

    Ends with 0 when every test holds, 1 when one fails, 3 when nothing could be tested.
    """
    bench = bench_of(folder_of(pack))
    results = run_rule_tests(bench.tests, bench.all) if not bench.broken else []
    never_fired, never_quiet = untested(bench.own, results)
    failed = sum(not result.passed for result in results)
    if form == "json":
        screen.as_json(
            {
                "pack": pack,
                "tests": len(results),
                "failed": failed,
                "rules": len(bench.own),
                "never_fired": never_fired,
                "never_quiet": never_quiet,
                "unreadable": [
                    {"code": item.code, "file": item.file, "line": item.line}
                    for item in bench.broken
                ],
                "results": [result.as_dict() for result in results],
            }
        )
    else:
        _tell(bench, results, verbose=verbose)
    if not results:
        sys.exit(NOT_CHECKED)
    sys.exit(1 if failed or (strict and (never_fired or never_quiet)) else 0)


@rules.command("precision")
@screen.FORMAT
def precision(form: str) -> None:
    """Tell how often each rule was right in the last eight weeks, and which nobody acts on."""
    from anlan.entrypoints.cli import precision as telling

    telling.tell(form)


def _tell(bench: Bench, results: Sequence[RuleTestResult], *, verbose: bool) -> None:
    language = screen.language()
    if bench.broken:
        click.echo(as_table(bench.broken, language))
        screen.say("规则包读不通，未做测试。", "The pack cannot be read: nothing was tested.")
        return
    for result in results:
        if verbose or not result.passed:
            click.echo("\n".join(result.lines(language)))
    if not results:
        screen.say(f"{bench.tests} 中没有测试。", f"There is no test in {bench.tests}.")
        return
    never_fired, never_quiet = untested(bench.own, results)
    for ids, zh, en in (
        (never_fired, "没有测试使其报警的规则", "Rules that no test makes fire"),
        (never_quiet, "没有测试使其不报警的规则", "Rules that no test holds quiet"),
    ):
        if ids:
            screen.say(f"{zh}：{'、'.join(ids)}", f"{en}: {', '.join(ids)}")
    failed = sum(not result.passed for result in results)
    screen.say(
        f"{len(bench.own)} 条规则，{len(results)} 项测试，{failed} 项未通过。",
        f"{len(bench.own)} rules, {len(results)} tests, {failed} failed.",
    )
