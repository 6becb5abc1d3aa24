"""How the streams of one asset go together: learnt from a head of rows, then watched.

Head: medians and median absolute deviations, and the covariance of the winsorised standard
scores, with a ridge.  After it each row has one size, the root mean square of its Mahalanobis
distance (Hotelling's T-squared), whose tail probability is taken against sizes of head rows
that the model had not seen (split conformal, ``FOLDS`` blocks of time), so that what drifts
within the head counts as usual.  The probabilities drive a two-state filter (usual, unusual):
its evidence is Vovk's calibrator ``KAPPA * p**(KAPPA - 1)``, its answer the probability of being
in the unusual state.  Strictly causal; nothing is learnt after the head.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from anlan.science.compiled import compiled
from anlan.science.tail import HEAD as TAIL_HEAD
from anlan.science.tail import WARM, bin_of, surprise, tail_scores, tail_width

HEAD_ROWS = 400
LEAST_ROWS = 100
FOLDS = 4
RIDGE = 0.03
FLOOR = 0.1  # of the standard deviation, added to the robust one
CLIP = 3.0
Z_MOST = 1000.0
LARGEST = 1e150  # beyond it no number is a reading
BINS = 64
KAPPA = 0.1
ENTER, LEAVE = 0.001, 0.005  # chances that the state changes from one row to the next
CAP = 4.0  # -log10 p: no single row says more
CERTAIN = 1e-6
ALONE = 3.0  # standard scores from which a stream is called unusual by itself


Shape = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Model:
    """What the head taught."""

    centre: NDArray[np.float64]
    scale: NDArray[np.float64]
    precision: NDArray[np.float64]
    tail: NDArray[np.float64]

    @property
    def nbytes(self) -> int:
        """How many bytes are kept of an asset, the state of the filter included."""
        kept = (self.centre, self.scale, self.precision, self.tail)
        return sum(part.nbytes for part in kept) + 8


@dataclass(frozen=True, slots=True)
class Watched:
    """One answer per row: probability of the unusual state, the stream most at odds, and with which."""

    unusual: NDArray[np.float64]
    stream: NDArray[np.int64]
    partner: NDArray[np.int64]  # -1: the stream is unusual by itself


def _shape_of(rows: NDArray[np.float64]) -> Shape:
    """Return centre, scale and precision of rows; missing values are left out, column by column."""
    given = np.abs(rows) < LARGEST
    if given.all():
        centre, scale = _middle(rows)
    else:
        centre, scale = np.zeros((2, rows.shape[1]))
        for k in np.flatnonzero(given.any(axis=0)):
            middle, width = _middle(rows[given[:, k], k : k + 1])
            centre[k], scale[k] = middle[0], width[0]
    z = np.clip(standard(rows, centre, scale), -CLIP, CLIP)
    covariance = z.T @ z / len(z) + RIDGE * np.eye(rows.shape[1])
    return centre, scale, np.asarray(np.linalg.inv(covariance), dtype=np.float64)


def _middle(rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return median and robust scale of each column."""
    centre = np.median(rows, axis=0)
    width = 1.4826 * np.median(np.abs(rows - centre), axis=0)
    return centre, width + FLOOR * rows.std(axis=0)


def standard(
    rows: NDArray[np.float64], centre: NDArray[np.float64], scale: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return standard scores; a missing value is as usual (0), a move of what never moved is ``Z_MOST``."""
    given = np.abs(rows) < LARGEST
    away = np.where(given, np.where(given, rows, 0.0) - centre, 0.0)
    moved = np.where(away == 0.0, 0.0, np.copysign(Z_MOST, away))
    z = np.where(scale > 0.0, away / np.where(scale > 0.0, scale, 1.0), moved)
    return np.clip(z, -Z_MOST, Z_MOST)


def sizes_of(z: NDArray[np.float64], precision: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the root mean square Mahalanobis distance of each row."""
    squares = np.maximum(np.einsum("ij,ij->i", z @ precision, z), 0.0)
    return np.asarray(np.sqrt(squares / z.shape[1]), dtype=np.float64)


def learn(head: NDArray[np.float64]) -> Model:
    """Return the model of a head of rows (n, streams), NaN where a value is missing.

    Raises
    ------
    ValueError
        With fewer than ``LEAST_ROWS`` rows or two streams.
    """
    if head.ndim != 2 or head.shape[0] < LEAST_ROWS or head.shape[1] < 2:
        raise ValueError(f"need {LEAST_ROWS} rows of two streams, got {head.shape}")
    edges = np.linspace(0, len(head), FOLDS + 1).astype(int)
    unseen = np.empty(len(head))
    for start, end in pairwise(edges):
        centre, scale, precision = _shape_of(np.concatenate([head[:start], head[end:]]))
        unseen[start:end] = sizes_of(standard(head[start:end], centre, scale), precision)
    tail = np.zeros(tail_width(BINS))
    tail_scores(tail, unseen)
    return Model(*_shape_of(head), tail)


@compiled
def filtered(
    tail: NDArray[np.float64], sizes: NDArray[np.float64], before: float
) -> NDArray[np.float64]:
    """Return the probability of the unusual state after each size, ``before`` being that before all."""
    out = np.empty(sizes.size)
    state = before
    bins = tail.size - TAIL_HEAD
    for i in range(sizes.size):
        mean = tail[0]
        ratio = sizes[i] / mean if mean > 0.0 else (1e6 if sizes[i] > 0.0 else 0.0)
        found = min(surprise(tail, bin_of(ratio, bins)), CAP) if tail[1] >= WARM else 0.0
        evidence = KAPPA * 10.0 ** ((1.0 - KAPPA) * found)
        state = state * (1.0 - LEAVE) + (1.0 - state) * ENTER
        state = state * evidence / (state * evidence + 1.0 - state)
        state = min(state, 1.0 - CERTAIN)
        out[i] = state
    return out


def watch(model: Model, rows: NDArray[np.float64], *, before: float = 0.0) -> Watched:
    """Return what the rows after the head say; ``before`` is the last answer of the rows before."""
    z = standard(rows, model.centre, model.scale)
    unusual = filtered(model.tail, sizes_of(z, model.precision), before)
    pull = (
        z[:, :, None] * model.precision[None] * z[:, None, :]
    )  # what each pair adds to the square
    stream = pull.sum(axis=2).argmax(axis=1)
    lines = np.arange(len(z))
    pairs = pull[lines, stream]
    pairs[lines, stream] = -np.inf
    partner = np.where(np.abs(z[lines, stream]) >= ALONE, -1, pairs.argmax(axis=1))
    return Watched(unusual, stream.astype(np.int64), partner.astype(np.int64))
