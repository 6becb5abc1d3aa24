"""What axe finds wrong with a page, judged by WCAG 2.2 A and AA."""

from __future__ import annotations

from pathlib import Path

AXE = Path(__file__).resolve().parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations_of(page) -> list[str]:
    """Return one line for each thing that is wrong on the page as it stands."""
    assert AXE.exists(), "axe-core is missing: make frontend"
    # Evaluated from outside, so the page's own policy need not let it in.
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(
        "rules => axe.run(document, {runOnly: {type: 'tag', values: rules}, resultTypes: ['violations']})",
        RULES,
    )
    return [
        f"{one['id']} ({one['impact']}): {one['help']}: {node['html'][:160]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def assert_accessible(page) -> None:
    """Fail with every violation that axe finds on the page."""
    found = violations_of(page)
    assert found == [], "\n".join([page.url, *found])


def assert_fits(page) -> None:
    """Fail when the page is wider than the screen, or something to press is smaller than 44 px."""
    wide, screen = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide <= screen, f"{page.url} is {wide} px wide on a screen of {screen} px"
    small = page.evaluate(
        """() => [...document.querySelectorAll('button, select, input:not([type=hidden]), summary, a.button, a.whole')]
            .map(one => one.matches('[type=checkbox], [type=radio]') && one.closest('label') || one)
            .filter(one => one.checkVisibility() && !one.closest('.maplibregl-popup'))
            .map(one => [one.getBoundingClientRect().height, one.outerHTML.slice(0, 120)])
            .filter(([height]) => height < 43.5)"""
    )
    assert small == [], f"{page.url}: {small}"
