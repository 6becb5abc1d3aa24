"""Commands of readings: ``observations verify``."""

from __future__ import annotations

import sys

import click

from anlan.entrypoints.cli import screen


@click.group()
def observations() -> None:
    """The store of all readings."""


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
