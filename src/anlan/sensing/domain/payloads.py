"""From a topic and a payload to rows, by a payload map: pure, and bounded in time and memory.

A message that cannot be read at all is refused; a row that cannot be read is None at its place,
with a fault that names the place in the message, and the piece of the message it would have been
made of as its original.  Nothing is dropped unsaid: what a map passes over, it names.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from anlan.sensing.domain.connector_errors import (
    PayloadRefusedError,
    RowFault,
    RowUnreadableError,
)
from anlan.sensing.domain.hj212 import Hj212Error, read_message
from anlan.sensing.domain.observations import MAX_ROWS, BatchIn, RowIn
from anlan.sensing.domain.payload_map import PayloadMap, RowRule
from anlan.sensing.domain.payload_paths import ABSENT, MAX_TEXT, Path, Scope
from anlan.sensing.domain.payload_values import shown, text_of, time_at, value_at, word_at
from anlan.sensing.domain.wire import row_to_json

MAX_PAYLOAD_BYTES = 4 * 1024 * 1024
MAX_ORIGINAL = 2_000
"""Bytes of a message that are kept beside a row that could not be read."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a message says: rows, its own key ("" when the map names none), and what it was not.

    ``faults`` holds one entry for each row that is None.
    """

    batch: BatchIn
    key: str = ""
    faults: tuple[RowFault, ...] = ()


def decode(payload_map: PayloadMap, topic: str | None, payload: bytes, *, now: datetime) -> Decoded:
    """Read one message; ``now`` is when it came in, ``topic`` is None at a door without topics.

    A row is None where it could not be read; :attr:`Decoded.faults` says why.

    Raises
    ------
    PayloadRefusedError
        When the message is too large, no message of the map's kind, of another topic, or
        holds more than ``MAX_ROWS`` rows.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise PayloadRefusedError(
            "payload.too_large", map_id=payload_map.id, size=len(payload), limit=MAX_PAYLOAD_BYTES
        )
    parts = _topic_parts(payload_map, topic)
    scopes = _scopes(payload_map, payload)
    rows: list[RowIn | None] = []
    faults: list[RowFault] = []
    pieces: dict[int, bytes] = {}
    key = ""
    for number, scope in enumerate(scopes):
        if not number:
            key = _key(payload_map, scope, parts)
        for item in rows_of(payload_map, scope, parts, now=now):
            if len(rows) >= MAX_ROWS:
                raise PayloadRefusedError(
                    "payload.too_many_rows", map_id=payload_map.id, limit=MAX_ROWS
                )
            if isinstance(item, RowIn):
                rows.append(item)
                continue
            error, seen = item
            pieces[len(rows)] = _piece(seen)
            faults.append(RowFault(len(rows), error.code, error.place, error.params))
            rows.append(None)
    unread = {item.index: item.code for item in faults}
    batch = BatchIn(tuple(rows), originals=_originals(rows, pieces), unread=unread)
    return Decoded(batch, key, tuple(faults))


def _originals(rows: Sequence[RowIn | None], pieces: Mapping[int, bytes]) -> tuple[bytes, ...]:
    """Return what is kept of rows that are refused; a readable one can be released later."""
    if not pieces:
        return ()
    return tuple(row_to_json(row) if row is not None else pieces[i] for i, row in enumerate(rows))


def _piece(seen: Any) -> bytes:
    try:
        return msgspec.json.encode(seen)[:MAX_ORIGINAL]
    except (msgspec.EncodeError, OverflowError, ValueError, RecursionError):
        return repr(seen)[:MAX_ORIGINAL].encode(errors="replace")


def _topic_parts(payload_map: PayloadMap, topic: str | None) -> dict[str, str]:
    if payload_map.topic is None or topic is None:
        return {}
    parts = payload_map.topic.parts(topic)
    if parts is None:
        raise PayloadRefusedError(
            "payload.topic_other", map_id=payload_map.id, topic=topic[:MAX_TEXT]
        )
    return parts


def _scopes(payload_map: PayloadMap, payload: bytes) -> Iterable[Scope]:
    """Return what rows are looked for in: the message, or each line of a table."""
    kind = payload_map.spec.payload
    if kind == "csv":
        return (Scope((line,)) for line in lines_of(payload_map, payload))
    if kind == "number":
        return (Scope((_text(payload_map, payload).strip(),)),)
    try:
        read = read_message if kind == "hj212" else msgspec.json.decode
        return (Scope((read(payload),)),)
    except Hj212Error as error:
        place, problem = error.place, error.problem
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        place, problem = "", str(error)[:MAX_TEXT]
    raise PayloadRefusedError(
        "payload.unreadable", map_id=payload_map.id, place=place, problem=problem
    )


