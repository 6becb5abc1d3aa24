"""How well and how fast what is normal is learnt, on public data with answers.

The data are not part of the repository: ``ANLAN_BENCH_DATA`` names a folder with ``nab/`` (Numenta
Anomaly Benchmark) and ``skab/`` (Skoltech Anomaly Benchmark); without it only speed is measured.
Peers: the best published rows on the whole sets.  What lies there may be a part of them.
"""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anlan.entrypoints.cli.series import Calendar, instant, slots_of
from anlan.science import relations
from anlan.science.alarmscale import THRESHOLD, score_of_state, score_of_surprise
from anlan.science.assetwatch import AssetWatch
from anlan.science.farrington import DAILY, WEEKLY, score_counts
from anlan.science.normal import FULL, LEAN, Shape, new_state, score_stream, score_tick
from benchmarks import measure, nab_score

NAB_PEER, NAB_AIM = 74.9, 60.0
SKAB_F1, SKAB_FAR = 0.78, 13.6
ROWS, TICK = 200_000, 50_000


def scored(times: Sequence[str], values: NDArray[np.float64], shape: Shape) -> NDArray[np.float64]:
    """Return the scores of one series, as ``anlan detect`` gives them."""
    found = np.array([(instant(text) or (np.nan, np.nan))[:2] for text in times])
    at, wall = found[:, 0].copy(), found[:, 1].copy()
    surprise, _ = score_stream(
        new_state(shape)[0], at, values, slots_of(wall, shape.slots), Calendar().kinds(wall), shape=shape
    )  # fmt: skip
    return score_of_surprise(surprise)


def nab(folder: Path) -> bool:
    series = nab_score.read(folder)
    marks = [mark for mark, _, _ in series]
    silent = [np.zeros(mark.worth.size) for mark in marks]
    perfect = [(np.arange(m.worth.size) == -1).astype(float) for m in marks]
    for mark, score in zip(marks, perfect, strict=True):
        for number in range(mark.windows):
            score[np.flatnonzero(mark.window == number)[0]] = 1.0
    null, best = (nab_score.at_threshold(marks, one, 0.5) for one in (silent, perfect))
    if (round(null, 9), round(best, 9)) != (0.0, 100.0):
        print(f"the scoring is wrong: a silent detector has {null}, a perfect one {best}")
        return False
    print(f"  NAB: {len(series)} series, {sum(m.windows for m in marks)} windows, standard profile")
    good = True
    for name, shape in (("full", FULL), ("lean", LEAN)):
        scores = [scored(times, values, shape) for _, times, values in series]
        fixed = nab_score.at_threshold(marks, scores, THRESHOLD)
        good &= measure.line(
            f"NAB, one fixed threshold ({THRESHOLD}), {name}", fixed, "points",
            beside="aim", limit=NAB_AIM, must=name == "full",
        )  # fmt: skip
        top, where = nab_score.optimised(marks, scores)
        measure.line(
            f"NAB, threshold optimised over the set ({where:.3f}), {name}", top, "points",
            beside="best published, whole set", limit=NAB_PEER,
        )  # fmt: skip
        for group in sorted({mark.name.partition("/")[0] for mark in marks}):
            own = [k for k, mark in enumerate(marks) if mark.name.startswith(f"{group}/")]
            told = sum(
                int(
                    ((marks[k].window < 0) & (scores[k] >= THRESHOLD))[marks[k].scored_from :].sum()
                )
                for k in own
            )
            rows = sum(int((marks[k].window < 0)[marks[k].scored_from :].sum()) for k in own)
            part = [marks[k] for k in own]
            points = (
                f"{nab_score.at_threshold(part, [scores[k] for k in own], THRESHOLD):.1f} points"
                if nab_score.scored_windows(part)
                else "no windows"
            )
            print(
                f"    {group:<24} {points:<14} {1000 * told / rows:.2f} false alarms in 1,000 rows"
            )
    return good


def read_skab(path: Path) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return values and answers of one experiment; without a column of answers all is as usual."""
    with path.open(encoding="utf-8", newline="") as file:
        head, *rows = list(csv.reader(file, delimiter=";"))
    inputs = [k for k, name in enumerate(head) if k and name not in {"anomaly", "changepoint"}]
    answer = head.index("anomaly") if "anomaly" in head else None
    values = np.array([[float(row[k]) for k in inputs] for row in rows])
    said = [answer is not None and float(row[answer]) > 0 for row in rows]
    return values, np.array(said)


def watched(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which rows of an asset are told, as ``anlan detect --multivariate`` does."""
    asset = AssetWatch(values.shape[1])
    return np.asarray(score_of_state(asset.feed(values).unusual) >= THRESHOLD)


