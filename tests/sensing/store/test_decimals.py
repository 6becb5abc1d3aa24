"""Whole numbers at a sensor's resolution: exact, or not used at all."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from anlan.sensing.store.decimals import AS_IT_IS, FINEST, scale, unscale

PLAIN = st.decimals(min_value=-(10**9), max_value=10**9, places=4).map(float)
ANY = st.floats(allow_nan=True, allow_infinity=True)


def twin(values, runs):
    """Return the decimals from the definition: by the shortest text of each number."""

    def decimals_of(value):
        if not math.isfinite(value) or (value == 0 and math.copysign(1, value) < 0):
            return None
        found = [d for d in range(FINEST + 1) if abs(value) * 10**d < 2**52]
        return next((d for d in found if round(value * 10**d) / 10**d == value), None)

    out = []
    for start, run in enumerate(runs):
        own = [decimals_of(v) for v, r in zip(values, runs, strict=True) if r == run]
        mine = decimals_of(values[start])
        whole = None if None in own else max(own)
        if whole is not None and any(
            abs(v) * 10**whole >= 2**52 for v, r in zip(values, runs, strict=True) if r == run
        ):
            whole = None
        out.append(whole if whole is not None else mine)
    return [AS_IT_IS if item is None else item for item in out]


def same(a, b):
    return np.array_equal(a, b, equal_nan=True) and np.array_equal(np.signbit(a), np.signbit(b))


@given(st.lists(PLAIN | ANY, max_size=30), st.integers(1, 4))
def test_what_comes_back_is_the_number_itself(values, runs):
    value = np.array(values, np.float64)
    run = np.sort(np.arange(len(values)) % runs).astype(np.int32)
    found = scale(value, run)
    back = unscale(*found)
    kept = found.decimals != AS_IT_IS
    assert same(back[kept], value[kept])
    assert np.isnan(back[~kept]).all()


@given(st.lists(PLAIN, min_size=1, max_size=30))
def test_a_stream_of_decimal_texts_needs_no_float(values):
    found = scale(np.array(values), np.zeros(len(values), np.int32))
    assert (found.decimals >= 0).all()
    assert len(set(found.decimals.tolist())) == 1


@given(st.lists(st.sampled_from([1.5, 2.25, math.nan, 1 / 3, -0.0, 7.0, 1e300]), max_size=12))
def test_it_agrees_with_its_twin(values):
    runs = [place // 4 for place in range(len(values))]
    found = scale(np.array(values, np.float64), np.array(runs, np.int32))
    assert found.decimals.tolist() == twin(values, runs)


def test_one_odd_value_does_not_cost_the_others():
    found = scale(np.array([1.25, math.nan, 1.5]), np.zeros(3, np.int32))
    assert found.decimals.tolist() == [2, AS_IT_IS, 1]
    assert found.whole.tolist() == [125, 0, 15]
