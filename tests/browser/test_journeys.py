"""Ways through the pages in a real browser, in both languages: resident, street officer, commander,
auditor.  The duty officer's is in :mod:`tests.browser.test_watch`."""

from __future__ import annotations

import re
from itertools import groupby

import pytest
from PIL import Image

from tests.browser.accessible import assert_accessible, assert_fits

PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 900}
LANGUAGES = pytest.mark.parametrize("locale", ["zh-CN", "en-GB"])
RUNS_MS = 60_000


def fine(page) -> None:
    """Hold a page to what every page is held to."""
    assert_accessible(page)
    assert_fits(page)


def assert_prints(page, *, most: int) -> None:
    """Hold a report to its printed form: all of it, each chart with its table, few sheets."""
    page.emulate_media(media="print")
    assert page.locator(".no-print:visible").count() == 0
    assert page.locator("main .chart:visible").count() >= 3
    for section in page.locator("main section:has(.chart)").all():
        assert section.locator("table:visible").count() == 1
        assert section.locator("tbody tr:visible").count() > 0
    # Every sheet names what it is of and its place: Chromium takes both from the style sheet.
    running = page.locator("html").get_attribute("data-running")
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--running')")
    assert page.locator("h1").inner_text() in running
    printed = page.pdf(prefer_css_page_size=True, tagged=True)
    assert printed.startswith(b"%PDF-")
    sheets = re.findall(rb"(\d+) 0 obj\s*<<[^>]*/Type\s*/Page\b(?!s)", printed)
    assert 1 <= len(sheets) <= most
    assert_no_row_is_cut(printed)
    page.emulate_media(media="screen")


def assert_no_row_is_cut(printed: bytes) -> None:
    """Follow each table row of a tagged PDF down to its contents: all lie on one sheet."""
    objects = dict(re.findall(rb"(\d+) 0 obj\s*(.*?)\s*endobj", printed, re.DOTALL))

    def sheets_of(number: bytes) -> set[bytes]:
        body = objects.get(number, b"")
        found = set(re.findall(rb"/Pg (\d+) 0 R", body))
        kids = re.search(rb"/K\s*(\[.*?\]|\d+ 0 R)", body, re.DOTALL)
        for kid in re.findall(rb"(?<!/Pg )\b(\d+) 0 R", kids.group(1) if kids else b""):
            found |= sheets_of(kid)
        return found

    # The head of a table stands on each of its sheets; the other rows on one.
    cells = [body for body in objects.values() if re.search(rb"/S\s*/TD\b", body)]
    rows = {re.search(rb"/P (\d+) 0 R", body).group(1) for body in cells}
    assert rows
    assert [number for number in rows if len(sheets_of(number)) > 1] == []


@LANGUAGES
def test_a_resident_reports_on_a_phone_and_follows_the_link(place, new_page, locale):
    page = new_page(locale=locale, viewport=PHONE, is_mobile=True, has_touch=True)
    screens = []
    page.on("framenavigated", lambda frame: screens.append(frame.url))
    page.goto(f"{place.address}/report")
    assert page.locator("html").get_attribute("lang") == {"zh": "zh-Hans", "en": "en"}[locale[:2]]
    fine(page)
    page.locator("#text").fill("路口井盖没了，积水看不清")
    page.locator("#place").fill("中原路与秦岭路口")
    page.locator("main button.primary").tap()
    page.wait_for_url("**/follow?*new=1")
    number = page.locator(".done .number").inner_text()
    fine(page)
    page.locator("main a.button").tap()
    page.wait_for_url(re.compile(r"/follow\?number=[^&]+&secret=[^&]+$"))
    assert number in page.locator("h1").inner_text()
    fine(page)
    # A page that names its own visit goes nowhere.
    assert len([one for one, _ in groupby(screens)]) == 3, screens
    link = page.url
    # The link alone is enough, on any device; the words of the report are not on it.
    other = new_page(locale=locale, viewport=PHONE)
    other.goto(link)
    assert number in other.locator("h1").inner_text()
    assert "积水看不清" not in other.content()
    other.goto(link[:-4] + "AAAA")
    assert number not in other.locator("h1").inner_text()
    other.wait_for_timeout(50)
    complaints = [one for one in new_page.complaints if "404" not in one and "401" not in one]
    new_page.complaints[:] = complaints  # a wrong link is refused, and the console says so


