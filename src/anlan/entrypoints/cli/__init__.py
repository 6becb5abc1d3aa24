"""``anlan <noun> <verb>``: what a person does at a terminal.

Exit codes: 0 good, 1 failed, 2 misuse, 3 could not check.  No command does
what a service does not; commands are imported only when they are called.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import cast

import click

from anlan import __version__
from anlan.kernel.errors import AnlanError

COMMANDS = {
    "admin": "accounts:admin",
    "audit": "ledger:audit",
    "backup": "keep:backup",
    "city": "city:city",
    "connectors": "connectors:connectors",
    "demo": "serve:demo",
    "detect": "detect:detect",
    "doctor": "keep:doctor",
    "edge": "serve:edge",
    "init": "keep:init",
    "ledger": "ledger:ledger",
    "mqtt": "mqtt:mqtt",
    "observations": "observations:observations",
    "replay": "replay:replay",
    "restore": "keep:restore",
    "rules": "rules:rules",
    "signs": "signs:signs",
    "simulate": "simulate:simulate",
    "token": "accounts:token",
    "up": "serve:up",
    "upgrade": "keep:upgrade",
    "webhook": "accounts:webhook",
    "worker": "serve:worker",
}


class Lazy(click.Group):
    """A group whose commands are imported only when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Return the names of all commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return one command."""
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name].partition(":")
        found = getattr(importlib.import_module(f"anlan.entrypoints.cli.{module}"), attribute)
        return cast("click.Command", found)


@click.group(cls=Lazy)
@click.version_option(__version__, prog_name="anlan")
@click.option(
    "--workspace",
    metavar="DIR",
    help="Folder of the workspace (default: $ANLAN_WORKSPACE, else var/workspace).",
)
def root(workspace: str | None) -> None:
    """Anlan 安澜: every sign of danger gets an owner, a clock and a witness."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "anlan.conf.settings")
    if workspace:
        os.environ["ANLAN_WORKSPACE"] = workspace


def main() -> None:
    """Run the command line; refusals become one clear message, never a stack trace."""
    try:
        root(standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except AnlanError as error:
        from anlan.entrypoints.cli.screen import complain

        complain(error)
        sys.exit(3 if error.http_status == 503 else 1)
    except Exception as error:  # noqa: BLE001  whatever it is, a person reads it
        from anlan.entrypoints.cli.screen import complain, unforeseen

        # 3, never 1: what went wrong here must not be taken for a finding.
        complain(unforeseen(error))
        sys.exit(3)
