"""What stays of thinned readings, against a slow twin written from its definition."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from anlan.sensing.store import frame_of
from anlan.sensing.store.rows import in_order, rows_of_frame
from anlan.sensing.store.thinning import joined_lines, thin

SPAN = 100
readings = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(0, 1_000),
        st.floats(-1e6, 1e6) | st.just(math.nan),
        st.sampled_from([0, 1, 2, 4]),
    ),
    max_size=40,
)


def rows_of(found):
    stream, at, value, quality = (
        [list(column) for column in zip(*found, strict=True)] if found else ([], [], [], [])
    )
    return in_order(rows_of_frame(frame_of(stream, at, value, quality)._replace(seq=1)))


def slow(found):
    lines = {}
    for stream, at, value, quality in found:
        good = not math.isnan(value) and quality not in {2, 4}
        lines.setdefault((stream, at // SPAN * SPAN), []).append(value if good else None)
    for place, values in sorted(lines.items()):
        good = [x for x in values if x is not None]
        mean = math.fsum(good) / len(good) if good else None
        yield (
            place, len(good), len(values) - len(good),
            min(good, default=None), max(good, default=None), mean,
        )  # fmt: skip


def told(lines):
    for stream, at, _, count, missing, *values in zip(
        *(column.tolist() for column in lines), strict=True
    ):
        yield ((stream, at), count, missing, *(None if math.isnan(x) else x for x in values))


def check(lines, found):
    assert len(lines) == len(found)
    for one, other in zip(lines, found, strict=True):
        assert one[:5] == other[:5]
        assert (one[5] is None) == (other[5] is None)
        assert one[5] is None or math.isclose(one[5], other[5], rel_tol=1e-9, abs_tol=1e-6)


@given(readings)
def test_lines_are_those_of_the_definition(found):
    check(list(told(thin(rows_of(found), SPAN, worthless=(2, 4)))), list(slow(found)))


@given(readings, readings)
def test_what_comes_late_joins_the_line_of_its_span(first, late):
    parts = [thin(rows_of(part), SPAN, worthless=(2, 4)) for part in (first, late)]
    check(list(told(joined_lines(parts))), list(slow(first + late)))


def test_nothing_is_nothing():
    assert joined_lines([]).size == 0
    assert thin(rows_of([]), SPAN, worthless=()).stream.dtype == np.int32
