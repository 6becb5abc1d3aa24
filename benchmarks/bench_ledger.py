"""Writing entries one commit each, sealing them, and verifying the whole ledger.

Peers of the same run: durable commits of the same disk, and bare SHA-256 over the same
entries.  Promise: verification of 100,000 entries in a minute.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time

from benchmarks import measure

ENTRIES = 20_000
PER_ENTRY_LIMIT_S = 60.0 / 100_000
WORK = """
import sys, time
from datetime import UTC, datetime
from anlan.entrypoints import founding
from anlan.infra.workspace import WorkspaceKind
from anlan.conf import env
founding.found(env.load().workspace_path, kind=WorkspaceKind.LIVE, timezone="Asia/Shanghai")
import django
django.setup()
founding.migrate()
from django.db import transaction
from anlan.accountability import public as accountability
from anlan.infra import journal
from anlan.kernel.actor import system_actor
from anlan.registry.domain.events import CityRowsLoaded
count, actor, now = int(sys.argv[1]), system_actor("bench"), datetime.now(UTC)
began = time.perf_counter()
for number in range(count):
    with transaction.atomic():
        journal.record(CityRowsLoaded(section="bench", rows=number), actor=actor, now=now)
wrote = time.perf_counter() - began
began = time.perf_counter()
accountability.seal(now=datetime.now(UTC))
sealed = time.perf_counter() - began
began = time.perf_counter()
verdict = accountability.verify()
print(wrote, sealed, time.perf_counter() - began, int(verdict.holds))
"""


def bare_hashes_s(count: int) -> float:
    data = b"x" * 300
    began = time.perf_counter()
    for _ in range(count):
        hashlib.sha256(data).hexdigest()
    return time.perf_counter() - began


def main() -> bool:
    folder = measure.workspace_folder()
    try:
        commits = measure.sqlite_commits_per_s(folder)
        done = subprocess.run(
            [sys.executable, "-c", WORK, str(ENTRIES)],
            env=dict(
                os.environ,
                ANLAN_WORKSPACE=str(folder / "workspace"),
                DJANGO_SETTINGS_MODULE="anlan.conf.settings",
            ),
            check=True, capture_output=True, text=True,
        )  # fmt: skip
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    wrote, sealed, verified, ok = (float(part) for part in done.stdout.split())
    measure.line(
        "journal entries written, one commit each", ENTRIES / wrote, "/s",
        beside="raw durable SQLite commits", limit=commits,
    )  # fmt: skip
    measure.line(
        "entries sealed", ENTRIES / sealed, "/s",
        beside="bare SHA-256", limit=ENTRIES / bare_hashes_s(ENTRIES),
    )  # fmt: skip
    good = measure.line(
        "entries verified", ENTRIES / verified, "/s",
        beside="promised", limit=1 / PER_ENTRY_LIMIT_S, must=True,
    )  # fmt: skip
    return good and bool(ok)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
