"""Bring a workspace to the form this version knows: backup, migrate, prove."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db import DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from anlan.infra import failpoints
from anlan.infra.keeping.errors import NewerFormatError, UpgradeFailedError
from anlan.infra.keeping.saving import FILES, Databases, Verify, backup
from anlan.infra.tables import ALIASES, bring_in_step
from anlan.infra.workspace import Workspace, WorkspaceDamagedError


@dataclass(frozen=True, slots=True)
class Upgraded:
    """What an upgrade did; no backup when there was nothing to do."""

    backup: Path | None
    applied: tuple[str, ...]
    breaches: tuple[str, ...]


def pending(alias: str) -> list[str]:
    """Return the migrations that a database still lacks.

    Raises
    ------
    NewerFormatError
        When it has one that this version does not know: a later Anlan wrote it.
    """
    executor = MigrationExecutor(connections[alias])
    known = executor.loader.disk_migrations
    ours = {app for app, _ in known}
    foreign = [
        f"{app}.{name}"
        for app, name in executor.loader.applied_migrations
        if app in ours and (app, name) not in known
    ]
    if foreign:
        raise NewerFormatError(found=max(foreign), known="-")
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def upgrade(
    place: Workspace,
    *,
    backup_to: Path,
    now: datetime,
    databases: Databases | None = None,
    verify: Verify | None = None,
) -> Upgraded:
    """Back the workspace up, apply what it lacks, and prove it; the server must be stopped.

    Raises
    ------
    NewerFormatError
        When a later Anlan wrote the workspace; nothing was touched.
    WorkspaceDamagedError
        When a database is there no more, or was never filled: new tables would only hide it.
    UpgradeFailedError
        When a step failed; the backup named in it is whole and can be restored.
    """
    for alias in ALIASES:
        if not MigrationRecorder(connections[alias]).applied_migrations():
            raise WorkspaceDamagedError(path=place.root.name, file=FILES[alias])
    todo = {alias: pending(alias) for alias in ALIASES}
    if not any(todo.values()):
        return Upgraded(backup=None, applied=(), breaches=_proof(place, verify))
    kept = backup(place, backup_to, now=now, databases=databases)
    failpoints.reach("upgrade.backed_up")
    for alias in ALIASES:
        try:
            bring_in_step(alias)
        except (DatabaseError, ValueError, LookupError, RuntimeError) as error:
            raise UpgradeFailedError(backup=kept.path.name, problem=type(error).__name__) from error
    applied = tuple(dict.fromkeys(name for names in todo.values() for name in names))
    return Upgraded(backup=kept.path, applied=applied, breaches=_proof(place, verify))


def _proof(place: Workspace, verify: Verify | None) -> tuple[str, ...]:
    return tuple(verify(place)) if verify is not None else ()
