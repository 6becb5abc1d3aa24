"""Backup and restore: consistent while it runs, whole or not at all, and never overwriting."""

import gzip
import io
import json
import os
import sqlite3
import stat
import tarfile
import threading
import tracemalloc
from contextlib import closing
from pathlib import Path

import pytest

from anlan.infra import keeping, workspace
from anlan.infra.failpoints import FailpointError, arm
from anlan.infra.keeping import archive
from anlan.infra.keeping.errors import (
    ArchiveNameError,
    BackupInsideError,
    BadArchiveError,
    NewerFormatError,
    NoRoomError,
    TargetTakenError,
    UnkeepableError,
)
from tests.infra.kept import NOW, a_workspace, rows, write_entries


@pytest.fixture(autouse=True)
def disarmed():
    yield
    arm("")


@pytest.fixture
def place(tmp_path):
    return a_workspace(tmp_path / "live")


def tree(root):
    left_out = {"logs/anlan.log", "worker.beat"}
    found = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    return {
        name: path.read_bytes()
        for name, path in found.items()
        if "sqlite3" not in name and name not in left_out
    }


@pytest.mark.parametrize("name", ["b.tar.zst", "b.tar.gz", "b.tgz"])
def test_what_is_backed_up_comes_back_equal(place, tmp_path, name):
    target = tmp_path / "backups" / name
    done = keeping.backup(place, target, now=NOW)
    assert (done.journal_seq, done.path) == (5, target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    back = keeping.restore(target, tmp_path / "back", verify=lambda found: [found.id])
    assert (back.workspace.id, back.journal_seq, back.made_at) == (place.id, 5, NOW)
    assert back.breaches == (place.id,)
    assert tree(tmp_path / "back") == tree(place.root)
    for base, table in (("anlan", "infra_journalentry"), ("contents", "infra_contentitem")):
        sql = f"SELECT * FROM {table}"
        assert rows(tmp_path / "back" / f"{base}.sqlite3", sql) == rows(
            place.root / f"{base}.sqlite3", sql
        )
    assert stat.S_IMODE((tmp_path / "back" / "keys").stat().st_mode) == 0o700
    for key in (tmp_path / "back" / "keys").iterdir():
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back", "backups", "live"]
    assert [path.name for path in target.parent.iterdir()] == [name]


def test_a_copy_made_while_others_write_holds_one_moment(place, tmp_path):
    stop = threading.Event()

    def keep_writing():
        while not stop.is_set():
            write_entries(place, 1)

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        copies = [keeping.backup(place, tmp_path / f"{n}.tar.gz", now=NOW) for n in range(4)]
    finally:
        stop.set()
        writer.join()
    assert copies[-1].journal_seq > copies[0].journal_seq >= 5
    for n, copy in enumerate(copies):
        back = keeping.restore(copy.path, tmp_path / f"back{n}").workspace
        named = {row[0] for row in rows(back.database, "SELECT content FROM named")}
        kept = {row[0] for row in rows(back.contents, "SELECT id FROM infra_contentitem")}
        # Every content that a row of the copy names is in the copy.
        assert len(named) == copy.journal_seq
        assert named <= kept


def test_nothing_is_ever_overwritten(place, tmp_path):
    target = tmp_path / "b.tar.gz"
    target.write_text("mine")
    with pytest.raises(TargetTakenError):
        keeping.backup(place, target, now=NOW)
    assert target.read_text() == "mine"
    target.unlink()
    keeping.backup(place, target, now=NOW)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    with pytest.raises(TargetTakenError):
        keeping.restore(target, tmp_path / "full")
    (tmp_path / "empty").mkdir()
    assert keeping.restore(target, tmp_path / "empty").journal_seq == 5


def test_a_name_says_how_it_is_packed(place, tmp_path):
    for name in ("b.zip", "b.tar", "b"):
        with pytest.raises(ArchiveNameError):
            keeping.backup(place, tmp_path / name, now=NOW)
    assert not list(tmp_path.glob(".anlan*"))


def test_a_backup_does_not_lie_in_what_it_saves(place, tmp_path):
    (tmp_path / "link").symlink_to(place.root)
    for target in (place.root / "b.tar.gz", tmp_path / "link" / "segments" / "b.tar.zst"):
        with pytest.raises(BackupInsideError):
            keeping.backup(place, target, now=NOW)
    assert not list(place.root.rglob("*.tar.*"))


def test_a_link_is_refused_rather_than_left_out(place, tmp_path):
    (place.observations / "segments" / "elsewhere").symlink_to(tmp_path)
    with pytest.raises(UnkeepableError):
        keeping.backup(place, tmp_path / "b.tar.gz", now=NOW)


@pytest.mark.parametrize("step", ["backup.databases_copied", "backup.written"])
def test_a_backup_that_breaks_leaves_nothing_that_looks_like_one(place, tmp_path, step):
    (tmp_path / "backups").mkdir()
    arm(f"{step}:raise")
    with pytest.raises(FailpointError):
        keeping.backup(place, tmp_path / "backups" / "b.tar.gz", now=NOW)
    assert list((tmp_path / "backups").iterdir()) == []
    keeping.backup(place, tmp_path / "backups" / "b.tar.gz", now=NOW)


def test_a_restore_that_breaks_leaves_nothing_that_looks_like_a_workspace(place, tmp_path):
    target = keeping.backup(place, tmp_path / "b.tar.gz", now=NOW).path
    arm("restore.unpacked:raise")
    with pytest.raises(FailpointError):
        keeping.restore(target, tmp_path / "back")
    assert not (tmp_path / "back").exists()
    assert not list(tmp_path.glob(".anlan*"))


# -- archives that were changed -------------------------------------------------------------


def members_of(target):
    with tarfile.open(target) as tar:
        return [(member, tar.extractfile(member).read()) for member in tar.getmembers()]


def rewrite(target, members):
    target.unlink()
    with gzip.open(target, "wb") as packed, tarfile.open(mode="w|", fileobj=packed) as tar:
        for member, data in members:
            member.size = len(data) if member.isreg() else 0
            tar.addfile(member, io.BytesIO(data) if member.isreg() else None)


def manifest_with(members, change):
    (head, text), *rest = members
    manifest = json.loads(text)
    change(manifest)
    return [(head, json.dumps(manifest).encode()), *rest]


def refused(target, tmp_path, problem, error=BadArchiveError):
    with pytest.raises(error) as raised:
        keeping.restore(target, tmp_path / "back")
    assert raised.value.params.get("problem", problem) == problem
    assert not (tmp_path / "back").exists()
    assert not list(tmp_path.glob(".anlan*"))
    assert not list(tmp_path.parent.glob("escaped*"))


@pytest.fixture
def target(place, tmp_path):
    return keeping.backup(place, tmp_path / "b.tar.gz", now=NOW).path


UNSAFE = [
    "../escaped", "/tmp/escaped", "a/../../escaped", "..", "a\\..\\b", "C:/x", "a//b", "./a", "",
    "a/./b", "nul\0byte",
]  # fmt: skip


@pytest.mark.parametrize("name", UNSAFE)
def test_a_name_that_leaves_the_folder_is_refused(target, tmp_path, name):
    def change(manifest):
        manifest["files"][0]["name"] = name

    rewrite(target, manifest_with(members_of(target), change))
    refused(target, tmp_path, "unsafe_name")


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE]
)
def test_only_plain_files_are_taken(target, tmp_path, kind):
    members = members_of(target)
    link, _ = members[1]
    link.type, link.linkname = kind, "/etc/passwd"
    rewrite(target, members)
    refused(target, tmp_path, "unexpected_member")


