"""Back up a workspace while it runs, and restore it into an empty folder."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from anlan import __version__
from anlan.infra import failpoints, workspace
from anlan.infra.keeping import archive
from anlan.infra.keeping.archive import Manifest
from anlan.infra.keeping.databases import (
    Database,
    JournalMark,
    PostgresServer,
    SqliteFile,
    check_copy,
    sqlite_mark,
)
from anlan.infra.keeping.errors import (
    BackupInsideError,
    BadArchiveError,
    NewerFormatError,
    TargetTakenError,
    UnkeepableError,
)
from anlan.infra.workspace import Workspace
from anlan.kernel.errors import ConflictError

#: Copied in this order: what a row names was written before the row, so a copy made
#: after the row's own holds it (contents, segments, keys).
ORDER = ("default", "contents")
FILES = {"default": "anlan.sqlite3", "contents": "contents.sqlite3"}
DUMPS = {"default": "anlan.pgdump", "contents": "contents.pgdump"}
#: Not part of a backup: logs, rehearsals (made again from their scenario), tables that are being
#: brought in (whoever does still has them), heart-beats, and the judge's memory, which follows from
#: readings and alerts.
LEFT_OUT = frozenset(
    {"imports", "judge", "logs", "replays", "worker.beat", "worker.failing", "worker.lock"}
)
#: Who writes the observations, where it listens, how far they were proven, and what they have seen of the
#: journal, which may be more than the copy of the database has: of this moment and machine only.
OF_THE_WRITER = frozenset(
    f"observations/{name}" for name in ("writer.lock", "writer.json", "round.json", "witness.json")
)
LOG = "observations/log/"
MANIFEST = "observations/manifest.json"
COPY_TRIES = 5
_SQLITE = tuple(
    name + tail
    for name in FILES.values()
    for tail in ("", "-wal", "-shm", "-journal", "-turn", "-next")
)

Databases = Mapping[str, Database]
#: Proves a restored workspace from end to end; returns what is wrong.
Verify = Callable[[Workspace], Sequence[str]]


@dataclass(frozen=True, slots=True)
class BackedUp:
    """A backup that is written and whole."""

    path: Path
    journal_seq: int
    files: int
    size: int


@dataclass(frozen=True, slots=True)
class Restored:
    """A workspace that was brought back; ``breaches`` is what its proof found wrong."""

    workspace: Workspace
    journal_seq: int
    made_at: datetime
    breaches: tuple[str, ...]


def own_databases(place: Workspace) -> dict[str, Database]:
    """Return the SQLite files of a workspace."""
    return {"default": SqliteFile(place.database), "contents": SqliteFile(place.contents)}


def backup(
    place: Workspace, target: Path, *, now: datetime, databases: Databases | None = None
) -> BackedUp:
    """Write one consistent copy of the workspace to ``target`` (``.tar.zst`` or ``.tar.gz``).

    Others may write meanwhile: the copy ends at one entry of the journal, named in
    the manifest, and holds everything that entries up to there name.
    """
    archive.check_name(target)
    if target.resolve().is_relative_to(place.root.resolve()):
        raise BackupInsideError(path=target.name)
    if target.exists():
        raise TargetTakenError(path=target.name)
    sources = databases or own_databases(place)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".anlan-backup-", dir=target.parent) as folder:
        staged, mark = _copy_settled(place, sources, Path(folder))
        members = [*staged, *_stage_files(place, Path(folder))]
        manifest = Manifest(
            format=archive.FORMAT,
            made_at=now,
            anlan=__version__,
            workspace=place.id,
            workspace_format=workspace.FORMAT,
            kind=place.kind.value,
            timezone=place.timezone,
            database=sources["default"].vendor,  # type: ignore[arg-type]
            journal_seq=mark.seq,
            journal_leaf=mark.leaf,
            files=tuple(archive.described(name, path) for name, path in members),
        )
        archive.write(target, manifest, members)
    return BackedUp(
        path=target,
        journal_seq=mark.seq,
        files=len(manifest.files),
        size=target.stat().st_size,
    )


def _copy_settled(
    place: Workspace, sources: Databases, folder: Path
) -> tuple[list[tuple[str, Path]], JournalMark]:
    """Copy keys and databases until no segment, destruction or new key came meanwhile.

    All are rare.  The first two would lie in the backup without their entry in the journal's
    copy: lawful, but nothing in the restored workspace could prove it.  A key that took over
    would be named in the journal's copy without its private half, and seal nothing any more.
    """
    for _ in range(COPY_TRIES):
        before = _unrecorded(place, sources)
        keys = _copy_keys(place, folder)
        databases, mark = _copy_databases(sources, folder)
        failpoints.reach("backup.databases_copied")
        readings = _copy_readings(place, folder)
        if _unrecorded(place, sources) == before:
            break
    return [*databases, *keys, *readings], mark


def _unrecorded(place: Workspace, sources: Databases) -> tuple[frozenset[str], int]:
    closed = place.observations / "segments"
    files = (path for part in (closed, place.keys) for path in part.rglob("*"))
    return frozenset(path.name for path in files if path.is_file()), sources["contents"].destroyed()


def _copy_keys(place: Workspace, folder: Path) -> list[tuple[str, Path]]:
    """Copy the keys as they are now; what an earlier try copied counts no more."""
    target = folder / "files" / "keys"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    copied = []
    for name, path in _files_of(place):
        if not name.startswith("keys/"):
            continue
        copy = folder / "files" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # it retired this very moment: tried again
            shutil.copyfile(path, copy)
            copied.append((name, copy))
    return copied


def _copy_readings(place: Workspace, folder: Path) -> list[tuple[str, Path]]:
    """Take the observations as they are now: the log, then the manifest, then the files it names.

    What the log gives up meanwhile, the manifest names.  Files never change: a second name for
    them is enough.  One that is merged away at this very moment makes it begin anew.
    """
    target = folder / "files" / "observations"
    for _ in range(COPY_TRIES):
        shutil.rmtree(target, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            return _readings_once(place, folder)
    raise ConflictError(what="the observations change faster than they can be copied")


def _readings_once(place: Workspace, folder: Path) -> list[tuple[str, Path]]:
    found = [one for one in _files_of(place) if one[0].startswith("observations/")]
    closed = "observations/segments/"
    # Up to where the log is kept is taken before the log: it is never less than that.
    order = [LOG + "synced", LOG]
    plain = [one for one in found if not one[0].startswith((closed, MANIFEST))]
    taken = []
    for name, path in sorted(plain, key=lambda one: [not one[0].startswith(x) for x in order]):
        copy = folder / "files" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # sealed this very moment
            shutil.copyfile(path, copy)
            taken.append((name, copy))
    if not (place.root / MANIFEST).exists():
        return taken
    copy = folder / "files" / MANIFEST
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(place.root / MANIFEST, copy)
    named = json.loads(copy.read_bytes())
    for item in (*named["segments"], *named["tables"], *named.get("thinned", ())):
        _second_name(
            place.root / (closed + item["name"]), folder / "files" / (closed + item["name"])
        )
        taken.append((closed + item["name"], folder / "files" / (closed + item["name"])))
    return [*taken, (MANIFEST, copy)]


def _second_name(path: Path, copy: Path) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    try:
        copy.hardlink_to(path)
    except FileNotFoundError:
        raise
    except OSError:  # another disk
        shutil.copyfile(path, copy)


def _copy_databases(sources: Databases, folder: Path) -> tuple[list[tuple[str, Path]], JournalMark]:
    staged, mark = [], JournalMark(seq=0, leaf="")
    for alias in ORDER:
        source = sources[alias]
        name = (FILES if source.vendor == "sqlite" else DUMPS)[alias]
        (folder / name).unlink(missing_ok=True)
        found = source.copy(folder / name)
        if alias == "default" and found is not None:
            mark = found
        staged.append((name, folder / name))
    return staged, mark


def _stage_files(place: Workspace, folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files; those that may be replaced while they are read are copied first."""
    for name, path in _files_of(place):
        if name.startswith(("keys/", "observations/")):
            continue  # copied with the journal that names them
        copy = folder / "files" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        yield name, copy


