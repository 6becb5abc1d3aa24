"""Rows in columns: the same outcome, row by row, as the slow twin that takes them one by one."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from anlan.kernel.actor import Actor, Role
from anlan.sensing.domain.columns import (
    NO_QUALITY,
    NO_TIME,
    QUALITIES,
    UNREADABLE,
    Columns,
    check_columns,
    instant,
    micros,
    table_of,
)
from anlan.sensing.domain.observations import (
    EARLIEST,
    FUTURE_TOLERANCE,
    Observation,
    StreamFacts,
    check_rows,
)

NOW = datetime(2021, 7, 20, 8, 0, tzinfo=UTC)
STREAMS = (
    (StreamFacts("pond", "cm", "mm", {"mm": 0.1, "m": 100.0}, 0.0, 500.0), "41/01"),
    (StreamFacts("free", "ppm", "ppm"), "41/01/a"),
    (StreamFacts("odd", "K", "C", {}, low=-5.0), "41/02"),
    (StreamFacts("bare", "", "", {"x": 2.0}, high=7.0), "41"),
)
TABLE = table_of(STREAMS)
CODES = ("pond", "free", "odd", "bare", "nowhere")
UNITS = ("", "cm", "mm", "m", "ppm", "K", "C", "x", "inch")
EDGES = [NOW, EARLIEST, NOW + FUTURE_TOLERANCE]
AT = st.one_of(
    st.sampled_from([micros(at) + d for at in EDGES for d in (-1, 0, 1)] + [NO_TIME, UNREADABLE]),
    st.integers(micros(EARLIEST) - 10**6, micros(NOW) + 10**10),
)
VALUE = st.one_of(
    st.floats(), st.sampled_from([0.0, -0.0, 500.0, 500.1, 5000.0, 7.0, -5.0, math.nan, 1e308])
)
ROW = st.tuples(
    st.integers(0, len(CODES) - 1),
    AT,
    VALUE,
    st.booleans(),
    st.sampled_from([*range(len(QUALITIES)), NO_QUALITY, 77]),
    st.integers(0, len(UNITS) - 1),
)
AREAS = st.sampled_from([("",), ("41",), ("41/01",), ("41/02", "41/01/a"), ("4",), ()])


def columns_of(rows, unit, *, with_units, with_quality, with_absent):
    index, at, value, absent, quality, units = ([row[n] for row in rows] for n in range(6))
    return Columns(
        codes=CODES,
        index=np.array(index, np.int32),
        at_us=np.array(at, np.int64),
        value=np.array(value, np.float64),
        absent=np.array(absent, np.bool_) if with_absent else None,
        quality=np.array(quality, np.uint8) if with_quality else None,
        unit=unit,
        units=UNITS if with_units else (),
        unit_index=np.array(units, np.int32) if with_units else None,
    )


def shown(kept: Observation):
    # A zero below zero is told from zero: bits are what is stored.
    value = "none" if kept.value is None else float(kept.value).hex()
    return kept.stream, kept.at, value, kept.quality


@given(
    rows=st.lists(ROW, max_size=30),
    unit=st.sampled_from(UNITS),
    areas=AREAS,
    given=st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_columns_have_the_outcome_of_their_rows(rows, unit, areas, given):
    sent = columns_of(rows, unit, with_units=given[0], with_quality=given[1], with_absent=given[2])
    actor = Actor(id="a", role=Role.PROGRAM, areas=areas)
    seen = {facts.code: facts for facts, path in STREAMS if actor.covers(path)}
    slow = check_rows([sent.row(n) for n in range(len(sent))], seen, unit=unit, now=NOW)
    fast = check_columns(sent, TABLE, actor, now=NOW)
    assert fast.refused == slow.refused
    found = [
        Observation(
            TABLE.codes[stream],
            instant(at_us),
            None if math.isnan(value) else value,
            QUALITIES[quality],
        )
        for stream, at_us, value, quality in zip(
            *(c.tolist() for c in (fast.stream, fast.at_us, fast.value, fast.quality)), strict=True
        )
    ]
    assert [shown(one) for one in found] == [shown(one) for one in slow.kept]


def test_nothing_is_written_into_what_was_sent():
    sent = columns_of(
        [(0, micros(NOW), 2.0, False, 0, 0)], "m", with_units=False, with_quality=True,
        with_absent=True,
    )  # fmt: skip
    for column in (sent.index, sent.at_us, sent.value, sent.absent, sent.quality):
        column.flags.writeable = False
    found = check_columns(sent, TABLE, Actor("a", Role.PROGRAM, areas=("",)), now=NOW)
    assert found.value.tolist() == [200.0]
    assert sent.value.tolist() == [2.0]


def test_a_city_without_streams_refuses_every_row():
    sent = columns_of(
        [(0, micros(NOW), 1.0, False, 0, 0)], "", with_units=False, with_quality=False,
        with_absent=False,
    )  # fmt: skip
    found = check_columns(sent, table_of([]), Actor("a", Role.PROGRAM, areas=("",)), now=NOW)
    assert [one.code for one in found.refused] == ["observation.stream_unknown"]


def test_the_row_of_a_time_that_no_calendar_holds_has_none():
    far = Columns(("pond",), np.zeros(1, np.int32), np.array([1 << 62]), np.array([1.0]))
    assert far.row(0).at is None
    assert instant(micros(NOW + timedelta(microseconds=1))) == NOW + timedelta(microseconds=1)
