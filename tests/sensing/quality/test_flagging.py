"""The course of many streams with their flags is that of each, read by itself."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anlan.registry import public as registry
from anlan.sensing import public as sensing
from anlan.sensing.domain.observations import BatchIn, RowIn
from anlan.sensing.flagging import flagged_course, flagged_courses
from tests.sensing.conftest import GATEWAY, NOW, live  # noqa: F401  a fixture
from tests.sensing.quality.city import MINUTE, START, load, sensor

pytestmark = pytest.mark.django_db(databases="__all__")
CODES = ("s1", "s2", "gas", "silent")
END = START + timedelta(hours=10)


@pytest.fixture
def kept(live):  # noqa: F811
    """Keep what stands still, jumps, is missing, doubted, corrected, out of order and sent twice."""
    load(
        sensor("s1"), sensor("s2", interval="1m"), sensor("silent"),
        sensor("gas", quantity="gas", unit="%LEL"),
    )  # fmt: skip
    rng = np.random.default_rng(20260720)
    rows = []
    for code in CODES[:3]:
        value = 5.0
        for place in range(110):
            stands = 30 <= place < 60
            value = value if stands else float(rng.choice([value + 0.3, value - 0.2, 5.0, 60.0]))
            at = START + 5 * MINUTE * place
            told = None if place % 17 == 3 else max(value, 0.0)
            rows.append(RowIn(code, at, told, "suspect" if place % 23 == 5 else "good"))
            if place % 19 == 7:
                rows.append(RowIn(code, at, 7.0))  # a later one for the same instant counts
    rows = [rows[place] for place in rng.permutation(len(rows)).tolist()]
    for begin in range(0, len(rows), 40):
        receipt = sensing.keep_observations(
            GATEWAY, BatchIn(tuple(rows[begin : begin + 40])), now=END
        )
        assert receipt.kept, receipt
    return {one.code: one for one in registry.sensors(at=NOW)}


@given(
    codes=st.lists(st.sampled_from(CODES), unique=True, max_size=4),
    start=st.integers(-60, 660),
    minutes=st.integers(1, 700),
    columns=st.sampled_from([1, 7, 60, 1000]),
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_many_courses_are_each_by_itself(kept, codes, start, minutes, columns):
    begin = START + start * MINUTE
    span = begin, begin + minutes * MINUTE
    sensors = [kept[code] for code in codes]
    course, flags = flagged_courses(sensors, *span, columns=columns, now=NOW)
    assert flags is not None
    alone = [flagged_course(one, *span, columns=columns, now=NOW) for one in sensors]
    assert course.streams == tuple(codes)
    assert course.rows == sum(one.rows for one, _ in alone)
    for place, (own, own_flags) in enumerate(alone):
        assert own_flags is not None
        for name, mine, its in zip(flags[place]._fields, flags[place], own_flags, strict=True):
            np.testing.assert_array_equal(mine, its, err_msg=f"{codes[place]} {name}")
        for name, many, its in zip(course.thin._fields, course.thin, own.thin, strict=True):
            np.testing.assert_array_equal(many[place], its[0], err_msg=f"{codes[place]} {name}")


def test_what_is_compared_has_flags(kept):
    """Else the property above would hold of nothing."""
    sensors = [kept[code] for code in CODES]
    _, flags = flagged_courses(sensors, START, END, columns=60, now=NOW)
    assert [bool(one.flags.any()) for one in flags] == [True, True, True, False]
    assert [len(one.at_us) for one in flags] == [110, 110, 110, 0]
