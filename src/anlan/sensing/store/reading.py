"""Reading a store, whether or not somebody is writing it.

A reader takes the manifest, then the log after what the manifest says is
sealed.  When a file goes in between, what it held is elsewhere: it looks again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from anlan.kernel.errors import UnavailableError
from anlan.sensing.store import finding, log, manifest, sealed
from anlan.sensing.store.cuts import rows_of
from anlan.sensing.store.finding import Brought
from anlan.sensing.store.frames import MOST_ROWS, Frame
from anlan.sensing.store.latest import NEVER, Latest, Newest
from anlan.sensing.store.manifest import Lost, SegmentFile
from anlan.sensing.store.names import StreamNames
from anlan.sensing.store.places import Places
from anlan.sensing.store.rows import (
    REMOVED,
    Rows,
    joined,
    rows_of_frame,
    standing,
    without_repeats,
)
from anlan.sensing.store.sealing import day_name
from anlan.sensing.store.segments import OpenSegments
from anlan.sensing.store.thinning import Thinned, joined_lines, read_lines

LOOKS = 10
ALWAYS = (-(1 << 62), 1 << 62)
DAY_US = 86_400_000_000
LOOKED_BACK = (1, 40, 0)
"""Days before a removed reading in which another one is looked for; 0: all of them."""
T = TypeVar("T")


class StoreReader:
    """What is kept in one folder, as it stands at each call."""

    def __init__(self, root: Path) -> None:
        self.places = Places(root)
        self.names = StreamNames(self.places.names, writing=False)
        self._manifest = manifest.Followed(self.places.manifest)
        self._open = OpenSegments()
        self._tail = log.Tail(self.places.log)
        self._latest = Latest()
        self._turn = threading.RLock()

    def know(self, codes: Iterable[str]) -> Mapping[str, int]:
        """Return the number of every stream code, after a look for those of ``codes`` not known yet."""
        with self._turn:
            if any(code not in self.names.numbers for code in codes):
                self.names.read_on()
        return self.names.numbers

    def all_numbers(self) -> Mapping[str, int]:
        """Return the number of every stream code that there is by now."""
        with self._turn:
            self.names.read_on()
        return self.names.numbers

    def codes(self, number: int) -> Sequence[str]:
        """Return the code of each stream number, at least up to ``number``."""
        with self._turn:
            if number >= len(self.names.codes):
                self.names.read_on()
        return self.names.codes

    def numbers(self, codes: list[str]) -> NDArray[np.int32]:
        """Return the numbers of those codes that the store knows, in order of number."""
        self.know(codes)
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
            done, parts = self._sealed(wanted, from_us, before_us)
            parts += [self._chosen(x, wanted, from_us, before_us) for x in self._tail.after(done)]
            return without_repeats(joined(parts))

        rows = self._looking(look)
        return rows if history else standing(rows)

    def _sealed(
        self, wanted: NDArray[np.int32] | None, from_us: int, before_us: int
    ) -> tuple[int, list[Rows]]:
        found = self._manifest.load()
        chosen = [x for x in found.segments if x.from_us < before_us and x.to_us >= from_us]
        folder = self.places.segments
        cuts = (cut for item in chosen for cut in self._open.get(folder, item.name).cuts(wanted))
        return found.sealed, [rows_of(cuts, wanted, from_us, before_us)]

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
                with self._turn:
                    return look()
            except FileNotFoundError:
                continue
        raise UnavailableError(what="observation store", problem="it changes without end")

    def by_id(
        self, number: int, *, stream: NDArray[np.int32] | None = None, most: int = 1 << 62
    ) -> Rows | None:
        """Return a reading by its number, standing or not: one row, or none.

        None when it is in none of the first ``most`` sealed readings that may be it; ``stream``,
        the number of the stream it is said to be of, leaves few of them.
        """

        def look() -> Rows | None:
            found = self._manifest.load()
            for frame in self._tail.after(found.sealed):
                if frame.seq == number // MOST_ROWS:
                    rows = rows_of_frame(frame)
                    return rows.take(rows.id == number)
            return finding.row_of(self.places, found, self._open, number, stream=stream, most=most)

        return self._looking(look)

    def brought(self, seq: int) -> Brought | None:
        """Return who sent a message, when and of how many readings; None when there is none."""

        def look() -> Brought | None:
            found = self._manifest.load()
            for frame in self._tail.after(found.sealed):
                if frame.seq == seq:
                    return Brought(frame.source, frame.received_us, frame.rows)
            return finding.brought(self.places, found, seq)

        return self._looking(look)

    def thinned(self, streams: NDArray[np.int32], from_us: int, before_us: int) -> Thinned:
        """Return what stays of readings of streams that were thinned, by stream and time."""

        def look() -> Thinned:
            found = self._manifest.load()
            days = (day_name(from_us // DAY_US), day_name((before_us - 1) // DAY_US))
            return joined_lines(
                [
                    read_lines(self.places.segments / item.name, streams, from_us, before_us)
                    for item in found.thinned
                    if days[0] <= item.day <= days[1]
                ]
            )

        return self._looking(look)

    def kept(self) -> manifest.Manifest:
        """Return what is sealed, as it stands."""
        return self._manifest.load()

    def lost(self) -> Lost | None:
        """Return the numbers that were passed over last; None in a store that lost nothing."""
        found = self._manifest.load().lost
        return found[-1] if found else None

    def segments(self) -> tuple[SegmentFile, ...]:
        """Return the segments that count."""
        return self._manifest.load().segments

    def mark(self) -> tuple[int, int]:
        """Return what changes with every frame that is kept: one small read of a file."""
        return log.synced_to(self.places.log)

    def last(self) -> int:
        """Return the number of the newest frame; 0 before the first."""

        def look() -> int:
            done = self._manifest.load().sealed
            frames = self._tail.after(done)
            return frames[-1].seq if frames else done

        return self._looking(look)

    def oldest_waiting_us(self) -> int | None:
        """Return when the oldest frame that is in no segment was received; None without any."""

        def look() -> int | None:
            frames = self._tail.after(self._manifest.load().sealed)
            return frames[0].received_us if frames else None

        return self._looking(look)

    def waiting_rows(self) -> int:
        """Return how many readings are in no segment yet."""

        def look() -> int:
            frames = self._tail.after(self._manifest.load().sealed)
            return sum(frame.rows for frame in frames)

        return self._looking(look)

    def frames(self, after: int, upto: int) -> list[Frame]:
        """Return the frames with ``after`` < number <= ``upto``, in order, also sealed ones.

        What was kept twice in sealed frames may be in the first of them only.  Numbers that were passed
        over do not count: who asks for the next so many gets them.
        """
        asked = after, upto

        def look() -> list[Frame]:
            found = self._manifest.load()
            after, upto = found.window(*asked)
            waiting = [x for x in self._tail.after(found.sealed) if after < x.seq <= upto]
            if after >= found.sealed:
                return waiting
            return sealed.frames_of(self.places, found, after, min(upto, found.sealed)) + waiting

        return self._looking(look)

    def newest(self) -> Newest:
        """Return the newest reading of every stream, by its number; not to be changed."""

        def look() -> Newest:
            done = self._manifest.load().sealed
            if self._latest.seq < done:
                self._latest = self._saved()
            for frame in self._tail.after(done):
                if frame.seq > self._latest.seq:
                    self._latest.note(frame)
            return self._latest.newest

        with self._turn:
            found = self._looking(look)
            gone = np.flatnonzero(found.quality == REMOVED).astype(np.int32)
            if len(gone):
                self._stand_in(found, gone)
            return found

    def newest_of(self, numbers: NDArray[np.int32]) -> Newest:
        """Return the newest readings of some streams, all of one moment and the caller's own.

        A number that is not known yet has none.
        """
        with self._turn:
            found = self.newest()
            there = numbers < len(found.at_us)
            taken = Newest._make(column[np.where(there, numbers, 0)] for column in found)
        taken.at_us[~there] = NEVER
        return taken

    def _stand_in(self, newest: Newest, gone: NDArray[np.int32]) -> None:
        """Put what stands in the place of newest readings that were removed."""
        last = int(newest.at_us[gone].max()) + 1
        for days in LOOKED_BACK:
            rows = self.read(gone, last - days * DAY_US if days else ALWAYS[0], last)
            ends = np.append(rows.stream[1:] != rows.stream[:-1], rows.size > 0)
            rows = rows.take(ends[: rows.size])
            newest.at_us[rows.stream], newest.value[rows.stream] = rows.at_us, rows.value
            newest.quality[rows.stream] = rows.quality
            newest.id[rows.stream] = newest.first[rows.stream] = rows.id
            newest.result_us[rows.stream] = rows.result_us
            gone = np.setdiff1d(gone, rows.stream).astype(np.int32)
            if not len(gone):
                return
        newest.at_us[gone], newest.value[gone], newest.quality[gone] = NEVER, np.nan, 0

    def bounds(self) -> tuple[int, int] | None:
        """Return the first and the last instant that any reading speaks of; None without any."""

        def look() -> tuple[int, int] | None:
            found = self._manifest.load()
            spans = [(item.from_us, item.to_us) for item in found.segments]
            waiting = [frame.at_us for frame in self._tail.after(found.sealed) if frame.rows]
            spans += [(int(times.min()), int(times.max())) for times in waiting]
            return (min(x for x, _ in spans), max(x for _, x in spans)) if spans else None

        return self._looking(look)

    def most_rows(self, from_us: int, before_us: int) -> int:
        """Return how many readings of all streams have to be looked at for a period, at most."""

        def look() -> int:
            found = self._manifest.load()
            waiting = sum(frame.rows for frame in self._tail.after(found.sealed))
            chosen = [x for x in found.segments if x.from_us < before_us and x.to_us >= from_us]
            return waiting + sum(item.rows for item in chosen)

        return self._looking(look)

    def newest_between(self, after_us: int, upto_us: int, *, most: int) -> Newest | None:
        """Return the newest reading of every stream measured in a period and received by its end.

        None when more than ``most`` rows would have to be looked through.
        """

        def look() -> Newest | None:
            found = self._manifest.load()
            chosen = [x for x in found.segments if x.from_us <= upto_us and x.to_us > after_us]
            waiting = [
                (self._chosen(frame, None, after_us + 1, upto_us + 1), frame.received_us)
                for frame in self._tail.after(found.sealed)
                if frame.received_us <= upto_us
            ]
            if sum(x.rows for x in chosen) + sum(rows.size for rows, _ in waiting) > most:
                return None
            received = sealed.received_of(self.places, found)
            newest = Latest()
            for item in sorted(chosen, key=lambda item: item.last):
                opened = self._open.get(self.places.segments, item.name)
                rows = opened.read(None, after_us + 1, upto_us + 1)
                came = received(rows.id)
                newest.note_rows(rows.take(came <= upto_us), came[came <= upto_us])
            for rows, received_us in waiting:
                newest.note_rows(rows, np.full(rows.size, received_us))
            return newest.newest

        return self._looking(look)

    def _saved(self) -> Latest:
        """Return the newest readings as the writer saved them before it said that frames are sealed."""
        saved = Latest.load(self.places.latest)
        found = self._manifest.load()
        return saved if saved.seq >= found.sealed else sealed.newest_of(self.places, found)
