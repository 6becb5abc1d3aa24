"""Where a ledger keeps its keys, and where it leaves its witness."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LedgerPlaces:
    """Folders and name of one workspace's ledger; entry points hand it in.

    ``keys`` lies in the workspace; ``outside`` must not, and is best on storage that
    the operator of the system cannot rewrite.  ``origin`` names the log in every
    checkpoint and must stay the same for its whole life.
    """

    keys: Path
    outside: Path
    origin: str


def origin_of(workspace_id: str) -> str:
    """Return the name of the ledger of a workspace."""
    return f"anlan/{workspace_id}"
