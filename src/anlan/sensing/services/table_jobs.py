"""Tables that a person brings in over the pages: counted and kept by the clockwork, chunk by chunk.

A table lies in a folder of its own in the workspace.  The page writes what is asked, the clockwork how
far it is; neither writes the other's file.  After a crash the clockwork begins the table anew, and the
keys of its chunks see to it that nothing is kept twice.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import msgspec

from anlan.kernel.actor import Actor, Role
from anlan.kernel.errors import AnlanError
from anlan.sensing.domain.connector_errors import TableBusyError, TableUnknownError
from anlan.sensing.domain.map_files import read_map
from anlan.sensing.domain.payload_map import map_from_toml
from anlan.sensing.domain.table_shapes import TableShape
from anlan.sensing.services.here import workspace_here
from anlan.sensing.services.tables import RefusedFile, TableImport, import_steps, look_at
from anlan.sensing.store.places import put_whole

T = TypeVar("T")
KEPT = timedelta(days=7)
KEY_LETTERS = 32


class Job(msgspec.Struct, frozen=True):
    """A table, who brought it in, and for which areas."""

    owner: str
    role: Role
    areas: tuple[str, ...]
    name: str
    made_at: datetime


class Asked(msgspec.Struct, frozen=True):
    """What is to be done: counted only, or kept; ``turn`` tells one asking from the next."""

    dry_run: bool
    turn: str


class Progress(msgspec.Struct, frozen=True):
    """How far the clockwork is with what was asked."""

    turn: str
    dry_run: bool
    state: str  # running, done, failed
    lines: int = 0
    rows: int = 0
    kept: int = 0
    refused: dict[str, int] = {}
    error: str = ""
    params: dict[str, str] = {}


class TableJob(msgspec.Struct, frozen=True):
    """Everything known of a table that is being brought in."""

    key: str
    job: Job
    folder: Path
    asked: Asked | None
    progress: Progress | None

    @property
    def table(self) -> Path:
        """The file as it came."""
        suffix = ".xlsx" if self.job.name.lower().endswith(".xlsx") else ".csv"
        return self.folder / f"table{suffix}"

    @property
    def map_file(self) -> Path:
        """What the table is read by."""
        return self.folder / "table.toml"

    @property
    def refused_file(self) -> Path:
        """The rows that were not kept."""
        return self.folder / "refused.csv"

    @property
    def is_busy(self) -> bool:
        """Whether something is asked that is not done."""
        if self.asked is None:
            return False
        done = self.progress is not None and self.progress.turn == self.asked.turn
        return not done or (self.progress is not None and self.progress.state == "running")


def begin_table(actor: Actor, name: str, pieces: Iterable[bytes], *, now: datetime) -> TableJob:
    """Take a table in; nothing of it is kept as readings yet.

    Raises
    ------
    ImportUnreadableError
        When it is no table.
    """
    key = secrets.token_hex(KEY_LETTERS // 2)
    folder = workspace_here().imports / key
    folder.mkdir(mode=0o700, parents=True)
    job = Job(actor.id, actor.role, actor.areas, name[:100], now)
    found = TableJob(key, job, folder, None, None)
    try:
        with found.table.open("wb") as file:
            for piece in pieces:
                file.write(piece)
        look_at(found.table)
        put_whole(folder / "job.json", msgspec.json.encode(job))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return found


def table_job(actor: Actor, key: str) -> TableJob:
    """Return a table that the actor brought in.

    Raises
    ------
    TableUnknownError
        When there is none, or it is somebody else's.
    """
    known = len(key) == KEY_LETTERS and key.isascii() and key.isalnum()
    found = _job(workspace_here().imports / key) if known else None
    if found is None or found.job.owner != actor.id:
        raise TableUnknownError(what="table", id=key[:KEY_LETTERS])
    return found


def own_tables(actor: Actor) -> tuple[TableJob, ...]:
    """Return the tables that the actor brought in, newest first."""
    found = [one for one in _jobs() if one.job.owner == actor.id]
    return tuple(sorted(found, key=lambda one: one.job.made_at, reverse=True))


def shape_of_table(found: TableJob) -> TableShape:
    """Return how a table is written."""
    return look_at(found.table)


def choose_map(found: TableJob, text: str) -> None:
    """Say what a table is read by.

    Raises
    ------
    TableBusyError
        While it is counted or kept.
    MapWrongError
        When the text is no map.
    """
    if found.is_busy:
        raise TableBusyError(what="table")
    map_from_toml(text)
    put_whole(found.map_file, text.encode())


def remember_map(found: TableJob) -> None:
    """Put what a table is read by among the workspace's maps, when it has a name of its own."""
    payload_map = read_map(found.map_file, name_matters=False)
    target = workspace_here().connectors / f"{payload_map.id}.toml"
    if payload_map.id != found.map_file.stem and not target.exists():
        target.parent.mkdir(exist_ok=True)
        put_whole(target, found.map_file.read_bytes())


