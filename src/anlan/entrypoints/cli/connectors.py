"""Commands of connectors: ``connectors list``, ``check``, ``test``, ``add``, ``secret``, ``close``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import click

from anlan.entrypoints import clock
from anlan.entrypoints.cli import screen
from anlan.entrypoints.cli.accounts import TERMINAL, SpanType
from anlan.infra.catalogue import wording
from anlan.kernel.errors import AnlanError, ConflictError
from anlan.sensing.domain.map_files import READY, file_of, maps_in, read_map
from anlan.sensing.domain.payload_examples import ExampleResult, run_examples
from anlan.sensing.domain.payload_map import PayloadMap

NOT_CHECKED = 3


@click.group()
def connectors() -> None:
    """Payload maps and webhooks: how messages of other systems become readings."""


def _own() -> Path | None:
    """Return the folder of the workspace's own maps; None without a workspace."""
    from django.conf import settings

    return settings.WORKSPACE.connectors if settings.WORKSPACE else None


def _folders() -> list[Path]:
    own = _own()
    return [own, READY] if own else [READY]


@connectors.command("list")
@screen.FORMAT
def list_maps(form: str) -> None:
    """List the maps of the workspace and those that come with Anlan."""
    own = _own()
    rows = []
    for folder in _folders():
        for one in maps_in(folder)[0]:
            title = one.spec.title_zh if screen.language() == "zh" else one.spec.title_en
            rows.append((one.id, "workspace" if folder == own else "ready", one.spec.topic, title))
    if form == "json":
        names = ("id", "where", "topic", "title")
        screen.as_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    screen.table(("id", "where", "topic", "title"), rows)


@connectors.command("check")
@click.argument("names", nargs=-1, metavar="[FILE|NAME]...")
@screen.FORMAT
def check(names: tuple[str, ...], form: str) -> None:
    """Check payload maps: files, names of ready maps, or all maps of the workspace.

    Ends with 0 when all are whole, 1 when one is not, 3 when there was nothing to check.
    """
    maps, faults = _read(names)
    if form == "json":
        screen.as_json(
            {"maps": [one.id for one in maps], "faults": [_as_data(error) for error in faults]}
        )
    else:
        for error in faults:
            screen.complain(error)
        screen.say(
            f"{len(maps)} 个映射可用，{len(faults)} 个有误。",
            f"{len(maps)} maps are whole, {len(faults)} are not.",
        )
    if not maps and not faults:
        sys.exit(NOT_CHECKED)
    sys.exit(1 if faults else 0)


@connectors.command("test")
@click.argument("names", nargs=-1, metavar="[FILE|NAME]...")
@screen.FORMAT
def test(names: tuple[str, ...], form: str) -> None:
    """Run the examples in payload maps: does each message come to the rows beside it?

    Ends with 0 when all hold, 1 when one does not, 3 when there was no example.
    """
    maps, faults = _read(names)
    results = {one.id: run_examples(one) for one in maps}
    run = [item for found in results.values() for item in found]
    failed = sum(not item.holds for item in run)
    if form == "json":
        screen.as_json(
            {
                "examples": len(run),
                "failed": failed,
                "faults": [_as_data(error) for error in faults],
                "results": {
                    name: [[_line(item) for item in one.differences] for one in found]
                    for name, found in results.items()
                },
            }
        )
    else:
        _tell(results, faults)
        screen.say(
            f"{len(maps)} 个映射，{len(run)} 个例子，{failed} 个不符。",
            f"{len(maps)} maps, {len(run)} examples, {failed} do not hold.",
        )
    if not run and not faults:
        sys.exit(NOT_CHECKED)
    sys.exit(1 if failed or faults else 0)


@connectors.command("add")
@click.argument("name")
def add(name: str) -> None:
    """Copy a ready map NAME into the workspace, to be used and changed there."""
    screen.open_workspace()
    own = _own()
    path = file_of(name, [READY])
    if own is None or (target := own / path.name).exists():
        raise ConflictError(what="map", path=path.name)
    own.mkdir(exist_ok=True)
    part = target.with_name(target.name + ".part")
    part.write_bytes(path.read_bytes())
    part.replace(target)
    screen.say(
        f"已放入工作区：connectors/{target.name}。改好后运行 anlan connectors test {name}。",
        f"Put into the workspace: connectors/{target.name}. "
        f"When you have changed it, run anlan connectors test {name}.",
    )


@connectors.command("secret")
@click.argument("name")
@click.option("--area", "areas", multiple=True, help="Area codes; none: the whole city.")
@click.option(
    "--old-for",
    type=SpanType(),
    default="7d",
    show_default=True,
    help="How long the secret before still counts.",
)
def secret(name: str, areas: tuple[str, ...], old_for: timedelta) -> None:
    """Open the webhook of map NAME, or give it a new secret; prints it once."""
    screen.open_workspace()
    from anlan.registry import public as registry
    from anlan.sensing import public as sensing

    paths = tuple(registry.area_path(code) for code in areas) or ("",)
    made = sensing.make_secret(TERMINAL, name, areas=paths, old_for=old_for, now=clock.now())
    screen.say(
        f"接收地址 /api/v1/webhooks/{name}。密钥只显示这一次：",
        f"The address is /api/v1/webhooks/{name}. The secret is shown this once:",
    )
    click.echo(made)


@connectors.command("close")
@click.argument("name")
def close(name: str) -> None:
    """Close the webhook of map NAME: all its secrets end at once."""
    screen.open_workspace()
    from anlan.sensing import public as sensing

    sensing.close_webhook(TERMINAL, name, now=clock.now())
    screen.say(f"{name} 已关闭。", f"{name} is closed.")


def _read(names: Sequence[str]) -> tuple[list[PayloadMap], list[AnlanError]]:
    if not names:
        own = _own()
        maps, faults = maps_in(own) if own else ((), ())
        return list(maps), list(faults)
    found: list[PayloadMap] = []
    wrong: list[AnlanError] = []
    for name in names:
        try:
            found.append(read_map(file_of(name, _folders())))
        except AnlanError as error:
            wrong.append(error)
    return found, wrong


def _as_data(error: AnlanError) -> dict[str, object]:
    texts = wording(error.code, error.params, screen.language())
    return {"code": error.code, **texts, "params": error.params}


def _line(item: object) -> dict[str, str]:
    return {name: getattr(item, name) for name in ("where", "expected", "found")}


def _tell(results: dict[str, tuple[ExampleResult, ...]], faults: Sequence[AnlanError]) -> None:
    for error in faults:
        screen.complain(error)
    for name, found in results.items():
        for one in found:
            for item in one.differences:
                screen.say(
                    f"{name} 例 {one.index + 1} {item.where}：应为 {item.expected}，得到 {item.found}",
                    f"{name} example {one.index + 1} {item.where}: "
                    f"expected {item.expected}, found {item.found}",
                )
