"""A walk over every page, in both languages, both themes and three widths: nothing is wrong anywhere."""

from __future__ import annotations

import re

import pytest

from anlan.entrypoints.web import wording
from tests import every_page
from tests.browser.accessible import misfits_of, violations_of
from tests.served import served

WIDTHS = {1920: 1080, 1280: 900, 360: 740}
#: Where axe looks: one language in the wide layout and light, the other in the narrow one and dark.
#: What it looks for does not hang on all of them at once, and it takes longer than all the rest.
AXE_AT = {"zh-CN": ("light", 1280), "en-GB": ("dark", 360)}
KEYS = {key.partition(".")[0] for key in wording.catalogue()}
#: What is said in code, as a number or code of an entry, is no key that lacks words.
SAID = """() => { const all = document.body.cloneNode(true);
  for (const one of all.querySelectorAll('code, script, template, input, .number')) one.remove();
  return all.innerText; }"""
RAW = re.compile(rf"(?<![\w./@-])(?:{'|'.join(sorted(KEYS))})\.[a-z_]+(?:\.[a-z_]+)*(?![\w/@-])")


@pytest.fixture(scope="module")
def city(place, tmp_path_factory):
    """A city of its own, in which something happened, and every page of it."""
    with served(tmp_path_factory.mktemp("walked")) as running:
        report = every_page.live_in(running)
        secrets = {
            role: running.sessions(role, **seat)[0] if role else ""
            for role, seat in every_page.SEATS.items()
        }
        yield running, secrets, every_page.every_page(running, secrets, report)


def looked_at(page, place, one, complaints, axe_at):
    """Open a page as it is described; return what is wrong with it."""
    del complaints[:]
    status = every_page.open_page(page, place, one)
    wrong = []
    if not one.steps and status != one.status:
        wrong.append(f"answered {status}")
    refused = one.status != 200  # the console tells of a refusal, rightly
    wrong += [text for text in complaints if not (refused and f"{one.status}" in text)]
    del complaints[:]
    wrong += [f"no words for {key}" for key in RAW.findall(page.evaluate(SAID))]
    for width, height in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": height})
        for theme in ("light", "dark"):
            if (theme, width) == axe_at:
                page.emulate_media(color_scheme=theme)
                wrong += [f"{theme}, {width} px: {text}" for text in violations_of(page)]
        wrong += [f"{width} px: {text}" for text in misfits_of(page)]
    return wrong


@pytest.mark.parametrize("locale", ["zh-CN", "en-GB"])
def test_nothing_is_wrong_on_any_page(city, chromium, locale):
    place, secrets, pages = city
    assert len(pages) >= 60
    wrong = {}
    for role, secret in secrets.items():
        context = chromium.new_context(locale=locale)
        if secret:
            context.add_cookies([{"name": "anlan_session", "value": secret, "url": place.address}])
        page, complaints = context.new_page(), []
        page.set_default_timeout(15_000)
        page.on("console", lambda said, c=complaints: said.type == "error" and c.append(said.text))
        page.on("pageerror", lambda error, c=complaints: c.append(str(error)))
        page.on(
            "request",
            lambda asked, c=complaints: (
                asked.url.startswith((place.address, "data:", "blob:"))
                or c.append(f"asked {asked.url}")
            ),
        )
        for one in (one for one in pages if one.role == role):
            if found := looked_at(page, place, one, complaints, AXE_AT[locale]):
                wrong[f"{one.role} {one.address}"] = found
        context.close()
    told = "\n".join(f"{where}\n    " + "\n    ".join(found) for where, found in wrong.items())
    assert not wrong, f"\n{told}"
