"""How a database is copied while it is in use, and brought back."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anlan.infra.keeping.errors import BadArchiveError, DatabaseToolError, TargetTakenError

HEAD_SQL = "SELECT seq FROM infra_journalhead WHERE id = 1"
COUNT_SQL = "SELECT count(*), coalesce(min(seq), 1), coalesce(max(seq), 0) FROM infra_journalentry"
DESTROYED_SQL = "SELECT count(*) FROM infra_contentitem WHERE destroyed_at IS NOT NULL"
LEAF_SQL = "SELECT leaf FROM infra_journalentry ORDER BY seq DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class JournalMark:
    """Where the journal of a copy ends."""

    seq: int
    leaf: str


@dataclass(frozen=True, slots=True)
class SqliteFile:
    """A database in a file of the workspace."""

    path: Path
    vendor = "sqlite"

    def copy(self, into: Path) -> JournalMark | None:
        """Copy one moment of the database, also while others write; return its journal's end."""
        with (
            closing(sqlite3.connect(self.path, timeout=60)) as live,
            closing(sqlite3.connect(into)) as copy,
        ):
            live.backup(copy)
            # One file, no write-ahead log beside it.
            copy.execute("PRAGMA journal_mode=DELETE")
            return sqlite_mark(copy)

    def destroyed(self) -> int:
        """Return how many contents of this store were destroyed."""
        with closing(sqlite3.connect(self.path, timeout=60)) as live:
            return int(live.execute(DESTROYED_SQL).fetchone()[0])


def sqlite_mark(connection: sqlite3.Connection) -> JournalMark | None:
    """Return where the journal ends, when the database holds one."""
    there = connection.execute(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'infra_journalhead'"
    ).fetchone()
    if there is None:
        return None
    head = connection.execute(HEAD_SQL).fetchone()
    leaf = connection.execute(LEAF_SQL).fetchone()
    return JournalMark(seq=head[0] if head else 0, leaf=leaf[0] if leaf else "")


def sqlite_faults(path: Path) -> list[str]:
    """Return what is wrong with a SQLite file: structure, foreign keys, gaps in the journal."""
    with closing(sqlite3.connect(path)) as connection:
        try:
            found = [row[0] for row in connection.execute("PRAGMA integrity_check(5)")]
            faults = [] if found == ["ok"] else ["structure"]
            if connection.execute("SELECT 1 FROM sqlite_master").fetchone() is None:
                faults.append("empty")  # SQLite makes such a file when it finds none
            if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
                faults.append("foreign_keys")
            mark = sqlite_mark(connection)
            if mark is not None:
                count, first, last = connection.execute(COUNT_SQL).fetchone()
                if (count, first, last) != (mark.seq, 1, mark.seq):
                    faults.append("journal_gap")
        except sqlite3.DatabaseError:
            return ["unreadable"]
    return faults


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A database on a PostgreSQL server; copied with pg_dump, brought back with pg_restore."""

    name: str
    user: str = ""
    password: str = field(default="", repr=False)
    host: str = ""
    port: str = ""
    tools: Path | None = None  # folder of pg_dump and pg_restore; None: from the path
    vendor = "postgresql"

    def copy(self, into: Path) -> JournalMark | None:
        """Dump one moment of the database, also while others write; return its journal's end."""
        import psycopg

        with psycopg.connect(**self._connection()) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            snapshot = _one(connection, "SELECT pg_export_snapshot()")
            mark = _postgres_mark(connection)
            # While this transaction is open, pg_dump sees the very same moment.
            self._run(
                "pg_dump",
                "--format=custom",
                "--no-owner",
                "--no-privileges",
                f"--snapshot={snapshot}",
                f"--file={into}",
                self.name,
            )
        return mark

    def bring_back(self, dump: Path) -> None:
        """Load a dump into this database, which must be empty, in one transaction."""
        import psycopg

        with psycopg.connect(**self._connection()) as connection:
            if _one(connection, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"):
                raise TargetTakenError(path=self.name)
        self._run(
            "pg_restore",
            "--no-owner",
            "--no-privileges",
            "--exit-on-error",
            "--single-transaction",
            f"--dbname={self.name}",
            str(dump),
        )

    def faults(self) -> list[str]:
        """Return what is wrong with the journal of this database."""
        import psycopg

        with psycopg.connect(**self._connection()) as connection:
            mark = _postgres_mark(connection)
            if mark is None:
                return []
            row = connection.execute(COUNT_SQL).fetchone()
            return [] if row == (mark.seq, 1, mark.seq) else ["journal_gap"]

    def destroyed(self) -> int:
        """Return how many contents of this store were destroyed."""
        import psycopg

        with psycopg.connect(**self._connection()) as connection:
            return int(_one(connection, DESTROYED_SQL))

    def mark(self) -> JournalMark | None:
        """Return where the journal ends."""
        import psycopg

        with psycopg.connect(**self._connection()) as connection:
            return _postgres_mark(connection)

    def _connection(self) -> dict[str, Any]:
        given = {
            "dbname": self.name,
            "user": self.user,
            "password": self.password,
            "host": self.host,
            "port": self.port,
        }
        return {key: value for key, value in given.items() if value}

    def _run(self, tool: str, *arguments: str) -> None:
        program = str(self.tools / tool) if self.tools else shutil.which(tool)
        if program is None:
            raise DatabaseToolError(tool=tool, problem="missing")
        # The password goes through the environment: arguments are visible to every user.
        given = {
            "PGHOST": self.host,
            "PGPORT": self.port,
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
        }
        environment = os.environ | {key: value for key, value in given.items() if value}
        done = subprocess.run(  # noqa: S603  our own arguments, no shell
            [program, *arguments], env=environment, capture_output=True, check=False
        )
        if done.returncode:
            reason = done.stderr.decode(errors="replace").strip().splitlines()
            raise DatabaseToolError(tool=tool, problem=reason[-1][:200] if reason else "failed")


def _postgres_mark(connection: Any) -> JournalMark | None:
    if _one(connection, "SELECT to_regclass('infra_journalhead')") is None:
        return None
    return JournalMark(seq=_one(connection, HEAD_SQL) or 0, leaf=_one(connection, LEAF_SQL) or "")


def _one(connection: Any, sql: str) -> Any:
    row = connection.execute(sql).fetchone()
    return row[0] if row else None


Database = SqliteFile | PostgresServer


def of_settings(settings: dict[str, Any], *, tools: Path | None = None) -> Database:
    """Return the database that one entry of Django's ``DATABASES`` names."""
    if "sqlite" in settings["ENGINE"]:
        return SqliteFile(Path(settings["NAME"]))
    return PostgresServer(
        name=settings["NAME"],
        user=settings.get("USER", ""),
        password=settings.get("PASSWORD", ""),
        host=settings.get("HOST", ""),
        port=str(settings.get("PORT", "")),
        tools=tools,
    )


def check_copy(path: Path) -> None:
    """Refuse a restored SQLite file that is not sound."""
    faults = sqlite_faults(path)
    if faults:
        raise BadArchiveError(problem=",".join(faults), name=path.name)
