"""The command ``replay``: a real event once more, through the real doors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from anlan.conf import env
from anlan.entrypoints import replaying
from anlan.entrypoints.cli import screen
from anlan.entrypoints.cli.accounts import TERMINAL
from anlan.entrypoints.replaying import Choice
from anlan.learning.domain import library
from anlan.learning.domain.policy import NOBODY, parse_policy
from anlan.learning.domain.runs import RunOrder
from anlan.learning.domain.scenario import Scenario
from anlan.learning.domain.summary import SUMMARY_FILE, from_json
from anlan.learning.domain.summary_text import overview

WEEKS = 100


def _folder(name: str) -> Path:
    return env.load().workspace_path / "replays" / name


@click.command()
@click.argument("name", required=False)
@click.option("--all", "every", is_flag=True, help="All scenarios, one after the other.")
@click.option(
    "--weeks",
    type=click.IntRange(0, 10_000),
    default=WEEKS,
    show_default=True,
    help="Ordinary weeks for false alarms.",
)
@click.option(
    "--policy",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Who answers, and when; without it nobody does.",
)
@click.option(
    "--city",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Another pack of the same city; without it the shipped one.",
)
@click.option("--without", multiple=True, metavar="RULE", help="Leave a rule out (repeatable).")
@click.option("--run", "number", type=click.IntRange(1), hidden=True)
@screen.FORMAT
def replay(
    name: str | None,
    *,
    weeks: int,
    policy: Path | None,
    city: Path | None,
    without: tuple[str, ...],
    number: int | None,
    form: str,
    every: bool,
) -> None:
    """Replay a scenario in its own rehearsal workspace and print what was raised when."""
    if number is not None:  # what a page asked for
        sys.exit(replaying.carry_out(number))
    if every and (name is not None or city is not None or without):
        raise click.UsageError("--all runs every scenario with the shipped packs")
    if every:
        _replay_all(weeks, policy, form)
        return
    if name is None:
        raise click.UsageError(f"name a scenario ({', '.join(library.names())}) or give --all")
    answers = parse_policy(policy.read_bytes()) if policy else NOBODY
    _replay_one(library.scenario(name), weeks, Choice(answers, without, city), form)


def _replay_all(weeks: int, policy: Path | None, form: str) -> None:
    """Run every scenario in a process of its own: each serves its own workspace."""
    worst, told, kept = 0, [], []
    # The children write into a pipe and cannot see how wide the terminal is.
    environment = dict(os.environ, COLUMNS=str(screen.places()))
    for name in library.names():
        command = [sys.executable, "-m", "anlan", "replay", name, "--weeks", str(weeks)]
        command += ["--policy", str(policy)] if policy else []
        ended = subprocess.run(  # noqa: S603  our own program, with names from our own list
            [*command, "--format", form],
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
            check=False,
        )
        worst = max(worst, ended.returncode)
        if form != "json":
            click.echo(ended.stdout)
        if ended.returncode == 0:
            told.append(ended.stdout)
            kept.append(_folder(name) / SUMMARY_FILE)
    if form == "json":
        screen.as_json([json.loads(one) for one in told])
    else:
        summaries = [from_json(path.read_bytes()) for path in kept]
        click.echo(overview(summaries, screen.language(), screen.places()))
    sys.exit(worst)


def _replay_one(scenario: Scenario, weeks: int, choice: Choice, form: str) -> None:
    root = _folder(scenario.id)
    summary, took = replaying.rehearse(scenario, root, choice, progress=_progress)
    if weeks:
        summary = replaying.with_weeks(
            summary,
            root,
            choice.pack,
            weeks=weeks,
            without=choice.without,
            workers=os.cpu_count() or 1,
            progress=_weeks_progress,
        )
    from anlan.learning import public as learning

    if sys.stderr.isatty():
        click.echo(err=True)
    order = RunOrder(
        scenario=scenario.id,
        title=scenario.title,
        packs="shipped" if choice.pack is None else "folder",
        without=choice.without,
        policy=choice.policy.title,
        weeks=weeks,
        asked_at=datetime.now(UTC),
        by=TERMINAL.id,
    )
    replaying.keep_as_run(root.parent, root, order, took_s=took)
    if form == "json":
        click.echo(learning.to_json(summary).decode())
    else:
        click.echo(learning.render(summary, screen.language(), screen.places()))
        hours = (scenario.instant(scenario.ends_at) - scenario.instant(scenario.starts_at)) / 3600
        screen.say(
            f"\n回放 {hours.total_seconds():.1f} 小时用时 {took:.1f} 秒；工作区：{root}",
            f"\nReplayed {hours.total_seconds():.1f} hours in {took:.1f} s; workspace: {root}",
        )


def _progress(at: datetime, done: int, total: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{at:%Y-%m-%d %H:%M} {done}/{total}", nl=False, err=True)


def _weeks_progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        words = "平常周" if screen.language() == "zh" else "ordinary weeks"
        click.echo(f"\r{words} {done}/{total}    ", nl=False, err=True)
