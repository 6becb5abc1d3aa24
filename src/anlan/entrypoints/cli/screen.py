"""What commands print, and how they open a workspace."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Sequence
from typing import Literal

import click

from anlan.infra.catalogue import wording
from anlan.kernel import columns
from anlan.kernel.canonical import plain
from anlan.kernel.errors import AnlanError, NotFoundError


def language() -> Literal["zh", "en"]:
    """Return "zh" when the terminal speaks Chinese, else "en"."""
    asked = os.environ.get("ANLAN_LANG") or os.environ.get("LC_ALL") or os.environ.get("LANG", "")
    return "zh" if asked.lower().startswith("zh") else "en"


def places() -> int:
    """Return how many places wide the terminal is, between what can be read and what is pleasant."""
    return max(60, min(120, shutil.get_terminal_size((100, 24)).columns))


def say(zh: str, en: str) -> None:
    """Print one sentence in the terminal's language."""
    click.echo(zh if language() == "zh" else en)


def complain(error: AnlanError) -> None:
    """Print a refusal: its code, what happened, what to do."""
    texts = wording(error.code, error.params, language())
    click.echo(f"{error.code}: {texts['what']}\n  {texts['do']}", err=True)


class WorkspaceMissingError(NotFoundError):
    """There is no workspace in the folder."""

    code = "workspace.missing"


class FileTroubleError(AnlanError):
    """A file or folder cannot be read or written."""

    code = "file.trouble"


def unforeseen(error: Exception) -> AnlanError:
    """Return what to tell a person about an error nobody foresaw."""
    if isinstance(error, OSError) and error.strerror:
        return FileTroubleError(path=error.filename or "–", problem=error.strerror)
    log = logging.getLogger("anlan.command")
    if log.hasHandlers():  # else it would be printed, trace and all
        log.error("unexpected", exc_info=error)
    return AnlanError(reference=type(error).__name__)


def as_json(value: object) -> None:
    """Print ``value`` as JSON for machines."""
    click.echo(json.dumps(plain(value), ensure_ascii=False, indent=2))


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under a heading, columns aligned."""
    cells = [list(head), *[["" if cell is None else str(cell) for cell in row] for row in rows]]
    first, *rest = columns.aligned(cells)
    rule = "  ".join("-" * size for size in columns.widths(cells))
    for line in (first, rule, *rest):
        click.echo(line)


def open_workspace() -> None:
    """Make Django ready for the workspace named by the environment.

    Raises
    ------
    NotFoundError
        When there is no workspace yet.
    """
    import django
    from django.apps import apps
    from django.conf import settings

    if settings.WORKSPACE is None:
        raise WorkspaceMissingError(path=settings.ANLAN.workspace)
    if not apps.ready:
        from anlan.entrypoints import logs

        logs.set_up(settings.WORKSPACE.logs, process="command", level=settings.ANLAN.log_level)
        django.setup()


def set_up_without_workspace() -> None:
    """Make Django ready for a command that works on files only."""
    import django
    from django.apps import apps

    if not apps.ready:
        django.setup()


FORMAT = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="text for people, json for machines.",
)
