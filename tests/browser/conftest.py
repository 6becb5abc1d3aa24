"""A real Chromium before a real server.  No page may ask another host or complain in the console.

Where Chromium is missing these tests are not run; in CI that is a failure.
"""

from __future__ import annotations

import os
import shutil
from urllib.parse import urlsplit

import pytest

from tests.served import PASSWORD, served

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
ARGUMENTS = ["--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/browser" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.sqlite_only)


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """The server, one for all tests of this folder."""
    if CHROMIUM is None and "CI" not in os.environ:
        pytest.skip("not run: no Chromium (Debian: apt-get install chromium fonts-noto-cjk)")
    with served(tmp_path_factory.mktemp("served")) as running:
        yield running


@pytest.fixture(scope="session")
def chromium(place):
    """The browser, one for all tests of this folder."""
    from playwright.sync_api import sync_playwright

    assert CHROMIUM is not None, "CI must have Chromium: see .ci/run"
    # Chromium refuses its sandbox to root; nobody else goes without it.
    arguments = [*ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def new_page(chromium, place):
    """Open pages like ``new_page(locale="en-GB", viewport={...})``; each has its own cookies."""
    complaints: list[str] = []
    contexts = []

    def ours(address: str) -> bool:
        parts = urlsplit(address)
        own = parts.scheme in {"data", "blob", "about"} or address.startswith(place.address + "/")
        return own or address == place.address

    def opened(**given):
        context = chromium.new_context(**({"locale": "zh-CN"} | given))
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("request", lambda one: ours(one.url) or complaints.append(f"asked {one.url}"))
        page.on(
            "console",
            lambda one: one.type == "error" and complaints.append(f"{page.url}: {one.text}"),
        )
        page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
        return page

    opened.complaints = complaints
    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def sign_in(place):
    """Bring a page in as the holder of a new seat: ``sign_in(page, "duty_officer")``."""

    def come_in(page, role: str, **seat) -> None:
        page.goto(place.invitation(role, **seat))
        for field in page.locator("input[type=password]").all():
            field.fill(PASSWORD)
        page.locator("main form button").first.click()
        page.wait_for_url("**/duties")

    return come_in
