"""The streams of one asset, row by row: ``relations``, and what is usual renewed as it moves.

The model is learnt anew from the last rows that were usual, so that wear, weather and set points
may move slowly.  A row counts as usual only when the rows soon after it are usual as well, so
that the onset of a fault is not learnt.  A state that lasts for ``ACCEPT`` heads is the new usual
one.  All steps are tied to the number of rows since the first, never to how they were fed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anlan.science.relations import HEAD_ROWS, LEAST_ROWS, Model, Watched, learn, watch

STEP = 20  # rows between two looks at whether to learn anew
USUAL = 0.5  # probability of the unusual state below which a row is usual
WAIT = 8  # a row is learnt from once a head / 8 of usual rows came after it
RENEW = 4  # the model is renewed after a head / 4 of new rows to learn from
ACCEPT = 3  # heads without a usual row, after which the unusual state is the usual one


class AssetWatch:
    """What is known of one asset; ``feed`` it rows, NaN where a value is missing."""

    def __init__(self, streams: int, head: int = HEAD_ROWS) -> None:
        if head < LEAST_ROWS or streams < 2:
            raise ValueError(f"need a head of {LEAST_ROWS} rows and two streams")
        self.head, self.rows = head, 0
        self.model: Model | None = None
        self._kept = np.empty((0, streams))  # rows to learn from, the last ``head``
        self._waiting = np.empty((0, streams))  # usual rows whose future is not known yet
        self._latest = np.empty((0, streams))  # the last rows whatever they were
        self._fresh = self._unusual = 0
        self._before = 0.0

    @property
    def nbytes(self) -> int:
        """How many bytes are kept at most."""
        rows = 2 * self.head + self.head // WAIT
        model = self.model.nbytes if self.model else 0
        return 8 * rows * self._kept.shape[1] + model

    def feed(self, rows: NDArray[np.float64]) -> Watched:
        """Return an answer for each row; those of the head are learnt from and said to be usual."""
        if rows.ndim != 2 or rows.shape[1] != self._kept.shape[1]:
            raise ValueError(f"need rows of {self._kept.shape[1]} values, got {rows.shape}")
        count = len(rows)
        unusual = np.zeros(count)
        stream, partner = np.full((2, count), -1, dtype=np.int64)
        at = min(count, max(0, self.head - self.rows))
        self._kept = np.concatenate([self._kept, rows[:at]])
        self._remember(rows[:at])
        while at < count:
            if self.model is None:
                self.model = learn(self._kept)
            end = min(count, at + STEP - (self.rows - self.head) % STEP)
            found = watch(self.model, rows[at:end], before=self._before)
            unusual[at:end], stream[at:end], partner[at:end] = (
                found.unusual,
                found.stream,
                found.partner,
            )
            self._before = float(found.unusual[-1])
            self._sort(rows[at:end], found.unusual < USUAL)
            self._remember(rows[at:end])
            if (self.rows - self.head) % STEP == 0:
                self._renew()
            at = end
        return Watched(unusual, stream, partner)

    def _remember(self, rows: NDArray[np.float64]) -> None:
        self.rows += len(rows)
        self._latest = np.concatenate([self._latest, rows])[-self.head :]

    def _sort(self, rows: NDArray[np.float64], usual: NDArray[np.bool_]) -> None:
        """Put usual rows to those that wait; an unusual one drops all that wait."""
        start = 0
        if not usual.all():
            # Rows before the last unusual one are learnt from as far as they had waited long enough.
            for k in np.flatnonzero(~usual):
                self._wait(rows[start:k])
                self._waiting = self._waiting[:0]
                self._unusual = 1 if k > start else self._unusual + 1
                start = int(k) + 1
        if start < len(rows):
            self._wait(rows[start:])
            self._unusual = 0

    def _wait(self, rows: NDArray[np.float64]) -> None:
        waiting = np.concatenate([self._waiting, rows])
        ripe = max(0, len(waiting) - self.head // WAIT)
        self._kept = np.concatenate([self._kept, waiting[:ripe]])[-self.head :]
        self._waiting = waiting[ripe:]
        self._fresh += ripe

    def _renew(self) -> None:
        if self._unusual >= ACCEPT * self.head:
            self._kept = self._latest.copy()
            self._before, self._unusual = 0.0, 0
        elif self._fresh < self.head // RENEW:
            return
        self.model, self._fresh = learn(self._kept), 0
