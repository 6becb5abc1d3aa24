"""How tables are written, guessed from their beginning, and what a person chose as a map."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.sensing.domain.errors import ImportUnreadableError
from anlan.sensing.domain.payload_map import map_from_toml
from anlan.sensing.domain.payloads import decode
from anlan.sensing.domain.table_shapes import (
    NUMBER,
    TimeForm,
    as_map,
    guessed,
    shape_of,
    time_form,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "encoding", "delimiter", "head", "columns"),
    [
        ("a,b\n1,2\n", "utf-8", ",", True, ("a", "b")),
        ("\ufeffa;b\r\n1,5;2\r\n2,5;3\r\n", "utf-8", ";", True, ("a", "b")),
        ("1\t2\n3\t4\n", "utf-8", "\t", False, ("column 1", "column 2")),
        ("a,a\n1,2\n", "utf-8", ",", False, ("column 1", "column 2")),
        ('"x, y",b\n1,2\n', "utf-8", ",", True, ("x, y", "b")),
        ("时间,水位\n2026-03-01 08:00,1\n", "gb18030", ",", True, ("时间", "水位")),
        ("时间|水位\n2026-03-01 08:00|1\n", "utf-8", "|", True, ("时间", "水位")),
    ],
)
def test_shapes(text, encoding, delimiter, head, columns):
    shape = shape_of(text.encode(encoding), whole=True)
    assert (shape.encoding, shape.delimiter, shape.has_head, shape.columns) == (
        encoding, delimiter, head, columns,
    )  # fmt: skip


def test_a_sample_may_end_within_a_character_and_within_a_line():
    data = ("时间,水位\n" + "2026-03-01 08:00,1\n" * 3 + "水").encode()
    shape = shape_of(data[:-1], whole=False)
    assert len(shape.lines) == 3


@pytest.mark.parametrize("data", [b"", b"one\ntwo\n", b"\xff\xff,\xff\n", b"\x80"])
def test_what_is_no_table_is_refused(data):
    with pytest.raises(ImportUnreadableError):
        shape_of(data, whole=True)


@pytest.mark.parametrize(
    ("cells", "form"),
    [
        (["2026-03-01T08:00:00Z"], TimeForm("iso", has_zone=True)),
        (["2026-03-01 08:00:00", ""], TimeForm("iso")),
        (["2026/3/1 8:00"], TimeForm("pattern", "%Y/%m/%d %H:%M")),
        (["20260301080000"], TimeForm("pattern", "%Y%m%d%H%M%S")),
        (["13/03/2026 08:00:00"], TimeForm("pattern", "%d/%m/%Y %H:%M:%S")),
        (["2026年03月01日 08时00分"], TimeForm("pattern", "%Y年%m月%d日 %H时%M分")),
        (["1767225600", "1767225601.5"], TimeForm("s", has_zone=True)),
        (["1767225600000"], TimeForm("ms", has_zone=True)),
        (["12.5"], None),
        (["", ""], None),
        (["2026-03-01 08:00:00", "soon"], None),
    ],
)
def test_times(cells, form):
    assert time_form(cells) == form


def read(text, **given):
    shape = shape_of(text.encode(), whole=True)
    chosen = guessed(shape, "t", zone="Asia/Shanghai", **given)
    found = decode(map_from_toml(as_map(shape, chosen)), None, text.encode(), now=NOW)
    return [(row.stream, row.at.isoformat(), row.value) for row in found.batch.rows]


def test_a_column_of_known_codes_names_the_stream():
    text = "code,time,value\nS-1,2026-03-01 08:00:00,1.5\nS-2,2026-03-01 08:00:00,2\n"
    assert read(text, streams=frozenset({"S-1", "S-2"})) == [
        ("S-1", "2026-03-01T00:00:00+00:00", 1.5),
        ("S-2", "2026-03-01T00:00:00+00:00", 2.0),
    ]


def test_otherwise_each_column_of_numbers_is_a_stream():
    text = "time;S-1;S-2;note\n1767225600;1;;x\n1767225601;2;3;y\n"
    assert read(text, streams=frozenset()) == [
        ("S-1", "2026-01-01T00:00:00+00:00", 1.0),
        ("S-2", "2026-01-01T00:00:00+00:00", None),
        ("S-1", "2026-01-01T00:00:01+00:00", 2.0),
        ("S-2", "2026-01-01T00:00:01+00:00", 3.0),
    ]


def test_one_odd_line_does_not_spoil_a_guess():
    odd = "S-9,2026-03-01 08:00:00,?\n"
    text = "code,time,value\n" + "S-1,2026-03-01 08:00:00,1.5\n" * 20 + odd
    shape = shape_of(text.encode(), whole=True)
    chosen = guessed(shape, "t", zone="UTC", streams=frozenset({"S-1"}))
    assert (chosen.stream, chosen.values) == ("code", (("value", ""),))


def test_without_times_or_numbers_nothing_is_guessed():
    shape = shape_of(b"a,b\nx,y\n", whole=True)
    assert guessed(shape, "t", zone="UTC", streams=frozenset()) is None


@given(st.binary(max_size=300))
def test_any_bytes_have_a_shape_or_are_refused_and_a_guess_is_a_whole_map(data):
    try:
        shape = shape_of(data, whole=True)
    except ImportUnreadableError:
        return
    chosen = guessed(shape, "t", zone="UTC", streams=frozenset())
    if chosen is not None and all("{" not in s and "}" not in s for _, s in chosen.values):
        map_from_toml(as_map(shape, chosen))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_is_one(value):
    assert NUMBER.fullmatch(repr(value))
