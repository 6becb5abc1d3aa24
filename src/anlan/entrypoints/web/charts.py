"""Charts as SVG made by the server: no library, no script, readable at any width.

Places along a chart are in per cent and sizes in pixels, so that letters keep their size on a
telephone and on a wall.  Every chart says in words what it shows (title and description); the
page gives the same numbers as a table beside it.  Shapes and dashes tell things apart, not
colours: those belong to the official levels alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

ROW, BAR, TOP, FOOT = 64, 12, 8, 28
#: Bars that fit on one sheet of paper.
ON_A_SHEET = 12
LANE = 56
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: how much, and how much of it is of a second kind (hatched)."""

    label: str
    value: float
    part: float = 0
    text: str = ""  # what stands at its end; empty: the value


@dataclass(frozen=True, slots=True)
class Line:
    """A course of numbers that stay until the next (steps), or straight between them."""

    name: str
    points: Sequence[tuple[float, float]]  # 0 to 1 along the chart, value
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Spot:
    """Something at an instant: 0 to 1 along the chart."""

    at: float
    shape: str  # "red", "orange", "yellow", "blue", "dot", "square", "diamond", "cross"
    title: str
    key: str = ""  # what the script finds it by


@dataclass(frozen=True, slots=True)
class Lane:
    """One row of a time line."""

    name: str
    spots: Sequence[Spot]


SHAPES = {
    "red": "M-7-7H7V7H-7Z",
    "orange": "M0-9 9 7H-9Z",
    "yellow": "M0-8A8 8 0 1 1 0 8A8 8 0 1 1 0-8Z",
    "blue": "M0-9 9 0 0 9-9 0Z",
    "dot": "M0-4A4 4 0 1 1 0 4A4 4 0 1 1 0-4Z",
    "square": "M-5-5H5V5H-5Z",
    "diamond": "M0-8 8 0 0 8-8 0Z",
    "cross": "M-6-6 6 6M6-6-6 6",
}


def percent(share: float) -> str:
    """Return a place along a chart."""
    return f"{max(0.0, min(1.0, share)) * 100:.3f}%"


def share_of(at: datetime, since: datetime, until: datetime) -> float:
    """Return where an instant stands between two others, 0 to 1."""
    at, since, until = _absolute(at), _absolute(since), _absolute(until)
    whole = (until - since).total_seconds()
    return (at - since).total_seconds() / whole if whole > 0 else 0.0


def _absolute(at: datetime) -> datetime:
    """Return an instant free of its zone: two of one zone are subtracted by the clock on the wall."""
    return at.astimezone(UTC) if at.tzinfo is not None else at


def _frame(title: str, description: str, height: int, inside: SafeString) -> SafeString:
    number = next(_numbers)
    return format_html(
        '<svg class="chart" role="img" width="100%" height="{height}" '
        'aria-labelledby="chart-{n}-t chart-{n}-d" xmlns="http://www.w3.org/2000/svg">'
        '<title id="chart-{n}-t">{title}</title><desc id="chart-{n}-d">{text}</desc>{inside}</svg>',
        height=height,
        n=number,
        title=title,
        text=description,
        inside=inside,
    )


def bars(rows: Sequence[Bar], *, title: str, description: str) -> SafeString:
    """Return bars that lie on one another, each under its label.

    Many bars are drawn in several charts of one scale, so that paper cuts none of them.
    """
    most = max((row.value for row in rows), default=0) or 1
    parts = [rows[start : start + ON_A_SHEET] for start in range(0, len(rows), ON_A_SHEET)] or [()]
    drawn = []
    for number, part in enumerate(parts, 1):
        inside = format_html_join(
            "", "{}", ((_bar(row, place, most),) for place, row in enumerate(part))
        )
        named = title if len(parts) == 1 else f"{title} {number}/{len(parts)}"
        said = description if number == 1 else named
        drawn.append((_frame(named, said, ROW * len(part) + TOP, inside),))
    return format_html_join("", "{}", drawn)


def _bar(row: Bar, place: int, most: float) -> SafeString:
    y = TOP + ROW * place
    return format_html(
        # A label that is too long ends at the edge; the table has all of it.
        '<svg x="0" y="{y}" width="100%" height="20"><text x="0" y="14" class="chart-label">{name}'
        '</text></svg><text x="0" y="{number}" class="chart-number">{text}</text>'
        '<rect x="0" y="{top}" width="100%" height="{bar}" class="chart-ground"/>'
        '<rect x="0" y="{top}" width="{whole}" height="{bar}" class="chart-bar"/>'
        '<rect x="0" y="{top}" width="{part}" height="{bar}" class="chart-part"/>',
        y=y,
        number=y + 32,
        top=y + 40,
        bar=BAR,
        name=row.label,
        text=row.text or f"{row.value:g}",
        whole=percent(row.value / most),
        part=percent(row.part / most),
    )


def _nice(most: float) -> float:
    """Return a round number at or above ``most``."""
    if most <= 0:
        return 1.0
    step = 1.0
    while True:
        for factor in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8):
            if step * factor >= most:
                return step * factor
        step *= 10


