"""A folder for files that are needed for a moment and hold personal data, such as a pack of a city.

It lies in the workspace, closed to others, and its name says until when it may be there.  Whoever
opened it takes it away; what a process left behind that was killed, the clockwork sweeps away.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from anlan.infra import failpoints
from anlan.infra.workspace import Workspace

KEPT = timedelta(minutes=15)  # no request takes so long


@contextmanager
def folder(place: Workspace, *, now: datetime) -> Iterator[Path]:
    """Yield an empty folder that is gone afterwards."""
    place.passing.mkdir(mode=0o700, exist_ok=True)
    end = int((now + KEPT).timestamp())
    path = Path(tempfile.mkdtemp(prefix=f"{end}-", dir=place.passing))
    try:
        yield path
        failpoints.reach("passing.used")
    finally:
        shutil.rmtree(path, ignore_errors=True)


def sweep(place: Workspace, *, now: datetime) -> int:
    """Take away what should be gone by now; return how many folders that were."""
    gone = 0
    for path in sorted(place.passing.iterdir()) if place.passing.is_dir() else ():
        end, _, _ = path.name.partition("-")
        latest = now + KEPT  # further ahead the clock was put back, or it is not one of ours
        if end.isdecimal() and now.timestamp() < int(end) <= latest.timestamp():
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        gone += 1
    return gone
