"""CSV files of a pack, read row by row: 620,000 communities never stand in memory at once.

UTF-8 (a byte order mark is allowed), comma, one header line.  ``;`` separates
several values of one cell; an empty cell means "none".
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Generic, NamedTuple, TypeVar, get_origin

import msgspec

from anlan.registry.domain.entries import EntryProblem, entry_problem, is_sound
from anlan.registry.domain.findings import Finding, finding

MAX_TABLE_BYTES = 200_000_000
MAX_LINE_BYTES = 100_000
# After so many faulty rows of one table the rest is not listed singly.
MAX_FAULTS = 200

# A carriage return alone is a line break of an older system, which the reader would not see.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)")

EntryT = TypeVar("EntryT", bound=msgspec.Struct)


class Row(NamedTuple, Generic[EntryT]):
    """One row of a table: its line, and either the entry or what is wrong with it."""

    line: int
    entry: EntryT | None
    fault: Finding | None


#: How a cell is read: from its column and text to what it stands for.
Cell = Callable[[str, str], str]


class CellSpoiltError(ValueError):
    """A cell whose meaning another program has lost; its name is a kind of finding."""


def as_it_stands(_column: str, text: str) -> str:
    """Read a cell as the packs write it."""
    return text


class _Columns(NamedTuple):
    names: list[str]
    several: frozenset[str]  # columns that hold several values


def several_valued(kind: type[msgspec.Struct]) -> frozenset[str]:
    """Return the fields of ``kind`` whose cells hold several values."""
    return frozenset(
        item.name for item in msgspec.structs.fields(kind) if get_origin(item.type) is tuple
    )


def read_table(path: Path, file: str, kind: type[EntryT]) -> Iterator[Row[EntryT]]:
    """Yield the rows of a table; bad content becomes a row with a fault, never an exception."""
    if (size := path.stat().st_size) > MAX_TABLE_BYTES:
        yield Row(0, None, finding("file.too_large", file, 0, size=size, limit=MAX_TABLE_BYTES))
        return
    with path.open("rb") as stream:
        yield from read_rows(stream, file, kind)


def read_rows(
    stream: BinaryIO, file: str, kind: type[EntryT], *, cell: Cell = as_it_stands
) -> Iterator[Row[EntryT]]:
    """Yield the rows of a table that stands open, as :func:`read_table` does."""
    lines = _Lines(stream, file)
    reader = csv.reader(lines, strict=True)
    try:
        header = _header(next(reader, []), file, kind)
        if isinstance(header, Finding):
            yield Row(header.line, None, header)
            return
        yield from _rows(reader, header, _Kind(file, kind, cell))
    except _LineRefusedError as refusal:
        yield Row(refusal.found.line, None, refusal.found)
    except csv.Error as error:
        yield Row(lines.number, None, finding("file.syntax", file, lines.number, problem=error))


class _Kind(NamedTuple, Generic[EntryT]):
    """What the rows of a table are."""

    file: str
    entry: type[EntryT]
    cell: Cell


def _rows(
    reader: Iterator[list[str]], columns: _Columns, kind: _Kind[EntryT]
) -> Iterator[Row[EntryT]]:
    faults = 0
    last = 1
    for cells in reader:
        line, last = last + 1, reader.line_num  # type: ignore[attr-defined]
        if not any(cell.strip() for cell in cells):
            continue
        row = _entry(cells, columns, line, kind)
        faults += row.fault is not None
        if faults > MAX_FAULTS:
            yield Row(line, None, finding("file.more", kind.file, line, limit=MAX_FAULTS))
            return
        yield row


def _entry(cells: list[str], columns: _Columns, line: int, kind: _Kind[EntryT]) -> Row[EntryT]:
    file = kind.file
    if len(cells) != len(columns.names):
        found = finding("csv.width", file, line, cells=len(cells), columns=len(columns.names))
        return Row(line, None, found)
    data: dict[str, object] = {}
    for name, cell in zip(columns.names, cells, strict=True):
        try:
            text = kind.cell(name, cell.strip())
        except CellSpoiltError as spoilt:
            found = finding(str(spoilt), file, line, column=name, value=cell.strip())
            return Row(line, None, found)
        if not text:
            continue
        if name in columns.several:
            data[name] = [part.strip() for part in text.split(";") if part.strip()]
        else:
            data[name] = text
    try:
        entry = msgspec.convert(_with_seconds(data), kind.entry, strict=False)
    except msgspec.ValidationError as error:
        return Row(line, None, entry_problem(error).at(file, line))
    if not is_sound(entry):
        return Row(line, None, EntryProblem("entry.number", {}, ()).at(file, line))
    return Row(line, entry, None)


def _with_seconds(data: dict[str, object]) -> dict[str, object]:
    """Let a time of day be written as ``08:30``, as people do."""
    for name in ("start", "end"):
        text = data.get(name)
        if isinstance(text, str) and len(text) == 5 and text[2] == ":":
            data[name] = text + ":00"
    return data


def _header(cells: list[str], file: str, kind: type[msgspec.Struct]) -> _Columns | Finding:
    names = [cell.strip() for cell in cells]
    known = {item.name: item.required for item in msgspec.structs.fields(kind)}
    if not names:
        return finding("csv.empty", file, 1, columns=", ".join(known))
    for name in names:
        if name not in known:
            return finding("csv.unknown_column", file, 1, column=name, columns=", ".join(known))
        if names.count(name) > 1:
            return finding("csv.column_twice", file, 1, column=name)
    missing = [name for name, required in known.items() if required and name not in names]
    if missing:
        return finding("csv.missing_column", file, 1, column=", ".join(missing))
    return _Columns(names, several_valued(kind))


class _LineRefusedError(Exception):
    """Internal: a line that cannot be text of a table."""

    def __init__(self, found: Finding) -> None:
        super().__init__(found.code)
        self.found = found


class _Lines:
    """The lines of a file as text, with their number, each of bounded length."""

    def __init__(self, stream: BinaryIO, file: str) -> None:
        self.stream = stream
        self.file = file
        self.number = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        raw = self.stream.readline(MAX_LINE_BYTES + 1)
        if not raw:
            raise StopIteration
        self.number += 1
        if len(raw) > MAX_LINE_BYTES:
            raise _LineRefusedError(
                finding("csv.long_line", self.file, self.number, limit=MAX_LINE_BYTES)
            )
        try:
            text = raw.decode("utf-8-sig" if self.number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise _LineRefusedError(finding("file.encoding", self.file, self.number)) from None
        if _CONTROL.search(text):
            raise _LineRefusedError(finding("file.control", self.file, self.number))
        return text
