"""The scoring of the Numenta Anomaly Benchmark, standard profile, written from its definition.

Lavin and Ahmad (2015), "Evaluating real-time anomaly detection algorithms: the Numenta
Anomaly Benchmark".  A window is worth most at its left edge; a row outside windows costs up to
``FP``; a missed window costs ``FN``.  0 is a detector that never speaks, 100 a perfect one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TP, FP, FN = 1.0, 0.11, 1.0  # the standard profile
PROBATION, PROBATION_ROWS = 0.15, 750
FAR = 3.0  # window widths past a window after which a false alarm costs its whole price


@dataclass(frozen=True)
class Marked:
    """What each row of one series is worth: ``window`` is -1 outside of windows."""

    name: str
    worth: NDArray[np.float64]
    window: NDArray[np.int64]
    windows: int
    scored_from: int


def squashed(place: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the scaled sigmoid: near 1 at a window's left edge (-1), 0 at its right edge, then to -1."""
    return np.where(place >= FAR, -1.0, 2.0 / (1.0 + np.exp(5.0 * np.minimum(place, FAR))) - 1.0)


def marked(name: str, times: Sequence[str], windows: Sequence[Sequence[str]]) -> Marked:
    """Return what each row is worth."""
    rows = len(times)
    at = [datetime.fromisoformat(one) for one in times]
    place = np.full(rows, FAR)
    window = np.full(rows, -1, dtype=np.int64)
    spans = [tuple(at.index(datetime.fromisoformat(edge)) for edge in one) for one in windows]
    for left, right in spans:
        after = np.arange(right + 1, rows)
        if right > left:
            place[right + 1 :] = (after - right) / (right - left)
    for number, (left, right) in enumerate(spans):
        place[left : right + 1] = -(right - np.arange(left, right + 1) + 1) / (right - left + 1)
        window[left : right + 1] = number
    worth = squashed(place)
    worth = np.where(window >= 0, worth * TP / squashed(np.array(-1.0)), worth * FP)
    scored_from = int(min(np.floor(PROBATION * rows), PROBATION_ROWS))
    return Marked(name, worth, window, len(spans), scored_from)


def raw_of(
    one: Marked, scores: NDArray[np.float64], thresholds: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the raw score of one series at each threshold (a row counts at or above it)."""
    worth, window = one.worth[one.scored_from :], one.window[one.scored_from :]
    scores = np.asarray(scores, dtype=np.float64)[one.scored_from :]
    outside = window < 0
    order = np.argsort(scores[outside])
    sums = np.concatenate([[0.0], np.cumsum(worth[outside][order][::-1])])
    count = order.size - np.searchsorted(scores[outside][order], thresholds, side="left")
    raw = sums[count]
    for number in range(one.windows):
        inside = window == number
        if not inside.any():
            continue  # lies wholly in the probation: the benchmark leaves it out
        order = np.argsort(-scores[inside])
        best = np.concatenate([[-FN], np.maximum.accumulate(worth[inside][order])])
        count = np.searchsorted(-scores[inside][order], -thresholds, side="right")
        raw += np.where(count > 0, np.maximum(best[count], -FN), -FN)
    return raw


def normal(raw: NDArray[np.float64], windows: int) -> NDArray[np.float64]:
    """Return raw scores as 0 (a detector that never speaks) to 100 (perfect)."""
    return 100.0 * (raw + FN * windows) / ((TP + FN) * windows)


def scored_windows(series: Sequence[Marked]) -> int:
    """Return how many windows reach past the probation."""
    return sum(len(set(one.window[one.scored_from :].tolist()) - {-1}) for one in series)


def at_threshold(
    series: Sequence[Marked], scores: Sequence[NDArray[np.float64]], threshold: float
) -> float:
    """Return the score of the set with one fixed threshold."""
    levels = np.array([threshold])
    raw = sum((raw_of(a, b, levels) for a, b in zip(series, scores, strict=True)), np.zeros(1))
    return float(normal(raw, scored_windows(series))[0])


def optimised(
    series: Sequence[Marked], scores: Sequence[NDArray[np.float64]]
) -> tuple[float, float]:
    """Return the best score of the set over all thresholds, as the benchmark's optimiser, and where."""
    levels = np.unique(np.concatenate([*scores, [np.inf]]))
    raw = sum(
        (raw_of(a, b, levels) for a, b in zip(series, scores, strict=True)), np.zeros(levels.size)
    )
    best = int(np.argmax(raw))
    return float(normal(raw, scored_windows(series))[best]), float(levels[best])


def read(folder: Path) -> list[tuple[Marked, list[str], NDArray[np.float64]]]:
    """Return every series of the folder that is there: marks, times, values."""
    windows = json.loads((folder / "combined_windows.json").read_text(encoding="utf-8"))
    found = []
    for name in sorted(windows):
        path = folder / "data" / name
        if path.exists():
            lines = path.read_text(encoding="utf-8").splitlines()[1:]
            times = [line.partition(",")[0] for line in lines]
            values = np.array([float(line.partition(",")[2]) for line in lines])
            found.append((marked(name, times, windows[name]), times, values))
    return found
