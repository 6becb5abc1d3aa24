"""What counts as one source, and which of its reports are alike."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.kernel.geometry import Point
from anlan.sensing.domain.floods import FloodRule, Source, marked, network_of

RULE = FloodRule(reports=3, within=timedelta(minutes=10))


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::9", "2001:db8:1:2::/64"),
        ("", ""),
        ("unknown", ""),
        ("203.0.113.7, 10.0.0.1", ""),
    ],
)
def test_a_line_is_one_source(address, network):
    assert network_of(address) == network


def marks(address="203.0.113.7", salt=b"s", hazard="", point=None, words=""):
    return marked(Source(address, RULE), salt, hazard=hazard, point=point, words=words)


def test_nothing_is_counted_of_nowhere_or_without_a_rule():
    assert marks(address="") is None
    off = Source("203.0.113.7", FloodRule(0, RULE.within))
    assert marked(off, b"s", hazard="", point=None, words="") is None


@given(st.binary(min_size=1), st.binary(min_size=1), st.ip_addresses().map(str))
def test_a_mark_says_nothing_without_its_salt(one, other, address):
    found = marks(address, one)
    assert address not in found.mark + found.likeness
    assert (found.mark == marks(address, other).mark) == (one == other)


def test_alike_is_the_same_hazard_at_the_same_place_or_the_same_words():
    here, beside, far = Point(34.7512, 113.6012), Point(34.7514, 113.6011), Point(34.80, 113.60)

    def like(**given):
        return marks(**given).likeness

    assert like(hazard="fire", point=here, words="a") == like(
        hazard="fire", point=beside, words="b"
    )
    assert like(hazard="fire", point=here) != like(hazard="fire", point=far)
    assert like(hazard="fire", point=here) != like(hazard="gas", point=here)
    # What nobody could name, or place, is told apart by what was said of it.
    assert like(point=here, words="树倒了") != like(point=here, words="井盖没了")
    assert like(hazard="fire", words="中原路") != like(hazard="fire", words="东风路")
    assert like(words=" 树倒了！") == like(words="树倒了")
