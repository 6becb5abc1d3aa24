"""A workspace: one running city in one folder, live or rehearsal (I10).

The kind is written when the folder is made and cannot be changed: a rehearsal
has its own database, contents, observations and keys, and no channel to the
outside, so a drill cannot reach the real city by construction.
"""

from __future__ import annotations

import secrets
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from anlan.kernel.errors import ConflictError, IntegrityBreachError, NotFoundError

FORMAT = 1
FILE = "workspace.toml"


class WorkspaceDamagedError(IntegrityBreachError):
    """A file that every workspace has is gone or cannot be read."""

    code = "workspace.damaged"


class WorkspaceNewerError(ConflictError):
    """A later version made the workspace."""

    code = "workspace.newer"


class WorkspaceKind(StrEnum):
    """Whether people are really told (live) or only shown (rehearsal)."""

    LIVE = "live"
    REHEARSAL = "rehearsal"


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where everything of one city lies."""

    root: Path
    kind: WorkspaceKind
    id: str
    timezone: str

    @property
    def database(self) -> Path:
        """The SQLite file of the business data."""
        return self.root / "anlan.sqlite3"

    @property
    def contents(self) -> Path:
        """The SQLite file of the content store."""
        return self.root / "contents.sqlite3"

    @property
    def observations(self) -> Path:
        """Every reading: log, segments, newest readings."""
        return self.root / "observations"

    @property
    def judge(self) -> Path:
        """The judge's memory of the streams; it follows from readings and alerts."""
        return self.root / "judge"

    @property
    def keys(self) -> Path:
        """Private keys and the server secret; readable by the owner only."""
        return self.root / "keys"

    @property
    def connectors(self) -> Path:
        """Payload maps of this city: how messages of other systems become readings."""
        return self.root / "connectors"

    @property
    def imports(self) -> Path:
        """Tables that are being brought in over the pages; swept after a week."""
        return self.root / "imports"

    @property
    def logs(self) -> Path:
        """Structured logs."""
        return self.root / "logs"

    @property
    def passing(self) -> Path:
        """Files with personal data that a request needs for a moment; swept by the clockwork."""
        return self.root / "passing"

    @property
    def replays(self) -> Path:
        """Rehearsal workspaces made by replays, one folder each."""
        return self.root / "replays"

    @property
    def secret(self) -> str:
        """The server's own secret, made with the workspace.

        Raises
        ------
        WorkspaceDamagedError
            When it is gone.
        """
        file = self.keys / "server.secret"
        try:
            found = file.read_text().strip()
        except (FileNotFoundError, UnicodeDecodeError):
            found = ""
        if not found:
            raise WorkspaceDamagedError(path=self.root.name, file="keys/server.secret")
        return found


def create(root: Path, *, kind: WorkspaceKind, timezone: str = "Asia/Shanghai") -> Workspace:
    """Make an empty workspace folder; refuse one that is there already."""
    if (root / FILE).exists():
        raise ConflictError(what="workspace", path=root.name)
    for part in (root, root / "observations", root / "keys", root / "logs"):
        part.mkdir(parents=True, exist_ok=True)
    (root / "keys").chmod(0o700)
    secret = root / "keys" / "server.secret"
    secret.touch(mode=0o600)
    secret.write_text(secrets.token_urlsafe(48))
    # Last: a folder without this file is not a workspace yet.
    part = root / (FILE + ".part")
    part.write_text(
        f"format = {FORMAT}\n"
        f'id = "{secrets.token_hex(8)}"\n'
        f'kind = "{kind.value}"\n'
        f'timezone = "{timezone}"\n'
    )
    part.replace(root / FILE)
    return load(root)


def load(root: Path) -> Workspace:
    """Read a workspace folder.

    Raises
    ------
    NotFoundError
        When ``root`` holds no workspace.
    WorkspaceNewerError
        When it was made by a later format than this code knows.
    WorkspaceDamagedError
        When what it says of itself cannot be read.
    """
    try:
        data = tomllib.loads((root / FILE).read_text())
        if data["format"] > FORMAT:
            raise WorkspaceNewerError(path=root.name, found=data["format"], known=FORMAT)
        return Workspace(
            root=root,
            kind=WorkspaceKind(data["kind"]),
            id=data["id"],
            timezone=data["timezone"],
        )
    except FileNotFoundError:
        raise NotFoundError(what="workspace", path=str(root)) from None
    except (ValueError, KeyError, TypeError):
        raise WorkspaceDamagedError(path=root.name, file=FILE) from None
