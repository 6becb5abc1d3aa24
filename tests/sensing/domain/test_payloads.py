"""Messages of other shapes: read by a map, bounded, and nothing dropped unsaid."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from anlan.sensing.domain.connector_errors import PayloadRefusedError
from anlan.sensing.domain.map_files import READY, files_in, read_map
from anlan.sensing.domain.observations import MAX_ROWS, RowIn
from anlan.sensing.domain.payload_examples import run_examples
from anlan.sensing.domain.payload_map import map_from_toml
from anlan.sensing.domain.payload_paths import topic_pattern
from anlan.sensing.domain.payloads import MAX_PAYLOAD_BYTES, decode
from anlan.sensing.domain.wire import row_from_json

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
HEAD = 'id = "m"\ntitle_zh = "试"\ntitle_en = "Test"\n'
READY_MAPS = {path.stem: read_map(path) for path in files_in(READY)}


def a_map(rows, head=""):
    return map_from_toml(f"{HEAD}{head}\n[[rows]]\n{rows}\n")


def rows(payload_map, message, topic=""):
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return decode(payload_map, topic, body, now=NOW)


def one(rule, message, head=""):
    """Return the only row of a message, or the code of its fault."""
    found = rows(a_map(f'stream = "s"\n{rule}', head), message)
    assert len(found.batch.rows) == 1
    return found.batch.rows[0] or found.faults[0].code


@pytest.mark.parametrize("name", sorted(READY_MAPS))
def test_each_map_that_comes_with_anlan_keeps_its_examples(name):
    results = run_examples(READY_MAPS[name])
    assert results
    assert [item.differences for item in results] == [()] * len(results)


def test_an_example_that_does_not_hold_is_told():
    text = """
