"""One tick of the judge over 1,000,000 streams, one rule and one reading each.

Promise: at most 10 ms for a threshold with hysteresis and duration, at least
1,000 times Prometheus' evaluation of the same rule over the same series in the
same run (where the program `prometheus` is installed), within 2 GB.  Beside
it: the bandwidth of this machine's memory, and the other kinds of rule.
"""

from __future__ import annotations

import gc
import os
import resource
import statistics
import sys
import time
from concurrent.futures import Executor, ThreadPoolExecutor

import numpy as np

from anlan.warning.columns import (
    NO_READINGS,
    City,
    State,
    bytes_of,
    bytes_per_stream,
    new_state,
    step,
)
from benchmarks import judged_city, measure, prometheus_rule
from benchmarks.judged_city import MINUTE, Ticks

STREAMS = 1_000_000
SOME = 100_000
HOT = 20_000  # of the streams beside Prometheus
WARM, TIMED = 22, 9
HANDS = os.cpu_count() or 1


def main() -> bool:
    print(f"(other programs may run on this machine: load {os.getloadavg()[0]:.1f})")
    bandwidth = _bandwidth()
    good = True
    with ThreadPoolExecutor(min(2, HANDS)) as hands:
        good = _threshold(hands, bandwidth)
        _late_and_shuffled(hands)
        _many_alarms(hands)
        _other_kinds(hands)
        good = _beside_prometheus(hands) and good
    for name, window in (
        ("threshold", 0),
        ("window of 10 min", 600),
        ("window of 1 h", 3600),
        ("window of 24 h", 86400),
    ):
        print(
            f"{f'bytes for a stream that speaks once a minute: {name}':<58} {bytes_per_stream(60, window):>12,.0f} B"
        )
    return good


def _threshold(hands: Executor, bandwidth: float) -> bool:
    state, _ = _founded(STREAMS, judged_city.threshold(), judged_city.silence())
    spent, longest, cpu = _ticks(state, Ticks(STREAMS), hands)
    good = measure.line(
        "tick of 1 M streams, threshold and silence, 1 reading each", spent, "ms",
        beside="promise", limit=10.0, more_is_better=False, must=True,
    )  # fmt: skip
    print(f"{'    the longest of the ticks':<58} {longest:>12,.2f} ms")
    print(f"{'    processor time of a tick, both threads together':<58} {cpu:>12,.2f} ms")
    touched = 25 + 2 * 12 + 2 * 20 + 16  # in; stream; ring; two instants of the ring
    measure.line(
        "    the same, against moving its bytes once through memory", spent, "ms",
        beside=f"{touched} B for each stream at {bandwidth:.1f} GB/s",
        limit=touched * STREAMS / bandwidth / 1e6, more_is_better=False,
    )  # fmt: skip
    nothing = []
    for _ in range(20):
        began = time.perf_counter()
        step(state, NO_READINGS, now=judged_city.START + (WARM + TIMED) * MINUTE)
        nothing.append(1000 * (time.perf_counter() - began))
    print(f"{'    a tick in which nothing comes':<58} {statistics.median(nothing):>12,.3f} ms")
    _small_batches(state)
    memory = bytes_of(state)["all"]
    measure.line(
        "state of 1 M streams", memory / 1e9, "GB", beside="promise", limit=2.0,
        more_is_better=False, must=True,
    )  # fmt: skip
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(f"{'    the whole process at most, batches included':<58} {peak:>12,.2f} GB")
    return good and memory < 2e9


def _small_batches(state: State) -> None:
    """Batches of 500 on the same state, as a group commit gives them."""
    ticks = Ticks(STREAMS)
    ticks.tick = WARM + TIMED
    batch, now = ticks.next()
    parts = [type(batch)._make(x[a : a + 500] for x in batch) for a in range(0, 100_000, 500)]
    began = time.perf_counter()
    for part in parts:
        step(state, part, now=now)
    spent = time.perf_counter() - began
    print(
        f"{'    batches of 500 readings, one thread':<58} {0.1 / spent:>12,.2f} M readings/s"
        f" ({1e6 * spent / len(parts):,.0f} µs each)"
    )


def _late_and_shuffled(hands: Executor) -> None:
    for name, late, lost, shuffled in (
        ("1 % of the readings late", 0.01, 0.0, False),
        ("10 % of the readings late", 0.10, 0.0, False),
        ("after 10 % of the readings were lost", 0.0, 0.1, False),
        ("in random order of streams", 0.0, 0.0, True),
    ):
        state, _ = _founded(STREAMS, judged_city.threshold(), judged_city.silence())
        ticks = Ticks(STREAMS, late=late, lost=lost)
        spent, _, cpu = _ticks(state, ticks, hands, shuffled=shuffled)
        print(
            f"{f'tick of 1 M streams, threshold, {name}':<58} {spent:>12,.2f} ms"
            f" ({cpu:,.1f} of processor time)"
        )


