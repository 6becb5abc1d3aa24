"""Watch in a real browser: a danger appears by itself, is opened and answered; its past and its map."""

from __future__ import annotations

import re

import pytest

from tests.browser.accessible import assert_accessible, assert_fits

WITHIN_MS = 20_000


def watching(page, place, address="/watch"):
    page.goto(place.address + address)
    page.locator('#watch[data-state="on"]').wait_for()
    return page


@pytest.mark.parametrize(
    ("locale", "lat", "lon"), [("zh-CN", 34.671, 113.611), ("en-GB", 34.681, 113.641)]
)
def test_a_new_danger_appears_by_itself_is_opened_and_acknowledged(
    place, new_page, sign_in, locale, lat, lon
):
    page = new_page(locale=locale)
    sign_in(page, "duty_officer", post="P-DUTY-LEAD")
    watching(page, place)
    page.evaluate("window.stayed = true")
    before = set(
        page.locator("#lists li[data-case]").evaluate_all("all => all.map(one => one.dataset.case)")
    )
    # A list shows the most urgent ten: words of danger to life stand among them, whatever else is open.
    place.report("燃气泄漏，有人昏迷，快要爆炸", lat=lat, lon=lon)
    page.wait_for_function(
        "known => [...document.querySelectorAll('#group-unanswered ~ ul li[data-case]')]"
        ".some(one => !known.includes(one.dataset.case))",
        arg=list(before), timeout=WITHIN_MS,
    )  # fmt: skip
    assert page.evaluate("window.stayed") is True
    (new,) = (
        set(
            page.locator("#lists li[data-case]").evaluate_all(
                "all => all.map(one => one.dataset.case)"
            )
        )
        - before
    )
    page.locator(f'#lists li[data-case="{new}"] a').click()
    page.wait_for_url(f"**/cases/{new}")
    page.locator("main .acts .button.primary").click()
    page.wait_for_url(re.compile(rf"/cases/{new}\?done="))
    assert page.locator(".done").is_visible()
    watching(page, place)
    assert (
        page.locator(f'section[aria-labelledby="group-unanswered"] li[data-case="{new}"]').count()
        == 0
    )


def test_a_line_under_a_finger_stays_until_it_comes_up(place, new_page, sign_in):
    page = new_page(locale="en-GB")
    sign_in(page, "commander")
    place.report("路灯倒了", lat=34.71, lon=113.61)
    watching(page, place)
    line = page.locator("#lists li[data-case] a").first
    line.wait_for(timeout=WITHIN_MS)
    stream = "new Promise(r => new EventSource('/watch/live').addEventListener('lists', r))"
    line.hover()
    page.mouse.down()
    page.evaluate("one => { window.line = one; }", line.element_handle())
    place.report("井盖缺失", lat=34.66, lon=113.72)
    page.evaluate(f"Promise.race([{stream}, new Promise(r => setTimeout(r, 8000))])")
    page.wait_for_timeout(1_500)
    assert page.evaluate("window.line.isConnected")
    page.mouse.up()
    page.wait_for_url("**/cases/*")


def test_pages_in_the_background_leave_the_browser_its_connections(place, new_page, sign_in):
    page = new_page(locale="en-GB")
    sign_in(page, "commander")
    hide = """hidden => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
        document.dispatchEvent(new Event('visibilitychange')); }"""
    others = [page.context.new_page() for _ in range(7)]  # a browser keeps six connections
    for one in others:
        watching(one, place).evaluate(hide, True)
    watching(page, place)
    one = others[0]
    one.evaluate("document.getElementById('picture').remove()")
    one.evaluate(hide, False)
    one.locator("#picture").wait_for(timeout=WITHIN_MS)
    for one in others:
        one.close()


WITHOUT = {
    "a worker": "",
    "a lock": "delete window.SharedWorker;",
    "neither": "delete window.SharedWorker; delete window.BroadcastChannel;",
}


