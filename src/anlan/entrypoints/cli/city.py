"""Commands for city data: ``city init|check|diff|load|who|export``."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from anlan.entrypoints import clock
from anlan.entrypoints.cli import screen
from anlan.entrypoints.cli.accounts import TERMINAL
from anlan.kernel.canonical import parse_instant
from anlan.registry.domain.findings import Severity
from anlan.registry.domain.lint import lint
from anlan.registry.domain.lint_codes import is_timezone
from anlan.registry.domain.lint_report import as_json, as_table
from anlan.registry.domain.parse import (
    PackUnknownError,
    law_folder,
    read_city,
    read_jurisdiction,
)

if TYPE_CHECKING:
    from anlan.registry.domain.city import City
    from anlan.registry.domain.jurisdiction import Jurisdiction
    from anlan.registry.domain.parse import Parsed
    from anlan.registry.services.changes import CityDiff

SHOWN = 5  # rows of each section of a difference that are named on the screen


def _instant(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> datetime | None:
    try:
        return parse_instant(text) if text else None
    except ValueError:
        raise click.BadParameter("2026-07-20T14:00:00+08:00") from None


FOLDER = click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))


def read_packs(
    folder: Path, *, with_areas: bool = False
) -> tuple[Parsed[City], Parsed[Jurisdiction]]:
    """Read a city pack and the jurisdiction pack it names (shipped, or beside it).

    Loading streams the areas itself: a country has hundreds of thousands.
    """
    city = read_city(folder, with_areas=with_areas)
    return city, read_law(city)


def read_law(city: Parsed[City]) -> Parsed[Jurisdiction]:
    """Read the jurisdiction pack that a city pack names."""
    return read_jurisdiction(law_folder(city.folder.resolve(), city.pack.info.jurisdiction))


def load_packs(folder: Path, *, now: datetime) -> None:
    """Bring the packs in ``folder`` into force."""
    _load(read_packs(folder), now=now)


def _load(packs: tuple[Parsed[City], Parsed[Jurisdiction]], *, now: datetime) -> None:
    from anlan.registry import public as registry

    registry.load_city(TERMINAL, *packs, now=now, progress=_progress)
    if sys.stderr.isatty():
        click.echo(err=True)


def _progress(section: str, done: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{section}: {done}    ", nl=False, err=True)


@click.group()
def city() -> None:
    """City data as files."""


@city.command("init")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--china", metavar="CODE", help="Start from the real divisions of a Chinese city.")
@click.option(
    "--divisions",
    type=click.Path(path_type=Path),
    default=Path("var/china"),
    show_default=True,
    help="Where `make china` put the data of divisions.",
)
@click.option("--outlines", is_flag=True, help="Use district outlines of the extra `china` (示意).")
def init(folder: Path, china: str | None, divisions: Path, *, outlines: bool) -> None:
    """Make a city pack: blank and commented, or with real divisions."""
    screen.set_up_without_workspace()
    from anlan.registry import public as registry

    today = clock.WallClock().now().date()
    if china is None:
        registry.init_city(folder, today=today)
        screen.say(f"空白城市包已写入 {folder}。", f"A blank city pack is in {folder}.")
    else:
        made = registry.init_china(folder, china, divisions, with_outlines=outlines, today=today)
        screen.table(("file", "rows"), list(made.rows.items()))
    screen.say(f"下一步：anlan city check {folder}", f"Next: anlan city check {folder}")


@city.command("check")
@FOLDER
@click.option("--today", type=click.DateTime(["%Y-%m-%d"]), help="Check as of another day.")
@screen.FORMAT
def check(folder: Path, today: datetime | None, form: str) -> None:
    """Find what is wrong in a city's data: exit 1 when something is."""
    parsed = read_city(folder)
    try:
        law = read_law(parsed) if parsed.is_readable else None
    except PackUnknownError:
        law = None  # one of the findings
    day = today.date() if today else _local_day(parsed)
    found = lint(parsed, law, today=day)
    language = screen.language()
    click.echo(as_json(found) if form == "json" else as_table(found, language))
    sys.exit(1 if any(item.severity is not Severity.NOTE for item in found) else 0)


def _local_day(parsed: Parsed[City]) -> date:
    """Return today where the city is: rosters and validity are written in its days."""
    now = clock.WallClock().now()
    if parsed.is_readable and is_timezone(parsed.pack.info.timezone):
        now = now.astimezone(ZoneInfo(parsed.pack.info.timezone))
    return now.date()


def _show(found: CityDiff) -> None:
    """Print how many rows of each section differ, and which: the first of each section.

    Where nothing was in force before, every row is new, and the numbers say it all.
    """
    from anlan.registry import public as registry

    screen.table(("section", "added", "changed", "ended"), found.table())
    if not registry.is_loaded():
        return
    rows = [
        (name, item.what, item.key, ", ".join(item.columns))
        for name, section in found.sections.items()
        for item in section.examples[:SHOWN]
    ]
    click.echo()
    screen.table(("section", "what", "row", "columns"), rows)
    left = found.total("added") + found.total("changed") + found.total("ended") - len(rows)
    if left:
        screen.say(f"另有 {left} 行未列出。", f"{left} more are not listed.")


@city.command("diff")
@FOLDER
@screen.FORMAT
def diff(folder: Path, form: str) -> None:
    """Show what loading a pack would change."""
    screen.open_workspace()
    from anlan.registry import public as registry

    found = registry.diff_city(*read_packs(folder), now=clock.now())
    if form == "json":
        screen.as_json(found.as_data())
    elif found.is_empty:
        screen.say("没有差异。", "No difference.")
    else:
        _show(found)


@city.command("load")
@FOLDER
@click.option("--yes", is_flag=True, help="Do not ask.")
def load(folder: Path, *, yes: bool) -> None:
    """Show the differences, ask once, and bring a pack into force."""
    screen.open_workspace()
    from anlan.registry import public as registry

    packs = read_packs(folder)  # once: what is loaded is what was shown
    found = registry.diff_city(*packs, now=clock.now(), progress=_progress)
    if found.is_empty:
        screen.say("没有差异，未作改动。", "No difference; nothing was changed.")
        return
    _show(found)
    if not yes:
        click.confirm("载入？ Load?", abort=True)
    _load(packs, now=clock.now())
    screen.say("城市数据已生效。", "The city's data are in force.")


@city.command("who")
@click.argument("place")
@click.option("--at", callback=_instant, help="An instant as 2026-07-20T14:00:00+08:00.")
@click.option("--hazard", default="", help="For a place without a post of its own.")
@screen.FORMAT
def who(place: str, at: datetime | None, hazard: str, form: str) -> None:
    """Say who answers for a risk point, or answered for it on a day: exit 1 when nobody."""
    screen.open_workspace()
    from anlan.registry import public as registry

    found = registry.who_answered(place, hazard=hazard, at=at or clock.now())
    if form == "json":
        screen.as_json(None if found is None else asdict(found))
    elif found is None:
        screen.say("当时无人负责。", "Nobody answered for it then.")
    else:
        names = ("place", "at", "post", "why", "basis", "holder", "deputy")
        screen.table(names, [tuple(str(getattr(found, name) or "–") for name in names)])
    sys.exit(0 if found is not None else 1)


@city.command("export")
@click.argument("folder", type=click.Path(path_type=Path))
def export(folder: Path) -> None:
    """Write the city pack in force to a folder; loading it again changes nothing."""
    screen.open_workspace()
    from anlan.registry import public as registry

    registry.export_city(TERMINAL, folder)
    screen.say(f"已导出到 {folder}。", f"Exported to {folder}.")