def test_a_file_that_the_manifest_does_not_name_is_refused(target, tmp_path):
    extra = tarfile.TarInfo("keys/extra.pem")
    rewrite(target, [*members_of(target), (extra, b"x")])
    refused(target, tmp_path, "unexpected_member")


def test_a_file_that_comes_twice_is_refused(target, tmp_path):
    members = members_of(target)
    rewrite(target, [*members, members[-1]])
    refused(target, tmp_path, "unexpected_member")


def test_a_missing_file_is_noticed(target, tmp_path):
    rewrite(target, members_of(target)[:-1])
    refused(target, tmp_path, "files_missing")


@pytest.mark.parametrize("index", range(1, 8))
def test_a_changed_byte_in_any_file_is_noticed(target, tmp_path, index):
    members = members_of(target)
    member, data = members[index]
    members[index] = (member, data[:-1] + bytes([data[-1] ^ 1]))
    rewrite(target, members)
    refused(target, tmp_path, "hash")


def test_there_are_as_many_files_as_the_last_test_changes(target):
    names = [member.name for member, _ in members_of(target)]
    assert names[0] == "manifest.json"
    assert sorted(names[1:]) == [
        "anlan.sqlite3", "contents.sqlite3", "keys/ledger-1.pem", "keys/server.secret",
        "observations/manifest.json", "observations/segments/2026/0001.parquet", "workspace.toml",
    ]  # fmt: skip


