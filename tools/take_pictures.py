"""Take the pictures of the pages for the documents: a real server, a real browser, a rainy hour.

    python tools/take_pictures.py [FOLDER]            default: docs/explanation/pictures
    python tools/take_pictures.py --sheets FOLDER     every page x width x language x theme, for looking

The demo city's signs are made up; nothing in the pictures is about a person or a real place.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests import every_page  # noqa: E402
from tests.served import PASSWORD, Served, served  # noqa: E402

#: Name, address, role, width, language, theme.
PICTURES = (
    ("watch-wall", "/watch", "commander", 1920, "zh-CN", "dark"),
    ("watch-desk", "/watch", "commander", 1280, "en-GB", "light"),
    ("watch-phone", "/watch", "commander", 360, "zh-CN", "light"),
    ("report-phone", "/report", "", 360, "zh-CN", "light"),
    ("duties-phone", "/duties", "commander", 360, "en-GB", "dark"),
    ("case-desk", "CASE", "commander", 1280, "zh-CN", "light"),
    ("registry-desk", "/registry", "commander", 1280, "en-GB", "light"),
    ("stream-desk", "/streams/POND-01?range=day", "commander", 1280, "en-GB", "light"),
    ("stream-phone", "/streams/POND-01?range=hour", "commander", 360, "zh-CN", "dark"),
    ("asset-phone", "/assets/RP-UNDERPASS-1?range=hour", "commander", 360, "en-GB", "light"),
    ("health-desk", "/sensors/health", "commander", 1280, "en-GB", "light"),
    ("precision-desk", "/precision", "commander", 1280, "zh-CN", "light"),
    ("rules-desk", "/rules", "commander", 1280, "zh-CN", "dark"),
    ("review-desk", "/review", "commander", 1280, "zh-CN", "light"),
    ("replay-desk", "REPLAY", "commander", 1280, "en-GB", "light"),
)
#: Four weeks of the stream that is shown, with a gauge that jumps, falls silent and stands still.
FILL = """
import time
from anlan.entrypoints.cli import screen
screen.open_workspace()
import numpy as np
from anlan.entrypoints import here
from anlan.sensing.store import StoreWriter, frame_of
DAY, HOUR, MINUTE = 86_400_000_000, 3_600_000_000, 60_000_000
now = time.time_ns() // 1000
chance = np.random.default_rng(1)
with StoreWriter(here.workspace().observations) as writer:
    (number,) = writer.names.number_all(["POND-01"])
    for day in range(now // DAY - 28, now // DAY + 1):
        at = day * DAY + np.arange(1440) * MINUTE
        ago = (now - at) / HOUR
        at, ago = at[ago > 0.5], ago[ago > 0.5]
        value = np.round(6 + 3 * np.sin(at / DAY * 2 * np.pi) + chance.normal(0, 0.4, len(at)), 1)
        value[np.abs(ago - 3) < 0.009] = 44.0
        value[(ago > 6) & (ago < 19)] = 7.7
        there = (ago < 4.2) | (ago > 5)
        if there.any():
            rows = np.full(there.sum(), number, np.int32), at[there], value[there]
            writer.append([frame_of(*rows, source="pictures", received_us=int(at[there][-1]))])
            writer.seal(now_us=now)
"""
HEIGHTS = {360: 760, 1280: 900, 1920: 1080}


#: Width of the screen: by how much a picture is made smaller for its sheet, how many stand on one,
#: and after how many pixels a long page is cut.
SHEETS = {360: (1.0, 8, 1600), 1280: (0.5, 4, 2200), 1920: (0.4, 4, 2200)}
LOOKS = tuple(product(("zh-CN", "en-GB"), ("light", "dark")))


@contextmanager
def chromium() -> Iterator[Any]:
    """Run the browser."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("google-chrome")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


def take(place: Served, folder: Path) -> None:
    """Sign in once and take every picture."""
    with chromium() as browser:
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
            if "watch" in name:
                page.locator("[data-shown]").wait_for()  # the map has what it draws
            page.wait_for_timeout(12_000 if "watch" in name else 500)
            path = folder / f"{name}.png"
            page.screenshot(path=str(path))
            # Pages have few colours: a palette shows them all in a third of the bytes.
            Image.open(path).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(
                path, optimize=True
            )
            context.close()


def take_all(place: Served, folder: Path, report: str) -> None:
    """Take every page as each seat sees it, and lay the pictures out on sheets."""
    secrets = {
        role: place.sessions(role, **seat)[0] if role else ""
        for role, seat in every_page.SEATS.items()
    }
    pages = every_page.every_page(place, secrets, report)
    with chromium() as browser:
        for locale, theme in LOOKS:
            taken: dict[int, list[Path]] = {width: [] for width in SHEETS}
            for role, secret in secrets.items():
                context = browser.new_context(locale=locale, color_scheme=theme)
                if secret:
                    cookie = {"name": "anlan_session", "value": secret, "url": place.address}
                    context.add_cookies([cookie])
                page = context.new_page()
                for one in (one for one in pages if one.role == role):
                    every_page.open_page(page, place, one)
                    for width, (_, _, most) in SHEETS.items():
                        page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
                        page.wait_for_timeout(1200 if "watch" in one.address else 50)
                        long = page.evaluate("document.documentElement.scrollHeight")
                        clip = {"x": 0, "y": 0, "width": width, "height": min(long, most)}
                        path = folder / f"{len(taken[width]):02}-{one.name}-{width}.png"
                        page.screenshot(path=str(path), full_page=True, clip=clip)
                        taken[width].append(path)
                context.close()
            for width, paths in taken.items():
                lay_out(paths, folder / f"sheet-{locale[:2]}-{theme}-{width}", *SHEETS[width][:2])


def lay_out(paths: list[Path], stem: Path, scale: float, at_once: int) -> None:
    """Lay pictures side by side on sheets, each with its name; the single ones are removed."""
    for number, part in enumerate(paths[i : i + at_once] for i in range(0, len(paths), at_once)):
        pictures = [Image.open(path).convert("RGB") for path in part]
        small = [one.resize((int(one.width * scale), int(one.height * scale))) for one in pictures]
        wide, high = sum(one.width + 12 for one in small), max(one.height for one in small)
        sheet = Image.new("RGB", (wide, high + 20), "white")
        left = 0
        for path, one in zip(part, small, strict=True):
            ImageDraw.Draw(sheet).text((left, 4), path.stem, fill="black")
            sheet.paste(one, (left, 20))
            left += one.width + 12
            path.unlink()
        sheet.save(f"{stem}-{number:02}.png")


def main() -> None:
    """Take them."""
    arguments = sys.argv[1:]
    sheets = arguments[:1] == ["--sheets"]
    given = arguments[1:] if sheets else arguments
    if sheets and not given:
        sys.exit("say into which folder the sheets shall go")
    folder = Path(given[0]) if given else ROOT / "docs/explanation/pictures"
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="pictures-") as workspace,
        served(Path(workspace), fill=FILL) as place,
    ):
        os.environ["ANLAN_WORKSPACE"] = place.environment["ANLAN_WORKSPACE"]
        import django

        django.setup()
        report = every_page.live_in(place)
        take_all(place, folder, report) if sheets else take(place, folder)


if __name__ == "__main__":
    main()
