"""Rows out of JSON: what a general reader makes of them, or nothing."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.sensing.domain import columnwire
from anlan.sensing.domain.errors import BatchMalformedError, BatchTooLargeError
from anlan.sensing.domain.jsonrows import rows_of
from anlan.sensing.domain.observations import MAX_ROWS

AT = "2026-07-20T08:00:00Z"
CODES = st.one_of(st.sampled_from(["a", "POND-01", ""]), st.text(max_size=6))
TIMES = st.one_of(
    st.datetimes(timezones=st.timezones()).map(lambda at: at.isoformat()),
    st.sampled_from([AT, "2026-07-20T16:00:00.125+08:00", "2026-07-20", "", None]),
)
VALUES = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False), st.integers(-(10**20), 10**20), st.none(),
    st.sampled_from([1.5, 0, -0.0, "1", True]),
)  # fmt: skip
ROWS = st.lists(
    st.fixed_dictionaries({"stream": CODES, "at": TIMES, "value": VALUES}), min_size=1, max_size=5
)
SHAPES = st.sampled_from([{}, {"separators": (",", ":")}, {"indent": 1}, {"ensure_ascii": False}])


def plainly(body: bytes) -> list[tuple[str, int, float | None]] | None:
    """Return what the general readers make of rows; None for no message at all."""
    try:
        sent, key = columnwire._quickly(body) or columnwire._value_by_value(body)
    except BatchMalformedError:
        return None
    assert (sent.unit, key) == ("", "")
    values = [None if np.isnan(value) else value for value in sent.value.tolist()]
    return list(zip(sent.codes, sent.at_us.tolist(), values, strict=True))


def quickly(body: bytes) -> list[tuple[str, int, float | None]] | None:
    found = rows_of(body)
    if found is None:
        return None
    values = [None if np.isnan(value) else value for value in found.value.tolist()]
    return list(zip(json.loads(found.codes), found.at_us.tolist(), values, strict=True))


def body_of(rows: list[dict[str, Any]], *, named: bool = False, **shape: Any) -> bytes:
    return json.dumps({"observations": rows} if named else rows, **shape).encode()


@given(ROWS, st.booleans(), SHAPES)
def test_rows_are_those_of_the_general_reader_or_none(
    rows: list[dict[str, Any]], named: bool, shape: dict[str, Any]
) -> None:
    body = body_of(rows, named=named, **shape)
    found = quickly(body)
    assert found is None or found == plainly(body)


@given(st.data(), st.booleans())
def test_whatever_is_harmed_is_read_the_same_or_not(data: st.DataObject, named: bool) -> None:
    body = bytearray(body_of([{"stream": "a", "at": AT, "value": 1.5}] * 2, named=named))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(body) - 1))
        sign = data.draw(
            st.one_of(st.sampled_from(b'{}[]",:\\ \n01-+.eEnaulZT'), st.integers(0, 255))
        )
        deed = data.draw(st.integers(0, 2))
        body[place : place + (deed > 0)] = bytes([sign] * (deed != 1))
    found = quickly(bytes(body))
    assert found is None or found == plainly(bytes(body))


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("shape", [{}, {"separators": (",", ":")}, {"indent": "\t"}])
def test_what_gateways_send_is_read(named: bool, shape: dict[str, Any]) -> None:
    rows: list[dict[str, Any]] = [
        {"stream": "POND-01", "at": "2026-07-20T16:00:00.5+08:00", "value": 12.5},
        {"stream": "POND-02", "at": AT, "value": -3},
        {"stream": "POND-01", "at": AT, "value": None},
    ]
    body = b" \r\n" + body_of(rows, named=named, **shape) + b"\n"
    at = 1_784_534_400_000_000
    wanted = [("POND-01", at + 500_000, 12.5), ("POND-02", at, -3.0), ("POND-01", at, None)]
    assert quickly(body) == wanted


ROW = b'{"stream":"a","at":"2026-07-20T08:00:00Z","value":1}'


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[", b"[]", b"{}", b'{"observations":[]}', ROW, b"[" + ROW, b"[" + ROW + b",]", b"[," + ROW + b"]",
        b"[" + ROW + b"]]", b"[" + ROW + b"}", b"[" + ROW + ROW + b"]", b'{"observations":[' + ROW + b"]",
        b'{"observations":[' + ROW + b'],"unit":"mm"}', b'{"unit":"mm","observations":[' + ROW + b"]}",
        b"[" + ROW.replace(b"a", b"\\u0061", 1) + b"]", b"[" + ROW.replace(b'"a"', "\"井\"".encode()) + b"]",
        b"[" + ROW.replace(b"}", b',"unit":"mm"}') + b"]", b"[" + ROW.replace(b":1}", b":-0}") + b"]",
        b"[" + ROW.replace(b":1}", b':"1"}') + b"]", b"[" + ROW.replace(b":1}", b":1e400}") + b"]",
        b"[" + ROW.replace(b"stream", b"str eam") + b"]", b"[" + ROW.replace(b"Z", b"") + b"]",
        b"[" + ROW.replace(b'"a"', b'"a\n"') + b"]", b"[" + ROW.replace(b'"a"', b'"\xff"') + b"]",
    ],
)  # fmt: skip
def test_anything_else_is_left_to_the_general_reader(body: bytes) -> None:
    assert rows_of(body) is None


def test_too_many_rows_are_refused_as_before() -> None:
    body = b"[" + b",".join([ROW] * (MAX_ROWS + 1)) + b"]"
    for read in (columnwire._quickly, lambda body: columnwire.columns_quickly(body, "")):
        with pytest.raises(BatchTooLargeError):
            read(body)
