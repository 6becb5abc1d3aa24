"""One-time codes: the vectors of RFC 6238, and that no code works twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.registry.domain import onetime

SECRET = b"12345678901234567890"  # RFC 6238, appendix B
NOW = datetime(2026, 11, 25, 4, 0, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_the_vectors_of_the_standard(seconds, code):
    at = datetime.fromtimestamp(seconds, UTC)
    assert onetime.code_of(SECRET, onetime.step_of(at)) == code
    assert onetime.step_matched(SECRET, code, at=at, after=0) == onetime.step_of(at)


@pytest.mark.parametrize(("off_s", "taken"), [(-60, False), (-30, True), (30, True), (60, False)])
def test_a_telephone_may_be_a_step_early_or_late(off_s, taken):
    theirs = onetime.step_of(NOW + timedelta(seconds=off_s))
    found = onetime.step_matched(SECRET, onetime.code_of(SECRET, theirs), at=NOW, after=0)
    assert (found == theirs) is taken


def test_a_code_that_was_used_is_used_up():
    step = onetime.step_of(NOW)
    assert onetime.step_matched(SECRET, onetime.code_of(SECRET, step), at=NOW, after=step) is None


@given(st.text(max_size=12))
def test_nothing_else_is_a_code(given_code):
    step = onetime.step_of(NOW)
    right = {onetime.code_of(SECRET, step + off) for off in (-1, 0, 1)}
    found = onetime.step_matched(SECRET, given_code, at=NOW, after=0)
    assert (found is not None) == ("".join(given_code.split()) in right)


def test_what_an_authenticator_reads():
    address = onetime.address_of(SECRET, account="boss", issuer="Anlan")
    assert address == (
        "otpauth://totp/Anlan:boss?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Anlan"
    )
