"""Readings in columns as they cross the wire: JSON of rows, JSON of columns, binary records.

Each form has one fast reading for what is well formed; whatever is not falls back to reading value
by value, so that a slip costs its row and not the batch (``docs/how-to/send-signs.md``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from anlan.kernel.remembered import Remembered
from anlan.sensing.domain.binarywire import BINARY, columns_from_binary
from anlan.sensing.domain.columns import (
    ASKED,
    CODE_COSTS,
    NO_QUALITY,
    NO_TIME,
    QUALITIES,
    UNREADABLE,
    Columns,
    instant,
    micros,
)
from anlan.sensing.domain.errors import BatchEmptyError, BatchMalformedError, BatchTooLargeError
from anlan.sensing.domain.instants import micros_of_texts
from anlan.sensing.domain.jsonnumbers import floats, integers
from anlan.sensing.domain.jsonrows import Rows, rows_of
from anlan.sensing.domain.observations import MAX_ROWS, BatchIn, RowIn
from anlan.sensing.domain.wire import batch_from_json, refuse_too_many, row_from_json

_NUMBER = {"": 0} | {quality.value: number for number, quality in enumerate(QUALITIES)}
LONGEST_FOR_ALL = 500
"""Bytes of a value that stands for all rows, where each row is written out: it is repeated in each."""
_SHORTEST_CODES, _LONGEST_CODES = 256, 16 * 1024
"""Bytes of a column of codes that is remembered: a shorter one is read as fast as it is found."""
_CODES_AGAIN = Remembered[bytes, tuple[str, ...]](ASKED)
"""Columns of codes as they were sent, and what they say: so many bytes of both."""
_FEW = 2_000
_UNREADABLE_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Row(msgspec.Struct, frozen=True, gc=False):
    stream: str
    at: str | None
    value: float | None
    quality: str = ""
    unit: str = ""


class _Body(msgspec.Struct, frozen=True):
    """Either ``observations``, or the columns, of which one value stands for all rows, or one row."""

    observations: list[_Row] | UnsetType = UNSET
    stream: msgspec.Raw | UnsetType = UNSET
    streams: msgspec.Raw | UnsetType = UNSET
    at: list[str] | str | UnsetType = UNSET
    at_ms: msgspec.Raw | UnsetType = UNSET
    at_us: msgspec.Raw | UnsetType = UNSET
    value: msgspec.Raw | UnsetType = UNSET
    quality: list[str] | str = ""
    unit: list[str] | str = ""
    key: str = ""


_BODY = msgspec.json.Decoder(_Body)
_ROW = msgspec.json.Decoder(_Row)
_ROWS = msgspec.json.Decoder(list[_Row])
_CODES = msgspec.json.Decoder(list[str] | str)
_VALUES = msgspec.json.Decoder(list[float | None])
_NUMBERS = msgspec.json.Decoder(list[int] | int)


class _NotPlainError(Exception):
    """The fast reading does not fit: each value is to be looked at by itself."""


def columns_from(body: bytes, kind: str) -> tuple[Columns, str]:
    """Return the readings that ``body`` holds, and the sender's key for them ("": none).

    ``kind`` is the media type; everything but :data:`BINARY` is read as JSON.

    Raises
    ------
    BatchMalformedError
        When it is none of the forms.
    BatchTooLargeError
        When it has too many rows to look at each by itself.
    """
    return columns_quickly(body, kind) or _value_by_value(body)


def columns_quickly(body: bytes, kind: str) -> tuple[Columns, str] | None:
    """Return the same; None for what has to be looked at value by value, which takes its time.

    Raises
    ------
    BatchMalformedError, BatchTooLargeError
        As :func:`columns_from`.
    """
    if kind == BINARY:
        return columns_from_binary(body), ""
    plain = rows_of(body)
    return _quickly(body) if plain is None else (_of_plain_rows(plain), "")


def _quickly(body: bytes) -> tuple[Columns, str] | None:
    try:
        if body.startswith(b"["):
            return _of_rows(_ROWS.decode(body), ""), ""
        whole = _BODY.decode(body)
        if isinstance(whole.streams, msgspec.Raw):
            return _of_columns(whole), whole.key
        if isinstance(whole.observations, list):
            return _of_rows(whole.observations, str(whole.unit)), whole.key
        if isinstance(whole.stream, msgspec.Raw):
            return _of_rows([_ROW.decode(body)], ""), ""
    except (*_UNREADABLE_JSON, _NotPlainError, OverflowError, ValueError):
        pass
    return None


def refuse_unless_readable(sent: Columns, kind: str) -> None:
    """Refuse a message that holds nothing, or more rows than are looked at one by one."""
    if not len(sent):
        raise BatchEmptyError
    if kind != BINARY and len(sent) > MAX_ROWS:
        raise BatchTooLargeError(rows=len(sent), limit=MAX_ROWS)


def _of_plain_rows(rows: Rows) -> Columns:
    refuse_too_many(len(rows.value))
    return Columns(
        codes=_codes_of(rows.codes),
        index=_one_each(len(rows.value)),
        at_us=rows.at_us,
        value=rows.value,
        absent=_absent(rows.value),
    )


def _of_rows(rows: Sequence[_Row], unit: str) -> Columns:
    refuse_too_many(len(rows))
    at_us = micros_of_texts([row.at or "" for row in rows])
    if at_us is None:
        raise _NotPlainError
    value = np.array([row.value for row in rows], np.float64)
    units = [row.unit for row in rows]
    named = dict.fromkeys(units)
    place = {name: number for number, name in enumerate(named)}
    return Columns(
        codes=tuple(row.stream for row in rows),
        index=_one_each(len(rows)),
        at_us=at_us,
        value=value,
        absent=_absent(value),
        quality=_qualities([row.quality for row in rows]),
        unit=unit,
        units=tuple(named) if any(named) else (),
        unit_index=np.array([place[name] for name in units], np.int32) if any(named) else None,
    )


def _of_columns(body: _Body) -> Columns:
    if body.observations is not UNSET or isinstance(body.value, UnsetType):
        raise _NotPlainError
    value = floats(body.value)
    if value is None:
        value = np.array(_VALUES.decode(body.value), np.float64)
    rows = len(value)
    if rows > MAX_ROWS:
        raise BatchTooLargeError(rows=rows, limit=MAX_ROWS)
    raw = bytes(body.streams)  # type: ignore[arg-type]  # the caller saw it
    codes = _codes_of(raw)
    units = body.unit if isinstance(body.unit, list) else []
    named = tuple(dict.fromkeys(units))
    place = {name: number for number, name in enumerate(named)}
    quality = _qualities(body.quality)
    lists = (one for one in (body.quality, body.unit) if isinstance(one, list))
    if any(len(one) != rows for one in lists):
        raise _NotPlainError
    return Columns(
        codes=codes,
        index=_places(len(codes), rows, single=raw.startswith(b'"')),
        at_us=_times(body, rows),
        value=value,
        absent=_absent(value),
        quality=None
        if quality is None
        else _all(quality, rows, single=isinstance(body.quality, str)),
        unit="" if isinstance(body.unit, list) else body.unit,
        units=named,
        unit_index=np.array([place[name] for name in units], np.int32) if units else None,
    )


def _places(codes: int, rows: int, *, single: bool) -> NDArray[np.int32]:
    if single:
        return np.zeros(rows, np.int32)
    if codes == rows:
        return _one_each(rows)
    raise _NotPlainError


def _one_each(rows: int) -> NDArray[np.int32]:
    """Return the numbers of so many rows."""
    return _one_each_again(rows) if rows <= _FEW else np.arange(rows, dtype=np.int32)


@lru_cache(maxsize=256)
def _one_each_again(rows: int) -> NDArray[np.int32]:
    """Return them as often as asked: nobody writes into the columns of a message."""
    return np.arange(rows, dtype=np.int32)


def _codes_of(raw: bytes) -> tuple[str, ...]:
    """Return the codes of a column; a gateway sends the same ones again and again."""
    known = _CODES_AGAIN.get(raw) if len(raw) >= _SHORTEST_CODES else None
    if known is not None:
        return known
    found = _CODES.decode(raw)
    codes = (found,) if isinstance(found, str) else tuple(found)
    if _SHORTEST_CODES <= len(raw) <= _LONGEST_CODES:
        _CODES_AGAIN.put(raw, codes, 300 + 2 * len(raw) + CODE_COSTS * len(codes))
    return codes


def _times(body: _Body, rows: int) -> NDArray[np.int64]:
    given = [one for one in (body.at, body.at_ms, body.at_us) if not isinstance(one, UnsetType)]
    if len(given) != 1:
        raise _NotPlainError
    if isinstance(body.at_ms, msgspec.Raw):
        found, single = _whole_numbers(body.at_ms)
        if np.abs(found).max(initial=0) > 1 << 52:
            raise _NotPlainError
        return _all(found * 1000, rows, single=single)
    if isinstance(body.at_us, msgspec.Raw):
        found, single = _whole_numbers(body.at_us)
        if found.min(initial=0) <= UNREADABLE:
            raise _NotPlainError
        return _all(found, rows, single=single)
    single = isinstance(body.at, str)
    texts = micros_of_texts([body.at] if single else body.at)  # type: ignore[list-item, arg-type]
    if texts is None:
        raise _NotPlainError
    return _all(texts, rows, single=single)


def _whole_numbers(raw: msgspec.Raw) -> tuple[NDArray[np.int64], bool]:
    """Return the numbers of a list, or the one that stands for all rows, and whether it is that."""
    found = integers(raw)
    if found is not None:
        return found, False
    read = _NUMBERS.decode(raw)
    return np.atleast_1d(np.array(read, np.int64)), not isinstance(read, list)


def _all(found: NDArray[Any], rows: int, *, single: bool) -> NDArray[Any]:
    """Return a column as long as the others; only one value that is no list stands for all rows."""
    if single:
        return np.repeat(found, rows)
    if len(found) == rows:
        return found
    raise _NotPlainError


def _absent(value: NDArray[np.float64]) -> NDArray[np.bool_] | None:
    """Return where nothing was measured: JSON has no NaN, so what is one here was ``null``."""
    found = np.isnan(value)
    return found if found.any() else None


def _qualities(texts: Sequence[str] | str) -> NDArray[np.uint8] | None:
    if isinstance(texts, str):
        texts = [texts]
    if not any(texts):
        return None
    try:
        return np.array([_NUMBER[text] for text in texts], np.uint8)
    except KeyError:
        raise _NotPlainError from None


def _value_by_value(body: bytes) -> tuple[Columns, str]:
    """Read what the fast readings do not: each row by itself."""
    try:
        fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except _UNREADABLE_JSON:
        fields = {}
    if "streams" not in fields:
        batch, key = batch_from_json(body)
        return columns_of(batch), key
    if "observations" in fields:
        raise BatchMalformedError(where="body")
    try:
        unit, rows = _rows_of(fields)
        key = msgspec.json.decode(fields.get("key", b'""'), type=str)
    except _UNREADABLE_JSON:
        raise BatchMalformedError(where="body") from None
    return columns_of(BatchIn(tuple(row_from_json(row) for row in rows), unit, tuple(rows))), key


def _rows_of(fields: Mapping[str, msgspec.Raw]) -> tuple[str, list[bytes]]:
    """Return the unit of all rows, and each row as JSON of its own."""
    times = [name for name in ("at", "at_ms", "at_us") if name in fields]
    if len(times) != 1 or "value" not in fields:
        raise BatchMalformedError(where="body")
    names = ["streams", times[0], "value", *(n for n in ("quality", "unit") if n in fields)]
    columns = {name: _raw_values(bytes(fields[name])) for name in names}
    rows = len(columns["value"])
    single = {name for name in names if not bytes(fields[name]).startswith(b"[")} - {"value"}
    if any(len(columns[name]) != rows for name in names if name not in single):
        raise BatchMalformedError(where="body")
    refuse_too_many(rows)
    if any(len(columns[name][0]) > LONGEST_FOR_ALL for name in single):
        raise BatchMalformedError(where="body")
    unit = msgspec.json.decode(columns.pop("unit")[0], type=str) if "unit" in single else ""
    found = []
    for row in range(rows):
        own = {n: column[0 if n in single else row] for n, column in columns.items()}
        parts = {"stream": own.pop("streams"), "at": _as_text(times[0], own.pop(times[0])), **own}
        found.append(b"{%s}" % b",".join(b'"%s":%s' % (n.encode(), v) for n, v in parts.items()))
    return unit, found


def _raw_values(raw: bytes) -> list[bytes]:
    if not raw.startswith(b"["):
        return [raw]
    return [bytes(one) for one in msgspec.json.decode(raw, type=list[msgspec.Raw])]


def _as_text(name: str, raw: bytes) -> bytes:
    """Return a number of ms or µs as a time; what is none stays, and is refused with its row."""
    if name == "at":
        return raw
    try:
        found = instant(msgspec.json.decode(raw, type=int) * (1000 if name == "at_ms" else 1))
    except _UNREADABLE_JSON:
        found = None
    # A row without a readable time: no number, which would be taken for seconds.
    return b"[%s]" % raw if found is None else msgspec.json.encode(found)


def columns_of(batch: BatchIn) -> Columns:
    """Return rows in columns; what no array can hold is kept as it came."""
    rows = batch.rows
    units = [row.unit if row else "" for row in rows]
    named = tuple(dict.fromkeys(units))
    place = {name: number for number, name in enumerate(named)}
    quality = [_NUMBER.get(row.quality, NO_QUALITY) if row else 0 for row in rows]
    return Columns(
        codes=tuple(row.stream if row else "" for row in rows),
        index=np.arange(len(rows), dtype=np.int32),
        at_us=np.array([_at_us(row) for row in rows], np.int64),
        value=np.array([np.nan if not row or row.value is None else row.value for row in rows]),
        absent=np.array([row is not None and row.value is None for row in rows], np.bool_),
        quality=np.array(quality, np.uint8),
        unit=batch.unit,
        units=named,
        unit_index=np.array([place[name] for name in units], np.int32),
        odd=_odd(batch, quality),
    )


def _at_us(row: RowIn | None) -> int:
    if row is None:
        return UNREADABLE
    return NO_TIME if row.at is None or row.at.tzinfo is None else micros(row.at)


def _odd(batch: BatchIn, quality: Sequence[int]) -> dict[int, str]:
    found = {}
    for number, row in enumerate(batch.rows):
        if batch.originals and (row is None or quality[number] == NO_QUALITY or _is_naive(row.at)):
            found[number] = batch.originals[number].decode(errors="replace")
        elif row is not None and quality[number] == NO_QUALITY:
            found[number] = msgspec.json.encode(row).decode()
    return found


def _is_naive(at: datetime | None) -> bool:
    return at is not None and at.tzinfo is None
