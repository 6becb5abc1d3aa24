"""A receiver can tell a genuine, recent call from everything else."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.notices.domain.signing import (
    KEY_HEADER,
    REPLAY_WINDOW,
    SIGNATURE_HEADER,
    TIME_HEADER,
    holder_secret,
    is_genuine,
    signed_headers,
)

NOW = datetime(2026, 7, 20, 8, 1, tzinfo=UTC)
SECRET = holder_secret(b"root", "h1")


def test_the_signature_is_what_the_description_says():
    headers = signed_headers(SECRET, "k1", b'{"a":1}', at=NOW)
    stamp = str(int(NOW.timestamp()))
    by_hand = hmac.new(
        SECRET.encode(), f'{stamp}.k1.{{"a":1}}'.encode(), hashlib.sha256
    ).hexdigest()
    assert headers == {KEY_HEADER: "k1", TIME_HEADER: stamp, SIGNATURE_HEADER: "v1=" + by_hand}


def test_each_receiver_has_a_secret_of_its_own():
    assert len({SECRET, holder_secret(b"root", "h2"), holder_secret(b"other", "h1")}) == 3


@given(st.binary(max_size=200), st.text("0123456789abcdef", min_size=1, max_size=40))
def test_genuine_within_the_window_only(body, key):
    headers = signed_headers(SECRET, key, body, at=NOW)
    for shift in (-REPLAY_WINDOW, timedelta(0), REPLAY_WINDOW):
        assert is_genuine(SECRET, headers, body, now=NOW + shift)
    for shift in (-REPLAY_WINDOW - timedelta(seconds=1), REPLAY_WINDOW + timedelta(seconds=1)):
        assert not is_genuine(SECRET, headers, body, now=NOW + shift)


@pytest.mark.parametrize(
    "change",
    [
        {KEY_HEADER: "k2"},
        {TIME_HEADER: str(int(NOW.timestamp()) + 1)},
        {TIME_HEADER: "nan"},
        {TIME_HEADER: "１２３"},
        {TIME_HEADER: "9" * 400},
        {SIGNATURE_HEADER: ""},
        {SIGNATURE_HEADER: "v1=é"},
        {SIGNATURE_HEADER: "v1=" + "0" * 64},
    ],
)
def test_any_change_is_noticed(change):
    headers = signed_headers(SECRET, "k1", b"body", at=NOW)
    assert is_genuine(SECRET, headers, b"body", now=NOW)
    assert not is_genuine(SECRET, headers | change, b"body", now=NOW)
    assert not is_genuine(SECRET, headers, b"bodY", now=NOW)
    assert not is_genuine(holder_secret(b"root", "h2"), headers, b"body", now=NOW)