@pytest.mark.parametrize("by", WITHOUT)
def test_eight_windows_leave_the_browser_its_connections(place, new_page, sign_in, by):
    page = new_page(locale="en-GB")
    page.context.add_init_script(WITHOUT[by])
    sign_in(page, "commander")
    windows = [page, *(page.context.new_page() for _ in range(7))]
    shared = by != "neither"
    for one in windows:
        one.set_default_timeout(15_000)
        one.goto(f"{place.address}/watch")
        one.locator('#watch[data-state="on"]').wait_for()
    before = page.context.new_page()
    before.goto(f"{place.address}/cases")  # there is a connection left for it
    before.close()
    state = "els => els.map(el => el.dataset.state)"
    states = [one.locator("#watch").evaluate_all(state)[0] for one in windows]
    if shared:
        assert states == ["on"] * 8
        windows[0].close()  # whoever held the stream: the others go on
        for one in windows[1:]:
            one.evaluate("document.getElementById('picture').remove()")
        place.report("路灯倒了", lat=34.655, lon=113.83)
        for one in windows[1:]:
            one.locator("#picture").wait_for(timeout=WITHIN_MS)
            assert one.locator("#watch").get_attribute("data-state") == "on"
    else:
        assert states[-1] == "on"
        assert 2 <= states.count("on") <= 4
        assert set(states) == {"on", "elsewhere"}
        # Each web process ends the oldest of its own.
        oldest = windows[states.index("elsewhere")]
        oldest.locator("#live", has_text="Another window").wait_for()
        assert_accessible(oldest)
        oldest.get_by_role("button", name="Take live updates back").click()
        oldest.locator('#watch[data-state="on"]').wait_for()
        assert oldest.locator("#take-back").is_hidden()
    for one in windows:
        one.close()


def test_whoever_signs_in_next_sees_nothing_of_whoever_was_there(place, new_page, sign_in):
    page = new_page(locale="en-GB")
    sign_in(page, "commander")
    place.report("路灯倒了", lat=34.651, lon=113.81)
    watching(page, place)
    page.locator("#lists li[data-case]").first.wait_for(timeout=WITHIN_MS)
    other = page.context.new_page()
    sign_in(other, "street_officer", areas=("410103",))
    watching(other, place)
    page.wait_for_function(
        "shown => document.getElementById('lists').innerText.includes('Nothing is open')"
        " || document.querySelectorAll('#lists li[data-case]').length === shown",
        arg=other.locator("#lists li[data-case]").count(), timeout=WITHIN_MS,
    )  # fmt: skip
    seats = [one.locator("#watch").get_attribute("data-seat") for one in (page, other)]
    assert seats[0] == seats[1]
    other.close()


def test_red_is_called_out_with_a_banner_and_a_sound_that_was_asked_for(place, new_page, sign_in):
    page = new_page(locale="en-GB")
    sign_in(page, "commander")
    watching(page, place)
    page.evaluate(
        """() => { window.tones = 0; const make = AudioContext.prototype.createOscillator;
        AudioContext.prototype.createOscillator = function () { window.tones += 1; return make.call(this); }; }"""
    )
    assert page.locator("#red").is_hidden()
    page.get_by_role("button", name="Turn the sound for red on").click()
    assert page.evaluate("window.tones") == 2  # so it sounds
    place.report("隧道进水，多人被困，水位上涨", lat=34.70, lon=113.70)
    place.report("隧道进水，多人被困，水位上涨", lat=34.70, lon=113.70)
    page.locator("#red li").first.wait_for(timeout=WITHIN_MS)
    assert page.evaluate("window.tones") >= 8
    assert_accessible(page)
    page.reload()
    page.get_by_role("button", name="Turn the sound for red off").wait_for()  # remembered here
    assert page.locator("#red").is_hidden()  # what is known already is not called out again


