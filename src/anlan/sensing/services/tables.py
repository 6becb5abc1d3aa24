"""Readings from large tables: read line by line, kept chunk by chunk, each chunk once.

Memory does not grow with the file.  A chunk carries a key made of the file, the map and its lines: a
file that is brought in again, or went half way when the process died, has no second effect.
"""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from anlan.kernel.actor import Actor
from anlan.kernel.spreadsheet import quoted
from anlan.sensing.domain.errors import ImportUnreadableError
from anlan.sensing.domain.observations import BatchIn, RefusedRow, RowIn, check_rows
from anlan.sensing.domain.payload_map import PayloadMap
from anlan.sensing.domain.payload_paths import Scope
from anlan.sensing.domain.payloads import rows_of
from anlan.sensing.domain.table_shapes import (
    SAMPLE_BYTES,
    SAMPLE_LINES,
    TableShape,
    shape_of,
    shape_of_rows,
)
from anlan.sensing.services.known import stream_facts
from anlan.sensing.services.observations import keep_observations
from anlan.sensing.services.once import Once

CHUNK_ROWS = 10_000
XLSX_BYTES = 512 * 1024 * 1024
"""Of a workbook when it is unpacked: a small file may unpack to anything."""
XLSX_TEXTS = 64 * 1024 * 1024
"""Of its table of texts, which is held in memory."""
XLSX_LINES, XLSX_COLUMNS = 1_048_576, 1_000

Refused = Callable[[int, str, str], None]
"""Told of each row that is not kept: line of the file, code, the line as it stands."""


@dataclass(slots=True)
class TableImport:
    """What a table came to; in a dry run what it would come to."""

    dry_run: bool
    lines: int = 0
    rows: int = 0
    kept: int = 0
    refused: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Chunk:
    first: int = 0
    last: int = 0
    rows: list[RowIn | None] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    unread: dict[int, str] = field(default_factory=dict)


def look_at(path: Path) -> TableShape:
    """Return how a table is written, from its beginning.

    Raises
    ------
    ImportUnreadableError
        When it is no table that can be read.
    """
    if _is_workbook(path):
        rows = list(islice(_sheet(path), SAMPLE_LINES))
        if not rows or len(rows[0]) < 2:
            raise ImportUnreadableError(file=path.name, problem="no line with two cells")
        return shape_of_rows(rows)
    with path.open("rb") as file:
        sample = file.read(SAMPLE_BYTES)
    return shape_of(sample, whole=len(sample) < SAMPLE_BYTES)


def import_table(
    actor: Actor,
    path: Path,
    payload_map: PayloadMap,
    *,
    dry_run: bool,
    now: datetime,
    refused: Refused | None = None,
    progress: Callable[[TableImport], None] | None = None,
) -> TableImport:
    """Bring a table in by a map of lines; ``progress`` is told after each chunk.

    Raises
    ------
    ImportUnreadableError
        When the file is no table, or its map is of no lines, or says no times of measuring.
    """
    done = TableImport(dry_run)
    for done in import_steps(actor, path, payload_map, dry_run=dry_run, now=now, refused=refused):
        if progress:
            progress(done)
    return done


def import_steps(
    actor: Actor,
    path: Path,
    payload_map: PayloadMap,
    *,
    dry_run: bool,
    now: datetime,
    refused: Refused | None = None,
) -> Iterator[TableImport]:
    """Bring a table in chunk by chunk: yield what it came to after each; see :func:`import_table`."""
    if payload_map.spec.payload != "csv":
        raise ImportUnreadableError(file=path.name, problem=f"map {payload_map.id}: payload")
    if any(rule.time.path is None for rule in payload_map.rules):
        # "Now" is another moment at each try: what is brought in again would count again.
        raise ImportUnreadableError(file=path.name, problem=f"map {payload_map.id}: time = now")
    mark = _mark(path, payload_map)
    done = TableImport(dry_run)
    for chunk in _chunks(path, payload_map, now):
        outcome = _take(actor, chunk, mark, dry_run=dry_run, now=now)
        done.lines = chunk.last
        done.rows += len(chunk.rows)
        done.kept += len(chunk.rows) - len(outcome)
        done.refused.update(item.code for item in outcome)
        if refused is not None:
            for item in outcome:
                refused(chunk.lines[item.index], item.code, chunk.cells[item.index])
        yield done


