"""Instants as text, many at once: RFC 3339 with an offset, as whole µs since 1970 UTC."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anlan.science.compiled import compiled

Bytes = NDArray[np.uint8]
_DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_BAD = -1


def micros_of_texts(texts: Sequence[str]) -> NDArray[np.int64] | None:
    """Return the instants of ``texts``; None when one of them is written in another way.

    Read are ``2026-07-20T08:00:00+08:00``, with up to six decimals of the second, with ``Z``.
    """
    if len(texts) > 1 and texts.count(texts[0]) == len(texts):
        # A gateway reads all its sensors at once: one time for all.
        alone = micros_of_texts(texts[:1])
        return None if alone is None else np.repeat(alone, len(texts))
    data = "".join(texts).encode()
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    found = np.empty(len(texts), np.int64)
    if len(data) != lengths.sum() or not _read_all(np.frombuffer(data, np.uint8), lengths, found):
        return None
    return found


@compiled
def _read_all(data: Bytes, lengths: NDArray[np.int64], found: NDArray[np.int64]) -> bool:
    start = 0
    for row in range(len(lengths)):
        end = start + lengths[row]
        if not read_instant(data[start:end], found, row):
            return False
        start = end
    return True


@compiled
def read_instant(text: Bytes, found: NDArray[np.int64], row: int) -> bool:
    """Write an instant into its place; return False where it is written in another way."""
    if len(text) < 20 or not _has_marks(text):
        return False
    year, month, day = _digits(text, 0, 4), _digits(text, 5, 7), _digits(text, 8, 10)
    hour, minute, second = _digits(text, 11, 13), _digits(text, 14, 16), _digits(text, 17, 19)
    if min(year, month, day, hour, minute, second) < 0:
        return False
    if not _is_day(year, month, day) or hour > 23 or minute > 59 or second > 59:
        return False
    place, micro = _fraction(text)
    if micro < 0:
        return False
    offset = _offset(text, place)
    if offset == _BAD:
        return False
    seconds = _day_number(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second
    found[row] = (seconds - (offset - _ZERO)) * 1_000_000 + micro
    return True


_ZERO = 1 << 20  # added to an offset, so that none is below zero


@compiled
def _has_marks(text: Bytes) -> bool:
    dashes = text[4] == ord("-") and text[7] == ord("-")
    return bool(dashes and text[10] == ord("T") and text[13] == ord(":") and text[16] == ord(":"))


@compiled
def _digits(text: Bytes, start: int, end: int) -> int:
    value = 0
    for place in range(start, end):
        digit = int(text[place]) - 48
        if digit < 0 or digit > 9:
            return _BAD
        value = value * 10 + digit
    return value


@compiled
def _is_day(year: int, month: int, day: int) -> bool:
    if year < 1 or month < 1 or month > 12 or day < 1:
        return False
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return bool(day <= _DAYS[month - 1] + leap)


@compiled
def _fraction(text: Bytes) -> tuple[int, int]:
    """Return where the offset begins, and the µs of the second, -1 when they cannot be read."""
    if text[19] != ord("."):
        return 19, 0
    end = 20
    while end < len(text) and 48 <= text[end] <= 57:
        end += 1
    if end == 20 or end > 26 or end == len(text):
        return end, _BAD
    return end, _digits(text, 20, end) * 10 ** (26 - end)


@compiled
def _offset(text: Bytes, place: int) -> int:
    """Return the offset in seconds and :data:`_ZERO`; -1 when it cannot be read."""
    if place == len(text) - 1 and text[place] == ord("Z"):
        return _ZERO
    sign = text[place] == ord("+") or text[place] == ord("-")
    if place != len(text) - 6 or not sign or text[place + 3] != ord(":"):
        return _BAD
    hours, minutes = _digits(text, place + 1, place + 3), _digits(text, place + 4, place + 6)
    if min(hours, minutes) < 0 or hours > 23 or minutes > 59:
        return _BAD
    seconds = hours * 3600 + minutes * 60
    return _ZERO + (seconds if text[place] == ord("+") else -seconds)


@compiled
def _day_number(year: int, month: int, day: int) -> int:
    """Return the days since 1970-01-01 in the Gregorian calendar, counted in years from March."""
    year -= month <= 2
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return year * 365 + year // 4 - year // 100 + year // 400 + of_year - 719_468
