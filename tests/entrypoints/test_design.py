"""The design system: every class is shown and defined, every pair of colours can be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from anlan.entrypoints.web import design, wording
from tests.entrypoints.test_pages import browser

WEB = Path(wording.__file__).parent
SHEETS = WEB / "static" / "web"
#: The status page must show even when nothing else does, and has a sheet of its own.
APART = {"status.css"}
APART_PAGES = {"status.html"}
pytestmark = pytest.mark.django_db(databases="__all__")


def classes_defined():
    """Return {class: sheet} of every class in the style sheets."""
    found = {}
    for path in sorted(SHEETS.glob("*.css")):
        if path.name in APART:
            continue
        text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        for selector in re.findall(r"([^{}]+){", text):
            for name in re.findall(r"\.([a-zA-Z][\w-]*)", selector):
                found.setdefault(name, path.name)
    return found


def classes_of(text):
    """Return the classes that stand in the markup of a template or a program."""
    for value in re.findall(r'class="((?:{%.*?%}|{{.*?}}|[^"])*)"', text):
        for name in re.sub(r"{{.*?}}", "{}", re.sub(r"{%.*?%}", " ", value)).split():
            if re.fullmatch(r"[a-zA-Z][\w-]*", name):
                yield name


def classes_used():
    """Return (file, class) for every class that a page asks for."""
    for path in [*WEB.rglob("*.html"), *WEB.rglob("*.py")]:
        if path.name not in APART_PAGES:
            for name in classes_of(path.read_text(encoding="utf-8")):
                yield path.name, name


def test_every_class_that_is_used_is_defined():
    known = classes_defined()
    assert sorted({one for one in classes_used() if one[1] not in known}) == []


def test_every_class_that_is_defined_is_shown_in_both_languages(demo):
    for language in ("zh", "en"):
        text = browser().get(f"/design?lang={language}").content.decode()
        shown = set(classes_of(text))
        # How a page is laid out is described and not shown.
        shown |= set(re.findall(r"<code>\.([\w-]+)</code>", text))
        assert {name: file for name, file in classes_defined().items() if name not in shown} == {}


def test_it_says_everything_in_words(demo):
    for language in ("zh", "en"):
        text = browser().get(f"/design?lang={language}").content.decode()
        assert not re.search(r">\s*(?:design|theme|review|replay|form|key|level)\.[\w.]+\s*<", text)
        assert "style=" not in text
        ids = re.findall(r'\bid="([^"]+)"', text)
        assert len(ids) == len(set(ids))


def test_every_pair_can_be_read():
    faint = [one for one in design.contrasts() if min(one.light, one.dark) < one.least]
    assert faint == []


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000000", "#ffffff", 21), ("#ffffff", "#ffffff", 1), ("#777777", "#ffffff", 4.48)],
)
def test_contrast_is_that_of_the_standard(one, other, ratio):
    assert design.contrast(one, other) == pytest.approx(ratio, abs=0.005)
    assert design.contrast(other, one) == design.contrast(one, other)


def test_the_chosen_dark_is_the_device_s_dark():
    text = design.sheet()
    dark = design._block(text, ":root[data-theme=dark]")
    assert dark == design._block(text, ":root:not([data-theme=light])")
    assert dark.keys() == {token.name for token in design.tokens()}


def test_colour_is_kept_for_the_official_levels():
    """No other hue than those of the levels, the accent of what can be pressed, and greys."""
    allowed = {one for token in design.tokens() for one in (token.light, token.dark)}
    for path in SHEETS.glob("*.css"):
        if path.name in APART:
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            # Where the colours of the levels are named; everything else asks for them by name.
            if re.match(r"\s*--level-(red|orange|yellow|blue): ", line):
                continue
            for colour in re.findall(r"#[0-9a-f]{6}\b", line):
                assert colour in allowed, (path.name, line)
