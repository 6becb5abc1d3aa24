"""Give the test process its own workspace before Django reads its settings.

What tests write lies in memory where the system offers enough of it.  Nearly each of them waits
for a disk otherwise, some milliseconds for every commit that it makes sure of; and what they prove
of a killed process holds on any file system.  ``TMPDIR`` puts it elsewhere.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from anlan.infra import workspace

IN_MEMORY = Path("/dev/shm")
ENOUGH = 4 * 2**30  # bytes; the whole suite uses a fraction of it at a time


def _memory_available() -> int:
    """Return how many bytes of memory the system could give; 0 where it does not say."""
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    return next((int(x.split()[1]) * 1024 for x in lines if x.startswith("MemAvailable:")), 0)


if (
    "TMPDIR" not in os.environ
    and os.access(IN_MEMORY, os.W_OK)
    and min(shutil.disk_usage(IN_MEMORY).free, _memory_available()) >= ENOUGH
):
    os.environ["TMPDIR"] = str(IN_MEMORY)  # for the processes that tests start, too
    tempfile.tempdir = None

# What several tests begin with lies here, made once a run: workers have it from who started them.
if "TESTS_MADE_ONCE" not in os.environ:
    os.environ["TESTS_MADE_ONCE"] = tempfile.mkdtemp(prefix="anlan-made-once-")
    atexit.register(shutil.rmtree, os.environ["TESTS_MADE_ONCE"], ignore_errors=True)

_root = Path(tempfile.mkdtemp(prefix="anlan-test-"))
atexit.register(shutil.rmtree, _root, ignore_errors=True)
workspace.create(_root / "workspace", kind=workspace.WorkspaceKind.LIVE)
os.environ["ANLAN_WORKSPACE"] = str(_root / "workspace")
