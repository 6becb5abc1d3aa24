"""Commands of readings: ``observations import``, ``verify``, ``accept-loss``, ``retention``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from anlan.entrypoints import clock
from anlan.entrypoints.cli import screen
from anlan.entrypoints.cli.table_import import import_readings

if TYPE_CHECKING:
    from anlan.sensing.public import Apart


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
    apart = sensing.apart()
    kept = sensing.what_is_kept()
    if form == "json":
        found = [{"name": one.name, "fault": one.fault} for one in faults]
        differ = [{"code": one.code, **one.params} for one in apart]
        screen.as_json({"faults": found, "apart": differ, **kept._asdict()})
    else:
        for one in faults:
            screen.say(f"{one.name}：{one.fault}", f"{one.name}: {one.fault}")
        for differing in apart:
            _say_apart(differing)
        screen.say(
            f"观测段 {kept.segments} 个，读数 {kept.sealed_rows} 条；日志中待封存 {kept.waiting_rows} 条，"
            f"至第 {kept.last} 帧；问题 {len(faults)} 个。",
            f"{kept.segments} segments with {kept.sealed_rows} readings; {kept.waiting_rows} readings wait in "
            f"the log, up to frame {kept.last}; {len(faults)} faults.",
        )
    if faults or apart:
        sys.exit(1)


def _say_apart(one: Apart) -> None:
    words = one.params
    if one.code == "store_behind":
        screen.say(
            "观测库比数据库旧：缺第 {first} 至 {last} 帧、{segments} 个观测段（{since} 至 {until}）。".format(**words),
            "The readings are older than the database: frames {first} to {last} and {segments} segments are"
            " missing ({since} to {until}).".format(**words),
        )  # fmt: skip
    else:
        screen.say(
            "数据库比观测库旧：缺日志第 {first} 至 {last} 条（{since} 至 {until}）。".format(**words),
            "The database is older than the readings: entries {first} to {last} of the journal are missing"
            " ({since} to {until}).".format(**words),
        )  # fmt: skip


@observations.command("accept-loss")
@click.option(
    "--reason", required=True, help="What happened and what was done; kept in the journal."
)
def accept_loss(reason: str) -> None:
    """Accept what is missing after the database or the readings were restored alone.

    First put back what can be put back. The journal says what was accepted, when and why; the
    sickness ends then.
    """
    screen.open_workspace()
    from anlan.kernel.actor import system_actor
    from anlan.sensing import public as sensing

    for one in sensing.accept_loss(system_actor("terminal"), reason=reason, now=clock.now()):
        _say_apart(one)
    screen.say("已记入日志。", "Written into the journal.")


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
