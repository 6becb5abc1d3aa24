"""Photos over a line that really breaks, in a real browser: nothing is sent twice, nothing is lost."""

from __future__ import annotations

import re

import pytest
from PIL import Image

from tests.browser.accessible import assert_accessible, assert_fits
from tests.browser.line import broken_line

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True}
PIECE = 256 * 1024


@pytest.fixture
def line(place):
    with broken_line(place.port) as found:
        yield found


@pytest.fixture
def photo(tmp_path):
    """A picture of noise: it stays large whatever a browser does to it."""
    path = tmp_path / "spot.jpg"
    Image.effect_noise((1600, 1200), 90).convert("RGB").save(path, "JPEG", quality=92)
    return path


def forgive(new_page, line):
    """The line was broken on purpose, and its address is ours."""
    expected = re.compile(rf"asked {re.escape(line.address)}|ERR_|net::|Failed to load")
    new_page.complaints[:] = [one for one in new_page.complaints if not expected.search(one)]


def offsets_of(page):
    """Collect the offsets at which pieces are sent from now on."""
    found = []
    page.on(
        "request",
        lambda one: (
            one.method == "PATCH" and found.append(int(one.headers.get("upload-offset", "-1")))
        ),
    )
    return found


def broken_in_the_middle(page, line, photo):
    """Choose a photo and break the line after some of its pieces have come."""
    line.breaks_after(2 * PIECE + PIECE // 2)
    page.locator("input[type=file]:visible").first.set_input_files(photo)
    page.locator(".photos [data-state=again]").wait_for()
    assert line.times_broken == 1
    text = page.locator(".photos li span").inner_text()
    percent = int(re.search(r"(\d+) ?%", text).group(1))
    assert 0 < percent < 100, text


def test_evidence_goes_on_after_a_broken_line_and_a_reload(place, new_page, sign_in, line, photo):
    page = new_page(locale="en-GB", **PHONE)
    sign_in(page, "duty_officer")
    # Where no other test reports; a cookie knows no port.
    case = place.case_of(place.report("井盖缺失", lat=34.615, lon=113.515))
    page.goto(f"{line.address}/cases/{case}")
    form = page.locator("form[action^='/cases/']:has(input[type=file])").first
    if not form.locator("button:not([type])").is_visible():
        form.locator("xpath=ancestor::details[1]/summary").click()
    broken_in_the_middle(page, line, photo)
    assert_accessible(page)
    assert_fits(page)
    # Whoever opens the page anew on the same device sees nothing of it.
    other = page.context.new_page()
    other.goto(f"{place.address}/cases/{case}")
    other.wait_for_load_state("networkidle")
    assert other.locator(".photos li").count() == 0
    other.close()
    line.mend()
    sent = offsets_of(page)
    page.reload()
    page.locator(".photos [data-state=come]").wait_for(state="attached", timeout=40_000)
    assert sent[0] > 0, sent  # it went on, it did not begin anew
    assert sent == sorted(sent)
    assert len(sent) == len(set(sent))
    form = page.locator("form:has(.photos [data-state=come])")
    if not form.locator("button:not([type])").is_visible():
        form.locator("xpath=ancestor::details[1]/summary").click()
    for wanted in form.locator("select[required]").all():
        wanted.select_option(index=1)
    form.locator("button:not([type])").click()
    page.wait_for_url(re.compile(r"done="))
    assert "1600 × 1200 px" in page.locator("main").inner_text()
    page.reload()
    assert page.locator(".photos li").count() == 0  # nothing is left of it on this device
    forgive(new_page, line)


@pytest.mark.parametrize("locale", ["zh-CN", "en-GB"])
def test_a_report_s_photo_gets_through_once(place, new_page, line, photo, locale):
    page = new_page(locale=locale, **PHONE)
    page.goto(line.address + "/report")
    page.locator("#text").fill("路面塌了")
    sent = offsets_of(page)
    broken_in_the_middle(page, line, photo)
    page.locator("button.primary").click()  # whoever is in a hurry need not wait to press
    page.locator("#without-photos").wait_for()
    assert_accessible(page)
    assert_fits(page)
    line.mend()
    page.wait_for_url("**/follow?number=*", timeout=40_000)
    acknowledged = sorted(set(sent))
    # Only the piece that broke was sent again.
    assert len(sent) - len(acknowledged) <= 3, sent
    forgive(new_page, line)


def test_words_of_danger_need_not_wait_for_a_picture(place, new_page, line, photo):
    page = new_page(locale="en-GB", **PHONE)
    page.goto(line.address + "/report")
    page.locator("#text").fill("A wall is leaning over the path")
    broken_in_the_middle(page, line, photo)
    page.locator("button.primary").click()
    page.locator("#without-photos").click()
    line.mend()
    page.wait_for_url("**/follow?number=*", timeout=40_000)
    page.goto(line.address + "/report")
    assert page.locator(".photos li").count() == 0
    forgive(new_page, line)


def test_a_file_that_is_no_photo_is_told_so_at_once(place, new_page, tmp_path):
    page = new_page(locale="en-GB", **PHONE)
    page.goto(place.address + "/report")
    path = tmp_path / "x.jpg"
    path.write_bytes(b"<svg onload=alert(1)>" * 50)
    page.locator("#photo").set_input_files(path)
    page.locator(".photos [data-state=refused]").wait_for()
    assert "not taken" in page.locator(".photos li span").inner_text()
    page.locator("#text").fill("井盖缺失")
    page.locator("button.primary").click()
    page.wait_for_url("**/follow?number=*")
    new_page.complaints[:] = [one for one in new_page.complaints if "422" not in one]


def test_where_no_more_may_come_ahead_the_form_takes_its_photo_along(place, new_page, photo):
    page = new_page(locale="en-GB", **PHONE)
    page.add_init_script(
        """const send = fetch; window.fetch = (to, given) => {
        if (given?.body instanceof FormData) sessionStorage.along = given.body.get("photo").size;
        return send(to, given); };"""
    )
    page.route("**/uploads", lambda route: route.fulfill(status=429, body="{}"))
    page.goto(place.address + "/report")
    page.locator("#text").fill("井盖缺失")
    page.locator("#photo").set_input_files(photo)
    page.locator(".photos [data-state=along]").wait_for()
    page.locator("button.primary").click()
    page.wait_for_url("**/follow?number=*")
    assert int(page.evaluate("sessionStorage.along")) > PIECE
    new_page.complaints[:] = [one for one in new_page.complaints if "429" not in one]


def test_without_scripts_the_form_carries_its_photo_itself(place, new_page, photo):
    page = new_page(locale="en-GB", java_script_enabled=False, **PHONE)
    page.goto(place.address + "/report")
    page.locator("#text").fill("井盖缺失")
    page.locator("#photo").set_input_files(photo)
    page.locator("button.primary").click()
    page.wait_for_url("**/follow?number=*")
    assert page.locator("#on-map").count() == 0
