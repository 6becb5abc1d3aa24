"""Reading a store, whether or not somebody is writing it.

A reader takes the manifest, then the log after what the manifest says is
sealed.  When a file goes in between, what it held is elsewhere: it looks again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from anlan.kernel.errors import UnavailableError
from anlan.sensing.store import log, manifest
from anlan.sensing.store.frames import MOST_ROWS, Frame
from anlan.sensing.store.names import StreamNames
from anlan.sensing.store.places import Places
from anlan.sensing.store.rows import (
    Rows,
    in_order,
    joined,
    rows_of_frame,
    standing,
    without_repeats,
)
from anlan.sensing.store.segments import OpenSegments

LOOKS = 10
ALWAYS = (-(1 << 62), 1 << 62)
T = TypeVar("T")


class StoreReader:
    """What is kept in one folder, as it stands at each call."""

    def __init__(self, root: Path) -> None:
        self.places = Places(root)
        self.names = StreamNames(self.places.names, writing=False)
        self._open = OpenSegments()
        self._tail = log.Tail(self.places.log)

    def numbers(self, codes: list[str]) -> NDArray[np.int32]:
        """Return the numbers of those codes that the store knows, in order of number."""
        if any(code not in self.names.numbers for code in codes):
            self.names.read_on()
        found = {self.names.numbers[code] for code in codes if code in self.names.numbers}
        return np.array(sorted(found), np.int32)

    def read(
        self,
        streams: NDArray[np.int32] | None,
        from_us: int = ALWAYS[0],
        before_us: int = ALWAYS[1],
        *,
        history: bool = False,
    ) -> Rows:
        """Return the readings of streams (None: all) with ``from_us`` <= time < ``before_us``.

        Each once, by stream, time and number, and as they stand after corrections and
        removals; with ``history`` also what was received and has been corrected or removed since.
        """
        wanted = None if streams is None else np.unique(streams)

        def look() -> Rows:
            sealed, parts = self._sealed(wanted, from_us, before_us)
            parts += [
                self._chosen(frame, wanted, from_us, before_us)
                for frame in self._tail.after(sealed)
            ]
            return without_repeats(joined(parts))

        rows = self._looking(look)
        return rows if history else standing(rows)

    def _sealed(
        self, wanted: NDArray[np.int32] | None, from_us: int, before_us: int
    ) -> tuple[int, list[Rows]]:
        found = manifest.load(self.places.manifest)
        chosen = [x for x in found.segments if x.from_us < before_us and x.to_us >= from_us]
        folder = self.places.segments
        parts = [
            self._open.get(folder, item.name).read(wanted, from_us, before_us) for item in chosen
        ]
        return found.sealed, parts

    @staticmethod
    def _chosen(
        frame: Frame, wanted: NDArray[np.int32] | None, from_us: int, before_us: int
    ) -> Rows:
        keep = (frame.at_us >= from_us) & (frame.at_us < before_us)
        if wanted is not None:
            keep &= np.isin(frame.stream, wanted)
        return rows_of_frame(frame).take(keep)

    def _looking(self, look: Callable[[], T]) -> T:
        for _ in range(LOOKS):
            try:
                return look()
            except FileNotFoundError:
                continue
        raise UnavailableError(what="observation store", problem="it changes without end")

    def by_id(self, ids: NDArray[np.int64]) -> Rows:
        """Return readings by their numbers, standing or not; unknown numbers are left out."""

        def look() -> Rows:
            found = manifest.load(self.places.manifest)
            frames = ids // MOST_ROWS
            parts = []
            for item in found.segments:
                if ((frames >= item.first) & (frames <= item.last)).any():
                    rows = self._open.get(self.places.segments, item.name).read(None, *ALWAYS)
                    parts.append(rows.take(np.isin(rows.id, ids)))
            for frame in self._tail.after(found.sealed):
                if (frames == frame.seq).any():
                    rows = rows_of_frame(frame)
                    parts.append(rows.take(np.isin(rows.id, ids)))
            return in_order(joined(parts))

        return self._looking(look)

    def frames_after(self, seq: int) -> Iterator[Frame]:
        """Yield frames with a greater number that are still in the log, in order.

        Raises
        ------
        FileNotFoundError
            When some of them are sealed already.
        """
        sealed = manifest.load(self.places.manifest).sealed
        if sealed > seq:
            raise FileNotFoundError(self.places.log)
        return iter([frame for frame in self._tail.after(sealed) if frame.seq > seq])