def _mark(path: Path, payload_map: PayloadMap) -> str:
    """Return what tells this file, read by this map, from every other one."""
    digest = hashlib.sha256(repr(payload_map.spec).encode())
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _take(
    actor: Actor, chunk: _Chunk, mark: str, *, dry_run: bool, now: datetime
) -> tuple[RefusedRow, ...]:
    batch = BatchIn(tuple(chunk.rows), unread=chunk.unread)
    if dry_run:
        facts = stream_facts(actor, {row.stream for row in chunk.rows if row}, at=now)
        return check_rows(batch.rows, facts, unit="", now=now, unread=batch.unread).refused
    once = Once(f"table:{mark[:40]}:{chunk.first}-{chunk.last}", mark)
    return keep_observations(actor, batch, now=now, once=once, set_aside=False).refused


def _chunks(path: Path, payload_map: PayloadMap, now: datetime) -> Iterator[_Chunk]:
    chunk = _Chunk()
    for number, cells in _lines(path, payload_map):
        chunk.first = chunk.first or number
        chunk.last = number
        line = payload_map.spec.csv.delimiter.join(cells.values())
        for item in rows_of(payload_map, Scope((cells,)), {}, now=now):
            if isinstance(item, RowIn):
                chunk.rows.append(item)
            else:
                chunk.unread[len(chunk.rows)] = item[0].code
                chunk.rows.append(None)
            chunk.lines.append(number)
            chunk.cells.append(line)
        if len(chunk.rows) >= CHUNK_ROWS:
            yield chunk
            chunk = _Chunk()
    if chunk.rows:
        yield chunk


def _lines(path: Path, payload_map: PayloadMap) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each line with its number (1 is the first of the file) as an object of its columns."""
    spec = payload_map.spec.csv
    source = _sheet(path) if _is_workbook(path) else _cells(path, spec.encoding, spec.delimiter)
    names = spec.columns or None
    for number, cells in enumerate(source, start=1):
        if number <= spec.skip_lines or not any(cells):
            continue
        if names is None:
            names = [cell.strip() for cell in cells]
            continue
        yield number, dict(zip(names, cells, strict=False))


def _cells(path: Path, encoding: str, delimiter: str) -> Iterator[list[str]]:
    codec = "utf-8-sig" if encoding == "utf-8" else encoding
    with path.open("rb") as raw:
        reader = csv.reader(io.TextIOWrapper(raw, codec, newline=""), delimiter=delimiter)
        try:
            yield from reader
        except UnicodeDecodeError:
            problem = f"line {reader.line_num + 1} is not {encoding}"
            raise ImportUnreadableError(file=path.name, problem=problem) from None
        except csv.Error as error:
            problem = f"line {reader.line_num}: {error}"
            raise ImportUnreadableError(file=path.name, problem=problem) from None


def _is_workbook(path: Path) -> bool:
    return path.suffix.lower() == ".xlsx"


def _sheet(path: Path) -> Iterator[list[str]]:
    """Yield the lines of the first sheet of a workbook as texts; times in ISO 8601, without a zone."""
    from openpyxl import load_workbook

    _check_workbook(path)
    try:
        book = load_workbook(path, read_only=True, data_only=True)
        sheet = book.worksheets[0]
        # Its size as the file states it may be that of a whole sheet, of which every cell would be made.
        sheet.reset_dimensions()
        width = 0
        for row in sheet.iter_rows(max_row=XLSX_LINES, values_only=True):
            cells = [_cell_text(cell) for cell in row[:XLSX_COLUMNS]]
            width = max(width, len(cells))
            yield cells + [""] * (width - len(cells))
        book.close()
    except ImportUnreadableError:
        raise
    except Exception as error:  # noqa: BLE001  a workbook can be broken in any way
        problem = f"workbook: {type(error).__name__}"
        raise ImportUnreadableError(file=path.name, problem=problem) from None


def _check_workbook(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as packed:
            sizes = {item.filename: item.file_size for item in packed.infolist()}
    except (zipfile.BadZipFile, OSError):
        raise ImportUnreadableError(file=path.name, problem="no workbook") from None
    texts = sizes.get("xl/sharedStrings.xml", 0)
    if sum(sizes.values()) > XLSX_BYTES or texts > XLSX_TEXTS:
        raise ImportUnreadableError(file=path.name, problem="too large when unpacked: use CSV")


def _cell_text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return str(cell)


class RefusedFile:
    """Writes the rows that were not kept to a CSV file: line, code, the line as it stands."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8-sig", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow(["line", "code", "as it stands"])

    def add(self, line: int, code: str, cells: str) -> None:
        """Write one row."""
        self._writer.writerow([line, code, quoted(cells)])

    def close(self) -> None:
        """End the file."""
        self._file.close()
