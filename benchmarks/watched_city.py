"""A served city with 10,000 open cases and 5,000 sensors: what the benchmarks of the pages look at."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.served import Served, served

CASES, SENSORS = 10_000, 5_000
#: None of the cases falls due while it is looked at, and what the sensors said is fresh.
FILL = """
import os, sys, time
from datetime import UTC, datetime, timedelta
from anlan.entrypoints.cli import screen
screen.open_workspace()
from benchmarks import bench_watch, many_cases
many_cases.NOW = datetime.fromtimestamp(int(time.time()), UTC)
many_cases.fill({cases}, spare=timedelta(hours=2))
bench_watch.fill_sensors({sensors})
"""


@contextmanager
def busy_city(folder: Path) -> Iterator[Served]:
    """Serve it until the block ends."""
    with served(folder, fill=FILL.format(cases=CASES, sensors=SENSORS)) as place:
        yield place


def limit_files() -> None:
    """Let this process and its children hold as many connections as there are viewers."""
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, most), most))


def machine_note() -> None:
    """Say that the figures belong to this machine at this hour."""
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"  server, clockwork, clients and browser share {os.cpu_count()} cores; load {load}")
