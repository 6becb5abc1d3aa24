"""Messages of HJ 212-2017: the sum of annex A, and what a message says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.sensing.domain.hj212 import Hj212Error, check_sum, read_message

# The example of the standard's annex C for setting the interval of real-time data.
ASKED = (
    b"QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;"
    b"CP=&&RtdInterval=30&&"
)


def message(data):
    return b"##%04d%s%04X\r\n" % (len(data), data, check_sum(data))


def test_the_sum_is_that_of_the_standard():
    assert check_sum(ASKED) == 0x1C80
    assert read_message(b"##0101" + ASKED + b"1C80\r\n")["CP"] == {
        "RtdInterval": "30",
        "values": {},
    }


def test_the_values_have_their_marks_and_the_password_is_left_out():
    data = b"MN=A1;PW=secret;CN=2011;CP=&&DataTime=20260301080000;a-Rtd=1.5,a-Flag=N;b-c-Rtd=2&&"
    found = read_message(message(data))
    assert found == {
        "MN": "A1",
        "CN": "2011",
        "CP": {
            "DataTime": "20260301080000",
            "values": {"a": {"Rtd": "1.5", "Flag": "N"}, "b-c": {"Rtd": "2"}},
        },
    }


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"##",
        b"##0101" + ASKED.replace(b"30", b"31") + b"1C80\r\n",
        b"##0100" + ASKED + b"1C80\r\n",
        ASKED,
        message("MN=井".encode()),
        message(b"MN=" + b"a" * 20_000),
    ],
)
def test_what_is_no_message_is_refused(broken):
    with pytest.raises(Hj212Error):
        read_message(broken)


@given(st.binary(max_size=100))
def test_any_data_with_its_sum_are_read_or_refused(data):
    try:
        found = read_message(message(data))
    except Hj212Error:
        return
    assert "PW" not in found
    assert set(found["CP"]) >= {"values"}
