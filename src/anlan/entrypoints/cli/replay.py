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
from anlan.entrypoints.cli import screen
from anlan.learning.domain import library
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
@screen.FORMAT
def replay(name: str | None, weeks: int, policy: Path | None, form: str, *, every: bool) -> None:
    """Replay a scenario in its own rehearsal workspace and print what was raised when."""
    if every and name is not None:
        raise click.UsageError("name a scenario or give --all, not both")
    if every:
        _replay_all(weeks, policy, form)
        return
    if name is None:
        raise click.UsageError(f"name a scenario ({', '.join(library.names())}) or give --all")
    _replay_one(library.scenario(name), weeks, policy, form)


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


def _replay_one(scenario: Scenario, weeks: int, policy: Path | None, form: str) -> None:
    from anlan.entrypoints import rehearse

    root = _folder(scenario.id)
    root.parent.mkdir(parents=True, exist_ok=True)
    rehearse.open_rehearsal(root, timezone=scenario.timezone)

    from anlan.entrypoints import clock, logs, worker
    from anlan.entrypoints.cli.city import load_packs
    from anlan.infra import workspace
    from anlan.learning import public as learning
    from anlan.registry.domain.parse import city_folder

    logs.set_up(workspace.load(root).logs, process="replay")
    start = scenario.instant(scenario.starts_at).astimezone(UTC)
    ticking = clock.current()
    if not isinstance(ticking, clock.SimulatedClock):
        raise TypeError("a rehearsal has a simulated clock")
    ticking.set(start)
    # The city of that day: only the sensors whose readings are known.
    load_packs(learning.write_replay_city(scenario, root / "city"), now=start)
    rehearsal = learning.Rehearsal(
        door=rehearse.WsgiDoor(),
        clock=ticking,
        tick=worker.tick,
        tokens=learning.ReplayTokens(now=start),
    )
    answers = learning.parse_policy(policy.read_bytes()) if policy else learning.NOBODY
    began = datetime.now(UTC)
    summary = learning.run_replay(scenario, root, rehearsal, policy=answers, progress=_progress)
    # What came in since the last hour is sealed and proven, too.
    worker.reset()
    worker.tick(now=ticking.now())
    took = (datetime.now(UTC) - began).total_seconds()
    ticking.keep()
    if weeks:
        row = learning.run_weeks(
            city_folder(scenario.city),
            weeks=weeks,
            workers=os.cpu_count() or 1,
            progress=_weeks_progress,
        )
        summary = learning.with_ordinary(summary, row)
        learning.store(summary, root)
    if sys.stderr.isatty():
        click.echo(err=True)
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
