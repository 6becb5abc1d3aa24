"""The demo: a schematic city that works at once, and the first ways into it."""

from __future__ import annotations

from datetime import timedelta

import click

from anlan.conf import env
from anlan.entrypoints import clock, founding
from anlan.entrypoints.cli import screen
from anlan.entrypoints.cli.accounts import TERMINAL
from anlan.infra import workspace
from anlan.infra.workspace import WorkspaceKind

ACCOUNT = "demo-duty-desk"


def prepare() -> None:
    """Make the workspace, its tables, the demo city and a token, as far as they are missing."""
    root = env.load().workspace_path
    if not (root / workspace.FILE).exists():
        founding.found(root, kind=WorkspaceKind.LIVE, timezone="Asia/Shanghai")
    screen.open_workspace()
    founding.migrate()
    from anlan.entrypoints.cli.city import load_packs
    from anlan.registry import public as registry
    from anlan.registry.domain.parse import city_folder

    if not registry.is_loaded():
        screen.say("正在载入示意城市……", "Loading the demo city …")
        load_packs(city_folder("demo"), now=clock.now())
    if registry.account_named(ACCOUNT) is None:
        _first_token()


def _first_token() -> None:
    from anlan.registry import public as registry

    now = clock.now()
    account = registry.create_account(
        TERMINAL, ACCOUNT, "duty_officer", post=registry.city().commander_post, areas=("",), now=now
    )
    _, secret = registry.issue_token(
        TERMINAL, account, None, None, now + timedelta(days=7), now=now
    )
    screen.say(
        "试用令牌（值班员，七天有效，只显示这一次）：",
        "A token to try things with (duty officer, seven days, shown this once):",
    )
    click.echo(f"  {secret}")
    _, invitation = registry.invite(TERMINAL, ACCOUNT, now=now)
    screen.say(
        "打开下面的链接设置口令，即可登录页面（只用一次）：",
        "Open this link to choose a password and sign in to the pages (for one use):",
    )
    click.echo(f"  {_address()}/welcome?invitation={invitation}")


def _address() -> str:
    """Return where this machine will find the pages, whatever is written into messages."""
    settings = env.load()
    return f"http://{settings.bind}:{settings.port}"
