"""Keeping a workspace safe: back up, restore, upgrade, examine."""

from anlan.infra.keeping.databases import (
    Database,
    PostgresServer,
    SqliteFile,
    of_settings,
)
from anlan.infra.keeping.examining import Check, CheckState, Surroundings, doctor, wording
from anlan.infra.keeping.saving import (
    BackedUp,
    Restored,
    backup,
    own_databases,
    restore,
)
from anlan.infra.keeping.upgrading import Upgraded, upgrade

__all__ = [
    "BackedUp",
    "Check",
    "CheckState",
    "Database",
    "PostgresServer",
    "Restored",
    "SqliteFile",
    "Surroundings",
    "Upgraded",
    "backup",
    "doctor",
    "of_settings",
    "own_databases",
    "restore",
    "upgrade",
    "wording",
]
