"""The course of one stream as SVG made by the server: what was measured, and nothing in between.

One drawing serves everybody: without scripts it stands in the page, with them it is fetched anew
for another span.  Silence is a hatched stretch and never a line; many readings of one column are
drawn as their whole range with the mean in it, so that no spike is lost.  Places along the span
are in per cent or in thousandths, heights in pixels, as in :mod:`.charts`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from anlan.entrypoints.web import flagplot
from anlan.entrypoints.web.charts import percent, tick_texts
from anlan.entrypoints.web.flagplot import FlagMark, FlagStretch

TOP, HIGH, LANE, FOOT = 36, 240, 32, 24
#: Limits further from the readings than so many times their range are named, not drawn.
FAR = 2.0
LINES = 4


@dataclass(frozen=True, slots=True)
class Mark:
    """A level of the scale that is drawn across: a limit of a rule."""

    value: float
    level: str
    text: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """Something that lasted: 0 to 1 along the span; ``kind`` is a level or a word of the style."""

    begin: float
    end: float
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Lane:
    """A row of stretches below the readings, on the same axis."""

    name: str
    stretches: Sequence[Stretch]


@dataclass(frozen=True, slots=True)
class Plotted:
    """What is drawn; places along the span are 0 to 1.

    ``runs`` are pieces without a silence in them, each of (place, least, mean, greatest): equal
    where each reading is drawn.  ``usual`` are pieces of (place, low, median, high).
    """

    runs: Sequence[Sequence[tuple[float, float, float, float]]]
    silences: Sequence[tuple[float, float]]
    usual: Sequence[Sequence[tuple[float, float, float, float]]] = ()
    limits: Sequence[Mark] = ()
    odd: Sequence[tuple[float, str]] = ()  # place, and what is odd there
    lanes: Sequence[Lane] = field(default_factory=tuple)
    exact: bool = False
    flags: Sequence[FlagMark] = ()
    stuck: Sequence[FlagStretch] = ()


@dataclass(frozen=True, slots=True)
class Scale:
    """The values from the foot to the top of the drawing, and where lines are drawn across."""

    low: float
    high: float
    ticks: tuple[float, ...]

    @classmethod
    def over(cls, values: Iterable[float], near: Iterable[float] = ()) -> Scale:
        """Return a scale with round steps over ``values``, and over those of ``near`` not far off."""
        own = [value for value in values if math.isfinite(value)]
        low, high = (min(own), max(own)) if own else (0.0, 1.0)
        reach = FAR * max(high - low, abs(high) * 0.05, 1e-9)
        close = [value for value in near if low - reach <= value <= high + reach]
        low, high = min([low, *close]), max([high, *close])
        step = _step((high - low) / LINES or max(abs(high), 1.0) / LINES)
        first, last = math.floor(low / step), math.ceil(high / step)
        if first == last:
            first, last = first - 1, last + 1
        ticks = tuple(round(number * step, 12) for number in range(first, last + 1))
        return cls(ticks[0], ticks[-1], ticks)

    def down(self, value: float) -> float:
        """Return how far below the top a value stands, 0 to 1."""
        return (self.high - value) / (self.high - self.low)

    def holds(self, value: float) -> bool:
        """Return whether a value stands on the scale."""
        return self.low <= value <= self.high


def _step(rough: float) -> float:
    """Return a round number at or above ``rough``."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * n for n in (1, 2, 2.5, 5, 10) if power * n >= rough * (1 - 1e-9))


def scale_of(plotted: Plotted) -> Scale:
    """Return the scale on which everything that is drawn has room."""
    values = [value for run in plotted.runs for point in run for value in point[1:]]
    usual = [value for run in plotted.usual for point in run for value in point[1:]]
    return Scale.over(values or usual, [*usual, *(mark.value for mark in plotted.limits)])


