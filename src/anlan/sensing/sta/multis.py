"""MultiDatastreams beside the catalogue: which streams each is made of, and what leads to it.

Here they are numbered from 0; everywhere else their numbers come after those of the streams.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anlan.sensing.domain.multidatastreams import KnownMulti

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Multis:
    """All whose streams are in force, and their streams one after another."""

    known: tuple[KnownMulti, ...]
    number: Mapping[str, int]
    starts: (
        Numbers  # where the streams of each begin in ``streams``, and where those of the last end
    )
    streams: Numbers
    quantities: Numbers  # of these streams; -1: none that the pack knows
    thing_of: Numbers  # the place of each: that of its first stream

    def parts(self, numbers: Numbers) -> tuple[Numbers, Numbers, Numbers]:
        """Return the places in ``streams`` of some, whose each is, and which of its results it is."""
        first, counts = self.starts[numbers], np.diff(self.starts)[numbers]
        return ragged(first, counts)

    def of_quantity(self) -> tuple[Numbers, Numbers]:
        """Return quantities in rising order, each with one that measures it."""
        owners = np.repeat(np.arange(len(self.known)), np.diff(self.starts))
        pairs = np.unique(np.stack([self.quantities, owners], axis=1), axis=0)
        return pairs[:, 0], pairs[:, 1]

    def of_thing(self) -> tuple[Numbers, Numbers]:
        """Return places in rising order, each with one that stands there."""
        order = np.argsort(self.thing_of, kind="stable")
        return self.thing_of[order], order


def ragged(first: Numbers, counts: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Return stretches one after another: each place, which stretch it is of, and how far within."""
    owners = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(first, counts) + within, owners, within


def multis_of(
    known: Iterable[KnownMulti],
    stream_number: Mapping[str, int],
    thing_of: Numbers,
    quantity_of: Numbers,
) -> Multis:
    """Return those of which every stream is in force; what was ended is no longer an entity."""
    numbered = [(one, [stream_number.get(code, -1) for code in one.streams]) for one in known]
    numbered = [(one, numbers) for one, numbers in numbered if -1 not in numbers]
    there = tuple(one for one, _ in numbered)
    streams = np.array([number for _, numbers in numbered for number in numbers], np.int64)
    starts = np.cumsum([0, *(len(numbers) for _, numbers in numbered)], dtype=np.int64)
    return Multis(
        known=there,
        number={one.code: number for number, one in enumerate(there)},
        starts=starts,
        streams=streams,
        quantities=quantity_of[streams],
        thing_of=thing_of[streams[starts[:-1]]],
    )


NO_MULTIS = multis_of((), {}, np.zeros(0, np.int64), np.zeros(0, np.int64))
