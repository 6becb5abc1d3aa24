"""Commands that keep a workspace: ``init``, ``backup``, ``restore``, ``upgrade``, ``doctor``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from anlan.conf import env
from anlan.entrypoints import clock, founding
from anlan.entrypoints.cli import screen
from anlan.infra.workspace import Workspace, WorkspaceKind

if TYPE_CHECKING:
    from anlan.infra.keeping import Database

ARCHIVE = click.argument("archive", type=click.Path(path_type=Path))


@click.command()
@click.option("--timezone", default="Asia/Shanghai", show_default=True)
@click.option("--rehearsal", is_flag=True, help="A workspace that can never reach anybody.")
def init(timezone: str, *, rehearsal: bool) -> None:
    """Make an empty workspace."""
    root = env.load().workspace_path
    kind = WorkspaceKind.REHEARSAL if rehearsal else WorkspaceKind.LIVE
    founding.found(root, kind=kind, timezone=timezone)
    screen.open_workspace()
    founding.migrate()
    screen.say(f"工作区已建立：{root}", f"The workspace is made: {root}")


def _databases() -> dict[str, Database]:
    from django.conf import settings

    from anlan.infra import keeping

    return {
        alias: keeping.of_settings(settings.DATABASES[alias]) for alias in ("default", "contents")
    }


def prove(place: Workspace) -> Sequence[str]:
    """Prove the workspace that this process serves: ledger, contents, segments, rebuilt state."""
    del place
    from anlan.accountability import public as accountability
    from anlan.infra import contents
    from anlan.sensing import public as sensing

    return [
        *(item.in_words(screen.language()) for item in accountability.verify().findings),
        *(f"content {item}" for item in contents.verify()),
        *(str(item) for item in sensing.verify_segments()),
        *(f"{one.code} {dict(one.params)}" for one in sensing.apart()),
        *(str(item) for item in accountability.rebuild()),
    ]


@click.command()
@ARCHIVE
def backup(archive: Path) -> None:
    """Write one consistent copy of the workspace to ARCHIVE (.tar.zst or .tar.gz)."""
    screen.open_workspace()
    from anlan.entrypoints import here
    from anlan.infra import keeping

    made = keeping.backup(here.workspace(), archive, now=clock.now(), databases=_databases())
    screen.say(
        f"已备份到第 {made.journal_seq} 条日志：{made.path}（{made.files} 个文件，{made.size} 字节）。",
        f"Backed up to journal entry {made.journal_seq}: {made.path} ({made.files} files, {made.size} bytes).",
    )


@click.command()
@ARCHIVE
@click.argument("into", type=click.Path(path_type=Path))
def restore(archive: Path, into: Path) -> None:
    """Bring a backup back into the empty folder INTO and prove it."""
    from anlan.infra import keeping

    # A copy of a PostgreSQL workspace goes back into the empty databases of the environment.
    databases = _databases() if env.load().database_url else None
    made = keeping.restore(archive, into, databases=databases)
    os.environ["ANLAN_WORKSPACE"] = str(into.absolute())
    screen.open_workspace()
    wrong = prove(made.workspace)
    for line in wrong:
        click.echo(line)
    screen.say(
        f"已恢复到第 {made.journal_seq} 条日志：{into}。",
        f"Restored to journal entry {made.journal_seq}: {into}.",
    )
    sys.exit(1 if wrong else 0)


@click.command()
@click.option("--backup-to", type=click.Path(path_type=Path), help="Where the copy goes first.")
def upgrade(backup_to: Path | None) -> None:
    """Back up, bring the tables in step with this version, and prove the workspace."""
    screen.open_workspace()
    from anlan.entrypoints import here
    from anlan.infra import keeping

    now = clock.now()
    root = here.workspace().root
    target = backup_to or root.with_name(f"{root.name}-before-upgrade-{now:%Y%m%d%H%M%S}.tar.gz")
    made = keeping.upgrade(
        here.workspace(), backup_to=target, now=now, databases=_databases(), verify=prove
    )
    for name in made.applied:
        click.echo(name)
    for line in made.breaches:
        click.echo(line)
    if made.backup is None:
        screen.say("已是最新，无需升级。", "Already in step; nothing to do.")
    else:
        screen.say(
            f"升级完成；升级前的备份：{made.backup}",
            f"Upgraded; the copy from before: {made.backup}",
        )
    sys.exit(1 if made.breaches else 0)


@click.command()
@screen.FORMAT
def doctor(form: str) -> None:
    """Examine the workspace and say what to do."""
    screen.open_workspace()
    from django.conf import settings

    from anlan.accountability import public as accountability
    from anlan.entrypoints import here
    from anlan.infra import keeping
    from anlan.sensing import public as sensing

    values = settings.ANLAN
    around = keeping.Surroundings(
        databases=_databases(),
        disk_alarm=float(values.disk_alarm),
        smtp=(values.smtp_host, int(values.smtp_port)) if values.smtp_host else None,
        probes={
            "segments": sensing.verify_segments,
            "agreement": sensing.apart,
            "ledger": lambda: accountability.verify().findings,
        },
    )
    checks = keeping.doctor(here.workspace(), now=clock.now(), around=around)
    language = screen.language()
    if form == "json":
        screen.as_json(
            [
                {"code": one.code, "state": one.state.value, **keeping.wording(one, language)}
                for one in checks
            ]
        )
    else:
        screen.table(
            ("", "check", "what", "do"),
            [
                (one.state.value, one.code, texts["what"], texts["do"])
                for one in checks
                for texts in [keeping.wording(one, language)]
            ],
        )
    states = {one.state for one in checks}
    sys.exit(
        1 if keeping.CheckState.FAIL in states else 3 if keeping.CheckState.UNKNOWN in states else 0
    )