def drawn(
    plotted: Plotted,
    ticks: Sequence[tuple[float, str]],
    *,
    title: str,
    description: str,
    unit: str,
) -> SafeString:
    """Return the drawing."""
    scale = scale_of(plotted)
    base = TOP + HIGH
    height = base + LANE * len(plotted.lanes) + FOOT
    return format_html(
        '<svg class="chart course" role="img" width="100%" height="{height}" '
        'aria-labelledby="course-t course-d" xmlns="http://www.w3.org/2000/svg">'
        '<title id="course-t">{title}</title><desc id="course-d">{text}</desc>{hatch}'
        '<text x="0" y="14" class="chart-small">{unit}</text>{grid}'
        '<svg data-moving="" x="0" y="0" width="100%" height="{height}" overflow="hidden">'
        "{silences}{usual}{limits}{runs}{lanes}</svg>{values}{said}{ticks}{names}"
        # Above the words: a mark that is half hidden is none.
        '<svg data-moving="" x="0" y="0" width="100%" height="{height}" overflow="hidden">{flags}{odd}'
        "</svg></svg>",
        height=height,
        title=title,
        text=description,
        unit=unit,
        hatch=_HATCH,
        grid=_grid(scale),
        silences=_silences(plotted, height - FOOT),
        usual=_stretched(_band(plotted.usual, scale, "usual"), _middle(plotted.usual, scale)),
        limits=_limits(plotted.limits, scale),
        runs=_stretched(
            _band(plotted.runs, scale, "range"), _line(plotted.runs, scale), *_dots(plotted, scale)
        ),
        flags=flagplot.drawn(plotted.flags, plotted.stuck, lambda value: _y(scale, value)),
        odd=_odd(plotted.odd),
        lanes=_lanes(plotted.lanes),
        values=_values(scale),
        said=_limit_texts(plotted.limits, scale),
        ticks=tick_texts(ticks, height - 8),
        names=_names(plotted.lanes),
    )


_HATCH = SafeString(
    '<defs><pattern id="silent" width="8" height="8" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><rect width="4" height="8" class="hatch"/></pattern></defs>'
)


SMALL = 72
#: The hatching of silences, for a page with many small drawings: it stands there once.
HATCHING = format_html('<svg width="0" height="0" aria-hidden="true">{}</svg>', _HATCH)


def small(plotted: Plotted, *, description: str) -> SafeString:
    """Return a small drawing of a course, one of many on one axis; its scale stands beside it."""
    scale = scale_of(plotted)
    inner = SMALL - 4
    limits = format_html_join(
        "",
        '<line x1="0" x2="100%" y1="{1}" y2="{1}" class="limit under"/>'
        '<line x1="0" x2="100%" y1="{1}" y2="{1}" class="limit {0}"/>',
        (
            (mark.level, f"{2 + scale.down(mark.value) * inner:.1f}")
            for mark in plotted.limits
            if scale.holds(mark.value)
        ),
    )
    silent = format_html_join(
        "",
        '<rect x="{}" width="{}" y="0" height="100%" class="silent"/>',
        ((percent(begin), percent(end - begin)) for begin, end in plotted.silences),
    )
    return format_html(
        '<svg class="chart course" role="img" width="100%" height="{0}" aria-label="{1}" '
        'xmlns="http://www.w3.org/2000/svg">{2}{3}<svg x="0" y="2" width="100%" height="{4}" '
        'viewBox="0 0 1000 1000" preserveAspectRatio="none" overflow="visible">{5}{6}{7}</svg>{8}'
        "</svg>",
        SMALL,
        description,
        silent,
        limits,
        inner,
        _band(plotted.runs, scale, "range"),
        _line(plotted.runs, scale),
        format_html_join("", "{}", ((one,) for one in _dots(plotted, scale))),
        flagplot.drawn(plotted.flags, plotted.stuck, lambda value: 2 + scale.down(value) * inner),
    )


def _y(scale: Scale, value: float) -> float:
    return TOP + scale.down(value) * HIGH


def _grid(scale: Scale) -> SafeString:
    return format_html_join(
        "",
        '<line x1="0" x2="100%" y1="{0}" y2="{0}" class="chart-rule"/>',
        ((f"{_y(scale, value):.1f}",) for value in scale.ticks),
    )


def _values(scale: Scale) -> SafeString:
    """Return the numbers of the scale, above what is drawn."""
    return format_html_join(
        "",
        '<text x="2" y="{}" class="chart-small on-paper">{}</text>',
        ((f"{_y(scale, value) - 3:.1f}", f"{value:g}") for value in scale.ticks[:-1]),
    )


def _silences(plotted: Plotted, base: int) -> SafeString:
    return format_html_join(
        "",
        '<rect x="{}" width="{}" y="{}" height="{}" class="silent"/>',
        (
            (percent(begin), percent(end - begin), TOP, base - TOP)
            for begin, end in plotted.silences
        ),
    )


def _stretched(*paths: SafeString) -> SafeString:
    """Return paths in thousandths of the span and of the height, stretched to the drawing."""
    return format_html(
        '<svg x="0" y="{}" width="100%" height="{}" viewBox="0 0 1000 1000" '
        'preserveAspectRatio="none" overflow="visible">{}</svg>',
        TOP,
        HIGH,
        format_html_join("", "{}", ((one,) for one in paths)),
    )


def _at(scale: Scale, place: float, value: float) -> str:
    return f"{place * 1000:.1f} {scale.down(value) * 1000:.1f}"


