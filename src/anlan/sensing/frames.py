"""Readings for those who take them in columns: frames as they came, rows as they stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from anlan.sensing.services.hands import hand, reader
from anlan.sensing.store import Frame, Rows
from anlan.sensing.store.latest import Newest

Heard = Callable[[Sequence[Frame]], None]


def hear_kept(heard: Heard | None) -> None:
    """Let ``heard`` have what this process keeps, in the group commit itself; None: nobody any more.

    It is called when the frames are durable and before their senders are answered, so it must be
    quick.  When it fails, that is logged and the frames are kept all the same.
    """
    hand().hear(heard)


def number_streams(codes: Sequence[str]) -> None:
    """Give streams their numbers before they speak.

    Raises
    ------
    UnavailableError
        When the disk does not take them.
    """
    hand().number(codes)


def stream_numbers() -> Mapping[str, int]:
    """Return the number of every stream that has one; numbers are for ever."""
    return reader().all_numbers()


def stream_codes(upto: int) -> Sequence[str]:
    """Return the code of each number, at least up to ``upto`` if there is such a one."""
    return reader().codes(upto)


def frames_mark() -> tuple[int, int]:
    """Return what changes with every frame that is kept; costs one small read of a file."""
    return reader().mark()


def last_frame() -> int:
    """Return the number of the newest frame; 0 before the first."""
    return reader().last()


def passed_over() -> tuple[int, int]:
    """Return after and up to which number frames were lost last; (0, 0) where nothing ever was.

    What somebody remembers of a frame in between is of a store that is gone: its numbers of
    streams may be others.
    """
    lost = reader().lost()
    return (lost.after, lost.upto) if lost is not None else (0, 0)


def is_of_this_store(frame: int) -> bool:
    """Return whether who has come up to a frame may go on from it: a store of before never had it.

    It is ahead of such a store, or among the numbers that were passed over when it went on.
    """
    lost = reader().kept().lost
    return frame <= reader().last() and not any(x.after < frame < x.upto for x in lost)


def frames_after(number: int, limit: int) -> list[Frame]:
    """Return up to ``limit`` frames with greater numbers, in order, sealed in the meantime or not."""
    return reader().frames(number, number + limit)


def rows_between(streams: NDArray[np.int32] | None, from_us: int, before_us: int) -> Rows:
    """Return what stands of some streams (None: of all) in a period, by stream, time and number."""
    return reader().read(streams, from_us, before_us)


def most_rows_between(from_us: int, before_us: int) -> int:
    """Return how many readings of all streams lie in a period, at most."""
    return reader().most_rows(from_us, before_us)


def newest_readings(streams: NDArray[np.int32]) -> Newest:
    """Return the newest reading of each of some streams, all of one moment."""
    return reader().newest_of(streams)
