"""Commands that bring signs in from files: ``signs import``."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

import click

from anlan.entrypoints import clock
from anlan.entrypoints.cli import screen
from anlan.entrypoints.cli.accounts import TERMINAL

KINDS = ("reports", "observations", "signals")


@click.group()
def signs() -> None:
    """Signs of danger."""


@signs.command("import")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would happen; keep nothing.")
@screen.FORMAT
def import_signs(kind: str, path: Path, form: str, *, dry_run: bool) -> None:
    """Import reports (CSV, JSONL), observations (CSV) or signals (CAP XML file or folder)."""
    screen.open_workspace()
    from anlan.sensing import public as sensing

    now = clock.now()
    if kind == "reports":
        done = sensing.import_reports(
            TERMINAL, path, new_secret=lambda: secrets.token_urlsafe(16), dry_run=dry_run, now=now
        )
    elif kind == "observations":
        done = sensing.import_observations(TERMINAL, path, dry_run=dry_run, now=now)
    else:
        done = sensing.import_signals(TERMINAL, path, dry_run=dry_run, now=now)
    faults = [(fault.where, fault.code, fault.quarantine or "") for fault in done.faults]
    if form == "json":
        screen.as_json(
            {
                "dry_run": done.dry_run,
                "read": done.read,
                "kept": done.kept,
                "faults": faults,
                "receipts": done.receipts,
            }
        )
    else:
        screen.say(
            f"读到 {done.read} 条，保存 {done.kept} 条。", f"{done.read} read, {done.kept} kept."
        )
        if faults:
            screen.table(("where", "code", "kept aside"), faults)
    sys.exit(1 if faults else 0)
