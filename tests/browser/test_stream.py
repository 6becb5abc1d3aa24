"""The page of one stream by keyboard alone, and without scripts."""

from __future__ import annotations

import re

import pytest

ADDRESS = "/streams/POND-01?range=day"
MOST_TABS = 40


@pytest.fixture(scope="module")
def seat(place):
    """The session of somebody who sees streams."""
    (secret,) = place.sessions("duty_officer", post="P-DUTY-LEAD")
    return {"name": "anlan_session", "value": secret, "url": place.address}


def test_by_keyboard_alone_the_course_is_found_moved_and_zoomed_and_keeps_the_focus(
    place, new_page, seat
):
    page = new_page(viewport={"width": 360, "height": 740})
    page.context.add_cookies([seat])
    page.goto(place.address + ADDRESS)
    page.locator("#course[data-ready]").wait_for()
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('plot')"):
            break
    assert (
        page.locator(".plot:focus-visible").evaluate("x => getComputedStyle(x).outlineStyle")
        == "solid"
    )

    def span():
        told = page.locator("#course [data-from]")
        return [int(told.get_attribute(name)) for name in ("data-from", "data-to")]

    def press(key):
        before = span()
        page.keyboard.press(key)
        page.wait_for_function(
            "was => Number(document.querySelector('#course [data-from]').dataset.from) !== was",
            arg=before[0],
        )
        assert page.evaluate("document.activeElement.classList.contains('plot')")
        return before, span()

    before, after = press("ArrowLeft")
    assert after[1] - after[0] == pytest.approx(before[1] - before[0], abs=2000)
    assert after[0] < before[0]
    before, after = press("+")
    assert after[1] - after[0] == pytest.approx((before[1] - before[0]) / 2, abs=2000)
    press("0")
    assert re.search(r"range=day$", page.url)


def test_without_scripts_the_drawing_its_table_other_spans_and_downloads_are_there(
    place, new_page, seat
):
    page = new_page(java_script_enabled=False, locale="en-GB")
    page.context.add_cookies([seat])
    page.goto(place.address + ADDRESS)
    assert page.locator("svg.course").is_visible()
    page.locator("details[data-twin] summary").click()
    assert page.locator("details[data-twin] tbody tr").count() > 24
    page.get_by_role("link", name="Earlier").click()
    page.wait_for_url("**from=**")
    assert page.locator("svg.course").is_visible()
    for link in page.locator("a[download]").all():
        answer = page.request.get(place.address + link.get_attribute("href"))
        assert answer.ok
        assert "attachment" in answer.headers["content-disposition"]
