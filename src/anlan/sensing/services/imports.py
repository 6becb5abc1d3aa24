"""Signs from files: through the same services as over HTTP, with what each line came to.

A file that is imported again has no second effect: each line (or chunk of
readings) carries a key made from the file's own bytes.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec

from anlan.kernel.actor import Actor
from anlan.sensing.domain.capparse import parse_cap
from anlan.sensing.domain.errors import ImportUnreadableError, SignRefusedError
from anlan.sensing.domain.observations import BatchIn, RowIn, check_rows
from anlan.sensing.domain.reports import ReportIn, may_follow, refuse_long
from anlan.sensing.domain.wire import report_from_fields, report_from_json, row_from_json
from anlan.sensing.services.known import stream_facts
from anlan.sensing.services.observations import keep_observations
from anlan.sensing.services.once import Once
from anlan.sensing.services.quarantine import keep_aside
from anlan.sensing.services.reports import keep_report
from anlan.sensing.services.signals import keep_signal

CHUNK = 5_000
CONTACT_COLUMNS = ("contact_name", "contact_phone", "contact_email")


@dataclass(frozen=True, slots=True)
class LineFault:
    """A line (1 is the first line of the file) or file that was not taken, and why."""

    where: str
    code: str
    quarantine: int | None = None


@dataclass(slots=True)
class ImportSummary:
    """What an import came to; in a dry run what it would come to."""

    dry_run: bool
    read: int = 0
    kept: int = 0
    faults: list[LineFault] = field(default_factory=list)
    receipts: list[tuple[str, str]] = field(default_factory=list)  # report number and secret


def import_reports(
    actor: Actor, path: Path, *, new_secret: Callable[[], str], dry_run: bool, now: datetime
) -> ImportSummary:
    """Import reports from CSV (columns as on the wire) or JSONL.

    Raises
    ------
    ImportUnreadableError
        When the file is neither.
    """
    data = path.read_bytes()
    summary = ImportSummary(dry_run=dry_run)
    for line, raw, read in _reports_of(path, data):
        summary.read += 1
        try:
            report = read()
            refuse_long(report)
            if not dry_run:
                once = _key(data, line)
                secret = new_secret()
                row = keep_report(actor, report, secret=secret, now=now, once=once)
                if may_follow(secret, row.follow_hash):  # not one imported before
                    summary.receipts.append((row.number, secret))
            summary.kept += 1
        except SignRefusedError as error:
            kept = (
                None
                if dry_run
                else keep_aside(
                    actor,
                    "reports",
                    raw,
                    error=error.code,
                    place=line,
                    now=now,
                    once=_key(data, line),
                ).pk
            )
            summary.faults.append(LineFault(line, error.code, kept))
    return summary


def _key(data: bytes, where: str) -> Once:
    digest = hashlib.sha256(data).hexdigest()
    return Once(f"file:{digest[:32]}:{where}", digest)


def _text(path: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ImportUnreadableError(
            file=path.name, problem=f"byte {error.start} is not UTF-8"
        ) from None


def _rows(path: Path, data: bytes, needed: Iterable[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line number, named cells) of a CSV file with a header."""
    reader = csv.DictReader(io.StringIO(_text(path, data), newline=""), restkey="_rest")
    missing = [name for name in needed if name not in (reader.fieldnames or [])]
    if missing:
        raise ImportUnreadableError(file=path.name, problem=f"no column {', '.join(missing)}")
    try:
        for row in reader:
            rest: object = row.pop("_rest", None)  # cells beyond the header: a comma unquoted
            cells = {key: value for key, value in row.items() if value is not None}
            if isinstance(rest, list):
                cells["_rest"] = ",".join(rest)
            yield reader.line_num, cells
    except csv.Error as error:
        raise ImportUnreadableError(file=path.name, problem=str(error)) from None