def _text(payload_map: PayloadMap, payload: bytes) -> str:
    encoding = payload_map.spec.csv.encoding
    try:
        return payload.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        raise PayloadRefusedError(
            "payload.encoding",
            map_id=payload_map.id,
            place=f"byte {error.start}",
            encoding=encoding,
        ) from None


def lines_of(payload_map: PayloadMap, payload: bytes) -> Iterator[dict[str, str]]:
    """Yield each line of a table as an object of its columns; empty lines are passed over."""
    spec = payload_map.spec.csv
    text = io.StringIO(_text(payload_map, payload), newline="")
    for _ in range(spec.skip_lines):
        text.readline()
    reader = csv.reader(text, delimiter=spec.delimiter)
    names: list[str] | None = spec.columns or None
    try:
        for cells in reader:
            if not any(cells):
                continue
            if names is None:
                names = [cell.strip() for cell in cells]
                continue
            yield dict(zip(names, cells, strict=False))
    except csv.Error as error:
        raise PayloadRefusedError(
            "payload.unreadable",
            map_id=payload_map.id,
            place=f"line {reader.line_num}",
            problem=str(error),
        ) from None


def rows_of(
    payload_map: PayloadMap, scope: Scope, parts: Mapping[str, str], *, now: datetime
) -> Iterator[RowIn | tuple[RowUnreadableError, Any]]:
    """Yield the rows that a message (or one line of a table) holds; for one that cannot be read
    why, and what it would have been made of.
    """
    for rule in payload_map.rules:
        found = rule.each.each(scope) if rule.each else (scope,)
        for one in found:
            if one is None:
                if not rule.value.optional:
                    place = shown(rule.each) if rule.each else ""
                    yield RowUnreadableError("payload.place_missing", place), scope.values[-1]
                continue
            if one.member in rule.skip and one.member:
                continue
            if rule.value.optional and rule.value.path.find(one) is ABSENT:
                continue
            try:
                row = _row(payload_map, rule, one, parts, now)
            except RowUnreadableError as error:
                yield error, one.values[-1]
            else:
                if row is not None:
                    yield row


def _row(
    payload_map: PayloadMap, rule: RowRule, scope: Scope, parts: Mapping[str, str], now: datetime
) -> RowIn | None:
    known = dict(parts)
    if scope.member:
        known["member"] = scope.member
    for names in (payload_map.names, rule.names):
        for name, path in names.items():
            if name in rule.stream.names:
                known[name] = _name(path, scope)
    stream = _stream(payload_map, rule, known)
    if stream is None:
        return None
    return RowIn(
        stream=stream,
        at=time_at(rule.time, scope, now),
        value=value_at(rule.value, scope),
        quality=word_at(rule.quality, scope),
        unit=word_at(rule.unit, scope),
    )


def _name(path: Path, scope: Scope) -> str:
    text = text_of(path.find(scope))
    if not text:
        raise RowUnreadableError("payload.name_missing", shown(path, scope.member))
    return text


def _stream(payload_map: PayloadMap, rule: RowRule, known: Mapping[str, str]) -> str | None:
    """Return the stream's code; None when the map passes over what its table does not list."""
    if missing := rule.stream.names - known.keys():
        raise RowUnreadableError("payload.name_missing", min(missing))
    text = rule.stream.fill(known)
    if len(text) > MAX_TEXT:
        raise RowUnreadableError("payload.name_missing", rule.stream.text)
    if not payload_map.spec.streams:
        return text
    found = payload_map.spec.streams.get(text)
    if found is None and payload_map.spec.unlisted == "refuse":
        raise RowUnreadableError("payload.stream_unlisted", rule.stream.text, key=text)
    return found


def _key(payload_map: PayloadMap, scope: Scope, parts: Mapping[str, str]) -> str:
    """Return the message's own key, "" when the map names none.

    Raises
    ------
    PayloadRefusedError
        When the message lacks what its key is made of: without it a repeat could not be told.
    """
    if payload_map.key is None:
        return ""
    known = dict(parts)
    try:
        known |= {name: _name(path, scope) for name, path in payload_map.key_names.items()}
    except RowUnreadableError as error:
        raise PayloadRefusedError(
            "payload.key_missing", map_id=payload_map.id, place=error.place
        ) from None
    text = payload_map.key.fill(known)
    if len(text) > MAX_TEXT or not text.isprintable():
        raise PayloadRefusedError("payload.key_missing", map_id=payload_map.id, place="key")
    return text
