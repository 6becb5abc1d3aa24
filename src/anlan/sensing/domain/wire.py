"""Signs as JSON, as they cross the wire: read generously, never guessed at.

A report keeps whatever it can: a field that cannot be understood goes, as it
was sent, with the text into the content store instead of costing the report.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from anlan.sensing.domain.errors import (
    BatchMalformedError,
    BatchTooLargeError,
    ReportMalformedError,
)
from anlan.sensing.domain.observations import MAX_ROWS, BatchIn, RowIn
from anlan.sensing.domain.reports import Contact, ReportIn

# Name on the wire -> (field of ReportIn, type).
REPORT_FIELDS: dict[str, tuple[str, Any]] = {
    "text": ("text", str),
    "lat": ("lat", float),
    "lon": ("lon", float),
    "area": ("area", str),
    "place": ("place_text", str),
    "hazard": ("hazard", str),
    "contact": ("contact", Contact),
    "channel": ("channel", str),
    "language": ("language", str),
    "known_at": ("known_at", datetime),
}


class BatchBody(msgspec.Struct, frozen=True):
    """The usual form of a batch."""

    observations: list[RowIn]
    unit: str = ""
    key: str = ""


class RawBatchBody(msgspec.Struct, frozen=True):
    """The same with rows not read yet, for when one of them cannot be."""

    observations: list[msgspec.Raw]
    unit: str = ""
    key: str = ""


def report_from_json(body: bytes) -> ReportIn:
    """Return the report that ``body`` describes.

    Raises
    ------
    ReportMalformedError
        When it is not a JSON object at all.
    """
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ReportMalformedError(where="body") from None
    if not isinstance(found, dict):
        raise ReportMalformedError(where="body")
    return report_from_fields(found)


def report_from_fields(found: Mapping[str, object]) -> ReportIn:
    """Return the report that named values describe; what cannot be used is kept as ``extra``."""
    known: dict[str, Any] = {}
    extra: dict[str, object] = {}
    for name, value in found.items():
        if name not in REPORT_FIELDS:
            extra[name] = value
            continue
        if value is None or value == "":
            continue
        field, kind = REPORT_FIELDS[name]
        try:
            known[field] = msgspec.convert(value, kind, strict=False)
        except (msgspec.ValidationError, OverflowError):
            extra[name] = value
    return ReportIn(**known, extra=msgspec.json.encode(extra).decode() if extra else "")


def batch_from_json(body: bytes) -> tuple[BatchIn, str]:
    """Return the batch that ``body`` describes and the sender's key for it ("" when none).

    Three forms: ``{"observations": [...], "unit": …, "key": …}``, a bare list
    of rows, or one row.  A row that cannot be read becomes None at its place.

    Raises
    ------
    BatchMalformedError
        When it is none of the three.
    BatchTooLargeError
        When it has more than ``MAX_ROWS`` rows, of which one cannot be read.
    """
    try:
        whole = msgspec.json.decode(body, type=BatchBody)
        return BatchIn(tuple(whole.observations), whole.unit), whole.key
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _batch_row_by_row(body)


def _batch_row_by_row(body: bytes) -> tuple[BatchIn, str]:
    try:
        form = msgspec.json.decode(body, type=msgspec.Raw)
        raw, unit, key = _rows_of(bytes(form))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BatchMalformedError(where="body") from None
    return BatchIn(tuple(row_from_json(item) for item in raw), unit, tuple(raw)), key


def refuse_too_many(rows: int) -> None:
    """Refuse what would take minutes and gigabytes to be read row by row, before it is.

    Raises
    ------
    BatchTooLargeError
        When there are more than ``MAX_ROWS``.
    """
    if rows > MAX_ROWS:
        raise BatchTooLargeError(rows=rows, limit=MAX_ROWS)


def _rows_of(body: bytes) -> tuple[list[bytes], str, str]:
    start = body.lstrip()[:1]
    unit = key = ""
    if start == b"[":
        rows = msgspec.json.decode(body, type=list[msgspec.Raw])
    else:
        fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        if "observations" not in fields and "stream" in fields:
            return [body], "", ""
        whole = msgspec.json.decode(body, type=RawBatchBody)
        rows, unit, key = whole.observations, whole.unit, whole.key
    refuse_too_many(len(rows))
    return [bytes(row) for row in rows], unit, key


def row_from_json(raw: bytes) -> RowIn | None:
    """Return one row, or None when it cannot be read."""
    try:
        return msgspec.json.decode(raw, type=RowIn, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def row_to_json(row: RowIn) -> bytes:
    """Return a row so that :func:`row_from_json` reads it again, NaN and infinity included."""
    fields = msgspec.to_builtins(row)
    if row.value is not None and not math.isfinite(row.value):
        fields["value"] = repr(row.value)
    return msgspec.json.encode(fields)