def a_photo(folder):
    path = folder / "spot.jpg"
    Image.new("RGB", (800, 600), "grey").save(path, "JPEG")
    return path


@pytest.mark.parametrize(("locale", "lat"), [("zh-CN", 34.757), ("en-GB", 34.764)])
def test_a_street_officer_answers_on_a_phone_and_brings_a_photo(
    place, new_page, sign_in, tmp_path, locale, lat
):
    page = new_page(locale=locale, viewport=PHONE, is_mobile=True, has_touch=True)
    place.report("下穿通道积水", lat=lat, lon=113.60)
    sign_in(page, "street_officer", post="P-410102002", areas=("410102002",))
    for _ in range(30):  # the clockwork gives the report an owner
        if page.locator("form[action$='/answer']").count():
            break
        page.wait_for_timeout(500)
        page.reload()
    fine(page)
    page.locator("form[action$='/answer'] button").tap()  # the one thing that is pending
    page.wait_for_url(re.compile(r"/cases/\d+"))
    fine(page)
    for move in ("accept", "handle"):
        if not page.locator(f"form[action$='/{move}']").count():
            continue
        form = page.locator(f"form[action$='/{move}']").first
        if not form.locator("button:not([type])").is_visible():
            form.locator("xpath=ancestor::details[1]/summary").tap()
        form.locator("input[type=file]").set_input_files(a_photo(tmp_path))
        form.locator("button:not([type])").tap()
        page.wait_for_url(re.compile(rf"done={move}"))
    fine(page)
    assert "800 × 600 px" in page.locator("main").inner_text()
    page.goto(f"{place.address}/duties")
    fine(page)


def begun(page, place) -> str:
    """Begin the replay whose form is open, unless it ran already; return its number."""
    page.goto(f"{place.address}/replays")
    fine(page)
    if page.locator("#runs").count() and page.locator("main a.whole").count():
        page.locator("main a.whole").first.click()
    else:
        page.go_back()
        page.locator("#answer").select_option("30m")
        page.locator("main form button.primary").click()
    page.wait_for_url(re.compile(r"/replays/\d+$"))
    return page.url.rsplit("/", 1)[1]


@LANGUAGES
def test_a_commander_replays_an_event_plays_it_and_prints_its_report(
    place, new_page, sign_in, locale
):
    page = new_page(locale=locale, viewport=DESK)
    sign_in(page, "commander")
    page.goto(f"{place.address}/replays/new?scenario=shiyan-2021")
    fine(page)
    number = begun(page, place)
    page.locator("[data-play]").wait_for(timeout=RUNS_MS)  # it looks again by itself
    fine(page)
    shown = page.locator("[data-now]")
    last = shown.inner_text()
    page.locator('[data-step="first"]').click()
    first = shown.inner_text()
    assert first < last
    counted = page.locator('[data-count="told"]')
    before = int(counted.inner_text())
    page.locator("[data-speed] select").select_option("21600")
    page.locator("[data-play]").click()
    page.wait_for_function(
        "before => Number(document.querySelector('[data-count=\"told\"]').textContent) > before",
        arg=before,
    )
    page.wait_for_function(
        "last => document.querySelector('[data-now]').textContent === last", arg=last
    )
    assert page.locator(".moments li:visible").count() > 0
    page.locator(f'a[href="/replays/{number}/review"]').click()
    page.wait_for_url("**/review")
    fine(page)
    assert_prints(page, most=6)


@LANGUAGES
def test_an_auditor_opens_the_report_and_a_case_and_reads_no_words(
    place, new_page, sign_in, locale
):
    said = "王家胡同三号院围墙要倒了"
    place.report(said, lat=34.75, lon=113.62)
    page = new_page(locale=locale, viewport=DESK)
    sign_in(page, "auditor")
    page.goto(f"{place.address}/review")
    fine(page)
    page.locator('select[name="kind"]').select_option("day")
    page.locator("main form button").first.click()
    page.wait_for_url("**/review?kind=day*")
    page.goto(f"{place.address}/cases")
    fine(page)
    page.locator('main a[href^="/cases/"]').first.click()
    page.wait_for_url(re.compile(r"/cases/\d+"))
    fine(page)
    assert said not in page.content()
    assert page.locator('form[action*="/words"]').count() == 0
    assert page.locator("main form").count() == 0  # an auditor moves nothing
