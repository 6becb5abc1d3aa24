"""What a table of readings looks like: its encoding, its cells, which column is what; as a payload map.

Guesses are shown to a person before anything is kept; what is chosen becomes a payload map, so that
the next file of this shape needs no guess.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from anlan.sensing.domain.errors import ImportUnreadableError

SAMPLE_BYTES = 256 * 1024
SAMPLE_LINES = 50
DELIMITERS = ",;\t|"
ENCODINGS = ("utf-8", "gb18030")
PATTERNS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y/%m/%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d %H:%M",
    "%Y%m%d%H%M%S",
    "%d/%m/%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%Y年%m月%d日 %H:%M:%S",
    "%Y年%m月%d日 %H时%M分",
)
"""Ways in which times are written that ISO 8601 does not have, tried in this order."""
SECONDS = re.compile(r"1\d{9}(?:\.\d+)?")
MILLIS = re.compile(r"1\d{12}")
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


@dataclass(frozen=True, slots=True)
class TableShape:
    """How a table is written: ``columns`` are its names, from its head or made up."""

    encoding: str
    delimiter: str
    has_head: bool
    columns: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]  # the first ones, without the head


@dataclass(frozen=True, slots=True)
class TimeForm:
    """How a time is written: ``form`` and ``pattern`` as in a payload map."""

    form: str
    pattern: str = ""
    has_zone: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which column is what: either ``stream`` and one value, or a stream for each of ``values``.

    ``values`` are pairs of column and stream; the stream is empty when a column names it.
    """

    name: str
    time: str
    time_form: TimeForm
    zone: str
    values: tuple[tuple[str, str], ...]
    stream: str = ""
    unit: str = ""
    unit_column: str = ""
    quality_column: str = ""


def shape_of(sample: bytes, *, whole: bool) -> TableShape:
    """Return how a table is written whose beginning is ``sample``.

    Raises
    ------
    ImportUnreadableError
        When it is in neither encoding, or has no line of at least two cells.
    """
    encoding, text = _decoded(sample, whole=whole)
    rows = _rows(text, delimiter := _delimiter(text), whole=whole)
    if not rows or len(rows[0]) < 2:
        raise ImportUnreadableError(file="table", problem="no line with two cells")
    return shape_of_rows(rows, encoding=encoding, delimiter=delimiter)


def shape_of_rows(
    rows: Sequence[Sequence[str]], *, encoding: str = "utf-8", delimiter: str = ","
) -> TableShape:
    """Return the shape of a table that is cut into cells already."""
    head = [cell.strip() for cell in rows[0]]
    has_head = all(head) and len(set(head)) == len(head) and not any(map(_is_value, head))
    usable = has_head and not any('"' in name for name in head)
    columns = tuple(head) if usable else tuple(f"column {n}" for n in range(1, len(head) + 1))
    lines = tuple(tuple(row) for row in rows[1 if has_head else 0 :])
    return TableShape(encoding, delimiter, has_head, columns, lines)


def _decoded(sample: bytes, *, whole: bool) -> tuple[str, str]:
    for encoding in ENCODINGS:
        # A sample may end within a character: up to three bytes are let go.
        for cut in range(1 if whole else 4):
            try:
                text = sample[: len(sample) - cut].decode(encoding)
            except UnicodeDecodeError:
                continue
            return encoding, text.removeprefix("\ufeff")
    raise ImportUnreadableError(file="table", problem="neither UTF-8 nor GB18030")


def _delimiter(text: str) -> str:
    """Return the sign that cuts most lines into the same number of cells, more than one."""
    lines = [line for line in text.splitlines()[:SAMPLE_LINES] if line.strip()]

    def worth(sign: str) -> tuple[int, int]:
        counts = [line.count(sign) for line in lines]
        usual = max(set(counts), key=counts.count, default=0)
        return (counts.count(usual) if usual else 0, usual)

    return max(DELIMITERS, key=worth)


def _rows(text: str, delimiter: str, *, whole: bool) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows: list[list[str]] = []
    try:
        for cells in reader:
            if any(cells):
                rows.append(cells)
            if len(rows) > SAMPLE_LINES:
                return rows
    except csv.Error as error:
        raise ImportUnreadableError(file="table", problem=str(error)) from None
    # The last line of a sample may be cut off.
    return rows if whole or text.endswith("\n") else rows[:-1] or rows


