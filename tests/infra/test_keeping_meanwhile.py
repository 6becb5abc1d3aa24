"""A backup while the workspace lives: what changes meanwhile is in all its parts or in none."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from anlan.infra import keeping
from anlan.infra.keeping import saving
from tests.infra.kept import NOW, a_workspace, rows, write_entries


@pytest.fixture
def place(tmp_path):
    return a_workspace(tmp_path / "live")


@pytest.mark.parametrize("what", ["segment sealed", "content destroyed", "key rotated"])
def test_what_happens_between_the_copies_is_in_both_or_neither(place, tmp_path, monkeypatch, what):
    """Else the restored workspace would hold a thing of which its journal knows nothing."""
    waiting = [what]

    def meanwhile(name):
        if name != "backup.databases_copied" or not waiting:
            return
        waiting.pop()
        if what == "segment sealed":
            (place.observations / "segments" / "2026" / "0002.parquet").write_bytes(b"PAR1")
        elif what == "key rotated":
            (place.keys / "ledger-1.pem").rename(place.keys / "ledger-2.pem")
        else:
            sql = "UPDATE infra_contentitem SET destroyed_at = 'now' WHERE id = 'content-1'"
            with closing(sqlite3.connect(place.contents)) as base, base:
                base.execute(sql)
        write_entries(place, 1)  # as lawful: with its entry

    monkeypatch.setattr(saving.failpoints, "reach", meanwhile)
    made = keeping.backup(place, tmp_path / "b.tar.gz", now=NOW)
    assert made.journal_seq == 6
    back = keeping.restore(tmp_path / "b.tar.gz", tmp_path / "back")
    assert rows(back.workspace.database, "SELECT seq FROM infra_journalhead") == [(6,)]
    kept = {path.name for path in back.workspace.keys.iterdir()}
    assert kept == {path.name for path in place.keys.iterdir()}


def test_a_key_that_takes_over_after_the_databases_were_copied_is_not_the_copys(
    place, tmp_path, monkeypatch
):
    """Its row is not in the copy either: what the copy's journal names must be there."""
    files_of = saving._files_of

    def later(place_):
        old = place.keys / "ledger-1.pem"
        if (tmp_path / "copied").exists() and old.exists():
            old.rename(place.keys / "ledger-2.pem")
        return files_of(place_)

    monkeypatch.setattr(saving, "_files_of", later)
    copy_settled = saving._copy_settled

    def copied(*given):
        done = copy_settled(*given)
        (tmp_path / "copied").touch()
        return done

    monkeypatch.setattr(saving, "_copy_settled", copied)
    keeping.backup(place, tmp_path / "b.tar.gz", now=NOW)
    back = keeping.restore(tmp_path / "b.tar.gz", tmp_path / "back")
    assert (back.workspace.keys / "ledger-1.pem").exists()
    assert not (back.workspace.keys / "ledger-2.pem").exists()
