"""The columns of many messages joined into one batch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np

from anlan.sensing.domain.columns import Columns


def joined(parts: Sequence[Columns]) -> Columns:
    """Return the readings of all parts, one part after another."""
    if len(parts) == 1:
        return parts[0]
    sizes = [len(part) for part in parts]
    starts = np.cumsum([0, *sizes[:-1]]).tolist()
    codes = np.cumsum([0, *(len(part.codes) for part in parts[:-1])])
    named = any(part.unit or part.units for part in parts)
    units = [part.units or (part.unit,) for part in parts]
    first = np.cumsum([0, *(len(one) for one in units[:-1])])
    return Columns(
        codes=tuple(chain.from_iterable(part.codes for part in parts)),
        lists=tuple(part.codes for part in parts),
        index=np.concatenate(
            [part.index + start for part, start in zip(parts, codes.tolist(), strict=True)]
        ).astype(np.int32),
        at_us=np.concatenate([part.at_us for part in parts]),
        value=np.concatenate([part.value for part in parts]),
        absent=_filled([part.absent for part in parts], sizes, np.bool_),
        quality=_filled([part.quality for part in parts], sizes, np.uint8),
        units=tuple(
            _own(part, name) for part, one in zip(parts, units, strict=True) for name in one
        )
        if named
        else (),
        unit_index=np.concatenate(
            [
                (np.zeros(len(part), np.int32) if part.unit_index is None else part.unit_index)
                + start
                for part, start in zip(parts, first.tolist(), strict=True)
            ]
        ).astype(np.int32)
        if named
        else None,
        odd={
            start + number: text
            for part, start in zip(parts, starts, strict=True)
            for number, text in part.odd.items()
        },
    )


def _own(part: Columns, name: str) -> str:
    """Return the unit that counts for a row of a part: its own, else that of the part."""
    return name or part.unit


def _filled(
    parts: Sequence[np.ndarray | None], sizes: Sequence[int], kind: type
) -> np.ndarray | None:
    """Return a column, zero where a part has none; None where no part has it."""
    if all(part is None for part in parts):
        return None
    return np.concatenate(
        [
            np.zeros(size, kind) if part is None else part
            for part, size in zip(parts, sizes, strict=True)
        ]
    )