def _is_value(text: str) -> bool:
    return bool(NUMBER.fullmatch(text.strip())) or time_form([text]) is not None


def time_form(cells: Sequence[str]) -> TimeForm | None:
    """Return how all of some cells are written as times; None when they are not."""
    texts = [cell.strip() for cell in cells if cell.strip()]
    if not texts:
        return None
    for pattern, form in ((SECONDS, "s"), (MILLIS, "ms")):
        if all(pattern.fullmatch(text) for text in texts):
            return TimeForm(form, has_zone=True)
    if all(len(text) >= 10 and "-" in text for text in texts):
        found = [_iso(text) for text in texts]
        if all(found):
            return TimeForm("iso", has_zone=all(x.tzinfo is not None for x in found if x))
    for pattern_text in PATTERNS:
        if all(_reads(text, pattern_text) for text in texts):
            return TimeForm("pattern", pattern_text)
    return None


def _iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _reads(text: str, pattern: str) -> bool:
    try:
        datetime.strptime(text, pattern)  # noqa: DTZ007  only whether it can be read
    except ValueError:
        return False
    return True


def guessed(shape: TableShape, name: str, *, zone: str, streams: frozenset[str]) -> Chosen | None:
    """Return which column is probably what; None when none looks like a time or like values.

    A column whose cells are codes of ``streams`` names the stream; otherwise each column of numbers
    is a stream of its own, called as the column is.
    """
    cells = {
        column: [line[n] if n < len(line) else "" for line in shape.lines]
        for n, column in enumerate(shape.columns)
    }
    times = {column: form for column, found in cells.items() if (form := time_form(found))}
    numbers = [
        column
        for column, found in cells.items()
        if column not in times and _most(found, lambda x: bool(NUMBER.fullmatch(x)))
    ]
    if not times or not numbers:
        return None
    time = next(iter(times))
    naming = [
        column
        for column, found in cells.items()
        if column not in times and _most(found, lambda x: x in streams)
    ]
    if naming:
        values = [column for column in numbers if column not in naming][:1]
        pairs = tuple((column, "") for column in values)
        return Chosen(name, time, times[time], zone, pairs, stream=naming[0]) if pairs else None
    pairs = tuple((column, column) for column in numbers)
    return Chosen(name, time, times[time], zone, pairs)


def _most(cells: Sequence[str], fits: Callable[[str], bool]) -> bool:
    """Return whether nine of ten cells that hold something fit: one odd line must not spoil a guess."""
    texts = [cell.strip() for cell in cells if cell.strip()]
    return bool(texts) and sum(map(fits, texts)) >= 0.9 * len(texts)


def as_map(shape: TableShape, chosen: Chosen) -> str:
    """Return what was chosen as the text of a payload map."""

    def text(value: str) -> str:
        return json.dumps(value, ensure_ascii=False)

    def column(name: str) -> str:
        return text(f'."{name}"')

    lines = [f"id = {text(chosen.name)}", f"title_zh = {text(chosen.name)}"]
    lines += [f"title_en = {text(chosen.name)}", 'payload = "csv"']
    if chosen.stream:
        lines += ["", "[names]", f"stream = {column(chosen.stream)}"]
    lines += ["", "[csv]", f"delimiter = {text(shape.delimiter)}"]
    lines += [f"encoding = {text(shape.encoding)}"]
    lines += [f"columns = [{', '.join(map(text, shape.columns))}]"]
    lines += [f"skip_lines = {int(shape.has_head)}"]
    form = [f"path = {column(chosen.time)}", f"as = {text(chosen.time_form.form)}"]
    if chosen.time_form.pattern:
        form.append(f"pattern = {text(chosen.time_form.pattern)}")
    if not chosen.time_form.has_zone:
        form.append(f"zone = {text(chosen.zone)}")
    for value, stream in chosen.values:
        lines += ["", "[[rows]]", f"stream = {text(stream or '{stream}')}"]
        lines += [f"time = {{ {', '.join(form)} }}", f"value = {column(value)}"]
        if chosen.unit_column:
            lines.append(f"unit = {{ path = {column(chosen.unit_column)} }}")
        elif chosen.unit:
            lines.append(f"unit = {text(chosen.unit)}")
        if chosen.quality_column:
            lines.append(f"quality = {{ path = {column(chosen.quality_column)} }}")
    return "\n".join([*lines, ""])
