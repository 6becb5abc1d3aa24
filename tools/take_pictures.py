"""Take the pictures of the pages for the documents: a real server, a real browser, a rainy hour.

    python tools/take_pictures.py [FOLDER]      default: docs/explanation/pictures

The demo city's signs are made up; nothing in the pictures is about a person or a real place.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.cap import a_signal  # noqa: E402
from tests.served import PASSWORD, Served, served  # noqa: E402

REPORTS = (
    ("下穿立交积水，车已熄火", 34.757, 113.600),
    ("路口积水没过膝盖", 34.758, 113.601),
    ("桥下积水还在涨", 34.7575, 113.6005),
    ("楼道里有燃气味", 34.700, 113.720),
    ("井盖被水冲走", 34.640, 113.550),
)
#: Name, address, role, width, language, theme.
PICTURES = (
    ("watch-wall", "/watch", "commander", 1920, "zh-CN", "dark"),
    ("watch-desk", "/watch", "commander", 1280, "en-GB", "light"),
    ("watch-phone", "/watch", "commander", 360, "zh-CN", "light"),
    ("report-phone", "/report", "", 360, "zh-CN", "light"),
    ("duties-phone", "/duties", "commander", 360, "en-GB", "dark"),
    ("case-desk", "CASE", "commander", 1280, "zh-CN", "light"),
    ("registry-desk", "/registry", "commander", 1280, "en-GB", "light"),
    ("rules-desk", "/rules", "commander", 1280, "zh-CN", "dark"),
    ("review-desk", "/review", "commander", 1280, "zh-CN", "light"),
    ("replay-desk", "REPLAY", "commander", 1280, "en-GB", "light"),
)
HEIGHTS = {360: 760, 1280: 900, 1920: 1080}


def send(place: Served, path: str, body: bytes, kind: str) -> None:
    """Send a sign over the interface."""
    head = {"Authorization": f"Bearer {place.token}", "Content-Type": kind}
    asked = urllib.request.Request(  # noqa: S310  our own server
        f"{place.address}/api/v1/{path}", data=body, headers=head
    )
    with urllib.request.urlopen(asked, timeout=20):  # noqa: S310  our own server
        pass


def let_it_rain(place: Served) -> None:
    """Bring a warning, rising water and what people report."""
    now = datetime.now(UTC).replace(microsecond=0)  # noqa: TID251  an entry point
    send(place, "signals", a_signal("orange", now), "application/xml")
    rows = [
        {"stream": "POND-01", "at": (now - timedelta(minutes=m)).isoformat(), "value": 60.0 - 2 * m}
        for m in range(20, -1, -1)
    ]
    send(place, "observations", json.dumps({"observations": rows}).encode(), "application/json")
    for text, lat, lon in REPORTS:
        place.report(text, lat=lat, lon=lon)
    time.sleep(8)  # the clockwork gives each an owner


def take(place: Served, folder: Path) -> None:
    """Sign in once and take every picture."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as tool:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = tool.chromium.launch(executable_path=chromium, args=arguments)
        first = browser.new_context()
        page = first.new_page()
        page.goto(place.invitation("commander", post="P-COMMANDER"))
        for field in page.locator("input[type=password]").all():
            field.fill(PASSWORD)
        page.locator("main form button").first.click()
        page.wait_for_url("**/duties")
        page.goto(f"{place.address}/watch")
        case = page.locator("#lists a.whole").first.get_attribute("href")
        known = {"CASE": case or "/cases", "REPLAY": "/replays/1"}
        seat = first.storage_state()
        for name, address, role, width, locale, theme in PICTURES:
            context = browser.new_context(
                storage_state=seat if role else None, locale=locale, color_scheme=theme,
                viewport={"width": width, "height": HEIGHTS[width]},
            )  # fmt: skip
            page = context.new_page()
            page.goto(place.address + known.get(address, address))
            page.wait_for_timeout(3000 if "watch" in name else 500)
            page.screenshot(path=str(folder / f"{name}.png"))
            context.close()
        browser.close()


def run_a_replay(place: Served) -> None:
    """Replay the Itaewon evening, so that there is one to look at."""
    place.command("-m", "anlan", "replay", "itaewon-2022")


def main() -> None:
    """Take them."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs/explanation/pictures"
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="pictures-") as workspace,
        served(Path(workspace)) as at,
    ):
        let_it_rain(at)
        run_a_replay(at)
        take(at, folder)


if __name__ == "__main__":
    main()