def _many_alarms(hands: Executor) -> None:
    """10,000 streams pass their limit in one tick; then they stand."""
    state, _ = _founded(STREAMS, judged_city.threshold(), judged_city.silence())
    ticks = Ticks(STREAMS)
    _ticks(state, ticks, hands)
    ticks.hot = 10_000
    spent, found = [], []
    for _ in range(5):
        batch, now = ticks.next()
        began = time.perf_counter()
        done = step(state, batch, now=now, hands=hands)
        spent.append(1000 * (time.perf_counter() - began))
        found.append(int(done.findings.size[0]))
    told = ", ".join(f"{n:,} in {ms:.1f} ms" for n, ms in zip(found, spent, strict=True))
    print(f"findings of five ticks from the one in which 10,000 streams pass their limit: {told}")


def _other_kinds(hands: Executor) -> None:
    for function, span, lookback in (
        ("sum", "10m", 600), ("mean", "10m", 600), ("change", "10m", 600), ("rate", "1h", 3600), ("sum", "1h", 3600),
    ):  # fmt: skip
        state, _ = _founded(SOME, judged_city.window(function, span))
        warm = WARM + lookback // 60
        spent, _, cpu = _ticks(state, Ticks(SOME), hands, warm=warm)
        print(
            f"{f'tick of {SOME:,} streams, {function} over {span}':<58} {spent:>12,.2f} ms"
            f" ({cpu:,.1f} of processor time)"
        )
    state, _ = _founded(STREAMS, judged_city.silence())
    ticks = Ticks(STREAMS)
    spent, _, cpu = _ticks(state, ticks, hands)
    print(
        f"{'tick of 1 M streams, silence alone':<58} {spent:>12,.2f} ms"
        f" ({cpu:,.1f} of processor time)"
    )
    now = judged_city.START + ticks.tick * MINUTE
    began = time.perf_counter()
    done = step(state, NO_READINGS, now=now + 10 * MINUTE, hands=hands)
    spent = 1000 * (time.perf_counter() - began)
    print(
        f"{f'    all of them fall silent: {done.findings.size[0]:,} findings':<58} {spent:>12,.2f} ms"
    )


def _beside_prometheus(hands: Executor) -> bool:
    """The same rule over the same series, of which 2 % stand above the limit and were told."""
    state, _ = _founded(STREAMS, judged_city.threshold())
    ticks = Ticks(STREAMS)
    ticks.hot = HOT
    tick, _, _ = _ticks(state, ticks, hands)
    print(f"{f'tick of 1 M streams, {HOT:,} above the limit and told':<58} {tick:>12,.2f} ms")
    del state
    gc.collect()
    found = prometheus_rule.evaluation(STREAMS, HOT)
    if found is None:
        print("Prometheus is not installed: not run")
        return True
    return measure.line(
        f"Prometheus' evaluation ({STREAMS:,} series, {found.firing:,} firing)",
        1000 * found.evaluation_s, "ms", beside="1,000 ticks of ours", limit=1000 * tick, must=True,
    )  # fmt: skip


def _founded(streams: int, *rules: object) -> tuple[State, City]:
    gc.collect()
    city = judged_city.city(streams, *rules)  # type: ignore[arg-type]
    state = new_state()
    step(state, NO_READINGS, now=judged_city.START, city=city)
    return state, city


def _ticks(
    state: State, ticks: Ticks, hands: Executor, *, shuffled: bool = False, warm: int = WARM
) -> tuple[float, float, float]:
    """Return the median and the longest of some ticks, and the processor time of one (ms).

    Timed once the rings have filled.
    """
    spent, cpu = [], []
    for number in range(warm + TIMED):
        batch, now = ticks.next(shuffled=shuffled)
        began, worked = time.perf_counter(), time.process_time()
        step(state, batch, now=now, hands=hands)
        if number >= warm:
            spent.append(1000 * (time.perf_counter() - began))
            cpu.append(1000 * (time.process_time() - worked))
    return statistics.median(spent), max(spent), statistics.median(cpu)


def _bandwidth() -> float:
    """Return GB/s of reading and writing by two threads, the best of a few."""
    columns = [(np.ones(16_000_000), np.empty(16_000_000)) for _ in range(2)]
    best = 0.0
    with ThreadPoolExecutor(2) as two:
        for _ in range(7):
            began = time.perf_counter()
            list(two.map(lambda pair: np.copyto(pair[1], pair[0]), columns))
            best = max(best, 2 * 2 * 128e6 / (time.perf_counter() - began) / 1e9)
    print(f"{'memory, two threads copying':<58} {best:>12,.2f} GB/s")
    return best


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    measure.end(good=main())
