"""Cells as spreadsheets write them back: other dates and times, quoted texts, spoilt codes."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

from anlan.kernel.spreadsheet import unquoted
from anlan.registry.domain.parse import CITY_TABLES
from anlan.registry.domain.tables import CellSpoiltError, Row, read_rows

_DAY = re.compile(r"(\d{4})[/.-](\d{1,2})[/.-](\d{1,2})")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_NUMBER = re.compile(r"\d(?:[.,]\d+)?E\+?\d+", re.IGNORECASE)
_DAYS = frozenset({"valid_from", "valid_to"})
_CLOCKS = frozenset({"start", "end"})
_CODES = frozenset(
    {
        "code", "parent", "area", "organisation", "post", "superior", "owner_post",
        "holder", "deputy", "risk_point", "plan",
    }
)  # fmt: skip


def read_back(data: bytes, section: str) -> Iterator[Row[Any]]:
    """Yield the rows of a table that was taken out and comes back from a spreadsheet."""
    stem, kind = CITY_TABLES[section]
    yield from read_rows(io.BytesIO(data), f"{stem}.csv", kind, cell=cell_read)


def cell_read(column: str, text: str) -> str:
    """Return what a cell stands for.

    Raises
    ------
    CellSpoiltError
        When a long code was turned into a short number.
    """
    text = unquoted(text)
    if column in _DAYS and (day := _DAY.fullmatch(text)):
        return f"{day[1]}-{int(day[2]):02}-{int(day[3]):02}"
    if column in _CLOCKS and (clock := _CLOCK.fullmatch(text)):
        return f"{int(clock[1]):02}:{clock[2]}:{clock[3] or '00'}"
    if column in _CODES and _NUMBER.fullmatch(text):
        raise CellSpoiltError("csv.shortened")
    return text
