"""The command ``observations import``: tables of any shape, by a payload map."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from anlan.entrypoints import clock
from anlan.entrypoints.cli import screen
from anlan.entrypoints.cli.accounts import TERMINAL
from anlan.infra.catalogue import wording
from anlan.kernel.errors import ConflictError
from anlan.sensing.domain.map_files import READY, file_of, read_map
from anlan.sensing.domain.payload_map import map_from_toml
from anlan.sensing.domain.table_shapes import as_map, guessed

SHOWN = 5


@click.command("import")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--map", "name", metavar="NAME|FILE", help="The payload map to read it by.")
@click.option("--propose", metavar="NAME", help="Guess a map and put it into the workspace.")
@click.option("--zone", help="Of times that state none (default: the workspace's).")
@click.option("--dry-run", is_flag=True, help="Count what would be kept; keep nothing.")
@click.option("--refused", type=click.Path(path_type=Path), help="Write refused rows to this CSV.")
@screen.FORMAT
def import_readings(
    path: Path,
    name: str | None,
    propose: str | None,
    zone: str | None,
    refused: Path | None,
    form: str,
    *,
    dry_run: bool,
) -> None:
    """Bring readings in from a table: CSV (UTF-8, GB18030) or XLSX.

    Without --map the table is only looked at. Brought in again, or after a crash, no reading is
    kept twice. Exit code 1 when rows were refused.
    """
    screen.open_workspace()
    if name is None:
        _look(path, propose, zone)
        return
    from anlan.entrypoints import here
    from anlan.sensing import public as sensing

    found = read_map(file_of(name, [here.workspace().connectors, READY]))
    file = sensing.RefusedFile(refused) if refused else None
    try:
        done = sensing.import_table(
            TERMINAL,
            path,
            found,
            dry_run=dry_run,
            now=clock.now(),
            refused=file.add if file else None,
            progress=_progress if form == "text" else None,
        )
    finally:
        if file:
            file.close()
    if form == "json":
        screen.as_json({
            "dry_run": done.dry_run, "lines": done.lines, "rows": done.rows,
            "kept": done.kept, "refused": dict(done.refused),
        })  # fmt: skip
    else:
        verb = ("可保存", "would be kept") if dry_run else ("已保存", "kept")
        screen.say(
            f"{done.lines} 行，{done.rows} 条读数，{verb[0]} {done.kept} 条。",
            f"{done.lines} lines, {done.rows} readings, {done.kept} {verb[1]}.",
        )
        screen.table(
            ("n", "code", "what"),
            [(n, code, _what(code)) for code, n in done.refused.most_common()],
        ) if done.refused else None
    sys.exit(1 if done.refused else 0)


def _what(code: str) -> str:
    return wording(code, {}, screen.language())["what"]


def _progress(done: object) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{done.lines}", nl=False, err=True)  # type: ignore[attr-defined]


def _look(path: Path, propose: str | None, zone: str | None) -> None:
    """Show how a table is written and what its columns would become; with a name, keep that as a map."""
    from anlan.entrypoints import here
    from anlan.registry import public as registry
    from anlan.sensing import public as sensing

    shape = sensing.look_at(path)
    screen.table(shape.columns, shape.lines[:SHOWN])
    streams = frozenset(item.code for item in registry.sensors(at=clock.now()))
    place = here.workspace()
    found = guessed(shape, propose or "table", zone=zone or place.timezone, streams=streams)
    if found is None:
        screen.say(
            "没有一列像时间，或没有一列像数值：请自写报文映射。",
            "No column looks like times, or none like values: write a payload map yourself.",
        )
        sys.exit(1)
    text = as_map(shape, found)
    map_from_toml(text)
    if propose is None:
        click.echo(text)
        _say_next(path, "NAME")
        return
    target = place.connectors / f"{propose}.toml"
    if target.exists():
        raise ConflictError(what="map", path=target.name)
    place.connectors.mkdir(exist_ok=True)
    target.write_text(text, encoding="utf-8")
    _say_next(path, propose)


def _say_next(path: Path, name: str) -> None:
    steps: Sequence[str] = (
        f"anlan observations import {path.name} --propose {name}",
        f"anlan observations import {path.name} --map {name} --dry-run",
    )
    wanted = steps if name == "NAME" else steps[1:]
    screen.say("接下来：" + "；".join(wanted), "Next: " + "; ".join(wanted))
