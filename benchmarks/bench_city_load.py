"""A whole country as one city pack: 41,000 streets and 620,000 communities.

Promise: minutes and bounded memory.  Limit: 15 minutes and 1 GB; peer of the same run:
the same number of rows inserted into a bare SQLite table in chunks.
"""

from __future__ import annotations

import csv
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import measure

STREETS, COMMUNITIES, DISTRICTS = 41_000, 620_000, 2_800
ROOT = "100000"
LIMIT_S, LIMIT_MB = 900.0, 1024.0
LOAD = """
import resource, sys, time
from datetime import UTC, datetime
from pathlib import Path
from anlan.entrypoints import founding
from anlan.infra.workspace import WorkspaceKind
from anlan.conf import env
founding.found(env.load().workspace_path, kind=WorkspaceKind.LIVE, timezone="Asia/Shanghai")
import django
django.setup()
founding.migrate()
from anlan.kernel.actor import system_actor
from anlan.registry import public as registry
from anlan.registry.domain.parse import jurisdiction_folder, read_city, read_jurisdiction
began = time.perf_counter()
folder = Path(sys.argv[1])
diff = registry.load_city(
    system_actor("bench"), read_city(folder, with_areas=False),
    read_jurisdiction(jurisdiction_folder("cn")), now=datetime.now(UTC),
)
took = time.perf_counter() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(took, peak, diff.total("added"))
"""


def write_pack(folder: Path, source: Path) -> int:
    """Write a pack with the small city's heads and a country's areas; return its areas."""
    shutil.copytree(source, folder)
    (folder / "areas.geojson").unlink()
    for name in ("duties", "posts", "organisations"):
        text = (folder / f"{name}.csv").read_text()
        (folder / f"{name}.csv").write_text(text.replace("420300", ROOT).replace("SHIYAN-1", ROOT))
    text = (folder / "city.yaml").read_text()
    (folder / "city.yaml").write_text(text.replace("420300", ROOT))
    (folder / "risk_points.csv").write_text("code,name_zh,kind,area\n")
    rows = 1
    with (folder / "areas.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["code", "kind", "name_zh", "parent"])
        out.writerow([ROOT, "city", "全国", ""])
        streets: list[str] = []
        for number in range(DISTRICTS):
            out.writerow([f"D{number:05d}", "district", f"区{number}", ROOT])
        for number in range(STREETS):
            code = f"S{number:06d}"
            out.writerow([code, "street", f"街道{number}", f"D{number % DISTRICTS:05d}"])
            streets.append(code)
        for number in range(COMMUNITIES):
            out.writerow(
                [f"C{number:07d}", "community", f"社区{number}", streets[number % STREETS]]
            )
        rows += DISTRICTS + STREETS + COMMUNITIES
    return rows


def bare_inserts_s(folder: Path, rows: int) -> float:
    """Return how long a bare table takes for as many rows, 2,000 in one commit."""
    connection = sqlite3.connect(folder / "bare.sqlite3", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE area (code TEXT PRIMARY KEY, kind TEXT, name TEXT, path TEXT)")
    began = time.perf_counter()
    for first in range(0, rows, 2000):
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO area VALUES (?, ?, ?, ?)",
            (
                (f"C{n:07d}", "community", f"社区{n}", f"100000/D/S/C{n}")
                for n in range(first, min(first + 2000, rows))
            ),
        )
        connection.execute("COMMIT")
    connection.close()
    return time.perf_counter() - began


def main() -> bool:
    from anlan.registry.domain.parse import city_folder

    folder = measure.workspace_folder()
    try:
        rows = write_pack(folder / "country", city_folder("shiyan"))
        bare = bare_inserts_s(folder, rows)
        environment = dict(
            os.environ,
            ANLAN_WORKSPACE=str(folder / "workspace"),
            DJANGO_SETTINGS_MODULE="anlan.conf.settings",
        )
        loaded = subprocess.run(
            [sys.executable, "-c", LOAD, str(folder / "country")],
            env=environment, check=True, capture_output=True, text=True,
        )  # fmt: skip
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    took, peak, added = (float(part) for part in loaded.stdout.split())
    print(f"  {rows:,} areas, {added:,.0f} rows added")
    good = measure.line(
        "load of 41,000 streets and 620,000 communities", took, "s",
        beside="promised at most", limit=LIMIT_S, more_is_better=False, must=True,
    )  # fmt: skip
    measure.line(
        "  the same", took, "s", beside="bare SQLite inserts", limit=bare, more_is_better=False
    )
    small = measure.line(
        "  most memory", peak, "MB",
        beside="promised at most", limit=LIMIT_MB, more_is_better=False, must=True,
    )  # fmt: skip
    return good and small


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.exit(0 if main() else 1)