def _files_of(place: Workspace) -> Iterator[tuple[str, Path]]:
    """Yield every file of the workspace but the databases and what is left out."""
    for path in sorted(place.root.rglob("*")):
        name = path.relative_to(place.root).as_posix()
        top = name.partition("/")[0]
        if top in LEFT_OUT or name in _SQLITE or name in OF_THE_WRITER or name.endswith(".part"):
            continue
        if path.is_symlink():
            raise UnkeepableError(name=name)
        if path.is_file():
            yield name, path


def restore(
    source: Path,
    into: Path,
    *,
    databases: Databases | None = None,
    verify: Verify | None = None,
) -> Restored:
    """Bring a backup back into an empty folder; nothing is put in place unless all of it is sound.

    ``databases`` are the empty PostgreSQL databases for a backup that was made from
    PostgreSQL.  ``verify`` proves the restored workspace (ledger, contents, segments).

    Raises
    ------
    TargetTakenError
        When ``into`` holds anything: a restore never overwrites.
    BadArchiveError
        When the archive was damaged or changed.
    NewerFormatError
        When a later Anlan made it.
    """
    archive.check_name(source)
    if into.exists() and any(into.iterdir()):
        raise TargetTakenError(path=into.name)
    into.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".anlan-restore-", dir=into.parent) as folder:
        staged = Path(folder) / "workspace"
        staged.mkdir(mode=0o700)
        manifest = archive.unpack(source, staged)
        _check_restored(manifest, staged)
        _open_up(staged)
        failpoints.reach("restore.unpacked")
        if manifest.database == "postgresql":
            _bring_back(manifest, staged, databases or {})
        _put_in_place(staged, into)
    place = workspace.load(into)
    return Restored(
        workspace=place,
        journal_seq=manifest.journal_seq,
        made_at=manifest.made_at,
        breaches=tuple(verify(place)) if verify is not None else (),
    )


