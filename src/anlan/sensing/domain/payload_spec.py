"""A payload map as its file is written: the shape that is checked when it is read.

What is made of it is in :mod:`anlan.sensing.domain.payload_map`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec


class ValueSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a value stands, and how it becomes a number: ``number * factor + offset``."""

    path: str = "."
    factor: float = 1.0
    offset: float = 0.0
    words: dict[str, float] = {}
    missing: list[float | str] = []  # what stands for "nothing was measured"
    optional: bool = False  # no row where the place is absent


class TimeSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"form": "as"}):
    """Where the time of measuring stands, and in what form."""

    path: str
    form: Literal["iso", "s", "ms", "us", "ns", "pattern"] = "iso"
    pattern: str = ""
    zone: str = ""
    otherwise: Literal["refuse", "now"] = "refuse"


class WordSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a word stands (a quality, a unit), and what it means here; "" for all others."""

    path: str
    words: dict[str, str] = {}


class RowsSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of rows that a message holds."""

    stream: str
    time: TimeSpec | str
    each: str = ""
    value: ValueSpec | str = "."
    quality: WordSpec | str = ""
    unit: WordSpec | str = ""
    names: dict[str, str] = {}
    skip: list[str] = []


class CsvSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How lines are cut; without ``columns`` the first line names them."""

    delimiter: str = ","
    columns: list[str] = []
    encoding: Literal["utf-8", "gb18030"] = "utf-8"
    skip_lines: int = 0


class ExampleRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row that an example must come to."""

    stream: str
    at: datetime
    value: float | None = None
    quality: str = ""
    unit: str = ""


class ExampleFault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row (-1: the whole message) that an example must not be able to read, and why."""

    row: int
    code: str


class ExampleSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message, and what must come of it; ``came_at`` is when it came in."""

    payload: str
    topic: str = ""
    came_at: datetime | None = None
    key: str = ""
    rows: list[ExampleRow] = []
    faults: list[ExampleFault] = []


class MapSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file as it is written."""

    id: str
    title_zh: str
    title_en: str
    rows: list[RowsSpec]
    payload: Literal["json", "csv", "number", "hj212"] = "json"
    source: str = ""
    topic: str = ""
    names: dict[str, str] = {}
    key: str = ""
    streams: dict[str, str] = {}
    unlisted: Literal["refuse", "skip"] = "refuse"
    csv: CsvSpec = CsvSpec()
    examples: list[ExampleSpec] = []
