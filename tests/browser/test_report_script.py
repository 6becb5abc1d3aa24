"""The script of the report page: a position, a line that breaks, a refusal given back."""

from __future__ import annotations

import re

import pytest

from tests.browser.accessible import assert_accessible, assert_fits

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True}
HERE = {"geolocation": {"latitude": 34.757, "longitude": 113.6, "accuracy": 12}}


@pytest.mark.parametrize("locale", ["zh-CN", "en-GB"])
def test_a_report_with_a_position_gets_through_a_broken_line_once(place, new_page, locale):
    page = new_page(locale=locale, permissions=["geolocation"], **HERE, **PHONE)
    page.goto(place.address + "/report")
    page.locator("#text").fill("路口积水")
    page.locator("#here").click()
    page.wait_for_function("() => document.querySelector('[name=lat]').value === '34.757000'")
    assert "12" in page.locator("#here-says").text_content()
    assert_accessible(page)
    assert_fits(page)
    page.context.set_offline(True)
    page.locator("button.primary").click()
    page.wait_for_function(
        "() => /重发|again by itself/.test(document.getElementById('says').textContent)"
    )
    page.context.set_offline(False)
    page.wait_for_url("**/follow?number=*")
    assert re.search(r"AL-\d{8}-\d{6}", page.locator("main").text_content())
    new_page.complaints[:] = [one for one in new_page.complaints if "DISCONNECTED" not in one]


def test_the_position_can_be_taken_back(place, new_page):
    page = new_page(permissions=["geolocation"], **HERE, **PHONE)
    page.goto(place.address + "/report")
    page.locator("#here").click()
    page.wait_for_function("() => document.querySelector('[name=lat]').value !== ''")
    page.locator("#here").click()
    assert page.locator("[name=lat]").input_value() == ""


def test_a_refused_report_says_why_and_keeps_what_was_typed(place, new_page):
    page = new_page(**PHONE)
    page.goto(place.address + "/report")
    page.locator("#text").fill("井盖缺失")
    page.evaluate("document.getElementById('place').removeAttribute('maxlength')")
    page.locator("#place").fill("长" * 600)
    page.locator("button.primary").click()
    page.locator(".refusal").wait_for()
    assert page.locator("#text").input_value() == "井盖缺失"
    page.locator("#place").fill("东风路口")
    page.locator("button.primary").click()
    page.wait_for_url("**/follow?number=*")
    new_page.complaints[:] = [one for one in new_page.complaints if "422" not in one]
