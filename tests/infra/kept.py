"""Workspaces for the tests of keeping: small, whole, and changed while they are copied."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

from anlan.infra import workspace
from anlan.infra.journal import entry_bytes, leaf_hash
from anlan.infra.workspace import WorkspaceKind
from anlan.kernel.canonical import instant_text

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)

SCHEMA = """
PRAGMA journal_mode=WAL;
CREATE TABLE infra_journalhead (id integer PRIMARY KEY, seq bigint NOT NULL);
CREATE TABLE infra_journalentry (
    seq bigint PRIMARY KEY, event text, at text, actor text, payload text, images text, leaf text);
CREATE TABLE named (content text NOT NULL);
INSERT INTO infra_journalhead VALUES (1, 0);
"""
CONTENTS = (
    "PRAGMA journal_mode=WAL; CREATE TABLE infra_contentitem"
    " (id text PRIMARY KEY, data blob, destroyed_at text);"
)


def a_workspace(root, entries=5, kind=WorkspaceKind.LIVE):
    """Make a workspace with a journal, contents that its rows name, segments and keys."""
    place = workspace.create(root, kind=kind)
    with closing(sqlite3.connect(place.database)) as base:
        base.executescript(SCHEMA)
    with closing(sqlite3.connect(place.contents)) as base:
        base.executescript(CONTENTS)
    write_entries(place, entries)
    (place.observations / "segments" / "2026").mkdir(parents=True)
    (place.observations / "segments" / "2026" / "0001.parquet").write_bytes(
        b"PAR1" + bytes(range(256)) * 40
    )
    (place.observations / "manifest.json").write_text(
        '{"segments": [{"name": "2026/0001.parquet"}], "tables": []}'
    )
    (place.keys / "ledger-1.pem").touch(mode=0o600)
    (place.keys / "ledger-1.pem").write_text("private")
    (place.logs / "anlan.log").write_text("a line")
    (place.root / "worker.beat").write_text(instant_text(NOW))
    return place


def write_entries(place, count):
    """Do what a service does: contents first, then row and journal entry in one transaction."""
    for _ in range(count):
        with closing(sqlite3.connect(place.database, timeout=30, isolation_level=None)) as base:
            head = base.execute("SELECT seq FROM infra_journalhead").fetchone()[0]
            name = f"content-{head + 1}"
            with closing(sqlite3.connect(place.contents, timeout=30)) as contents, contents:
                contents.execute("PRAGMA synchronous=OFF")
                contents.execute(
                    "INSERT INTO infra_contentitem (id, data) VALUES (?, ?)", (name, b"text")
                )
            base.execute("PRAGMA synchronous=OFF")  # speed; these tests pull no plugs
            base.execute("BEGIN IMMEDIATE")
            leaf = leaf_hash(entry_bytes(head + 1, "Something", NOW, "test", {}, []))
            base.execute("UPDATE infra_journalhead SET seq = ?", (head + 1,))
            base.execute("INSERT INTO named VALUES (?)", (name,))
            base.execute(
                "INSERT INTO infra_journalentry VALUES (?, 'Something', ?, 'test', '{}', '[]', ?)",
                (head + 1, instant_text(NOW), leaf),
            )
            base.execute("COMMIT")


def rows(path, sql):
    """Return what a query finds in a SQLite file."""
    with closing(sqlite3.connect(path)) as base:
        return base.execute(sql).fetchall()
