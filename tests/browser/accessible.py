"""What axe finds wrong with a page, judged by WCAG 2.2 A and AA."""

from __future__ import annotations

from pathlib import Path

AXE = Path(__file__).resolve().parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations_of(page) -> list[str]:
    """Return one line for each thing that is wrong on the page as it stands."""
    assert AXE.exists(), "axe-core is missing: make frontend"
    # Evaluated from outside, so the page's own policy need not let it in.
    if not page.evaluate("() => 'axe' in window"):
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


#: What does not fit, in words.  What may be scrolled sideways inside a frame of its own may be wider.
MISFITS = """() => {
  const found = [];
  const seen = one => one.checkVisibility() && !one.closest('.maplibregl-map, template');
  const say = (what, one) => found.push(`${what}: ${one.outerHTML.slice(0, 120)}`);
  const wide = document.documentElement.scrollWidth;
  if (wide > innerWidth) found.push(`the page is ${wide} px wide on a screen of ${innerWidth} px`);
  const framed = one => {
    for (let up = one.parentElement; up && up !== document.body; up = up.parentElement)
      if (getComputedStyle(up).overflowX !== 'visible') return true;
    return false;
  };
  for (const one of document.body.querySelectorAll('*'))
    if (seen(one) && one.getBoundingClientRect().width > innerWidth + 0.5 && !framed(one))
      say('wider than the screen', one);
  for (const one of document.querySelectorAll('button, a.button, summary, .filters a, .top a, .level, .mark'))
    if (seen(one) && (one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1) &&
        getComputedStyle(one).display !== 'inline') say('text is cut', one);
  const pressed = 'button, select, input:not([type=hidden]), summary, a.button, a.whole, .filters a, .top a';
  for (const one of document.querySelectorAll(pressed)) {
    const target = one.matches('[type=checkbox], [type=radio]') && one.closest('label') || one;
    const { width, height } = target.getBoundingClientRect();
    if (seen(target) && (height < 43.5 || width < 43.5)) say(`${width} x ${height} px are too small to press`, one);
  }
  return found;
}"""


def misfits_of(page) -> list[str]:
    """Return one line for each thing that is too wide, cut off or too small to press."""
    return page.evaluate(MISFITS)


def assert_fits(page) -> None:
    """Fail when something is wider than the screen, cut off, or smaller to press than 44 px."""
    found = misfits_of(page)
    assert found == [], "\n".join([page.url, *found])
