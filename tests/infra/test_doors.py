"""In which language a caller is answered: one rule for pages, refusals and rooms."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from anlan.infra.doors import language_of


@pytest.mark.parametrize(
    ("accepted", "answered"),
    [
        ("", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB,en;q=0.9", "en"),
        ("fr, en;q=0.8, zh;q=0.5", "en"),
        ("fr, de", "zh"),
        ("*", "zh"),
    ],
)
def test_the_first_language_of_ours_that_is_accepted_counts(accepted, answered):
    assert language_of(RequestFactory().get("/", headers={"Accept-Language": accepted})) == answered


def test_what_the_address_asks_for_goes_before_what_is_accepted():
    asked = RequestFactory().get("/?lang=en", headers={"Accept-Language": "zh"})
    assert language_of(asked) == "en"
