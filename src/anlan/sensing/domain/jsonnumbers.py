"""Arrays of numbers out of JSON: what gateways send most, read without an object for each number.

Exactly what ``float`` and ``int`` make of the same digits, or nothing: what is unusual (very many
digits, a negative zero, anything that is no plain number) is for a general reader of JSON to judge.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from anlan.science.compiled import compiled, woven

Raw = bytes | msgspec.Raw
Bytes = NDArray[np.uint8]

_OPEN, _CLOSE, _COMMA, _MINUS, _PLUS, _POINT, _ZERO, _SPACE = (
    np.uint8(ord(sign)) for sign in "[],-+.0 "
)
_NULL = np.frombuffer(b"null", np.uint8)
_SPACES = tuple(np.uint8(ord(sign)) for sign in " \n\r\t")
_TENS = np.array([float(10**power) for power in range(23)])
"""The powers of ten that a double holds exactly: one multiplication or division rounds rightly."""
_EXACT = 1 << 53
_MOST_DIGITS = np.uint64(18)  # of a mantissa; more may not fit 63 bits
_NONE, _ONE, _WORD = (np.uint64(number) for number in (0, 1, 4))
"""Places are unsigned: those that are not might count from the end, and that is looked at each time."""


def floats(raw: Raw) -> NDArray[np.float64] | None:
    """Return the numbers of a JSON array, NaN for ``null``; None where that needs a closer look."""
    return _read(raw, np.float64, _read_floats)


def integers(raw: Raw) -> NDArray[np.int64] | None:
    """Return the whole numbers of a JSON array; None where that needs a closer look."""
    return _read(raw, np.int64, _read_integers)


def _read(raw: Raw, kind: Any, reader: Any) -> NDArray[Any] | None:
    given = np.frombuffer(raw, np.uint8)
    found = np.empty(len(given) // 2 + 1, kind)  # each number has a sign behind it
    count = reader(given, found)
    return found[:count].copy() if count else None


@woven
def past_space(given: Bytes, at: np.uint64, size: np.uint64) -> np.uint64:
    """Return the first place from ``at`` on that is no blank of JSON."""
    while at < size and given[at] <= _SPACE and given[at] in _SPACES:
        at += _ONE
    return at


@woven
def _digits(
    given: Bytes, at: np.uint64, size: np.uint64, whole: np.int64
) -> tuple[np.int64, np.uint64]:
    """Return ``whole`` with the digits from ``at`` on behind it, and where they end."""
    while at < size:
        digit = np.uint8(given[at] - _ZERO)
        if digit > 9:
            break
        whole = whole * 10 + np.int64(digit)
        at += _ONE
    return whole, at


@woven
def _whole(given: Bytes, at: np.uint64, size: np.uint64) -> tuple[np.int64, np.uint64]:
    """Return the digits before a point, and where they end; 0 where it needs a closer look."""
    whole, end = _digits(given, at, size, np.int64(0))
    if end == at or end - at > _MOST_DIGITS or (given[at] == _ZERO and end - at > _ONE):
        return whole, _NONE
    return whole, end


@woven
def _number(given: Bytes, start: np.uint64, size: np.uint64) -> tuple[float, np.uint64]:
    """Return a number without its sign, and where it ends; 0 where it needs a closer look."""
    whole, at = _whole(given, start, size)
    if at == _NONE:
        return 0.0, _NONE
    power = np.int64(0)
    if at < size and given[at] == _POINT:
        point = at + _ONE
        whole, at = _digits(given, point, size, whole)
        power = -np.int64(at - point)
        if power == 0 or at - start > _MOST_DIGITS + _ONE:
            return 0.0, _NONE
    if at < size and given[at] | np.uint8(32) == 101:  # e or E
        at += _ONE
        below = at < size and given[at] == _MINUS
        if at < size and (below or given[at] == _PLUS):
            at += _ONE
        by, end = _digits(given, at, size, np.int64(0))
        if end == at or end - at > _WORD:
            return 0.0, _NONE
        power += -by if below else by
        at = end
    if whole > _EXACT or abs(power) >= len(_TENS):
        return 0.0, _NONE
    return (whole * _TENS[power] if power >= 0 else whole / _TENS[-power]), at


@woven
def _next(given: Bytes, at: np.uint64, size: np.uint64) -> np.uint64:
    """Return where the next number begins; ``size`` where the array ends, 0 where neither follows."""
    at = past_space(given, at, size)
    if at < size and given[at] == _COMMA:
        at = past_space(given, at + _ONE, size)
        return at if at < size else _NONE
    return size if at + _ONE == size and given[at] == _CLOSE else _NONE


@woven
def _is_null(given: Bytes, at: np.uint64, size: np.uint64) -> bool:
    if at + _WORD > size:
        return False
    first, second = given[at], given[at + np.uint64(1)]
    third, fourth = given[at + np.uint64(2)], given[at + np.uint64(3)]
    return bool(first == _NULL[0] and second == _NULL[1] and third == fourth == _NULL[2])


@woven
def value_at(given: Bytes, at: np.uint64, size: np.uint64) -> tuple[float, np.uint64]:
    """Return a number, or NaN for ``null``, and where it ends; 0 where it needs a closer look."""
    if _is_null(given, at, size):
        return np.nan, at + _WORD
    negative = at < size and given[at] == _MINUS
    value, end = _number(given, at + np.uint64(negative), size)
    if negative and value == 0:
        return 0.0, _NONE
    return (-value if negative else value), end


@compiled
def _read_floats(given: Bytes, found: NDArray[np.float64]) -> int:
    """Read the numbers into ``found``, which has room; return how many, 0 where it needs a closer look."""
    size = np.uint64(len(given))
    if size < 2 or given[0] != _OPEN:
        return 0
    at = past_space(given, _ONE, size)
    for count in range(len(found)):
        found[count], at = value_at(given, at, size)
        if at == _NONE:
            return 0
        at = _next(given, at, size)
        if at in (_NONE, size):
            return count + 1 if at == size else 0
    return 0


@compiled
def _read_integers(given: Bytes, found: NDArray[np.int64]) -> int:
    """Read the numbers into ``found``, which has room; return how many, 0 where it needs a closer look."""
    size = np.uint64(len(given))
    if size < 2 or given[0] != _OPEN:
        return 0
    at = past_space(given, _ONE, size)
    for count in range(len(found)):
        negative = at < size and given[at] == _MINUS
        whole, at = _whole(given, at + np.uint64(negative), size)
        if at == _NONE:
            return 0
        found[count] = -whole if negative else whole
        at = _next(given, at, size)
        if at in (_NONE, size):
            return count + 1 if at == size else 0
    return 0
