"""The page of one stream in a real Chromium, over a year of readings at one a minute.

Promise: a year of one stream (525,600 readings), drawn, in under 1 s from the click.  Beside it: an hour of
the same stream, another span by key, and the page that says nothing but how the system is.
``ANLAN_BENCH_DAYS`` makes it smaller.
"""

from __future__ import annotations

import os
import shutil
import statistics
import time
import urllib.request
from typing import Any

from tests.served import served

from benchmarks import measure, watched_city
from benchmarks.bench_pages import ARGUMENTS

DAYS = int(os.environ.get("ANLAN_BENCH_DAYS", "365"))
DRAWN_MS, TIMES = 1000.0, 5
#: A year of the city's 20 sensors, each once a minute: kept, sealed and merged by day, as in service.
FILL = """
import time
from anlan.entrypoints.cli import screen
screen.open_workspace()
import numpy as np
from anlan.entrypoints import here
from anlan.registry import public as registry
from anlan.sensing.store import StoreWriter, frame_of
from datetime import UTC, datetime
DAY, MINUTE, days = 86_400_000_000, 60_000_000, {days}
now = time.time_ns() // 1000
codes = [one.code for one in registry.sensors(at=datetime.now(UTC))]
chance = np.random.default_rng(1)
begin = now // DAY * DAY - (days - 1) * DAY
with StoreWriter(here.workspace().observations) as writer:
    numbers = np.array(writer.names.number_all(codes), np.int32)
    for day in range(days):
        at = begin + day * DAY + np.arange(1440) * MINUTE
        at = at[at < now]
        course = 6 + 3 * np.sin(np.arange(len(at)) / 229)
        value = np.round(course + chance.normal(0, 0.4, (len(codes), len(at))), 1)
        frame = frame_of(
            np.repeat(numbers, len(at)), np.tile(at, len(codes)), value.ravel(),
            source="bench", received_us=int(at[-1]),
        )
        writer.append([frame])
        writer.seal(now_us=int(at[-1]) + DAY // 2)
"""


def drawn_ms(browser: Any, place: Any, secret: str, address: str, selector: str) -> float:
    """Return after how long a page was painted, from the click on; first visit, nothing kept."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="zh-CN")
    cookie = {"name": "anlan_session", "value": secret, "url": place.address}
    context.add_cookies([cookie])
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.goto(place.address + address, wait_until="commit")
    page.locator(selector).first.wait_for()
    painted = page.evaluate(
        "() => new Promise(done => requestAnimationFrame(() => setTimeout(() => done(Math.max("
        "performance.getEntriesByName('first-contentful-paint')[0]?.startTime || 0,"
        "performance.timing.domContentLoadedEventStart - performance.timing.navigationStart)))))"
    )
    context.close()
    return float(painted)


def moved_ms(browser: Any, place: Any, secret: str) -> float:
    """Return how long another year takes by key, until it is drawn."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="zh-CN")
    cookie = {"name": "anlan_session", "value": secret, "url": place.address}
    context.add_cookies([cookie])
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.goto(f"{place.address}/streams/POND-01?range=year")
    page.locator("#course[data-ready]").wait_for()
    before = page.locator("#course [data-from]").get_attribute("data-from")
    page.locator(".plot").focus()
    began = time.perf_counter()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(
        "was => document.querySelector('#course [data-from]').dataset.from !== was", arg=before
    )
    spent = (time.perf_counter() - began) * 1000
    context.close()
    return spent


def served_ms(place: Any, secret: str, address: str) -> float:
    """Return how long the server alone takes for an answer."""
    asked = urllib.request.Request(place.address + address)
    asked.add_header("Cookie", f"anlan_session={secret}")
    began = time.perf_counter()
    with urllib.request.urlopen(asked, timeout=120) as answer:
        answer.read()
    return (time.perf_counter() - began) * 1000


def look(browser: Any, place: Any) -> bool:
    """Measure everything; return whether the promise was kept."""
    (secret,) = place.sessions("duty_officer", post="P-DUTY-LEAD")
    course = "/streams/POND-01?range="
    drawn_ms(browser, place, secret, "/", "main")
    drawn_ms(browser, place, secret, f"{course}hour", ".course")  # what is compiled once a process
    bare = statistics.median(drawn_ms(browser, place, secret, "/", "main") for _ in range(3))
    found = {
        span: [drawn_ms(browser, place, secret, course + span, ".course") for _ in range(TIMES)]
        for span in ("hour", "month", "year")
    }
    readings = DAYS * 1440
    good = measure.line(
        f"a year of one stream ({readings:,} readings), drawn, median",
        statistics.median(found["year"]), "ms", beside="promise", limit=DRAWN_MS,
        more_is_better=False, must=True,
    )  # fmt: skip
    for span in ("hour", "month", "year"):
        measure.line(
            f"  {span}: worst of {TIMES}", max(found[span]), "ms", beside="status page", limit=bare,
            more_is_better=False,
        )  # fmt: skip
    alone = statistics.median(
        served_ms(place, secret, "/streams/POND-01/plot?range=year") for _ in range(TIMES)
    )
    measure.line(
        "  a year: the server alone, median", alone, "ms", beside="promise", limit=DRAWN_MS,
        more_is_better=False,
    )  # fmt: skip
    measure.line(
        "  another year by key, until it is drawn", moved_ms(browser, place, secret), "ms",
        beside="promise", limit=DRAWN_MS, more_is_better=False,
    )  # fmt: skip
    listed = statistics.median(served_ms(place, secret, "/streams") for _ in range(TIMES))
    measure.line("  the list of streams", listed, "ms", beside="status page", limit=bare,
                 more_is_better=False)  # fmt: skip
    return good


def main() -> bool:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print("  not run: no Chromium (Debian: apt-get install chromium fonts-noto-cjk)")
        return True
    from playwright.sync_api import sync_playwright

    arguments = [*ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    folder = measure.workspace_folder()
    try:
        with (
            served(folder, fill=FILL.format(days=DAYS)) as place,
            sync_playwright() as tool,
        ):
            browser = tool.chromium.launch(executable_path=chromium, args=arguments)
            # What was filled in is judged first, as it is in service when somebody looks at a year.
            measure.wait_until_idle(folder / "workspace", "worker")
            watched_city.machine_note()
            good = look(browser, place)
            browser.close()
            return good
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    measure.end(good=main())