def _band(
    runs: Sequence[Sequence[tuple[float, float, float, float]]], scale: Scale, kind: str
) -> SafeString:
    parts = []
    for run in runs:
        if any(low != high for _, low, _, high in run):
            there = "L".join(_at(scale, place, high) for place, _, _, high in run)
            back = "L".join(_at(scale, place, low) for place, low, _, _ in reversed(run))
            parts.append(f"M{there}L{back}Z")
    return format_html('<path d="{}" class="{}"/>', "".join(parts), kind) if parts else _NOTHING


def _line(runs: Sequence[Sequence[tuple[float, float, float, float]]], scale: Scale) -> SafeString:
    parts = ["M" + "L".join(_at(scale, place, mean) for place, _, mean, _ in run) for run in runs]
    return format_html('<path d="{}" class="chart-line"/>', "".join(parts)) if parts else _NOTHING


def _middle(
    runs: Sequence[Sequence[tuple[float, float, float, float]]], scale: Scale
) -> SafeString:
    parts = ["M" + "L".join(_at(scale, place, mid) for place, _, mid, _ in run) for run in runs]
    return format_html('<path d="{}" class="median"/>', "".join(parts)) if parts else _NOTHING


_NOTHING = SafeString("")
MOST_DOTS = 200


def _dots(plotted: Plotted, scale: Scale) -> list[SafeString]:
    """Return each reading as a dot where there are few: a line alone would hide a lonely one."""
    points = [point for run in plotted.runs for point in run]
    lonely = [run[0] for run in plotted.runs if len(run) == 1]
    shown = points if plotted.exact and len(points) <= MOST_DOTS else lonely[:MOST_DOTS]
    if not shown:
        return []
    # A line without length, with round ends: round also where the drawing is stretched.
    path = "".join(f"M{_at(scale, place, mean)}h0" for place, _, mean, _ in shown)
    return [format_html('<path d="{}" class="dots"/>', path)]


def _limits(limits: Sequence[Mark], scale: Scale) -> SafeString:
    return format_html_join(
        "",
        '<line x1="0" x2="100%" y1="{1}" y2="{1}" class="limit under"/>'
        '<line x1="0" x2="100%" y1="{1}" y2="{1}" class="limit {0}"/>',
        (
            (mark.level, f"{_y(scale, mark.value):.1f}")
            for mark in limits
            if scale.holds(mark.value)
        ),
    )


def _limit_texts(limits: Sequence[Mark], scale: Scale) -> SafeString:
    """Return what the limits say, above everything that is drawn."""
    return format_html_join(
        "",
        # At the older end: the newest readings must not lie under words.
        '<text x="52" y="{}" class="chart-small on-paper">{}</text>',
        (
            (f"{_y(scale, mark.value) - 4:.1f}", mark.text)
            for mark in limits
            if scale.holds(mark.value)
        ),
    )


def _odd(odd: Sequence[tuple[float, str]]) -> SafeString:
    return format_html_join(
        "",
        '<svg x="{}" y="{}" overflow="visible" width="1" height="1"><title>{}</title>'
        '<path d="M0-8 6 0H-6Z" class="spot odd"/></svg>',
        ((percent(place), TOP + HIGH, title) for place, title in odd),
    )


def _lanes(lanes: Sequence[Lane]) -> SafeString:
    parts = []
    for number, lane in enumerate(lanes):
        y = TOP + HIGH + LANE * number + 18
        for one in lane.stretches:
            width = max(one.end - one.begin, 0.002)
            parts.append((percent(one.begin), percent(width), y, one.kind, one.title))
    return format_html_join(
        "",
        '<rect x="{}" width="{}" y="{}" height="12" class="stretch {}"><title>{}</title></rect>',
        parts,
    )


def _names(lanes: Sequence[Lane]) -> SafeString:
    return format_html_join(
        "",
        '<text x="0" y="{}" class="chart-small on-paper">{}</text>',
        ((TOP + HIGH + LANE * number + 15, lane.name) for number, lane in enumerate(lanes)),
    )


def runs_of(
    points: Sequence[tuple[datetime, float, float, float]],
    silences: Sequence[tuple[datetime, datetime]],
    start: datetime,
    end: datetime,
) -> list[list[tuple[float, float, float, float]]]:
    """Return points in pieces that no silence lies in."""
    whole = (end - start).total_seconds()
    breaks = [begin for begin, _ in silences]
    found: list[list[tuple[float, float, float, float]]] = [[]]
    place = 0
    for at, least, mean, greatest in points:
        while place < len(breaks) and breaks[place] < at:
            place += 1
            if found[-1]:
                found.append([])
        found[-1].append(((at - start).total_seconds() / whole, least, mean, greatest))
    return [run for run in found if run]