@pytest.mark.parametrize("cut", [0, 1, 10, 200, -1, -200])
@pytest.mark.parametrize("name", ["b.tar.gz", "b.tar.zst"])
def test_a_cut_off_or_scrambled_archive_is_refused(place, tmp_path, name, cut):
    target = tmp_path / "cut" / name
    keeping.backup(place, target, now=NOW)
    data = target.read_bytes()
    target.write_bytes(data[:cut] if cut else b"")
    with pytest.raises(BadArchiveError):
        keeping.restore(target, tmp_path / "back")
    scrambled = bytearray(data)
    scrambled[len(data) // 2] ^= 0xFF
    target.write_bytes(scrambled)
    with pytest.raises(BadArchiveError):
        keeping.restore(target, tmp_path / "back")
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
@pytest.mark.parametrize("first", [True, False])
def test_a_header_that_would_fill_the_memory_is_refused(target, tmp_path, kind, first):
    """The reader of archives takes such a text into memory whole, whatever its size."""
    members = members_of(target)
    bomb = tarfile.TarInfo("bomb")
    bomb.type, bomb.size = kind, 256 * 1024 * 1024
    with tarfile.open(target, "w:gz") as tar:
        for place, (member, data) in enumerate(members):
            if place == (0 if first else 1):
                tar.fileobj.write(bomb.tobuf(tarfile.GNU_FORMAT))
                tar.fileobj.write(bytes(bomb.size))
            tar.addfile(member, io.BytesIO(data))
    tracemalloc.start()
    refused(target, tmp_path, "header_too_large")
    assert tracemalloc.get_traced_memory()[1] < 64 * 1024 * 1024
    tracemalloc.stop()


def test_an_archive_of_a_later_version_is_refused(target, tmp_path):
    members = members_of(target)
    rewrite(target, manifest_with(members, lambda m: m.update(format=2, new_thing=1)))
    refused(target, tmp_path, None, NewerFormatError)
    rewrite(target, manifest_with(members, lambda m: m.update(workspace_format=99)))
    refused(target, tmp_path, None, NewerFormatError)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda m: m.update(journal_seq=4), "journal_end"),
        (lambda m: m.update(journal_leaf="0" * 64), "journal_end"),
        (lambda m: m.update(workspace="other"), "other_workspace"),
        (lambda m: m.update(kind="rehearsal"), "other_workspace"),
        (lambda m: m.pop("files"), "manifest_unreadable"),
        (lambda m: m.update(files=m["files"] * 2), "named_twice"),
        (lambda m: m.update(database="postgresql"), "files_missing"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(target, tmp_path, change, problem):
    rewrite(target, manifest_with(members_of(target), change))
    refused(target, tmp_path, problem)


def test_an_archive_that_does_not_fit_on_the_disk_is_refused_before_it_is_written(target, tmp_path):
    members = manifest_with(members_of(target), lambda m: m["files"][0].update(size=1 << 60))
    rewrite(target, members)
    refused(target, tmp_path, None, NoRoomError)


def test_no_manifest_no_backup(tmp_path):
    target = tmp_path / "b.tar.gz"
    with tarfile.open(target, "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("workspace.toml"), io.BytesIO())
    refused(target, tmp_path, "no_manifest")


def test_a_damaged_database_is_not_put_in_place(place, tmp_path):
    base = tmp_path / "broken"
    a_workspace(base)
    with (base / "anlan.sqlite3").open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(4096))
    broken = workspace.load(base)
    files = [("anlan.sqlite3", broken.database), ("contents.sqlite3", broken.contents)]
    files.append((workspace.FILE, broken.root / workspace.FILE))
    manifest = archive.Manifest(
        format=1, made_at=NOW, anlan="0", workspace=broken.id, workspace_format=1, kind="live",
        timezone=broken.timezone, database="sqlite", journal_seq=5, journal_leaf="",
        files=tuple(archive.described(name, path) for name, path in files),
    )  # fmt: skip
    target = tmp_path / "b.tar.gz"
    archive.write(target, manifest, files)
    with pytest.raises(BadArchiveError):
        keeping.restore(target, tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_a_gap_in_the_journal_is_not_put_in_place(place, tmp_path):

    with closing(sqlite3.connect(place.database)) as base, base:
        base.execute("DELETE FROM infra_journalentry WHERE seq = 3")
    target = keeping.backup(place, tmp_path / "b.tar.gz", now=NOW).path
    refused(target, tmp_path, "journal_gap")


def test_equal_content_gives_equal_archives(place, tmp_path):
    one = keeping.backup(place, tmp_path / "1.tar.gz", now=NOW).path
    two = keeping.backup(place, tmp_path / "2.tar.gz", now=NOW).path
    assert Path(one).read_bytes() == Path(two).read_bytes()
