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
    "admin": ("accounts:admin", "Administrators of the workspace."),
    "audit": ("ledger:audit", "Independent proofs of what must always be true."),
    "backup": (
        "keep:backup",
        "Write one consistent copy of the workspace to ARCHIVE (.tar.zst or .tar.gz).",
    ),
    "city": ("city:city", "City data as files."),
    "connectors": (
        "connectors:connectors",
        "Payload maps and webhooks: how messages of other systems become readings.",
    ),
    "demo": (
        "serve:demo",
        "Make a demo city if there is none, replay the Zhengzhou rainstorm, and serve.",
    ),
    "detect": (
        "detect:detect",
        "Score every row of INPUT.csv and write OUTPUT.csv: timestamp, value, anomaly_score, label.",
    ),
    "doctor": ("keep:doctor", "Examine the workspace and say what to do."),
    "edge": (
        "serve:edge",
        "Take readings in at city scale, and write the observation store (``up`` does this too).",
    ),
    "init": ("keep:init", "Make an empty workspace."),
    "ledger": ("ledger:ledger", "The tamper-evident ledger over the journal."),
    "mqtt": ("mqtt:mqtt", "Readings over MQTT: the city's broker, and a door for devices."),
    "observations": ("observations:observations", "The store of all readings."),
    "replay": (
        "replay:replay",
        "Replay a scenario in its own rehearsal workspace and print what was raised when.",
    ),
    "restore": ("keep:restore", "Bring a backup back into the empty folder INTO and prove it."),
    "rules": ("rules:rules", "Rules of judgement."),
    "signs": ("signs:signs", "Signs of danger."),
    "simulate": (
        "simulate:simulate",
        "Simulate CITY (a pack's folder, or the name of a shipped one), with faults and incidents.",
    ),
    "token": ("accounts:token", "Tokens: scoped, expiring credentials."),
    "up": ("serve:up", "Serve the workspace: pages, interface, clockwork."),
    "upgrade": (
        "keep:upgrade",
        "Back up, bring the tables in step with this version, and prove the workspace.",
    ),
    "webhook": ("accounts:webhook", "Outgoing webhooks."),
    "worker": ("serve:worker", "Run the clockwork alone (``up`` does this too)."),
}
"""Where each command stands, and the first sentence of its help: to list them none is imported."""


class Lazy(click.Group):
    """A group whose commands are imported only when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Return the names of all commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return one command."""
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name][0].partition(":")
        found = getattr(importlib.import_module(f"anlan.entrypoints.cli.{module}"), attribute)
        return cast("click.Command", found)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write what each command does."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, does) for name, (_, does) in sorted(COMMANDS.items())])


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
