"""How fast a replay runs, through the real doors and the real clockwork.

Promise: the three days of Zhengzhou in under a minute, and a hundred ordinary weeks in
under two.  Peer: time as it passes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from datetime import datetime

from benchmarks import measure

SCENARIO = "zhengzhou-2021"
LIMIT_S = 60.0
WEEKS, WEEKS_LIMIT_S = 100, 120.0


def main() -> bool:
    from anlan.learning.services.weeks import run_weeks
    from anlan.registry.domain.parse import city_folder

    folder = measure.workspace_folder()
    try:
        began = time.perf_counter()
        ended = subprocess.run(
            [sys.executable, "-m", "anlan", "replay", SCENARIO, "--weeks", "0", "--format", "json"],
            env=dict(os.environ, ANLAN_WORKSPACE=str(folder)),
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        took = time.perf_counter() - began
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    summary = json.loads(ended.stdout)
    length = datetime.fromisoformat(summary["to_at"]) - datetime.fromisoformat(summary["from_at"])
    good = measure.line(
        "replay of three days, set-up included", took, "s",
        beside="promised at most", limit=LIMIT_S, more_is_better=False, must=True,
    )  # fmt: skip
    measure.line(
        "  simulated seconds a second", length.total_seconds() / took, "s/s",
        beside="time as it passes", limit=1.0,
    )  # fmt: skip
    began = time.perf_counter()
    row = run_weeks(city_folder("demo"), weeks=WEEKS, workers=os.cpu_count() or 1)
    took = time.perf_counter() - began
    fast = measure.line(
        f"{WEEKS} ordinary weeks of the demo city", took, "s",
        beside="promised at most", limit=WEEKS_LIMIT_S, more_is_better=False, must=True,
    )  # fmt: skip
    print(f"  {row.readings:,} readings and {row.reports:,} reports")
    return good and fast


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
