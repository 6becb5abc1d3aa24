"""The newest reading of every stream, in arrays that grow with the streams and not with time."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from anlan.sensing.store.frames import Frame
from anlan.sensing.store.places import put_whole
from anlan.sensing.store.rows import REMOVED, Rows

NEVER = -(1 << 62)

log = logging.getLogger(__name__)


class Newest(NamedTuple):
    """By stream number: the newest reading by phenomenon time; ``at_us`` NEVER where there is none.

    Quality ``REMOVED`` marks one that was removed since: another one stands, or none.
    """

    at_us: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]
    received_us: NDArray[np.int64]
    id: NDArray[np.int64]
    result_us: NDArray[np.int64]
    first: NDArray[np.int64]  # the number under which it was first received, before corrections


def _none(count: int) -> Newest:
    return Newest(
        np.full(count, NEVER),
        np.full(count, np.nan),
        np.zeros(count, np.uint8),
        np.full(count, NEVER),
        np.zeros(count, np.int64),
        np.full(count, NEVER),
        np.zeros(count, np.int64),
    )


@numba.njit(cache=True)
def _note(
    newest: Newest, stream: NDArray[np.int32], more: Newest, about: NDArray[np.int64]
) -> None:
    at_us, value, quality, received_us, ids, result_us, _ = more
    one = len(received_us) == 1  # of all rows
    for row in range(len(stream)):
        number = stream[row]
        meant = about[row] if len(about) else 0
        if quality[row] == REMOVED:
            # What stands instead is not known here: the reader looks for it.
            if meant == newest.id[number]:
                newest.quality[number] = REMOVED
        elif at_us[row] >= newest.at_us[number]:
            newest.at_us[number] = at_us[row]
            newest.value[number] = value[row]
            newest.quality[number] = quality[row]
            newest.received_us[number] = received_us[0 if one else row]
            if meant == 0:
                newest.first[number] = ids[row]
            elif meant != newest.id[number]:
                newest.first[number] = meant
            newest.id[number] = ids[row]
            newest.result_us[number] = result_us[row]


class Latest:
    """Keeps :class:`Newest` up to frame number ``seq``."""

    def __init__(self) -> None:
        self.seq = 0
        self.newest = _none(1024)

    def note(self, frame: Frame) -> None:
        """Take a frame in; a reading for an earlier time than the newest changes nothing."""
        if frame.rows:
            self._make_room(int(frame.stream.max()) + 1)
            received_us = np.array([frame.received_us])
            made = frame.at_us if frame.result_us is None else frame.result_us
            ids = frame.ids
            more = Newest(frame.at_us, frame.value, frame.quality, received_us, ids, made, ids)
            about = np.empty(0, np.int64) if frame.about is None else frame.about
            _note(self.newest, frame.stream, more, about)
        self.seq = frame.seq

    def note_all(self, frames: Sequence[Frame]) -> None:
        """Take in frames, one after another; many plain ones cost little more than one."""
        plain = [frame for frame in frames if frame.result_us is None and frame.about is None]
        if len(frames) < 2 or len(plain) != len(frames):
            for frame in frames:
                self.note(frame)
            return
        rows = [frame.rows for frame in frames]
        stream = np.concatenate([frame.stream for frame in frames])
        if len(stream):
            at_us = np.concatenate([frame.at_us for frame in frames])
            ids = np.concatenate([frame.ids for frame in frames])
            more = Newest(
                at_us,
                np.concatenate([frame.value for frame in frames]),
                np.concatenate([frame.quality for frame in frames]),
                np.repeat([frame.received_us for frame in frames], rows),
                ids, at_us, ids,
            )  # fmt: skip
            self._make_room(int(stream.max()) + 1)
            _note(self.newest, stream, more, np.empty(0, np.int64))
        self.seq = frames[-1].seq

    def note_rows(self, rows: Rows, received_us: NDArray[np.int64]) -> None:
        """Take in rows of a segment, which are in order of stream and time."""
        if rows.size:
            self._make_room(int(rows.stream.max()) + 1)
            more = Newest(
                rows.at_us, rows.value, rows.quality, received_us, rows.id, rows.result_us, rows.id
            )
            _note(self.newest, rows.stream, more, rows.about)

    def _make_room(self, count: int) -> None:
        have = len(self.newest.at_us)
        if count > have:
            more = _none(max(count, 2 * have) - have)
            pairs: Iterator[tuple[NDArray[Any], NDArray[Any]]] = zip(self.newest, more, strict=True)
            self.newest = Newest._make(np.concatenate(pair) for pair in pairs)

    def copy(self) -> Latest:
        """Return the same, apart from what comes later."""
        found = Latest()
        found.seq = self.seq
        found.newest = Newest._make(column.copy() for column in self.newest)
        return found

    def save(self, path: Path) -> None:
        """Write the arrays so that a reopening need not read what is sealed."""
        target = io.BytesIO()
        np.savez(target, seq=np.int64(self.seq), **self.newest._asdict())
        put_whole(path, target.getvalue())

    @classmethod
    def load(cls, path: Path) -> Latest:
        """Return what was saved; nothing known where that cannot be used: the segments know it all."""
        found = cls()
        if not path.exists():
            return found
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as saved:
                is_whole = saved.zip.testzip() is None
                if not is_whole or not set(saved.files) >= set(Newest._fields):
                    return found  # harmed, or of an earlier version
                newest = Newest._make(saved[name] for name in Newest._fields)
                found.seq, found.newest = int(saved["seq"]), newest
        except Exception:  # harmed bytes break whoever reads zip or arrays in any way
            log.warning("the newest readings as they were saved cannot be read", exc_info=True)
        return found
