"""Commands of proof: ``ledger verify|export|proof|seal|rotate-key`` and ``audit watch|rebuild``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from anlan.entrypoints import clock
from anlan.entrypoints.cli import screen
from anlan.entrypoints.cli.accounts import TERMINAL


@click.group()
def ledger() -> None:
    """The tamper-evident ledger over the journal."""


@ledger.command("verify")
@click.option(
    "--export",
    "exported",
    type=click.Path(exists=True, path_type=Path),
    help="Verify an export offline instead of the workspace.",
)
@click.option(
    "--outside",
    type=click.Path(exists=True, path_type=Path),
    help="Folder of checkpoints kept elsewhere; without it a rewritten history cannot be found.",
)
@click.option(
    "--newest", is_flag=True, help="The export must reach every checkpoint in the folder outside."
)
@screen.FORMAT
def verify(exported: Path | None, outside: Path | None, form: str, *, newest: bool) -> None:
    """Recompute the ledger and compare it with every signed checkpoint."""
    if outside is not None and exported is None:
        raise click.UsageError("--outside goes with --export; a workspace knows its own folder")
    if newest and outside is None:
        raise click.UsageError("--newest goes with --outside")
    if exported is not None:
        from anlan.accountability.domain.exports import NotAnExportError, verify_export

        try:
            verdict = verify_export(exported, outside=outside, newest=newest)
        except NotAnExportError as error:
            click.echo(str(error), err=True)
            sys.exit(3)
    else:
        screen.open_workspace()
        from anlan.accountability import public as accountability

        verdict = accountability.verify()
    if form == "json":
        screen.as_json(verdict.as_dict())
    else:
        for line in verdict.lines(screen.language()):
            click.echo(line)
    sys.exit(0 if verdict.holds else 1)


@ledger.command("export")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--up-to", type=int, help="Only the first so many entries.")
def export(target: Path, up_to: int | None) -> None:
    """Write the sealed ledger to a folder or .zip for somebody else to verify."""
    screen.open_workspace()
    from anlan.accountability import public as accountability

    made = accountability.export(target, up_to=up_to, now=clock.now())
    screen.say(
        f"已导出 {made.entries} 条记录到 {target}。",
        f"{made.entries} entries exported to {target}.",
    )


@ledger.command("proof")
@click.argument("seq", type=int)
def proof(seq: int) -> None:
    """Print the proof that one entry is under a signed checkpoint, as JSON."""
    screen.open_workspace()
    from anlan.accountability import public as accountability

    screen.as_json(accountability.proof(seq))


@ledger.command("seal")
def seal() -> None:
    """Sign a checkpoint now."""
    screen.open_workspace()
    from anlan.accountability import public as accountability

    sealed = accountability.seal(now=clock.now())
    click.echo(f"{sealed.size} {sealed.root}")


@ledger.command("rotate-key")
def rotate_key() -> None:
    """Let a new signing key take over from the present one."""
    screen.open_workspace()
    from anlan.accountability import public as accountability

    key = accountability.rotate_key(TERMINAL, now=clock.now())
    click.echo(str(key))


@click.group()
def audit() -> None:
    """Independent proofs of what must always be true."""


@audit.command("watch")
@screen.FORMAT
def watch(form: str) -> None:
    """Prove once that no duty was dropped; exit 1 and raise a case when one was."""
    screen.open_workspace()
    from anlan.accountability import public as accountability

    found = accountability.watch(now=clock.now())
    if form == "json":
        screen.as_json([breach.as_dict() for breach in found])
    elif not found:
        screen.say(
            "没有发现违反不变量的情况。", "Nothing that must always be true was found broken."
        )
    for breach in found if form == "text" else ():
        click.echo(f"{breach.invariant}  {breach.subject}  {breach.detail}")
    sys.exit(1 if found else 0)


@audit.command("rebuild")
def rebuild() -> None:
    """Rebuild the state from the journal and compare it with the live state."""
    screen.open_workspace()
    from anlan.accountability import public as accountability

    differences = accountability.rebuild()
    for line in differences:
        click.echo(str(line))
    if not differences:
        screen.say("重建结果与现状一致。", "The rebuilt state equals the live state.")
    sys.exit(1 if differences else 0)
