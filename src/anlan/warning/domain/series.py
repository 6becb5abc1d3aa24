"""Compact series of readings, as duty officers write them: ``0 0.1x5 _ 0.3..0.6x4 stale``.

=============  ==================================================
``0.3``        one reading
``0.1x5``      the same reading five times
``0..0.5x6``   six readings from 0 to 0.5 in even steps
``_`` ``_x3``  the sensor says "no value" (three times)
``stale``      nothing comes any more
``stalex4``    nothing comes four times
=============  ==================================================
"""

from __future__ import annotations

import re
from enum import Enum

MOST = 100_000  # readings of one series
_NUMBER = r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
_TOKEN = re.compile(
    rf"(?:(?P<first>{_NUMBER})(?:\.\.(?P<last>{_NUMBER}))?|(?P<none>_)|(?P<stale>stale))"
    r"(?:x(?P<times>\d+))?"
)
_DIGITS = 12  # 0..0.5x6 gives 0.3, not 0.30000000000000004


class Absent(Enum):
    """Why there is no number: the sensor said so, or nothing came."""

    NO_VALUE = "no value"
    NOTHING = "nothing"


Item = float | Absent


class SeriesError(ValueError):
    """A word of a series that means nothing; ``word`` is that word."""

    def __init__(self, word: str) -> None:
        super().__init__(f"not a word of a series: {word!r}")
        self.word = word


def parse_series(text: str) -> tuple[Item, ...]:
    """Return the items of a series, one for each interval.

    Raises
    ------
    SeriesError
        When a word means nothing, or the series is longer than :data:`MOST`.
    """
    items: list[Item] = []
    for word in text.split():
        items += _items(word)
        if len(items) > MOST:
            raise SeriesError(word)
    return tuple(items)


def _items(word: str) -> list[Item]:
    found = _TOKEN.fullmatch(word)
    if found is None:
        raise SeriesError(word)
    times = int(found["times"] or 1)
    if not 1 <= times <= MOST:
        raise SeriesError(word)
    if found["none"]:
        return [Absent.NO_VALUE] * times
    if found["stale"]:
        return [Absent.NOTHING] * times
    first = float(found["first"])
    if found["last"] is None:
        return [first] * times
    if times < 2:
        raise SeriesError(word)
    step = (float(found["last"]) - first) / (times - 1)
    return [round(first + step * index, _DIGITS) for index in range(times)]