def _reports_of(path: Path, data: bytes) -> Iterator[tuple[str, bytes, Callable[[], ReportIn]]]:
    if path.suffix.lower() in {".jsonl", ".ndjson"}:
        for number, raw in enumerate(data.splitlines(), start=1):
            if raw.strip():
                yield f"line {number}", raw, lambda raw=raw: report_from_json(raw)  # type: ignore[misc]
        return
    if path.suffix.lower() != ".csv":
        raise ImportUnreadableError(file=path.name, problem="neither .csv nor .jsonl")
    for number, cells in _rows(path, data, ()):
        raw = msgspec.json.encode(cells)
        yield f"line {number}", raw, lambda cells=cells: _report_of(cells)  # type: ignore[misc]


def _report_of(cells: dict[str, str]) -> ReportIn:
    fields: dict[str, object] = {key: value for key, value in cells.items() if value}
    contact = {
        name.removeprefix("contact_"): fields.pop(name)
        for name in CONTACT_COLUMNS
        if name in fields
    }
    if contact:
        fields["contact"] = contact
    return report_from_fields(fields)


def import_observations(actor: Actor, path: Path, *, dry_run: bool, now: datetime) -> ImportSummary:
    """Import readings from CSV with the columns stream, at, value and perhaps unit, quality.

    Raises
    ------
    ImportUnreadableError
        When the file is not such a CSV.
    """
    data = path.read_bytes()
    summary = ImportSummary(dry_run=dry_run)
    chunk: list[tuple[int, dict[str, str]]] = []
    for row in _rows(path, data, ("stream", "at", "value")):
        chunk.append(row)
        if len(chunk) == CHUNK:
            _take_chunk(actor, data, chunk, summary, now=now)
            chunk = []
    if chunk:
        _take_chunk(actor, data, chunk, summary, now=now)
    return summary


def _take_chunk(
    actor: Actor,
    data: bytes,
    chunk: list[tuple[int, dict[str, str]]],
    summary: ImportSummary,
    *,
    now: datetime,
) -> None:
    sent = tuple(
        msgspec.json.encode({key: value for key, value in cells.items() if value != ""})
        for _, cells in chunk
    )
    batch = BatchIn(tuple(_csv_row(raw) for raw in sent), originals=sent)
    quarantine = None
    if summary.dry_run:
        codes = {row.stream for row in batch.rows if row is not None}
        checked = check_rows(batch.rows, stream_facts(actor, codes, at=now), unit="", now=now)
        kept, refused = len(checked.kept), checked.refused
    else:
        once = _key(data, f"rows {chunk[0][0]}-{chunk[-1][0]}")
        receipt = keep_observations(actor, batch, now=now, once=once)
        kept, refused, quarantine = receipt.kept, receipt.refused, receipt.quarantine
    summary.read += len(chunk)
    summary.kept += kept
    summary.faults.extend(
        LineFault(f"line {chunk[item.index][0]}", item.code, quarantine) for item in refused
    )


def _csv_row(raw: bytes) -> RowIn | None:
    """Return one row; an empty cell of ``value`` means that nothing was measured."""
    fields = msgspec.json.decode(raw)
    fields.setdefault("value", None)
    return row_from_json(msgspec.json.encode(fields))


def import_signals(actor: Actor, path: Path, *, dry_run: bool, now: datetime) -> ImportSummary:
    """Import one CAP file, or every ``*.xml`` and ``*.cap`` of a folder in order of name."""
    summary = ImportSummary(dry_run=dry_run)
    files = (
        sorted(item for item in path.iterdir() if item.suffix.lower() in {".xml", ".cap"})
        if path.is_dir()
        else [path]
    )
    for file in files:
        summary.read += 1
        try:
            data = file.read_bytes()
            if dry_run:
                parse_cap(data)
            else:
                keep_signal(actor, data, now=now, once=_key(data, "signal"))
            summary.kept += 1
        except SignRefusedError as error:
            number = error.params.get("quarantine")
            kept = number if isinstance(number, int) else None
            summary.faults.append(LineFault(file.name, error.code, kept))
    return summary
