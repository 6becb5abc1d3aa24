"""Making a workspace and bringing its tables in step."""

from __future__ import annotations

from pathlib import Path

from anlan.infra import workspace
from anlan.infra.workspace import Workspace, WorkspaceKind


def found(root: Path, *, kind: WorkspaceKind, timezone: str) -> Workspace:
    """Make the folder of a workspace, before Django reads its settings."""
    return workspace.create(root, kind=kind, timezone=timezone)


def migrate() -> None:
    """Bring the tables of both databases in step with the code."""
    from anlan.infra.tables import ALIASES, bring_in_step

    for alias in ALIASES:
        bring_in_step(alias)
