"""Run every benchmark, one process each, and say which promise was missed.

    python benchmarks/run.py            all of them
    python benchmarks/run.py reports    only bench_reports.py

Exit code 1 when a benchmark failed or a promised limit was missed.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main(wanted: list[str]) -> int:
    found = sorted(HERE.glob("bench_*.py"))
    chosen = [path for path in found if not wanted or path.stem.removeprefix("bench_") in wanted]
    if not chosen:
        names = ", ".join(path.stem.removeprefix("bench_") for path in found)
        print(f"no such benchmark; there are: {names}")
        return 2
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.system()}\n")
    environment = dict(
        os.environ, PYTHONPATH=os.pathsep.join([str(HERE.parent / "src"), str(HERE.parent)])
    )
    missed = []
    for path in chosen:
        print(f"== {path.stem.removeprefix('bench_')}", flush=True)
        began = time.perf_counter()
        ended = subprocess.run([sys.executable, str(path)], env=environment, check=False)
        print(f"   ({time.perf_counter() - began:.1f} s)\n", flush=True)
        if ended.returncode:
            missed.append(path.stem)
    print("missed or failed: " + ", ".join(missed) if missed else "all within their limits")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
