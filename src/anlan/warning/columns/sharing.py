"""What two threads do together: where a batch is parted, and who does which part."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from anlan.warning.columns.layout import BLOCK, I64
from anlan.warning.columns.quick import rises

PIECES = 8  # of each thread: one that is held up leaves the rest to the other


def cut(streams: I64 | np.ndarray, parts: int) -> list[tuple[int, int]]:
    """Return where threads part: never within a block of streams."""
    size = len(streams)
    if parts == 1 or size < 2:
        return [(0, size)]
    # The same kind of number: else all of them would be converted.
    middles = [streams[size * i // parts] // BLOCK * BLOCK for i in range(1, parts)]
    cuts = np.searchsorted(streams, np.array(middles, streams.dtype)).tolist()
    return [(low, high) for low, high in pairwise([0, *cuts, size]) if low < high]


def each(
    work: Callable[[int, int], int], spans: list[tuple[int, int]], hands: Executor | None
) -> list[int]:
    """Do all spans, by two threads where there are hands; return what each gave, in their order."""
    if hands is None or len(spans) == 1:
        return [work(low, high) for low, high in spans]
    found = [0] * len(spans)
    left = iter(range(len(spans)))

    def take() -> None:
        for i in left:  # one step of such an iterator is never done twice
            found[i] = work(*spans[i])

    # The caller works too: two threads woken at once often begin on one processor.
    other = hands.submit(take)
    try:
        take()
    finally:
        # Whoever has the state may not go before the other has left it.
        deque(left, maxlen=0)
        other.result()
    return found


def joined(column: I64, spans: list[tuple[int, int]], counts: list[int]) -> I64:
    """Return the beginning of each span, as long as it counts."""
    pairs = zip(spans, counts, strict=True)
    return np.concatenate([column[low : low + count] for (low, _), count in pairs])


def all_rise(stream: NDArray[np.int32], parts: int, hands: Executor | None) -> bool:
    """Return whether each number is greater than the one before."""
    size = len(stream)
    # The first row of a part is compared with that before it, too.
    spans = [(0, size)] if parts == 1 else [(0, size // 2 + 1), (size // 2, size)]
    return all(each(lambda low, high: rises(stream[low:high]), spans, hands))
