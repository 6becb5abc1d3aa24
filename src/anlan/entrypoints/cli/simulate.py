"""The command ``simulate``: a made-up city with planted faults and incidents, and the truth about them."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
import msgspec

from anlan.conf import env
from anlan.entrypoints import clock, sending, simulating
from anlan.entrypoints.cli import screen
from anlan.kernel.canonical import parse_instant
from anlan.kernel.durations import parse_span
from anlan.learning.domain.simulator.planting import DEFAULT_FAULTS, SHORTEST_HOURS
from anlan.learning.domain.simulator.score_text import kind_words, render

if TYPE_CHECKING:
    from anlan.entrypoints.simulating import Order, Simulated

LONGEST_HOURS = 24 * 49 - 1


def _instant(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> datetime | None:
    try:
        return parse_instant(text) if text else None
    except ValueError:
        raise click.BadParameter("2026-07-20T00:00:00+08:00") from None


def _span(_context: click.Context, _option: click.Parameter, text: str | None) -> timedelta | None:
    try:
        return parse_span(text) if text else None
    except ValueError:
        raise click.BadParameter("10s, 1m, 5m") from None


@click.command()
@click.argument("city")
@click.option(
    "--sensors",
    type=click.IntRange(0, 1_000_000),
    default=0,
    help="Make so many sensors at the city's places and further ones; without it the city's own.",
)
@click.option("--hours", type=click.FloatRange(0.1, LONGEST_HOURS), default=24.0, show_default=True)
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=1, show_default=True)
@click.option(
    "--start",
    "begins",
    callback=_instant,
    metavar="INSTANT",
    help="When it begins (default: the last midnight there).",
)
@click.option(
    "--incidents",
    "each",
    type=click.IntRange(0, 1000),
    default=1,
    show_default=True,
    help=f"So many of each kind that the city can have (runs of {SHORTEST_HOURS:g} h and more).",
)
@click.option(
    "--faults",
    type=click.FloatRange(0.0, 1.0),
    default=DEFAULT_FAULTS,
    show_default=True,
    help="Share of instruments that fail.",
)
@click.option("--every", callback=_span, metavar="SPAN", help="One interval for all made sensors.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write readings, truth and city pack into this folder instead of letting the city live.",
)
@click.option("--parquet", is_flag=True, help="With --out: readings as Parquet, not CSV.")
@click.option("--to", metavar="URL", help="Send to a running server that has the city's sensors.")
@click.option(
    "--token-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With --to: a file that holds the token of a program there.",
)
@click.option(
    "--speed",
    type=click.FloatRange(1.0, 3600.0),
    default=1.0,
    show_default=True,
    help="With --to: so many times as fast as the wall clock; the run ends now.",
)
@click.option(
    "--tick",
    callback=_span,
    default="1m",
    show_default=True,
    metavar="SPAN",
    help="In a rehearsal: how often the clockwork goes round.",
)
@click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path), help="Write the result as JSON."
)
@screen.FORMAT
def simulate(
    city: str,
    *,
    out: Path | None,
    parquet: bool,
    to: str | None,
    token_file: Path | None,
    speed: float,
    report: Path | None,
    form: str,
    **asked: Any,
) -> None:
    """Simulate CITY (a pack's folder, or the name of a shipped one), with faults and incidents.

    Without --out the city lives in a rehearsal workspace of its own, through the real
    intake, judge and clockwork; then it is told how they did against the truth.
    """
    if (to is None) != (token_file is None) or (to is not None and out is not None):
        raise click.UsageError("--to and --token-file go together, and not with --out")
    order = simulating.Order(city=city, **asked)
    now = clock.WallClock().now()
    if to is not None and token_file is not None:
        begins = sending.begins_for(now, order.hours, speed)
        made = simulating.simulated(replace(order, begins=begins), now=now)
        _to_server(made, sending.Target(to, token_file.read_text().strip()), speed, form)
        return
    made = simulating.simulated(order, now=now)
    if out is not None:
        _to_files(made, out, "parquet" if parquet else "csv")
    else:
        _to_rehearsal(order, made, report, form)


def _to_files(made: Simulated, folder: Path, kind: Literal["csv", "parquet"]) -> None:
    screen.set_up_without_workspace()
    from anlan.learning import public as learning

    pack = made.city.pack
    count = learning.write_run(made.planted, made.truth, pack, folder, form=kind, progress=_count)
    _end_of_line()
    screen.say(
        f"模拟数据已写入 {folder}：{made.truth.streams} 个测点，{count} 条读数，"
        f"{len(made.truth.incidents)} 起事件，{len(made.truth.faults)} 处故障。",
        f"Simulated data is in {folder}: {made.truth.streams} streams, {count} readings, "
        f"{len(made.truth.incidents)} incidents, {len(made.truth.faults)} faults.",
    )
    language = screen.language()
    rows = [
        (kind_words(one.kind, language), one.streams[0], one.place, one.expected, f"{one.first}")
        for one in made.truth.incidents
    ]
    if rows:
        screen.table(("incident", "stream", "place", "level", "due"), rows)


def _to_server(made: Simulated, target: sending.Target, speed: float, form: str) -> None:
    screen.set_up_without_workspace()
    from anlan.learning import public as learning

    done = sending.send(
        made.planted, learning.Rows.of(made.planted), target, speed=speed, progress=_sent
    )
    _end_of_line()
    if form == "json":
        screen.as_json({"sent": done.counts(), "truth": msgspec.to_builtins(made.truth)})
    else:
        screen.say(
            f"发出模拟读数 {done.sent} 条，确认 {done.kept} 条，拒收 {done.refused} 条，无回应 {done.lost} 条；"
            f"迟发 {done.late} 批，最慢的回应 {done.worst_s:.2f} 秒。",
            f"{done.sent} simulated readings sent, {done.kept} acknowledged, {done.refused} refused, "
            f"{done.lost} without an answer; {done.late} batches left late, slowest answer {done.worst_s:.2f} s.",
        )
        if done.first_refusal:
            screen.say(
                f"首个拒收原因：{done.first_refusal}", f"First refusal: {done.first_refusal}"
            )
    sys.exit(1 if done.refused or done.lost else 0)


def _to_rehearsal(order: Order, made: Simulated, report: Path | None, form: str) -> None:
    root = env.load().workspace_path / "replays" / f"simulated-{made.city.pack.info.id}"
    score, took = simulating.rehearse(made, root, step=order.tick, progress=_progress)
    _end_of_line()
    as_json = msgspec.json.format(msgspec.json.encode({"score": score, "truth": made.truth}))
    if report is not None:
        report.write_bytes(as_json)
    if form == "json":
        click.echo(as_json.decode())
        return
    click.echo(render(score, screen.language()))
    screen.say(
        f"\n模拟 {order.hours:g} 小时用时 {took:.1f} 秒；演练工作区：{root}",
        f"\nSimulated {order.hours:g} h in {took:.1f} s; rehearsal workspace: {root}",
    )


def _progress(at: datetime, kept: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{at:%Y-%m-%d %H:%M} {kept}    ", nl=False, err=True)


def _sent(done: sending.Sent) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{done.sent} / {done.kept}    ", nl=False, err=True)


def _count(count: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{count}    ", nl=False, err=True)


def _end_of_line() -> None:
    if sys.stderr.isatty():
        click.echo(err=True)