def _check_restored(manifest: Manifest, staged: Path) -> None:
    if manifest.workspace_format > workspace.FORMAT:
        raise NewerFormatError(found=manifest.workspace_format, known=workspace.FORMAT)
    names = {file.name for file in manifest.files}
    wanted = set((FILES if manifest.database == "sqlite" else DUMPS).values()) | {workspace.FILE}
    if not wanted <= names:
        raise BadArchiveError(problem="files_missing", count=len(wanted - names))
    place = workspace.load(staged)
    if (place.id, place.kind.value) != (manifest.workspace, manifest.kind):
        raise BadArchiveError(problem="other_workspace")
    if manifest.database == "sqlite":
        for name in FILES.values():
            check_copy(staged / name)
        with closing(sqlite3.connect(staged / FILES["default"])) as connection:
            _check_mark(manifest, sqlite_mark(connection))


def _check_mark(manifest: Manifest, found: JournalMark | None) -> None:
    mark = found or JournalMark(seq=0, leaf="")
    if (mark.seq, mark.leaf) != (manifest.journal_seq, manifest.journal_leaf):
        raise BadArchiveError(problem="journal_end")


def _bring_back(manifest: Manifest, staged: Path, databases: Databases) -> None:
    for alias in ORDER:
        server = databases.get(alias)
        if not isinstance(server, PostgresServer):
            raise BadArchiveError(problem="needs_postgresql", name=alias)
        dump = staged / DUMPS[alias]
        server.bring_back(dump)
        dump.unlink()
        if alias == "default":
            _check_mark(manifest, server.mark())


def _open_up(staged: Path) -> None:
    """Make the folders a workspace has even when they were empty, with their permissions."""
    for name in ("observations", "keys", "logs"):
        (staged / name).mkdir(exist_ok=True)
    (staged / "keys").chmod(0o700)


def _put_in_place(staged: Path, into: Path) -> None:
    for folder in [staged, *(path for path in staged.rglob("*") if path.is_dir())]:
        archive.sync_folder(folder)
    if into.exists():
        into.rmdir()
    shutil.move(staged, into)
    archive.sync_folder(into.parent)
