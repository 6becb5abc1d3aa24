"""Arrays of numbers out of JSON: what ``json`` and ``float`` make of them, or nothing."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.sensing.domain.jsonnumbers import floats, integers

NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(10**20), 10**20),
    st.decimals(-10_000, 10_000, places=2, allow_nan=False).map(float),
    st.none(),
)
SPACED = st.sampled_from(["", " ", "\n\t ", "\r"])


@given(st.lists(NUMBERS), SPACED, SPACED)
def test_floats_are_exactly_those_of_the_digits_or_none(
    numbers: list[float | None], before: str, after: str
) -> None:
    text = "[" + before + f"{after},{before}".join(map(json.dumps, numbers)) + after + "]"
    found = floats(text.encode())
    if found is not None:
        wanted = [math.nan if one is None else float(one) for one in numbers]
        np.testing.assert_array_equal(found.view(np.uint64), np.array(wanted).view(np.uint64))


@given(
    st.from_regex(rb"-?[0-9]{1,20}(\.[0-9]{1,18})?([eE][-+]?[0-9]{1,3})?", fullmatch=True),
)
def test_digits_as_they_may_be_written(text: bytes) -> None:
    found = floats(b"[" + text + b"]")
    try:
        wanted = json.loads(text)
    except ValueError:  # JSON knows no leading zeros
        assert found is None
    else:
        assert found is None or found.tolist() == [float(wanted)]


@given(st.lists(st.integers(-(10**18) + 1, 10**18 - 1), min_size=1), SPACED)
def test_integers_up_to_18_digits_are_read(numbers: list[int], space: str) -> None:
    text = "[" + space + f"{space},{space}".join(map(str, numbers)) + space + "]"
    found = integers(text.encode())
    assert found is not None
    assert found.tolist() == numbers


def test_what_gateways_send_is_read() -> None:
    found = floats(b"[5.02, -0.5,1e-3,12,0, 0.0,null,1E+2,9007199254740992]")
    assert found is not None
    np.testing.assert_array_equal(found, [5.02, -0.5, 0.001, 12, 0, 0, np.nan, 100, 2.0**53])


@pytest.mark.parametrize(
    "text",
    [
        b"", b"[", b"[]", b"5", b"[1", b"[1,", b"[1,]", b"[,1]", b"[1 2]", b"[1]]", b"[1][", b"[01]",
        b"[+1]", b"[.5]", b"[1.]", b"[1.e2]", b"[1e]", b"[1e+]", b"[-]", b"[--1]", b"[nul]", b"[nulL]",
        b"[null", b"[NaN]", b"[true]", b'["1"]', b"[[1]]", b"[1e400]",
        b"[12345678901234567890]", b"[0x10]", b"[1_0]", b"[1\x00]", b"[\xff]",
    ],
)  # fmt: skip
def test_anything_else_is_left_to_a_general_reader(text: bytes) -> None:
    assert floats(text) is None
    assert integers(text) is None


@pytest.mark.parametrize("text", [b"[-0]", b"[-0.0]", b"[-0e5]"])
def test_a_negative_zero_is_no_zero_here(text: bytes) -> None:
    assert floats(text) is None


@pytest.mark.parametrize("text", [b"[1.0]", b"[1e2]", b"[null]", b"[1000000000000000000000]"])
def test_integers_have_neither_point_nor_power(text: bytes) -> None:
    assert integers(text) is None
