"""Rows of readings out of JSON: what most gateways send, read without an object for each row.

Read is a list of ``{"stream": …, "at": …, "value": …}`` with nothing else, in this order, alone or
as ``{"observations": […]}``.  Exactly what a general reader of JSON makes of it, or nothing: whatever
is written in another way is for that reader.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anlan.science.compiled import compiled, woven
from anlan.sensing.domain.instants import read_instant
from anlan.sensing.domain.jsonnumbers import past_space, value_at

Bytes = NDArray[np.uint8]


def _words(text: str) -> Bytes:
    """Return signs that must follow one another; ``_`` before a sign: blanks may stand there, too."""
    found, soft = [], 0
    for sign in text.encode():
        if sign == ord("_"):
            soft = 128
        else:
            found.append(sign | soft)
            soft = 0
    return np.array(found, np.uint8)


_OPEN, _OBSERVATIONS = _words("_["), _words('_{_"observations"_:_[')
_STREAM, _AT, _VALUE = _words('_{_"stream"_:_"'), _words('"_,_"at"_:_"'), _words('"_,_"value"_:')
_END, _NEXT, _CLOSE, _CLOSE_ALL = map(_words, ("_}", "_,", "_]", "_]_}"))
_BRACKET, _BRACKET_END, _COMMA, _QUOTE, _ESCAPE, _BLANK = (np.uint8(sign) for sign in b'[],"\\ ')
_SOFT, _SIGN = np.uint8(128), np.uint8(127)
_SHORTEST = len('{"stream":"","at":"2026-07-20T08:00:00Z","value":0}')
_BAD, _ONE = np.uint64(0), np.uint64(1)


class Rows(NamedTuple):
    """Readings: ``codes`` is a list of the streams as JSON; µs since 1970 UTC; NaN for ``null``."""

    codes: bytes
    at_us: NDArray[np.int64]
    value: NDArray[np.float64]


def rows_of(body: bytes) -> Rows | None:
    """Return the rows of a message; None where that needs a closer look, as where there are none."""
    given = np.frombuffer(body, np.uint8)
    most = len(body) // _SHORTEST + 1
    at_us, value = np.empty(most, np.int64), np.empty(most, np.float64)
    codes = np.empty(len(body) + 2, np.uint8)
    rows, length = _read_all(given, codes, at_us, value)
    return Rows(codes[:length].tobytes(), at_us[:rows], value[:rows]) if rows else None


@woven
def _past(given: Bytes, at: np.uint64, size: np.uint64, words: Bytes) -> np.uint64:
    """Return what follows words; 0 where others stand."""
    for sign in words:
        if sign & _SOFT:
            at = past_space(given, at, size)
        if at >= size or given[at] != sign & _SIGN:
            return _BAD
        at += _ONE
    return at


@woven
def _end_of_text(given: Bytes, at: np.uint64, size: np.uint64) -> np.uint64:
    """Return where the quote stands that ends a text; 0 where it is no plain one."""
    while at < size and given[at] != _QUOTE:
        if given[at] < _BLANK or given[at] > _SIGN or given[at] == _ESCAPE:
            return _BAD
        at += _ONE
    return at


@compiled
def _read_row(
    given: Bytes, at: np.uint64, at_us: NDArray[np.int64], value: NDArray[np.float64], row: int
) -> tuple[np.uint64, np.uint64, np.uint64]:
    """Read a row; return where the text of its stream begins and ends, and what follows the row, else 0."""
    size = np.uint64(len(given))
    begin = _past(given, at, size, _STREAM)
    end = _BAD if begin == _BAD else _end_of_text(given, begin, size)
    at = _BAD if end == _BAD else _past(given, end, size, _AT)
    behind = _BAD if at == _BAD else _end_of_text(given, at, size)
    if behind == _BAD or not read_instant(given[at:behind], at_us, row):
        return begin, end, _BAD
    at = _past(given, behind, size, _VALUE)
    if at == _BAD:
        return begin, end, _BAD
    value[row], at = value_at(given, past_space(given, at, size), size)
    return begin, end, _BAD if at == _BAD else _past(given, at, size, _END)


@compiled
def _read_all(
    given: Bytes, codes: Bytes, at_us: NDArray[np.int64], value: NDArray[np.float64]
) -> tuple[int, int]:
    """Read all rows; return how many, 0 where it needs a closer look, and how long the codes are."""
    size = np.uint64(len(given))
    at = _past(given, _BAD, size, _OPEN)
    named = at == _BAD
    if named:
        at = _past(given, _BAD, size, _OBSERVATIONS)
    length = 0
    for row in range(len(at_us) if at != _BAD else 0):
        begin, end, at = _read_row(given, at, at_us, value, row)
        if at == _BAD:
            break
        codes[length] = _COMMA if row else _BRACKET
        codes[length + 1] = _QUOTE
        length += 2
        for place in range(begin, end + _ONE):  # with its second quote
            codes[length] = given[place]
            length += 1
        following = _past(given, at, size, _NEXT)
        if following == _BAD:
            at = _past(given, at, size, _CLOSE_ALL if named else _CLOSE)
            codes[length] = _BRACKET_END
            done = at != _BAD and past_space(given, at, size) == size
            return (row + 1, length + 1) if done else (0, 0)
        at = following
    return 0, 0
