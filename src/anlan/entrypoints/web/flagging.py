"""Flags of single readings: as marks on the curve, in words, and as a list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anlan.entrypoints.web import flagplot
from anlan.entrypoints.web.flagplot import FlagMark, FlagStretch
from anlan.entrypoints.web.wording import say
from anlan.sensing.public import FLAGS, Course, Flagged, flag_names

#: So many marks of one kind have room beside one another.
MOST_MARKS = 96
MOST_LISTED = 50
#: Drawn on the curve; a reading without a value has no place on it and stands at the foot.
ON_CURVE = ("spike", "gap", "battery")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Told:
    """The words and numbers around one drawing."""

    course: Course
    unit: str
    zone: tzinfo
    language: str

    def place(self, at_us: int) -> float:
        """Return where an instant stands along the span, 0 to 1."""
        return (_at(at_us) - self.course.start) / (self.course.end - self.course.start)

    def local(self, at_us: int) -> str:
        """Return an instant as text."""
        return f"{_at(at_us).astimezone(self.zone):%Y-%m-%d %H:%M:%S}"

    def flag(self, kind: str) -> str:
        """Return what a flag is called."""
        return say(f"stream.flag.{kind}", self.language)


def _at(at_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=at_us)


def counts_of(found: Flagged) -> dict[str, int]:
    """Return how many readings have each flag; flags that none has are left out."""
    counts = {kind: int(np.count_nonzero(found.flags & bit)) for kind, bit in FLAGS.items()}
    return {kind: count for kind, count in counts.items() if count}


def words_of(counts: dict[str, int], told: Told) -> str:
    """Return counted flags as one text."""
    return say("stream.flags_and", told.language).join(
        f"{told.flag(kind)} {count}" for kind, count in counts.items()
    )


def legend_of(counts: dict[str, int], told: Told) -> list[tuple[str, str]]:
    """Return (mark, words) of each flag that is drawn on the curve."""
    return [
        (flagplot.key_mark(kind), f"{told.flag(kind)} {count}")
        for kind, count in counts.items()
        if kind == "stuck" or kind in ON_CURVE
    ]


def marks_of(found: Flagged, told: Told, *, most: int = MOST_MARKS) -> list[FlagMark]:
    """Return a mark for each flagged reading, or for the farthest of those that lie too close."""
    marks = []
    for kind in ON_CURVE:
        rows = np.flatnonzero(found.flags & FLAGS[kind])
        for near in _near(rows, found.at_us, told, most):
            middle = np.median(found.value[near])
            row = int(near[np.abs(found.value[near] - middle).argmax()])
            value, many = float(found.value[row]), f" ×{len(near)}" if len(near) > 1 else ""
            title = f"{told.flag(kind)}{many}: {told.local(int(found.at_us[row]))} {value:g} {told.unit}"
            marks.append(FlagMark(told.place(int(found.at_us[row])), value, kind, title))
    return marks


def drawn_of(
    found: Flagged | None, told: Told, *, most: int = MOST_MARKS
) -> tuple[Sequence[FlagMark], Sequence[FlagStretch]]:
    """Return everything that is drawn on the curve, of each kind so many marks at most."""
    if found is None:
        return (), ()
    return marks_of(found, told, most=most), stretches_of(found, told)


def told_of(found: Flagged | None, told: Told) -> dict[str, Any]:
    """Return the legend and the list of flagged readings, for the page."""
    if found is None:
        return {"unflagged": True}
    rows, more = listed(found, told)
    return {
        "flag_keys": legend_of(counts_of(found), told),
        "flagged": rows,
        "flagged_more": more,
        "flagged_n": int(np.count_nonzero(found.flags)),
    }


def _near(
    rows: NDArray[np.intp], at_us: NDArray[np.int64], told: Told, most: int
) -> Iterator[NDArray[np.intp]]:
    """Yield rows in groups that would be marked at the same place."""
    if not len(rows):
        return
    wide = (told.course.end - told.course.start) / most // timedelta(microseconds=1) or 1
    begins = np.flatnonzero(np.diff(at_us[rows] // wide)) + 1
    yield from np.split(rows, begins)


def stretches_of(found: Flagged, told: Told) -> list[FlagStretch]:
    """Return the stretches in which the value stands still."""
    stretches = []
    for first, last in _runs(found.flags & FLAGS["stuck"])[-MOST_MARKS:]:
        since, until = int(found.at_us[first]), int(found.at_us[last])
        value = float(found.value[first])
        title = f"{told.flag('stuck')}: {told.local(since)} – {told.local(until)}, {value:g} {told.unit}"
        stretches.append(FlagStretch(told.place(since), told.place(until), value, title))
    return stretches


def _runs(bits: NDArray[Any]) -> list[tuple[int, int]]:
    """Return (first, last) of each run of readings with the same bits, where there are any."""
    if not len(bits):
        return []
    begins = np.concatenate(([0], np.flatnonzero(np.diff(bits)) + 1))
    ends = np.append(begins[1:], len(bits)) - 1
    some = bits[begins] != 0
    return list(zip(begins[some].tolist(), ends[some].tolist(), strict=True))


def listed(found: Flagged, told: Told) -> tuple[list[dict[str, Any]], int]:
    """Return the newest flagged readings, those alike after one another as one, and how many more."""
    runs = _runs(found.flags)
    rows = [
        {
            "since": _at(int(found.at_us[first])),
            "until": _at(int(found.at_us[last])) if last > first else None,
            "readings": last - first + 1,
            "value": _span(found.value[first : last + 1]),
            "flags": [told.flag(kind) for kind in flag_names(int(found.flags[first]))],
        }
        for first, last in runs[: -MOST_LISTED - 1 : -1]
    ]
    return rows, max(0, len(runs) - MOST_LISTED)


def _span(values: NDArray[np.float64]) -> str:
    known = values[np.isfinite(values)]
    if not len(known):
        return "–"
    least, greatest = float(known.min()), float(known.max())
    return f"{least:g}" if least == greatest else f"{least:g} – {greatest:g}"


def with_flags(
    rows: Sequence[tuple[Any, ...]], found: Flagged | None, told: Told
) -> list[tuple[Any, ...]]:
    """Return the rows of a table, which begin with an instant, each with its flags in words."""
    words = [""] * len(rows) if found is None else by_row(found, [row[0] for row in rows], told)
    return [(*row, said) for row, said in zip(rows, words, strict=True)]


def by_row(found: Flagged, begins: Sequence[datetime], told: Told) -> list[str]:
    """Return the flags of each row of a table in words; rows begin at ``begins``, in order."""
    edges = [(at - _EPOCH) // timedelta(microseconds=1) for at in begins]
    cuts = [*np.searchsorted(found.at_us, edges[1:]).tolist(), len(found.at_us)]
    first, words = 0, []
    for end in cuts:
        part = Flagged._make(column[first:end] for column in found)
        words.append(words_of(counts_of(part), told))
        first = end
    return words