def _path(line: Line, most: float, *, steps: bool) -> str:
    parts: list[str] = []
    for x, value in line.points:
        across, up = f"{x * 1000:.1f}", f"{100 - value / most * 100:.2f}"
        if not parts:
            parts.append(f"M{across} {up}")
        elif steps:
            parts.append(f"H{across}V{up}")
        else:
            parts.append(f"L{across} {up}")
    if steps and parts:
        parts.append("H1000")
    return "".join(parts)


def courses(
    lines: Sequence[Line],
    ticks: Sequence[tuple[float, str]],
    *,
    title: str,
    description: str,
    unit: str,
    steps: bool = True,
    cursor: float | None = None,
    height: int = 160,
) -> SafeString:
    """Return numbers over time, as steps or straight lines, on one scale from nought."""
    most = _nice(max((value for line in lines for _, value in line.points), default=0))
    paths = format_html_join(
        "",
        '<path d="{}" class="chart-line{}"/>',
        (
            (_path(line, most, steps=steps), " chart-dashed" if line.dashed else "")
            for line in lines
        ),
    )
    inside = format_html(
        '<text x="0" y="14" class="chart-small">{most} {unit}</text>'
        '<line x1="0" x2="100%" y1="20" y2="20" class="chart-rule"/>'
        '<line x1="0" x2="100%" y1="{base}" y2="{base}" class="chart-rule"/>'
        '<svg x="0" y="20" width="100%" height="{inner}" viewBox="0 0 1000 100" '
        'preserveAspectRatio="none" overflow="visible">{paths}</svg>{ticks}{cursor}',
        most=f"{most:g}",
        unit=unit,
        base=height - FOOT,
        inner=height - FOOT - 20,
        paths=paths,
        ticks=tick_texts(ticks, height - 8),
        cursor=_cursor(cursor, 20, height - FOOT),
    )
    return _frame(title, description, height, inside)


def tick_texts(ticks: Sequence[tuple[float, str]], y: int) -> SafeString:
    """Return what is written at instants along a chart, ``y`` pixels below its top."""
    last = len(ticks) - 1
    return format_html_join(
        "",
        '<text x="{}" y="{}" class="chart-small{}" text-anchor="{}">{}</text>',
        (
            (
                percent(x),
                y,
                # Of more than three every second one gives way where the screen is narrow.
                " spare" if last > 2 and place % 2 and place < last else "",
                "start" if place == 0 else "end" if place == last else "middle",
                text,
            )
            for place, (x, text) in enumerate(ticks)
        ),
    )


def axis(ticks: Sequence[tuple[float, str]]) -> SafeString:
    """Return the ticks of a span by themselves, below a small drawing that stands on it."""
    return format_html(
        '<svg class="chart" width="100%" height="18" aria-hidden="true">{}</svg>',
        tick_texts(ticks, 13),
    )


def _cursor(at: float | None, top: int, base: int) -> SafeString:
    if at is None:
        return SafeString("")
    x = percent(at)
    return format_html(
        '<line x1="{0}" x2="{0}" y1="{1}" y2="{2}" class="chart-cursor" data-cursor=""/>',
        x,
        top,
        base,
    )


def _spot(spot: Spot, y: int) -> SafeString:
    return format_html(
        '<svg x="{}" y="{}" overflow="visible" width="1" height="1"{}><title>{}</title>'
        '<path d="{}" class="spot {}"/></svg>',
        percent(spot.at),
        y,
        format_html(' data-at="{}"', spot.key) if spot.key else "",
        spot.title,
        SHAPES[spot.shape],
        spot.shape,
    )


def time_line(
    lanes: Sequence[Lane],
    ticks: Sequence[tuple[float, str]],
    *,
    title: str,
    description: str,
    cursor: float | None = None,
) -> SafeString:
    """Return lanes under one another on one scale of time."""
    parts: list[SafeString] = []
    for place, lane in enumerate(lanes):
        y = TOP + LANE * place
        parts.append(
            format_html(
                '<text x="0" y="{}" class="chart-label">{}</text>'
                '<line x1="0" x2="100%" y1="{}" y2="{}" class="chart-rule"/>{}',
                y + 14,
                lane.name,
                y + 36,
                y + 36,
                format_html_join("", "{}", ((_spot(spot, y + 36),) for spot in lane.spots)),
            )
        )
    base = TOP + LANE * len(lanes)
    inside = format_html(
        "{}{}{}",
        format_html_join("", "{}", ((part,) for part in parts)),
        tick_texts(ticks, base + 16),
        _cursor(cursor, TOP, base),
    )
    return _frame(title, description, base + FOOT, inside)


def clock_ticks(since: datetime, until: datetime, *, parts: int = 2) -> list[tuple[float, str]]:
    """Return instants that divide a stretch of time evenly, as text; years stand in the heading."""
    begin = _absolute(since)
    step = (_absolute(until) - begin) / parts
    day_only = step * parts > timedelta(days=4)
    marks: Iterable[datetime] = (begin + step * number for number in range(parts + 1))
    if since.tzinfo is not None:
        marks = [at.astimezone(since.tzinfo) for at in marks]
    form = "%m-%d" if day_only else "%m-%d %H:%M"
    return [(number / parts, f"{at:{form}}") for number, at in enumerate(marks)]