def skab(folder: Path) -> bool:
    files = sorted(path for path in folder.rglob("*.csv") if path.name != "anomaly-free.csv")
    counts = np.zeros(4)  # true and false alarms, missed, rightly silent
    first = relations.HEAD_ROWS
    for path in files:
        values, answers = read_skab(path)
        told = watched(values)[first:]
        truth = answers[first:]
        pairs = ((told, truth), (told, ~truth), (~told, truth), (~told, ~truth))
        counts += [np.sum(one & other) for one, other in pairs]
    hit, false, missed, silent = counts
    print(
        f"  SKAB: {len(files)} experiments, the first {first} rows of each learnt from, the rest pooled"
    )
    good = measure.line(
        f"SKAB outliers, one fixed threshold ({THRESHOLD}): F1", 2 * hit / (2 * hit + false + missed), "",
        beside="best published, whole set", limit=SKAB_F1, must=True,
    )  # fmt: skip
    measure.line(
        "  false alarm rate", 100 * false / (false + silent), "%",
        beside="best published, whole set", limit=SKAB_FAR, more_is_better=False,
    )  # fmt: skip
    print(f"  missed: {100 * missed / (hit + missed):.1f} %")
    free = folder / "anomaly-free.csv"
    if free.exists():
        values, _ = read_skab(free)
        told = watched(values)[first:]
        print(f"  the experiment without a fault: {100 * told.mean():.1f} % of rows told")
    return good


def rate(work: object, rows: int) -> float:
    """Return rows a second; ``work`` is called once before, to be compiled."""
    work()  # type: ignore[operator]
    began = time.perf_counter()
    work()  # type: ignore[operator]
    return rows / (time.perf_counter() - began)


def speed() -> bool:
    rng = np.random.default_rng(1)
    at = 1.7e9 + 60.0 * np.arange(ROWS)
    values = rng.normal(size=ROWS)
    kinds = Calendar().kinds(at)
    # The limit: once through the state of a row, as fast as this machine reads memory.
    block = rng.random(20_000_000)
    began = time.perf_counter()
    block.sum()
    bytes_s = block.nbytes / (time.perf_counter() - began)
    for name, shape in (("lean", LEAN), ("full", FULL)):
        places = slots_of(at, shape.slots)
        found = rate(
            lambda shape=shape, places=places: score_stream(
                new_state(shape)[0], at, values, places, kinds, shape=shape
            ),
            ROWS,
        )
        measure.line(
            f"one stream, {name}: {shape.nbytes:,} bytes of state", found, "rows/s",
            beside="memory read once a row", limit=bytes_s / shape.nbytes,
        )  # fmt: skip
    rows = rng.normal(size=(ROWS, 8))
    cities = new_state(LEAN, streams=TICK)
    one = np.zeros(TICK, dtype=np.int64)
    found = rate(lambda: score_tick(cities, at[:TICK], values[:TICK], one, one), TICK)
    measure.line(
        f"a tick of {TICK:,} streams, lean: {cities.nbytes / 1e6:,.0f} MB of state", found, "rows/s",
        beside="memory read once a row", limit=bytes_s / LEAN.nbytes,
    )  # fmt: skip
    asset = AssetWatch(8)
    found = rate(lambda: asset.feed(rows), ROWS)
    measure.line(
        f"an asset of 8 streams: {asset.nbytes:,} bytes of state", found, "rows/s",
        beside="memory read once a row", limit=bytes_s / asset.nbytes,
    )  # fmt: skip
    for name, cycle in (("weekly", WEEKLY), ("daily", DAILY)):
        counts = rng.poisson(20, cycle.history + 200).astype(float)
        found = rate(lambda counts=counts, cycle=cycle: score_counts(counts, cycle=cycle), 200)
        print(
            f"  {name} counts (Farrington): {found:,.0f} counts/s, {8 * cycle.history:,} bytes of past"
        )
    return True


def main() -> bool:
    asked = os.environ.get("ANLAN_BENCH_DATA")
    good = speed()
    for name, run in (("nab", nab), ("skab", skab)):
        folder = Path(asked) / name if asked else None
        if folder is None or not folder.is_dir():
            print(f"not run: {name} (set ANLAN_BENCH_DATA to a folder that holds {name}/)")
        else:
            good &= run(folder)
    return good


if __name__ == "__main__":
    measure.end(good=main())
