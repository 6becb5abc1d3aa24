"""Choosing the place of a danger on the map: by finger, by keyboard, or not at all."""

from __future__ import annotations

import re

import pytest

from tests.browser.accessible import assert_accessible, assert_fits

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True}


def opened(page, place):
    asked = []
    page.on("request", lambda one: asked.append(one.url))
    page.goto(place.address + "/report")
    page.locator("#on-map").wait_for()
    page.wait_for_load_state("networkidle")
    # Nothing of the map is loaded before somebody asks for it.
    assert not [one for one in asked if "/static/built/" in one or "/report/areas" in one]
    page.locator("#on-map").click()
    page.locator("#place-ground[data-drawn]").wait_for()
    return page


def pin(page):
    return page.evaluate(
        "(({ lat, lon }) => [Number(lat), Number(lon)])(document.getElementById('place-ground').dataset)"
    )


@pytest.mark.parametrize("locale", ["zh-CN", "en-GB"])
def test_by_keyboard_alone(place, new_page, locale):
    page = new_page(locale=locale, viewport={"width": 1280, "height": 900})
    opened(page, place)
    assert page.evaluate("document.activeElement.id") == "place-ground"
    assert_accessible(page)
    assert_fits(page)
    before = pin(page)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    north, east = pin(page)
    assert north > before[0]
    assert east > before[1]
    page.keyboard.press("Shift+ArrowLeft")
    assert before[1] < pin(page)[1] < east
    for _ in range(3):
        page.keyboard.press("+")
    page.keyboard.press("ArrowDown")
    assert north - pin(page)[0] < (north - before[0]) / 4  # closer in, smaller steps
    page.wait_for_function("() => document.getElementById('place-says').textContent.includes('·')")
    chosen = pin(page)
    page.keyboard.press("Enter")
    assert page.locator("#place-map").is_hidden()
    assert page.evaluate("document.activeElement.id") == "on-map"
    assert float(page.locator("[name=lat]").input_value()) == pytest.approx(chosen[0], abs=1e-5)
    assert float(page.locator("[name=lon]").input_value()) == pytest.approx(chosen[1], abs=1e-5)
    assert page.locator("#here-says").inner_text() != ""
    assert_accessible(page)
    assert_fits(page)
    page.locator("#text").fill("路口积水")
    page.locator("main button.primary").click()
    page.wait_for_url("**/follow?number=*")


def test_by_finger_and_taken_back(place, new_page):
    page = new_page(locale="en-GB", **PHONE)
    opened(page, place)
    assert_accessible(page)
    assert_fits(page)
    before = pin(page)
    box = page.locator("#place-ground").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.4)
    page.wait_for_function(
        "before => document.getElementById('place-ground').dataset.lat !== before.toFixed(6)",
        arg=before[0],
    )
    page.locator("#place-take").tap()
    assert page.locator("[name=lat]").input_value() == f"{pin(page)[0]:.6f}"
    page.locator("#place-undo").tap()
    assert page.locator("[name=lat]").input_value() == ""
    assert page.locator("#place-undo").is_hidden()


def test_escape_leaves_the_place_as_it_was(place, new_page):
    page = new_page(locale="en-GB")
    opened(page, place)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Escape")
    assert page.locator("#place-map").is_hidden()
    assert page.locator("[name=lat]").input_value() == ""


def test_where_the_map_fails_words_still_do(place, new_page):
    page = new_page(locale="en-GB")
    page.route(re.compile(r"/report/areas"), lambda route: route.abort())
    page.goto(place.address + "/report")
    page.locator("#on-map").click()
    page.wait_for_function(
        "() => document.getElementById('here-says').textContent.includes('in words')"
    )
    assert page.locator("#place-map").is_hidden()
    page.locator("#text").fill("井盖缺失")
    page.locator("main button.primary").click()
    page.wait_for_url("**/follow?number=*")
    new_page.complaints[:] = [one for one in new_page.complaints if "ERR_FAILED" not in one]
