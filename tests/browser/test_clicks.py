"""From a cold start to the acknowledgement of the most urgent case: in at most three clicks."""

from __future__ import annotations

import re

import pytest

WITHIN_MS = 20_000
MOST = 3


class Hand:
    """Clicks as a person does, on what is in sight or scrolled to, and counts."""

    def __init__(self, page):
        self.page, self.clicks = page, 0

    def press(self, part):
        self.clicks += 1
        part.click()


def signed_in(page, place, sign_in, **seat):
    """Sign in, and come back as after the browser was closed: with nothing in it but the cookie."""
    sign_in(page, "duty_officer", **seat)
    page.goto("about:blank")
    page.goto(f"{place.address}/duties")  # where signing in leads
    return Hand(page)


@pytest.mark.parametrize(
    ("locale", "viewport", "lat"),
    [
        ("zh-CN", {"width": 360, "height": 740}, 34.741),
        ("en-GB", {"width": 1280, "height": 900}, 34.732),
    ],
)
def test_a_duty_officer_who_was_not_told_finds_it_and_takes_it_up(
    place, new_page, sign_in, locale, viewport, lat
):
    lamp = place.case_of(place.report("路灯倒了", lat=lat, lon=113.66))
    page = new_page(locale=locale, viewport=viewport)
    hand = signed_in(page, place, sign_in)
    worst = place.case_of(place.report("隧道进水，多人被困，水位上涨", lat=lat + 0.02, lon=113.71))
    hand.press(page.locator("nav a[href='/watch']"))
    first = page.locator("#group-unanswered ~ ul li[data-case] a").first
    first.wait_for(timeout=WITHIN_MS)
    hand.press(first)
    page.wait_for_url(re.compile(r"/cases/\d+$"))
    # Of another test one may be more urgent, or as urgent and older: 1 is the most urgent.
    found = int(page.url.rsplit("/", 1)[1])
    assert place.asked(f"cases/{found}")["priority"] <= place.asked(f"cases/{worst}")["priority"]
    hand.press(page.locator("main .acts .button.primary"))
    page.wait_for_url(re.compile(r"/cases/\d+\?done="))
    assert page.locator(".done").is_visible()
    assert hand.clicks <= MOST
    assert found != lamp


def test_a_duty_officer_who_was_told_answers_with_one_click(place, new_page, sign_in):
    place.case_of(place.report("地铁站进水，多人被困"))  # nobody knows where: the duty desk decides
    page = new_page(locale="zh-CN", viewport={"width": 360, "height": 740})
    hand = signed_in(page, place, sign_in, post="P-DUTY-LEAD")
    hand.press(page.locator("form[action$='/answer'] button").first)
    page.wait_for_url(re.compile(r"/cases/\d+"))
    told = page.locator("section[aria-labelledby=told]").inner_text()
    assert "应答于" in told
    assert hand.clicks == 1