def test_the_map_shows_cases_and_opens_them(place, new_page, sign_in):
    page = new_page(locale="en-GB", viewport={"width": 1280, "height": 900})
    sign_in(page, "duty_officer")
    place.report("路灯倒了", lat=34.64, lon=113.86)
    watching(page, place)
    page.locator("#lists li[data-case]").first.wait_for(timeout=WITHIN_MS)
    page.locator("#map[data-shown]").wait_for()
    page.wait_for_function("() => Number(document.getElementById('map').dataset.shown) > 20")
    assert page.locator("#map canvas").is_visible()
    assert page.locator("#map-says").inner_text() == ""
    page.wait_for_timeout(1_500)  # drawn
    canvas = page.locator("#map canvas").bounding_box()
    west, south, east, north = 113.5, 34.6, 113.9, 34.86
    # The extent of the city fills the map but for 16 px on the narrower side.
    side = min(
        (canvas["width"] - 32) / (east - west), (canvas["height"] - 32) / 1.215 / (north - south)
    )
    x = canvas["x"] + canvas["width"] / 2 + (113.86 - (west + east) / 2) * side
    y = canvas["y"] + canvas["height"] / 2 - (34.64 - (south + north) / 2) * side * 1.215
    page.mouse.click(x, y)
    page.wait_for_url("**/cases/*")


def test_the_past_is_chosen_by_dragging_and_left_by_one_click(place, new_page, sign_in):
    page = new_page(locale="en-GB")
    sign_in(page, "commander")
    watching(page, place)
    drag = page.locator("#drag")
    drag.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(re.compile(r"/watch\?at="))
    assert page.locator(".band.past").is_visible()
    assert page.locator("#sound").is_hidden()
    assert_accessible(page)
    page.get_by_role("link", name="Back to now").click()
    page.wait_for_url("**/watch")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_accessible_and_fits(place, new_page, sign_in, theme):
    page = new_page(color_scheme=theme, viewport={"width": 360, "height": 900})
    sign_in(page, "duty_officer")
    for width in (360, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        watching(page, place)
        page.locator("#map[data-shown]").wait_for()
        assert_accessible(page)
        assert_fits(page)
        two_columns = page.locator(".watch-map").bounding_box()["x"] > 100
        assert two_columns == (width >= 1000)


def test_without_scripts_it_is_whole(place, new_page, sign_in):
    page = new_page(java_script_enabled=False, locale="en-GB")
    sign_in(page, "duty_officer")
    page.goto(f"{place.address}/watch")
    assert "does not update by itself" in page.locator("#live").inner_text()
    assert page.locator("#heard").is_visible()
    page.locator("#at").fill("2021-01-01T00:00")
    page.get_by_role("button", name="Look").click()
    assert page.locator(".band.past").is_visible()


def test_a_device_that_cannot_show_the_map_is_told_and_keeps_the_lists(place, new_page, sign_in):
    page = new_page(locale="en-GB")
    page.add_init_script(
        """const get = HTMLCanvasElement.prototype.getContext;
        HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
          return kind.startsWith('webgl') ? null : get.call(this, kind, ...more); };"""
    )
    sign_in(page, "duty_officer")
    watching(page, place)
    page.wait_for_function(
        "() => document.getElementById('map-says').textContent.includes('no WebGL')"
    )
    assert page.locator("#map").is_hidden()
    assert page.locator("#heard").is_visible()
    new_page.complaints.clear()  # the library complains of the missing WebGL, rightly


def test_when_the_stream_is_lost_the_page_says_so_and_asks_slowly(place, new_page, sign_in):
    page = new_page(locale="en-GB")
    sign_in(page, "duty_officer")
    page.add_init_script(WITHOUT["neither"])  # what a worker asks for cannot be answered here
    page.route("**/watch/live*", lambda route: route.fulfill(status=204))
    page.goto(f"{place.address}/watch")
    page.locator('#watch[data-state="slow"]').wait_for()
    assert "every 30 seconds" in page.locator("#live").inner_text()


def test_a_session_that_ends_ends_the_stream(place, new_page, sign_in):
    page = new_page(locale="en-GB")
    sign_in(page, "duty_officer")
    watching(page, place)
    other = page.context.new_page()
    other.goto(f"{place.address}/duties")
    other.get_by_role("button", name="Sign out").click()
    page.wait_for_url(re.compile(r"/sign-in\?next="), timeout=WITHIN_MS)
