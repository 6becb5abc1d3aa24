"""Runs as folders: what was asked, how far it is, what it left; whole files or none.

    replays/runs/0007/  order.json  progress.json  end.json  summary.json  story.json
                        review.json  workspace/ (the rehearsal itself)

``replays/running.lock`` is held by whoever runs a replay for a page.  The lock belongs to the
open file and passes to the child process with it: it ends with that process, however it ends.
It says the number of its run.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from anlan.learning.domain.runs import (
    RunEnd,
    RunningError,
    RunOrder,
    RunProgress,
    RunSeen,
    RunState,
    RunUnknownError,
    StoppedError,
)
from anlan.learning.domain.story import STORY_FILE, Story
from anlan.learning.domain.story import from_json as story_of_bytes
from anlan.learning.domain.summary import SUMMARY_FILE, Summary
from anlan.learning.domain.summary import from_json as summary_of_bytes

ORDER, PROGRESS, END, STOP = "order.json", "progress.json", "end.json", "stop"
REVIEW_FILE = "review.json"
WORKSPACE = "workspace"
PACK = "city-here"  # the pack of the city as it stood, when that was asked for
LOCK = "running.lock"
#: Rehearsal workspaces that are kept, some 15 MB each; results of a few KB stay for good.
WORKSPACES_KEPT = 5
TRIES = 25
T = TypeVar("T", bound=msgspec.Struct)


def folder_of(replays: Path, number: int) -> Path:
    """Return where a run lies, whether it is there or not."""
    return replays / "runs" / f"{number:04d}"


def workspace_of(replays: Path, number: int) -> Path:
    """Return the rehearsal workspace of a run."""
    return folder_of(replays, number) / WORKSPACE


def write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_bytes(data)
    part.replace(path)


def _numbers(replays: Path) -> list[int]:
    names = [path.name for path in (replays / "runs").glob("[0-9]*") if path.is_dir()]
    return sorted(int(name) for name in names if name.isascii() and name.isdecimal())


def new_run(replays: Path, order: RunOrder) -> int:
    """Make the folder of a run and return its number: the next one that nobody took."""
    (replays / "runs").mkdir(parents=True, exist_ok=True)
    number = max(_numbers(replays), default=0) + 1
    while True:
        try:
            folder_of(replays, number).mkdir()
            break
        except FileExistsError:
            number += 1
    write(folder_of(replays, number) / ORDER, msgspec.json.encode(order))
    return number


@contextmanager
def the_only_one(replays: Path) -> Iterator[int]:
    """Hold the lock of running replays; give its open file, to be handed to a child.

    Raises
    ------
    RunningError
        When somebody holds it.
    """
    replays.mkdir(parents=True, exist_ok=True)
    file = os.open(replays / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(file, replays)
        yield file
    finally:
        os.close(file)  # the child's copy keeps the lock


def _take(file: int, replays: Path) -> None:
    for _ in range(TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # A page that looks whether something runs holds it for an instant, too.
            number = running(replays)
            if number is not None:
                break
            time.sleep(0.02)
        else:
            os.ftruncate(file, 0)
            return
    raise RunningError(number=running(replays) or "–")


def is_running(replays: Path) -> bool:
    """Return whether a replay runs for a page now."""
    if not (replays / LOCK).exists():
        return False
    file = os.open(replays / LOCK, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def mark(lock: int, number: int) -> None:
    """Write into the lock whose it is."""
    os.pwrite(lock, f"{number}".encode(), 0)


def running(replays: Path) -> int | None:
    """Return the number of the run under way, or None."""
    if not is_running(replays):
        return None
    text = (replays / LOCK).read_text(encoding="ascii")
    number = int(text) if text.isdecimal() else None
    return None if number is None or _is_over(replays, number) else number


def _is_over(replays: Path, number: int) -> bool:
    return (folder_of(replays, number) / END).exists()


def _read(path: Path, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError):
        return None


def note_progress(folder: Path, progress: RunProgress) -> None:
    """Say how far a run has come.

    Raises
    ------
    StoppedError
        When somebody asked it to stop.
    """
    if (folder / STOP).exists():
        raise StoppedError
    write(folder / PROGRESS, msgspec.json.encode(progress))


def stop(replays: Path, number: int) -> None:
    """Ask a run to stop; one that is over stays as it is."""
    seen = run(replays, number)
    if seen.state == "running":
        (folder_of(replays, number) / STOP).touch()


def order_of(replays: Path, number: int) -> RunOrder:
    """Return what was asked for.

    Raises
    ------
    RunUnknownError
        When there is no run of that number.
    """
    found = _read(folder_of(replays, number) / ORDER, RunOrder)
    if found is None:
        raise RunUnknownError(number=number)
    return found


def end(folder: Path, how: RunEnd) -> None:
    """Say how a run ended."""
    write(folder / END, msgspec.json.encode(how))


def keep_results(workspace: Path, folder: Path) -> None:
    """Copy what a rehearsal left to where it stays."""
    for name in (SUMMARY_FILE, STORY_FILE, REVIEW_FILE):
        if workspace != folder and (workspace / name).exists():
            write(folder / name, (workspace / name).read_bytes())


def forget_workspaces(replays: Path) -> None:
    """Remove the oldest rehearsal workspaces, and the packs made for them; results stay."""
    under_way = running(replays)
    there = [number for number in _numbers(replays) if workspace_of(replays, number).exists()]
    for number in [one for one in there if one != under_way][:-WORKSPACES_KEPT]:
        for name in (WORKSPACE, f"{WORKSPACE}-checkpoints", PACK):
            shutil.rmtree(folder_of(replays, number) / name, ignore_errors=True)


def run(replays: Path, number: int) -> RunSeen:
    """Return a run.

    Raises
    ------
    RunUnknownError
        When there is none of that number.
    """
    found = _seen(replays, number, under_way=running(replays))
    if found is None:
        raise RunUnknownError(number=number)
    return found


def latest(replays: Path) -> Iterator[RunSeen]:
    """Return the runs, the latest first, each read when it is asked for.

    One that cannot be read is left out.
    """
    under_way = running(replays)
    for number in reversed(_numbers(replays)):
        found = _seen(replays, number, under_way=under_way)
        if found is not None:
            yield found


def runs(replays: Path) -> list[RunSeen]:
    """Return all runs, the latest first."""
    return list(latest(replays))


def _seen(replays: Path, number: int, *, under_way: int | None) -> RunSeen | None:
    folder = folder_of(replays, number)
    order = _read(folder / ORDER, RunOrder)
    if order is None:
        return None
    ended = _read(folder / END, RunEnd)
    state: RunState = "running" if number == under_way else "broken"
    if ended is not None:
        state = "done" if not ended.code else "failed"
        state = "stopped" if ended.code == StoppedError.code else state
    return RunSeen(
        number=number,
        order=order,
        state=state,
        progress=_read(folder / PROGRESS, RunProgress),
        end=ended,
        has_workspace=workspace_of(replays, number).exists(),
    )


def result_of(replays: Path, number: int) -> tuple[Summary, Story]:
    """Return what a finished run left.

    Raises
    ------
    RunUnknownError
        When it left nothing, or nothing that this version can read.
    """
    folder = folder_of(replays, number)
    with suppress(OSError, msgspec.DecodeError):
        return (
            summary_of_bytes((folder / SUMMARY_FILE).read_bytes()),
            story_of_bytes((folder / STORY_FILE).read_bytes()),
        )
    raise RunUnknownError(number=number)