[[examples]]
payload = '{"v": 1}'
rows = [{ stream = "s", at = 2026-01-01T00:00:00Z, value = 2 }, { stream = "t", at = 2026-01-01T00:00:00Z }]
faults = [{ row = 4, code = "payload.time_missing" }]
"""
    found = a_map('stream = "s"\nvalue = "v"\ntime = "now"\n' + text)
    (result,) = run_examples(found)
    assert not result.holds
    assert [item.where for item in result.differences] == ["rows[0]", "rows[1]", "faults[4]"]
    assert result.differences[0].found == "s 2026-01-01T00:00:00+00:00 1.0"


# Values


@pytest.mark.parametrize(
    ("sent", "value"),
    [
        (1, 1.0),
        (-0.5, -0.5),
        ("12.5", 12.5),
        (" +3e2 ", 300.0),
        (True, 1.0),
        (False, 0.0),
        ("true", 1.0),
        (None, None),
        ("", None),
        ("nan", "payload.not_a_value"),
        ("1_000", "payload.not_a_value"),
        ("1,5", "payload.not_a_value"),
        ("0x10", "payload.not_a_value"),
        ([1], "payload.not_a_value"),
        ({"a": 1}, "payload.not_a_value"),
        (10**400, "payload.not_a_value"),
        ("9" * 100, "payload.not_a_value"),
    ],
)
def test_values(sent, value):
    found = one('value = "v"\ntime = "now"', {"v": sent})
    assert (found.value if isinstance(found, RowIn) else found) == value


def test_a_value_is_turned_into_its_unit_after_words_and_fillers():
    rule = (
        'value = { path = "v", factor = 0.1, offset = -40, words = { open = 10 }, '
        'missing = [-9999, "--"] }\ntime = "now"'
    )
    assert one(rule, {"v": 500}).value == pytest.approx(10.0)
    assert one(rule, {"v": "open"}).value == pytest.approx(-39.0)
    assert one(rule, {"v": -9999}).value is None
    assert one(rule, {"v": "-9999.0"}).value is None
    assert one(rule, {"v": "--"}).value is None
    assert one(rule, {"v": "ajar"}) == "payload.not_a_value"
    assert one(rule, {"w": 1}) == "payload.place_missing"


# Times


@pytest.mark.parametrize(
    ("rule", "sent", "at"),
    [
        ('"t"', "2026-03-01T08:00:00+08:00", "2026-03-01T00:00:00+00:00"),
        ('"t"', "2026-03-01T00:00:00.123456789Z", "2026-03-01T00:00:00.123456+00:00"),
        ('"t"', "2026-03-01T00:00:00", "payload.time_no_zone"),
        ('"t"', "yesterday", "payload.time_unreadable"),
        ('"t"', None, "payload.time_missing"),
        ('"t"', {"x": 1}, "payload.time_unreadable"),
        ('{ path = "t", zone = "Asia/Shanghai" }', "2026-03-01 08:00:00", "2026-03-01T00:00:00+00:00"),
        ('{ path = "t", zone = "Asia/Shanghai" }', "2026-03-01T00:00:00Z", "2026-03-01T00:00:00+00:00"),
        ('{ path = "t", as = "s" }', 1767225600, "2026-01-01T00:00:00+00:00"),
        ('{ path = "t", as = "s" }', "1767225600.25", "2026-01-01T00:00:00.250000+00:00"),
        ('{ path = "t", as = "ms" }', 1767225600123, "2026-01-01T00:00:00.123000+00:00"),
        ('{ path = "t", as = "us" }', 1767225600123456, "2026-01-01T00:00:00.123456+00:00"),
        ('{ path = "t", as = "ns" }', 1767225600123456789, "2026-01-01T00:00:00.123456+00:00"),
        ('{ path = "t", as = "s" }', 10**30, "payload.time_unreadable"),
        ('{ path = "t", as = "s" }', "1e300", "payload.time_unreadable"),
        ('{ path = "t", as = "s" }', "soon", "payload.time_unreadable"),
        (
            '{ path = "t", as = "pattern", pattern = "%Y%m%d%H%M%S", zone = "Asia/Shanghai" }',
            20260301080000,
            "2026-03-01T00:00:00+00:00",
        ),
        ('{ path = "t", otherwise = "now" }', None, NOW.isoformat()),
        ('"now"', None, NOW.isoformat()),
    ],
)  # fmt: skip
def test_times(rule, sent, at):
    found = one(f'value = "v"\ntime = {rule}', {"v": 1, "t": sent})
    assert (found.at.isoformat() if isinstance(found, RowIn) else found) == at


# Qualities, units, streams


def test_qualities_and_units_are_words_of_the_map():
    rule = (
        'value = "v"\ntime = "now"\nunit = { path = "u", words = { "m³/h" = "m3/h", "*" = "" } }\n'
        'quality = { path = "q", words = { "0" = "good", "1" = "suspect" } }'
    )
    assert one(rule, {"v": 1, "q": 0, "u": "m³/h"}) == RowIn("s", NOW, 1.0, "good", "m3/h")
    assert one(rule, {"v": 1, "q": "1", "u": "?"}) == RowIn("s", NOW, 1.0, "suspect", "")
    assert one(rule, {"v": 1}) == RowIn("s", NOW, 1.0)
    assert one(rule, {"v": 1, "q": 7}) == "payload.word_unknown"


def test_a_table_of_streams_refuses_what_it_does_not_list_unless_it_says_otherwise():
    rule = 'each = "d{}"\nstream = "{id}/{member}"\nvalue = "."\ntime = "now"'
    table = '\n[streams]\n"a/x" = "S-1"'
    message = {"id": "a", "d": {"x": 1, "y": 2}}
    names = '\n[names]\nid = "id"'
    found = rows(map_from_toml(f"{HEAD}[[rows]]\n{rule}{names}{table}"), message)
    assert [row.stream if row else None for row in found.batch.rows] == ["S-1", None]
    assert (found.faults[0].code, found.faults[0].params["key"]) == (
        "payload.stream_unlisted",
        "a/y",
    )
    passing = map_from_toml(f'{HEAD}unlisted = "skip"\n[[rows]]\n{rule}{names}{table}')
    assert [row.stream for row in rows(passing, message).batch.rows] == ["S-1"]


def test_places_count_from_the_message_from_the_element_and_from_what_it_lies_in():
    rule = (
        'each = "a[].b{}"\nstream = "{outer}-{member}-{top}"\nvalue = ".v"\ntime = "now"\n'
        '[rows.names]\nouter = "..n"\ntop = "list[1].\\"x.y\\""'
    )
    message = {
        "list": [0, {"x.y": "T"}],
        "a": [{"n": "one", "b": {"p": {"v": 1}}}, {"n": 2, "b": {"q": {"v": 2}}}],
    }
    found = rows(a_map(rule), message)
    assert [(row.stream, row.value) for row in found.batch.rows] == [
        ("one-p-T", 1.0),
        ("2-q-T", 2.0),
    ]


def test_one_row_that_cannot_be_read_costs_no_other_and_stays_with_its_piece():
    rule = 'each = "[]"\nstream = "{n}"\nvalue = ".v"\ntime = "now"\n[rows.names]\nn = ".n"'
    found = rows(a_map(rule), [{"n": "a", "v": 1}, {"n": "b", "v": {}}, {"v": 3}])
    assert [row is None for row in found.batch.rows] == [False, True, True]
    assert [(item.index, item.code) for item in found.faults] == [
        (1, "payload.not_a_value"),
        (2, "payload.name_missing"),
    ]
    # What could be read is kept so that it can be released; of the rest, the piece as it came.
    assert row_from_json(found.batch.originals[0]) == found.batch.rows[0]
    assert json.loads(found.batch.originals[1]) == {"n": "b", "v": {}}


def test_what_is_rightly_absent_at_times_makes_no_row():
    rule = 'stream = "s"\nvalue = { path = "v", optional = true }\ntime = "now"'
    assert rows(a_map(rule), {}).batch.rows == ()
    assert rows(a_map(rule), {"v": None}).batch.rows == (RowIn("s", NOW, None),)


def test_a_key_that_a_message_lacks_is_a_refusal_not_a_message_without_key():
    found = a_map('stream = "s"\nvalue = "v"\ntime = "now"', 'key = "k-{i}"\n[names]\ni = "id"')
    assert rows(found, {"id": 7, "v": 1}).key == "k-7"
    with pytest.raises(PayloadRefusedError) as caught:
        rows(found, {"v": 1})
    assert caught.value.code == "payload.key_missing"


# Kinds of messages


def test_lines_of_text_by_the_names_of_their_first_line_or_of_the_map():
    rule = 'stream = "{n}"\nvalue = ".v"\ntime = "now"\n[rows.names]\nn = ".n"'
    named = a_map(rule, 'payload = "csv"')
    assert [row.value for row in rows(named, b"\xef\xbb\xbfn,v\r\na,1\r\n\r\nb,2").batch.rows] == [
        1,
        2,
    ]
    told = a_map(
        rule,
        'payload = "csv"\ncsv = { columns = ["n", "v"], delimiter = ";", encoding = "gb18030" }',
    )
    assert rows(told, "井;1".encode("gb18030")).batch.rows[0].stream == "井"
    with pytest.raises(PayloadRefusedError, match=r"payload\.encoding"):
        rows(named, "井,1".encode("gb18030"))
    assert rows(named, b"n,v\na").faults[0].code == "payload.place_missing"


def test_a_plain_number_is_a_message():
    found = READY_MAPS["plain-number"]
    assert rows(found, b" 1.5\n", "readings/S-1").batch.rows == (RowIn("S-1", NOW, 1.5),)
    with pytest.raises(PayloadRefusedError):
        rows(found, b"\xff", "readings/S-1")


# Topics


@pytest.mark.parametrize(
    ("pattern", "topic", "parts"),
    [
        ("a/+x/c", "a/b/c", {"x": "b"}),
        ("a/+x/c", "a/b/d", None),
        ("a/+x", "a/b/c", None),
        ("a/+x/c", "a/b", None),
        ("a/#rest", "a/b/c", {"rest": "b/c"}),
        ("a/#rest", "a", {"rest": ""}),
        ("#all", "a/b", {"all": "a/b"}),
        ("#all", "$SYS/load", None),
        ("+a/load", "$SYS/load", None),
        ("$SYS/+x", "$SYS/load", {"x": "load"}),
    ],
)
def test_topics(pattern, topic, parts):
    assert topic_pattern(pattern).parts(topic) == parts


def test_a_broker_is_told_the_filter_without_names():
    assert READY_MAPS["things-stack-v3"].topic.filter == "v3/+/devices/+/up"
    assert READY_MAPS["hj212-2017"].topic.filter == "hj212/#"


def test_a_message_of_another_topic_is_refused():
    with pytest.raises(PayloadRefusedError, match=r"payload\.topic_other"):
        rows(READY_MAPS["plain-number"], b"1", "elsewhere")


# Limits


def test_too_many_rows_too_many_bytes_and_too_deep_are_refused():
    rule = 'each = "[]"\nstream = "s"\nvalue = "."\ntime = "now"'
    with pytest.raises(PayloadRefusedError, match=r"payload\.too_many_rows"):
        rows(a_map(rule), [1] * (MAX_ROWS + 1))
    with pytest.raises(PayloadRefusedError, match=r"payload\.too_large"):
        rows(a_map(rule), b"1" * (MAX_PAYLOAD_BYTES + 1))
    with pytest.raises(PayloadRefusedError, match=r"payload\.unreadable"):
        rows(a_map(rule), b"[" * 100_000)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=6,
)  # fmt: skip
TOPICS = {
    "things-stack-v3": "v3/a/devices/b/up",
    "chirpstack-v4": "application/a/device/b/event/up",
    "tasmota-sensor": "tele/a/SENSOR",
    "gateway-list": "gateway/a/data",
    "hj212-2017": "hj212/a",
    "csv-lines": "logger/a/lines",
    "plain-number": "readings/a",
}


def read_or_refuse(name, body):
    try:
        found = decode(READY_MAPS[name], TOPICS[name], body, now=NOW)
    except PayloadRefusedError:
        return
    assert [i for i, row in enumerate(found.batch.rows) if row is None] == [
        item.index for item in found.faults
    ]
    assert not found.batch.originals or len(found.batch.originals) == len(found.batch.rows)


@given(st.sampled_from(sorted(TOPICS)), st.binary(max_size=200))
@example("hj212-2017", b"##0000\xff\xff\xff\xff")
def test_any_bytes_are_read_or_refused(name, body):
    read_or_refuse(name, body)


@given(st.sampled_from(sorted(TOPICS)), json_values)
def test_any_json_is_read_or_refused(name, value):
    read_or_refuse(name, json.dumps(value).encode())


@given(json_values, st.sampled_from(["devices", "id", "sn", "ts", "values", "state"]))
def test_any_value_at_any_place_is_read_or_refused(value, place):
    device = {"sn": "A100", "ts": 1767225600000, "state": "ok", "values": {"level": 1.0}}
    message = {"id": 1, "devices": [device]}
    (message if place in message else device)[place] = value
    read_or_refuse("gateway-list", json.dumps(message).encode())
