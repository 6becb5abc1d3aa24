"""A command or a server starts without what only few of its tasks need."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import click
import pytest

from anlan.entrypoints import cli

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ["numba", "llvmlite", "pyarrow", "openpyxl", "PIL"]
INTERFACE = ["ninja", "pydantic"]
SERVERS = [
    "anlan.conf.urls",
    "anlan.conf.wsgi",
    "anlan.entrypoints.worker",
    "anlan.entrypoints.edge.serving",
]
COMMANDS = [f"anlan.entrypoints.cli.{path.stem}" for path in Path(cli.__file__).parent.glob("*.py")]


def imported(names, modules):
    """Return which of ``names`` a new process holds after it imported ``modules``."""
    lines = [
        "import importlib, json, sys",
        "import django",
        "django.setup()",
        *(f"importlib.import_module({module!r})" for module in modules),
        f"print(json.dumps([name for name in {names!r} if name in sys.modules]))",
    ]
    environment = dict(
        os.environ, DJANGO_SETTINGS_MODULE="anlan.conf.settings", PYTHONPATH=str(ROOT / "src")
    )
    command = [sys.executable, "-c", "\n".join(lines)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(ended.stdout)


def test_servers_import_compilers_and_file_formats_when_they_use_them():
    assert imported(HEAVY, SERVERS) == []


def test_commands_import_no_part_of_the_interface_either():
    assert imported([*HEAVY, *INTERFACE], COMMANDS) == []


@pytest.mark.parametrize("name", HEAVY + INTERFACE)
def test_what_is_looked_for_is_the_name_of_a_package(name):
    assert find_spec(name) is not None


@pytest.mark.parametrize("name", sorted(cli.COMMANDS))
def test_the_list_of_commands_says_what_each_command_says_of_itself(name):
    command = cli.root.get_command(click.Context(cli.root), name)
    assert command.get_short_help_str(limit=1000) == cli.COMMANDS[name][1]
