"""Webhooks never reach the inside of the network by accident."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.notices.domain.reach import ReachRule, RefusedAddressError, is_public

OPEN = ReachRule()
LISTED = ReachRule(frozenset({"hook.city.example", "127.0.0.1"}))


@pytest.mark.parametrize(
    "inside",
    [
        "127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.1", "::1", "::", "fe80::1", "fe80::1%eth0",
        "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::",
        "64:ff9b::7f00:1", "64:ff9b::a00:1", "not an address", "",
    ],
)  # fmt: skip
def test_the_inside_is_not_public(inside):
    assert not is_public(inside)
    with pytest.raises(RefusedAddressError, match="private_address"):
        OPEN.check_addresses("evil.example", ["8.8.8.8", inside])


@pytest.mark.parametrize(
    "outside", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8"]
)
def test_the_outside_is(outside):
    assert is_public(outside)
    OPEN.check_addresses("fine.example", [outside])


@given(st.ip_addresses(v=4))
def test_a_disguise_is_judged_by_what_it_hides(address):
    mapped = ipaddress.IPv6Address(b"\0" * 10 + b"\xff\xff" + address.packed)
    assert is_public(str(mapped)) == is_public(str(address))


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://hook.example/", "not_https"),
        ("ftp://hook.example/", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("javascript:alert(1)", "scheme"),
        ("https://user:pw@hook.example/", "userinfo"),
        ("https://hook.example@127.0.0.1/", "userinfo"),
        ("https://", "malformed"),
        ("https://hook.example:0/", "malformed"),
        ("https://hook.example:99999/", "malformed"),
        ("https://hook.example/\r\nX: 1", "malformed"),
        ("https://hook.example/ x", "malformed"),
        ("https://höök.example/", "malformed"),
        ("https://[::1", "malformed"),
        ("", "scheme"),
    ],
)
def test_what_is_no_proper_address_is_refused(url, reason):
    with pytest.raises(RefusedAddressError, match=f"^{reason}$"):
        OPEN.target(url)


def test_with_a_list_only_what_is_listed_and_that_also_inside():
    assert LISTED.target("http://127.0.0.1:8025/x?y=1").path == "/x?y=1"
    assert LISTED.target("https://HOOK.city.example./").host == "hook.city.example"
    LISTED.check_addresses("127.0.0.1", ["127.0.0.1"])
    for url in ("https://other.example/", "https://hook.city.example.evil.example/"):
        with pytest.raises(RefusedAddressError, match="host_not_listed"):
            LISTED.target(url)


def test_a_host_without_an_address_is_refused():
    with pytest.raises(RefusedAddressError, match="no_address"):
        OPEN.check_addresses("hook.example", [])