def ask(found: TableJob, *, dry_run: bool) -> None:
    """Have a table counted, or kept; asked while it is busy nothing changes."""
    if not found.is_busy:
        asked = Asked(dry_run, secrets.token_hex(8))
        put_whole(found.folder / "asked.json", msgspec.json.encode(asked))


def discard_table(found: TableJob) -> None:
    """Throw a table away; readings that were kept stay."""
    shutil.rmtree(found.folder, ignore_errors=True)


def sweep_tables(*, now: datetime) -> int:
    """Take away tables that lie for more than a week; return how many."""
    old = [one for one in _jobs() if one.job.made_at <= now - KEPT]
    for one in old:
        discard_table(one)
    return len(old)


def _jobs() -> Iterator[TableJob]:
    folder = workspace_here().imports
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if (found := _job(path)) is not None:
            yield found


def _job(folder: Path) -> TableJob | None:
    try:
        job = msgspec.json.decode((folder / "job.json").read_bytes(), type=Job)
    except (OSError, msgspec.DecodeError):
        return None
    asked = _read(folder / "asked.json", Asked)
    return TableJob(folder.name, job, folder, asked, _read(folder / "progress.json", Progress))


def _read(path: Path, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


_running: dict[tuple[Path, str], Iterator[TableImport]] = {}
"""Where this process is with each table; another process begins anew, and keeps nothing twice."""


def advance_tables(*, now: datetime, goes_on: Callable[[], bool]) -> int:
    """Do some of what is asked of tables, a chunk at a time; return how many chunks."""
    chunks = 0
    for found in _jobs():
        while found.asked is not None and goes_on() and found.is_busy:
            chunks += 1
            if not _one_chunk(found, found.asked, now=now):
                break
    return chunks


def _one_chunk(found: TableJob, asked: Asked, *, now: datetime) -> bool:
    """Do a chunk; return whether there is more."""
    place = (found.folder, asked.turn)
    if place not in _running:
        _running[place] = _steps(found, asked, now=now)
    try:
        progress = _progress(asked, next(_running[place]), "running")
    except StopIteration:
        last = _read(found.folder / "progress.json", Progress)
        ran = last is not None and last.turn == asked.turn
        progress = (
            msgspec.structs.replace(last, state="done")
            if ran and last is not None
            else Progress(asked.turn, asked.dry_run, "done")
        )
    except AnlanError as error:
        params = {name: str(value) for name, value in error.params.items()}
        progress = Progress(asked.turn, asked.dry_run, "failed", error=error.code, params=params)
    if progress.state != "running":
        del _running[place]
    with contextlib.suppress(FileNotFoundError):  # thrown away meanwhile
        put_whole(found.folder / "progress.json", msgspec.json.encode(progress))
        return progress.state == "running"
    return False


def _progress(asked: Asked, done: TableImport, state: str) -> Progress:
    return Progress(
        asked.turn, asked.dry_run, state, done.lines, done.rows, done.kept, dict(done.refused)
    )


def _steps(found: TableJob, asked: Asked, *, now: datetime) -> Iterator[TableImport]:
    job = found.job
    actor = Actor(job.owner, job.role, areas=job.areas, scopes=frozenset({"signs:write"}))
    refused = RefusedFile(found.refused_file)
    try:
        yield from import_steps(
            actor,
            found.table,
            read_map(found.map_file, name_matters=False),
            dry_run=asked.dry_run,
            now=now,
            refused=refused.add,
        )
    finally:
        refused.close()
