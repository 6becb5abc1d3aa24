"""The city simulator: readings of 100,000 sensors at one a minute, made piece by piece, in order of arrival.

Promises (one process): two million readings in a second of its own time; no more memory for a long run than for
a short one.  Beside it stands drawing as many normal numbers with numpy in the same run.
``ANLAN_BENCH_STREAMS`` and ``ANLAN_BENCH_MINUTES`` make it smaller or longer (1440: a whole day).
"""

from __future__ import annotations

import os
import resource
import time
from datetime import UTC, datetime, timedelta

import numpy as np

from anlan.learning.domain.simulator.cityplan import simulated_city
from anlan.learning.domain.simulator.planting import plant
from anlan.learning.domain.simulator.run import readings
from anlan.registry.domain.parse import (
    city_folder,
    jurisdiction_folder,
    read_city,
    read_jurisdiction,
)
from benchmarks import measure

STREAMS = int(os.environ.get("ANLAN_BENCH_STREAMS", "100000"))
MINUTES = int(os.environ.get("ANLAN_BENCH_MINUTES", "60"))
PER_S, MEMORY_MB = 2_000_000, 100.0
BEGINS = datetime(2026, 7, 20, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> bool:
    city = read_city(city_folder("demo")).pack
    law = read_jurisdiction(jurisdiction_folder("cn")).pack
    made = simulated_city(city, law, sensors=STREAMS, seed=1, every=MINUTE)
    run = plant(made, law, begins=BEGINS, hours=24, seed=1).run
    next(readings(run.only([0])))  # compile
    parts = readings(run, step=MINUTE)
    for _ in range(15):  # until as much is late as ever will be
        next(parts)
    before, count, began = peak_mb(), 0, time.process_time()
    for _ in range(MINUTES):
        part = next(parts, None)
        count += part.value.size if part is not None else 0
    rate = count / (time.process_time() - began)
    grown = peak_mb() - before
    began = time.process_time()
    chance = np.random.default_rng(1)
    for _ in range(MINUTES):
        chance.normal(0, 1, STREAMS)
    plain = MINUTES * STREAMS / (time.process_time() - began)
    good = measure.line(
        f"made, {STREAMS:,} streams at one a minute", rate, "readings/s",
        beside="promised", limit=PER_S, must=True,
    )  # fmt: skip
    measure.line("  of that", rate, "readings/s", beside="normal numbers by numpy", limit=plain)
    good &= measure.line(
        f"memory that {count:,} readings added", grown, "MB",
        beside="at most", limit=MEMORY_MB, more_is_better=False, must=True,
    )  # fmt: skip
    return good


if __name__ == "__main__":
    raise SystemExit(0 if main() else 1)
