"""Commands of readings: ``observations import``, ``verify``, ``retention``."""

from __future__ import annotations

import sys

import click

from anlan.entrypoints import clock
from anlan.entrypoints.cli import screen
from anlan.entrypoints.cli.table_import import import_readings


@click.group()
def observations() -> None:
    """The store of all readings."""


observations.add_command(import_readings)


@observations.command("verify")
@screen.FORMAT
def verify(form: str) -> None:
    """Prove that every acknowledged reading is there: files, frames, and what the journal says.

    Exit code 1 when something is missing or changed.
    """
    screen.open_workspace()
    from anlan.sensing import public as sensing

    faults = sensing.verify_segments()
    kept = sensing.what_is_kept()
    if form == "json":
        found = [{"name": one.name, "fault": one.fault} for one in faults]
        screen.as_json({"faults": found, **kept._asdict()})
    else:
        for one in faults:
            screen.say(f"{one.name}：{one.fault}", f"{one.name}: {one.fault}")
        screen.say(
            f"观测段 {kept.segments} 个，读数 {kept.sealed_rows} 条；日志中待封存 {kept.waiting_rows} 条，"
            f"至第 {kept.last} 帧；问题 {len(faults)} 个。",
            f"{kept.segments} segments with {kept.sealed_rows} readings; {kept.waiting_rows} readings wait in "
            f"the log, up to frame {kept.last}; {len(faults)} faults.",
        )
    if faults:
        sys.exit(1)


@observations.command("retention")
@click.option("--dry-run", is_flag=True, help="Say what would go; change nothing.")
@screen.FORMAT
def retention(form: str, *, dry_run: bool) -> None:
    """Let go of readings that are older than their class keeps them, as the worker does at night.

    Classes stand in retention.toml of the workspace; without it everything is kept. What open
    alerts and cases rest on, and what a hold names, stays.
    """
    screen.open_workspace()
    from anlan.entrypoints import retaining
    from anlan.sensing import public as sensing

    now = clock.now()
    held = retaining.held()
    if dry_run:
        found = [item._asdict() for item in sensing.what_would_go(held=held, now=now)]
    else:
        gone = sensing.retire_due(held=held, now=now)
        names = ("day", "stream_class", "basis", "streams", "rows", "digest", "thinned")
        found = [{name: getattr(item, name) for name in names} for item in gone]
    if form == "json":
        screen.as_json({"dry_run": dry_run, "held": len(held), "days": found})
        return
    if found:
        shown = ("day", "stream_class", "streams", "rows", "basis")
        screen.table(shown, [[item[name] for name in shown] for item in found])
    rows = sum(item["rows"] for item in found)
    verb = ("将减去", "would go") if dry_run else ("已减去", "went")
    screen.say(
        f"{verb[0]} {rows} 条读数；{len(held)} 个测点因未结预警、工单而不动。",
        f"{rows} readings {verb[1]}; {len(held)} streams are held by open alerts and cases.",
    )
