"""The observation store: keeping, sealing, one stream's day out of very many readings, the newest of all.

Promises (one writer process, two cores): messages of 500 readings kept durably at 0.6 million
readings a second or more; at most 4 bytes a reading of regular numeric series at a sensor's
resolution; a day of one stream out of 10⁸ readings within 30 ms; the newest of 100,000 streams
within 300 ms.  Keeping is compared with the same bytes written and synced plainly in the same run.
``ANLAN_BENCH_ROWS`` makes it smaller.
"""

from __future__ import annotations

import os
import shutil
import statistics
import threading
import time
from pathlib import Path

import numpy as np

from anlan.sensing.store import StoreReader, StoreWriter, frame_of, frames
from anlan.sensing.store.commit import Committer
from benchmarks import measure

ROWS = int(os.environ.get("ANLAN_BENCH_ROWS", "100000000"))
STREAMS, MESSAGE, SENDERS = 100_000, 500, 16
KEEP_PER_S, BYTES, DAY_MS, LATEST_MS = 600_000, 4.0, 30.0, 300.0
MINUTE_US = 60_000_000
BEGIN_US = 1_789_000_000_000_000 // (86_400_000_000) * 86_400_000_000


def a_message(start: int, at_us: int, level: np.ndarray) -> frames.Frame:
    numbers = np.arange(start, start + MESSAGE, dtype=np.int32)
    return frame_of(
        numbers,
        np.full(MESSAGE, at_us),
        level[start : start + MESSAGE],
        source="gateway",
        received_us=at_us + 400_000,
    )


def keeping(root: Path) -> float:
    """Return how many readings a second many senders get kept, each told after the sync."""
    level = np.round(np.random.default_rng(1).normal(5, 1, STREAMS), 2)
    codes = [f"S{number}" for number in range(STREAMS)]
    with StoreWriter(root) as writer:
        writer.names.number_all(codes)
        committer = Committer(writer)
        per_sender = 400

        def send(sender: int) -> None:
            for message in range(per_sender):
                start = (sender * per_sender + message) * MESSAGE % STREAMS
                frame = a_message(start, BEGIN_US + message * 1_000_000, level)
                committer.keep((), lambda _, frame=frame: frame)

        senders = [threading.Thread(target=send, args=[number]) for number in range(SENDERS)]
        began = time.perf_counter()
        for one in senders:
            one.start()
        for one in senders:
            one.join()
        spent = time.perf_counter() - began
    return SENDERS * per_sender * MESSAGE / spent


def plainly(root: Path) -> float:
    """Return how many readings a second the same bytes come to, written and synced in turn."""
    level = np.zeros(STREAMS)
    data = b"".join(frames.encode(a_message(0, BEGIN_US, level)) for _ in range(SENDERS))
    path = root / "plain"
    root.mkdir(exist_ok=True)
    rounds = 400
    with path.open("wb", buffering=0) as file:
        began = time.perf_counter()
        for _ in range(rounds):
            file.write(data)
            os.fdatasync(file.fileno())
        spent = time.perf_counter() - began
    return rounds * SENDERS * MESSAGE / spent


def filling(root: Path) -> tuple[float, float]:
    """Keep and seal a day of readings; return bytes a reading, and readings a second with sealing."""
    chance = np.random.default_rng(2)
    level = np.round(chance.normal(5, 1, STREAMS), 2)
    per_message, ticks = 50_000, ROWS // STREAMS
    step_us = 86_400_000_000 // max(ticks, 1)
    codes = [f"S{number}" for number in range(STREAMS)]
    began = time.perf_counter()
    with StoreWriter(root) as writer:
        writer.names.number_all(codes)
        for tick in range(ticks):
            at_us = BEGIN_US + tick * step_us
            level = np.round(level + chance.normal(0, 0.02, STREAMS), 2)
            for start in range(0, STREAMS, per_message):
                numbers = np.arange(start, start + per_message, dtype=np.int32)
                values = level[start : start + per_message]
                times = np.full(per_message, at_us)
                writer.append(
                    [frame_of(numbers, times, values, source="g", received_us=at_us + 400_000)]
                )
            if writer.waiting_rows >= 4_000_000:
                writer.seal(now_us=at_us)
        # The day is over: it becomes one file.
        for _ in range(3):
            writer.seal(now_us=BEGIN_US + 2 * 86_400_000_000)
        found = writer.manifest
    spent = time.perf_counter() - began
    size = sum(item.size_bytes for item in (*found.segments, *found.tables))
    rows = sum(item.rows for item in found.segments)
    return size / rows, rows / spent


def median_ms(job: object, times: int = 15) -> float:
    spent = []
    for number in range(times):
        began = time.perf_counter()
        job(number)  # type: ignore[operator]
        spent.append(time.perf_counter() - began)
    return statistics.median(spent) * 1000


def main() -> bool:
    folder = measure.workspace_folder()
    try:
        plain = plainly(folder / "plain")
        good = [
            measure.line(
                f"kept durably, {MESSAGE} a message, {SENDERS} senders",
                kept := keeping(folder / "kept"),
                "readings/s",
                beside="promised",
                limit=KEEP_PER_S,
                must=True,
            )
        ]
        measure.line("  of that", kept, "readings/s", beside="written plainly", limit=plain)
        size, rate = filling(folder / "day")
        print(f"{ROWS:,} readings kept, sealed and merged: {rate:,.0f} readings/s")
        reader = StoreReader(folder / "day")
        day = (BEGIN_US, BEGIN_US + 86_400_000_000)
        one = median_ms(lambda n: reader.read(np.array([n * 6_007 % STREAMS], np.int32), *day))
        fresh = median_ms(lambda _: StoreReader(folder / "day").newest(), 5)
        for what, value, unit, limit in (
            ("stored", size, "bytes", BYTES),
            (f"a day of one stream out of {ROWS:,}", one, "ms", DAY_MS),
            (f"the newest of {STREAMS:,} streams, from nothing", fresh, "ms", LATEST_MS),
        ):
            good.append(
                measure.line(
                    what,
                    value,
                    unit,
                    beside="at most",
                    limit=limit,
                    more_is_better=False,
                    must=True,
                )
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return all(good)


if __name__ == "__main__":
    raise SystemExit(0 if main() else 1)
