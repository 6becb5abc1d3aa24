"""What every benchmark prints: a figure, and beside it a limit or peer of the same run."""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
import time
from pathlib import Path


def line(
    what: str,
    value: float,
    unit: str,
    *,
    beside: str,
    limit: float,
    more_is_better: bool = True,
    must: bool = False,
) -> bool:
    """Print one line and return whether it is within its limit.

    ``must`` says that the limit is a promise of the project, not a peer.
    """
    ratio = value / limit if limit else float("nan")
    good = ratio >= 1 if more_is_better else ratio <= 1
    verdict = ("ok" if good else "MISSED") if must else "peer"
    print(
        f"{what:<58} {value:>12,.2f} {unit:<10} | {beside}: {limit:,.2f} {unit}"
        f" | ratio {ratio:.3f} | {verdict}",
        flush=True,
    )
    return good or not must


def sqlite_commits_per_s(folder: Path, *, seconds: float = 2.0) -> float:
    """Return how many small durable commits the disk under ``folder`` takes in a second."""
    path = folder / "commits.sqlite3"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT)")
    count, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO t (x) VALUES (?)", ("x" * 300,))
        connection.execute("COMMIT")
        count += 1
    connection.close()
    return count / seconds


def workspace_folder() -> Path:
    """Return a fresh folder for a benchmark's own workspace, on the disk of the repository."""
    base = Path(__file__).resolve().parent.parent / "var" / "bench"
    base.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=base))


def wait_until_idle(workspace: Path, command: str, *, patience_s: float = 600.0) -> None:
    """Wait until the process of a workspace that runs ``anlan COMMAND`` has no more work of its own."""
    began = time.perf_counter()
    while _cpu_s(workspace, command, over_s=3.0) > 0.3:
        if time.perf_counter() - began > patience_s:
            raise SystemExit(f"anlan {command} still works after {patience_s:.0f} s")
    print(f"  (anlan {command} had no more to do after {time.perf_counter() - began:.0f} s)")


def _cpu_s(workspace: Path, command: str, *, over_s: float) -> float:
    """Return the processor time that such processes use in a while."""

    def used() -> float:
        ticks = 0
        for process in Path("/proc").glob("[0-9]*"):
            try:
                is_it = f"anlan\0{command}\0" in (process / "cmdline").read_text()
                if is_it and f"ANLAN_WORKSPACE={workspace}\0" in (process / "environ").read_text():
                    parts = (process / "stat").read_text().rpartition(")")[2].split()
                    ticks += int(parts[11]) + int(parts[12])
            except OSError:
                continue  # it has just ended
        return ticks / os.sysconf("SC_CLK_TCK")

    before = used()
    time.sleep(over_s)
    return used() - before


def end(*, good: bool) -> None:
    """Leave with the exit code that ``make bench`` looks at."""
    sys.stdout.flush()
    os._exit(0 if good else 1)
