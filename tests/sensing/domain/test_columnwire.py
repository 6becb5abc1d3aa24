"""Readings in columns on the wire: the fast readings say what the slow ones say."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.kernel.actor import Actor, Role
from anlan.sensing.domain.binarywire import BINARY, HEADER, MOST_CODES
from anlan.sensing.domain.columns import check_columns, micros, table_of
from anlan.sensing.domain.columnwire import LONGEST_FOR_ALL, columns_from, columns_quickly
from anlan.sensing.domain.errors import BatchMalformedError, BatchTooLargeError
from anlan.sensing.domain.instants import micros_of_texts
from anlan.sensing.domain.observations import MAX_ROWS, StreamFacts, check_rows
from anlan.sensing.domain.wire import batch_from_json

NOW = datetime(2021, 7, 20, 8, 0, tzinfo=UTC)
FACTS = {
    "a": StreamFacts("a", "cm", "mm", {"mm": 0.1, "m": 100.0}, 0.0, 500.0),
    "b": StreamFacts("b", "ppm", "ppm"),
}
TABLE = table_of([(facts, "41") for facts in FACTS.values()])
ACTOR = Actor("a", Role.PROGRAM, areas=("",))
TIMES = st.sampled_from(
    [
        "2021-07-20T08:00:00Z", "2021-07-20T16:00:00+08:00", "2021-07-20T07:59:59.125Z", None,
        "2021-07-20T08:00:00", "2021-07-20 08:00:00Z", "2021-07-20t08:00:00z", "", "never", 5, [],
        "2021-02-29T00:00:00Z", "2020-02-29T00:00:00Z", "2021-07-20T24:00:00Z", "1626768000",
        "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2021-07-20T08:00:00.1234567Z",
    ]
)  # fmt: skip
VALUES = st.sampled_from([1.5, 0, -1, None, "2.5", "NaN", "x", True, {}, 1e308, 10**400, 600])
QUALITIES = st.sampled_from(["", "good", "bad", "missing", "superb", None, 3])
UNITS = st.sampled_from(["", "mm", "m", "ppm", "inch", None])
CODES = st.sampled_from(["a", "b", "c", "", None, 7])
ROWS = st.lists(st.tuples(CODES, TIMES, VALUES, QUALITIES, UNITS), min_size=1, max_size=8)


def outcome_of_rows(rows, unit=""):
    body = json.dumps(
        {
            "observations": [
                dict(zip(("stream", "at", "value", "quality", "unit"), row, strict=True))
                for row in rows
            ],
            "unit": unit,
        }
    ).encode()
    batch, _ = batch_from_json(body)
    return body, check_rows(batch.rows, FACTS, unit=batch.unit, now=NOW)


def same(sent, slow):
    fast = check_columns(sent, TABLE, ACTOR, now=NOW)
    assert fast.refused == slow.refused
    assert fast.at_us.tolist() == [micros(one.at) for one in slow.kept]
    np.testing.assert_array_equal(
        fast.value, [np.nan if one.value is None else one.value for one in slow.kept]
    )
    assert [TABLE.codes[n] for n in fast.stream] == [one.stream for one in slow.kept]


@given(ROWS, st.sampled_from(["", "m"]))
def test_rows_are_read_like_rows(rows, unit):
    body, slow = outcome_of_rows(rows, unit)
    same(columns_from(body, "application/json")[0], slow)


@given(ROWS)
def test_a_list_and_a_single_row_are_read_like_rows(rows):
    names = ("stream", "at", "value", "quality", "unit")
    listed = [dict(zip(names, row, strict=True)) for row in rows]
    _, slow = outcome_of_rows(rows)
    same(columns_from(json.dumps(listed).encode(), "application/json")[0], slow)
    _, slow = outcome_of_rows(rows[:1])
    same(columns_from(json.dumps(listed[0]).encode(), "application/json")[0], slow)


@pytest.mark.parametrize(
    "body",
    [
        b'{"stream":"a","at":"2021-07-20T08:00:00Z","value":1.5}',
        b'{"stream":"a","at":"2021-07-20T08:00:00Z","value":null,"quality":"bad","unit":"mm","key":"k"}',
        b'[{"stream":"a","at":"2021-07-20T08:00:00Z","value":1},{"stream":"b","at":"2021-07-20T08:00:00Z","value":2}]',
    ],
)
def test_one_row_and_a_bare_list_have_a_fast_reading(body):
    fast = columns_quickly(body, "application/json")
    assert fast is not None
    assert fast[1] == ""  # one row has no place for the key of a message


@given(ROWS)
def test_columns_are_read_like_rows(rows):
    _, slow = outcome_of_rows(rows)
    names = ("streams", "at", "value", "quality", "unit")
    body = json.dumps(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))).encode()
    same(columns_from(body, "application/json")[0], slow)


@given(st.lists(st.datetimes(timezones=st.timezones()), max_size=6), st.booleans())
def test_instants_are_read_as_the_calendar_has_them(times, zulu):
    texts = [(at.astimezone(UTC) if zulu else at).isoformat() for at in times
             if zulu or at.utcoffset().seconds % 60 == 0]  # fmt: skip
    texts = [text.replace("+00:00", "Z") if zulu else text for text in texts]
    found = micros_of_texts(texts)
    assert found is not None
    assert found.tolist() == [micros(datetime.fromisoformat(text)) for text in texts]


@given(st.text(alphabet="0123456789-T:.Z+ é", max_size=34))
def test_what_is_read_fast_is_what_is_read_slowly(text):
    found = micros_of_texts([text])
    if found is not None:
        assert found[0] == micros(msgspec.convert(text, datetime))


@given(st.binary(max_size=200))
def test_anything_is_read_or_refused(body):
    for kind in ("application/json", "application/vnd.anlan.readings"):
        with contextlib.suppress(BatchMalformedError):
            columns_from(body, kind)


def test_keys_are_told():
    assert columns_from(b'{"streams":"a","at_us":1,"value":[1],"key":"k"}', "")[1] == "k"
    assert columns_from(b'{"observations":[],"key":"k"}', "")[1] == "k"
    # Also where a value is read by itself.
    assert columns_from(b'{"streams":"a","at_us":1,"value":["1"],"key":"k"}', "")[1] == "k"


@pytest.mark.parametrize("column", ["streams", "at", "value", "quality", "unit"])
def test_lists_of_other_lengths_are_no_batch(column):
    whole = {"streams": ["a", "b"], "at": ["2021-07-20T08:00:00Z"] * 2, "value": [1, 2],
             "quality": ["", ""], "unit": ["", ""]}  # fmt: skip
    columns_from(json.dumps(whole).encode(), "")
    with pytest.raises(BatchMalformedError):
        columns_from(json.dumps(whole | {column: whole[column][:1]}).encode(), "")


@pytest.mark.parametrize("name", ["streams", "at", "quality", "unit"])
def test_a_long_value_for_all_rows_is_not_written_out_in_each(name):
    """600 KB would become 10 GB."""
    body = {"streams": "a", "at": "never", "value": ["x"] * 10, "quality": "", "unit": ""}
    said = json.dumps(body | {name: "x" * (LONGEST_FOR_ALL - 2)}).encode()
    assert len(columns_from(said, "")[0]) == 10
    said = json.dumps(body | {name: "x" * (LONGEST_FOR_ALL - 1)}).encode()
    with pytest.raises(BatchMalformedError):
        columns_from(said, "")


@pytest.mark.parametrize(
    "body",
    [
        b'{"streams":"a","at":"never","value":[%s]}',
        b'{"streams":"a","at_us":1,"value":["x",%s]}',
        b"[%s]",
        b'{"observations":[%s]}',
    ],
)
def test_more_rows_than_a_batch_has_are_not_read_one_by_one(body, monkeypatch):
    """12 MB would keep a processor busy for minutes."""
    monkeypatch.setattr("anlan.sensing.domain.wire.row_from_json", None)
    monkeypatch.setattr("anlan.sensing.domain.columnwire.row_from_json", None)
    with pytest.raises(BatchTooLargeError):
        columns_from(body % b",".join([b"1"] * (MAX_ROWS + 1)), "")


def test_codes_without_end_are_not_looked_up():
    names = b"\n" * MOST_CODES
    with pytest.raises(BatchMalformedError):
        columns_from(HEADER.pack(b"ANR1", 0, len(names), 0, 0) + names, BINARY)
