"""Marks on the readings that a check found odd: each kind a shape of its own, none a colour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from anlan.entrypoints.web.charts import percent

#: From the middle of the reading, in pixels.
SHAPES = {
    "spike": "M0-7 7 0 0 7-7 0Z",
    "gap": "M5-8H0V8H5",
    "battery": "M-5-5H5V5H-5Z",
}
THICK = 12  # of the frame around a value that stands still


@dataclass(frozen=True, slots=True)
class FlagMark:
    """A flagged reading: 0 to 1 along the span, its value, and what is said of it."""

    place: float
    value: float
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class FlagStretch:
    """Readings one after another that stand still, framed from the first to the last."""

    begin: float
    end: float
    value: float
    title: str


def drawn(
    marks: Sequence[FlagMark], stretches: Sequence[FlagStretch], y: Callable[[float], float]
) -> SafeString:
    """Return the marks; ``y`` tells how many pixels below the top a value stands."""
    frames = format_html_join(
        "",
        '<rect x="{}" width="{}" y="{}" height="{}" class="flag stuck"><title>{}</title></rect>',
        (
            (
                percent(one.begin),
                percent(max(one.end - one.begin, 0.004)),
                f"{y(one.value) - THICK / 2:.1f}",
                THICK,
                one.title,
            )
            for one in stretches
        ),
    )
    spots = format_html_join(
        "",
        '<svg x="{}" y="{}" overflow="visible" width="1" height="1"><title>{}</title>'
        '<path d="{}" class="flag {}"/></svg>',
        (
            (percent(one.place), f"{y(one.value):.1f}", one.title, SHAPES[one.kind], one.kind)
            for one in marks
        ),
    )
    return format_html("{}{}", frames, spots)


def key_mark(kind: str) -> SafeString:
    """Return the mark of a kind for the legend."""
    if kind == "stuck":
        inside = SafeString('<path d="M0 10H20" class="chart-line"/>'
                            '<rect x="1" y="4" width="18" height="12" class="flag stuck"/>')  # fmt: skip
    else:
        inside = format_html(
            '<path transform="translate(10 10)" d="{}" class="flag {}"/>', SHAPES[kind], kind
        )
    return format_html(
        '<svg class="key-mark" viewBox="0 0 20 20" aria-hidden="true">{}</svg>', inside
    )
