"""How good the pages must be: screens, taps and keys on the shortest honest way, and what they take.

Never a stopwatch: what people do is counted in a real browser and converted to seconds by the
keystroke-level model (S. K. Card, T. P. Moran, A. Newell: The keystroke-level model for user
performance time with interactive systems, Communications of the ACM 23(7), 1980, 396-410; the
same, The Psychology of Human-Computer Interaction, 1983, ch. 8).  Its times are of 1980's
keyboards and mice, for people who know the way; a thumb on glass points no slower than a mouse.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from tests.browser.accessible import assert_accessible, assert_fits

# Seconds: an average typist who is no typist; pointing at a target; moving a hand between
# keys and pointer; making up one's mind.
KEY, POINT, HOME, MIND = 0.28, 1.10, 0.40, 1.35
MOST_SCREENS, MOST_SECONDS = 3, 20.0
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
HERE = {"geolocation": {"latitude": 34.757, "longitude": 113.6, "accuracy": 12}}


@dataclass
class Done:
    """What somebody did."""

    taps: int = 0
    keys: int = 0
    hands: int = 0
    minds: int = 0

    @property
    def seconds(self) -> float:
        """How long it takes by the model; a tap is pointing and one press."""
        return self.taps * (POINT + KEY) + self.keys * KEY + self.hands * HOME + self.minds * MIND


class Person:
    """Somebody with a telephone who does one thing after the other, and is counted."""

    def __init__(self, page) -> None:
        self.page, self.done, self.screens = page, Done(), []
        self.seen = {"taps": 0, "letters": 0}
        page.on("framenavigated", lambda frame: self.screens.append(frame.url))
        page.expose_function("counted", self._counted)
        page.add_init_script(
            """addEventListener("click", (one) => { if (one.isTrusted) counted("taps", 1); }, true);
            addEventListener("input", (one) => { if (one.data) counted("letters", [...one.data].length); }, true);"""
        )

    def _counted(self, what: str, how_many: int) -> None:
        self.seen[what] += how_many

    def tap(self, locator) -> None:
        """Make up one's mind, point, press."""
        locator.tap()
        self.done.taps += 1
        self.done.minds += 1

    def type(self, text: str, *, keys: int) -> None:
        """Type with ``keys`` presses what reads ``text``."""
        self.page.keyboard.insert_text(text)
        self.done.keys += keys
        self.done.hands += 2  # to the keys and back

    def answers_the_browser(self) -> None:
        """Allow the position, the first time: a question of the browser, which no page can spare."""
        self.done.taps += 1
        self.done.minds += 1


# What frightened people write.  In Chinese the letters of pinyin, and one press for each word
# that is chosen: lukou 路口, jinggai 井盖, meile 没了.
SAID = [
    ("zh-CN", "路口井盖没了", len("lukou" + "jinggai" + "meile") + 3),
    ("en-GB", "manhole open", len("manhole open")),
]


@pytest.mark.parametrize(("locale", "text", "keys"), SAID)
def test_a_new_user_files_a_danger_on_three_screens_in_twenty_seconds(
    place, new_page, locale, text, keys
):
    page = new_page(locale=locale, permissions=["geolocation"], **HERE, **PHONE)
    person = Person(page)
    page.goto(f"{place.address}/report")
    assert re.search(r"110|119", page.locator("main").inner_text())  # life first
    person.tap(page.locator("#text"))
    person.type(text, keys=keys)
    person.tap(page.locator("#here"))
    person.answers_the_browser()
    page.wait_for_function("() => document.querySelector('[name=lat]').value !== ''")
    person.tap(page.locator("main button.primary"))
    page.wait_for_url("**/follow?*new=1")
    assert re.search(r"AL-\d{8}-\d{6}", page.locator("main").inner_text())
    # What the browser saw is what was counted: nothing was pressed in between.
    assert person.seen == {"taps": 3, "letters": len(text)}
    assert person.done.taps == person.seen["taps"] + 1
    assert len(person.screens) <= MOST_SCREENS, person.screens
    assert person.done.seconds <= MOST_SECONDS, person.done


def test_the_model_is_the_published_one():
    done = Done(taps=1, keys=10, hands=2, minds=1)
    assert done.seconds == pytest.approx(1.10 + 0.28 + 2.8 + 0.8 + 1.35)


def lying_before(place, page, sign_in, lat):
    place.case_of(place.report("下穿通道积水", lat=lat, lon=113.68))
    sign_in(page, "street_officer", post="P-410108001", areas=("410108001",))


@pytest.mark.parametrize(("locale", "lat"), [("zh-CN", 34.742), ("en-GB", 34.762)])
def test_a_wrong_owner_gives_it_back_with_one_tap_and_one_reason(
    place, new_page, sign_in, locale, lat
):
    page = new_page(locale=locale, **PHONE)
    lying_before(place, page, sign_in, lat)
    gone = page.locator(".not-ours form").get_attribute("action")
    # One pending thing on the screen, and one thing to do first.
    assert page.locator("main section.one:visible").count() == 1
    assert page.locator("main button.primary:visible").count() == 1
    assert page.locator("main .things a:visible").count() == 0
    person = Person(page)
    page.reload()
    person.tap(page.locator(".not-ours > summary"))
    assert_accessible(page)
    assert_fits(page)
    with page.expect_navigation(url="**/duties"):
        person.tap(page.locator(".not-ours button").first)
    assert person.seen["taps"] == 2  # one tap, and one that says why
    assert page.locator(f'form[action="{gone}"]').count() == 0
