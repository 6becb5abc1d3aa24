"""Thinning keeps every extreme and every silence; what is usual is the plain quantile."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.testing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.science.thin import NEVER, Thinner, silences
from anlan.science.usual import FEWEST, usual_by_slot

READINGS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(-5, 130),
        st.one_of(st.just(np.nan), st.floats(-1e6, 1e6)),
        st.booleans(),
    ),
    max_size=60,
    unique_by=lambda one: one[:2],
)


def slowly(readings, *, columns, step):
    """The columns by plain loops: the oracle."""
    found = {}
    for series, at, value, odd in sorted(readings, key=lambda one: one[:2]):
        if not 0 <= at < columns * step:
            continue
        cell = found.setdefault(
            (series, at // step), {"values": [], "times": [], "no": 0, "odd": 0}
        )
        cell["odd"] += odd
        if np.isnan(value):
            cell["no"] += 1
        else:
            cell["values"].append(value)
            cell["times"].append(at)
    return found


def taken(thinner, readings):
    rows = sorted(readings, key=lambda one: one[:2])
    columns = list(zip(*rows, strict=True)) if rows else [[], [], [], []]
    kinds = (np.int64, np.int64, np.float64, bool)
    thinner.add(*(np.array(x, kind) for x, kind in zip(columns, kinds, strict=True)))


@given(READINGS, st.integers(1, 8), st.integers(1, 40))
def test_columns_are_what_plain_loops_find(readings, columns, step):
    thinner = Thinner(3, columns, from_us=0, step_us=step)
    # Parts of whole columns, the later one first.
    half = columns // 2 * step
    taken(thinner, [x for x in readings if x[1] >= half])
    taken(thinner, [x for x in readings if x[1] < half])
    thin, wanted = thinner.thin(), slowly(readings, columns=columns, step=step)
    for series in range(3):
        for column in range(columns):
            cell = wanted.get((series, column), {"values": [], "times": [], "no": 0, "odd": 0})
            place = (series, column)
            assert thin.valued[place] == len(cell["values"])
            assert (thin.missing[place], thin.odd[place]) == (cell["no"], cell["odd"])
            if not cell["values"]:
                assert np.isnan(thin.mean[place])
                assert thin.last_us[place] == NEVER
                continue
            assert thin.least[place] == min(cell["values"])
            assert thin.greatest[place] == max(cell["values"])
            npt.assert_allclose(thin.mean[place], np.mean(cell["values"]), rtol=1e-9, atol=1e-6)
            assert thin.least[place] <= thin.mean[place] <= thin.greatest[place]
            assert (thin.first_us[place], thin.last_us[place]) == (
                min(cell["times"]),
                max(cell["times"]),
            )
            assert thin.silent_us[place] == max(np.diff(cell["times"]), default=0)


@given(READINGS.filter(len), st.integers(1, 6), st.integers(1, 30))
def test_what_stays_of_readings_counts_as_they_did(readings, columns, step):
    whole, kept = (Thinner(3, columns, from_us=0, step_us=step) for _ in range(2))
    inside = [x for x in readings if 0 <= x[1] < columns * step]
    taken(whole, inside)
    cells = slowly(inside, columns=columns, step=step)
    for (series, column), cell in cells.items():
        held = cell["values"] or [np.nan]
        kept.add_lines(
            np.array([series]), np.array([column * step]), np.array([(column + 1) * step]),
            np.array([len(cell["values"])]), np.array([cell["no"]]),
            tuple(np.array([f(held)]) for f in (min, np.mean, max)),
        )  # fmt: skip
    got, wanted = kept.thin(), whole.thin()
    for name in ("valued", "missing", "least", "greatest"):
        npt.assert_array_equal(getattr(got, name), getattr(wanted, name))
    npt.assert_allclose(got.mean, wanted.mean, rtol=1e-9, atol=1e-6)


def test_a_small_course_on_a_large_level_is_not_rounded_away():
    thinner = Thinner(1, 1, from_us=0, step_us=10)
    at = np.arange(4)
    value = 1e15 + np.array([0.0, 1.0, 0.0, 1.0])
    thinner.add(np.zeros(4, np.int64), at, value, np.zeros(4, bool))
    assert thinner.thin().mean[0, 0] == 1e15 + 0.5


@given(st.lists(st.integers(0, 99), max_size=30), st.integers(1, 20), st.integers(1, 30))
def test_silences_are_every_stretch_that_is_too_long(times, step, longest):
    times = sorted(set(times))
    columns = -(-100 // step)
    thinner = Thinner(1, columns, from_us=0, step_us=step)
    at = np.array(times, np.int64)
    thinner.add(np.zeros(len(at), np.int64), at, np.ones(len(at)), np.zeros(len(at), bool))
    thin = thinner.thin()
    found = silences(thin.first_us[0], thin.last_us[0], from_us=0, until_us=100, longest_us=longest)
    edges = [0, *times, 100]
    every = [(a, b) for a, b in pairwise(edges) if b - a > longest]
    # Those within one column are told by silent_us instead.
    across = [(a, b) for a, b in every if a // step != b // step or a not in times or b == 100]
    assert set(found) <= set(every)
    assert set(across) <= set(found)
    for a, b in set(every) - set(found):
        assert thin.silent_us[0, a // step] >= b - a


@pytest.mark.parametrize("bad", [{"columns": 0}, {"step_us": 0}, {"series": -1}])
def test_what_is_no_drawing_is_refused(bad):
    given = {"series": 1, "columns": 1, "step_us": 1, "from_us": 0} | bad
    with pytest.raises(ValueError, match="at least one column"):
        Thinner(given["series"], given["columns"], from_us=0, step_us=given["step_us"])


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(-1e9, 1e9) | st.just(np.nan)), max_size=120))
def test_the_usual_range_is_the_plain_quantile(pairs):
    slot = np.array([one for one, _ in pairs], np.int64)
    value = np.array([one for _, one in pairs], np.float64)
    found = usual_by_slot(slot, value, 4)
    for number in range(4):
        own = value[(slot == number) & np.isfinite(value)]
        assert found.held[number] == len(own)
        if len(own) < FEWEST:
            assert np.isnan(found.middle[number])
            continue
        wanted = np.quantile(own, [0.1, 0.5, 0.9])
        got = [found.low[number], found.middle[number], found.high[number]]
        npt.assert_allclose(got, wanted, rtol=1e-9, atol=1e-6)
