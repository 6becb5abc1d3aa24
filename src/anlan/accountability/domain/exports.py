"""An exported ledger: a folder or ZIP that can be checked without the system it came from.

``docs/reference/ledger-format.md`` describes every file.  This module reads and
judges an export; it needs no database.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from anlan.accountability.domain import witness
from anlan.accountability.domain.audit import (
    ContentsNamed,
    Evidence,
    FindingKind,
    KeyRecord,
    LeafEntry,
    Verdict,
    audit,
    parse_entry,
)
from anlan.kernel.canonical import parse_instant

FORMAT = "anlan-ledger-export/1"
MANIFEST = "manifest.json"
ENTRIES = "entries.jsonl"
CHECKPOINTS = "checkpoints.jsonl"
KEYS = "keys.jsonl"
CONTENTS = "contents.jsonl"
# What reading a damaged, encrypted or unknown kind of ZIP raises.
BROKEN_ARCHIVE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
FILES = (ENTRIES, CHECKPOINTS, KEYS, CONTENTS)


class NotAnExportError(Exception):
    """What was given is no export, or of a format that this code does not know."""


class ExportFiles:
    """The files of an export, wherever they lie."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._zip = zipfile.ZipFile(place) if place.is_file() else None

    def close(self) -> None:
        """Let go of the archive."""
        if self._zip is not None:
            self._zip.close()

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Open one file for reading.

        Raises
        ------
        FileNotFoundError
            When the export does not hold it.
        """
        if self._zip is None:
            with (self._place / name).open("rb") as found:
                yield found
            return
        try:
            member = self._zip.open(name)
        except KeyError:
            raise FileNotFoundError(name) from None
        with member:
            yield member

    def lines(self, name: str) -> Iterator[bytes]:
        """Yield the lines of a file without their newline; none when it is missing."""
        try:
            with self.open(name) as source:
                for line in source:
                    yield line.removesuffix(b"\n")
        except FileNotFoundError:
            return

    def digest(self, name: str) -> str:
        """Return the SHA-256 of a file as hex."""
        with self.open(name) as source:
            return hashlib.file_digest(source, "sha256").hexdigest()  # type: ignore[arg-type]


def read_manifest(files: ExportFiles) -> dict[str, Any]:
    """Return the manifest.

    Raises
    ------
    NotAnExportError
        When there is none, or its format is unknown.
    """
    try:
        with files.open(MANIFEST) as source:
            found = json.load(source)
        if found["format"] != FORMAT:
            raise NotAnExportError(f"unknown format {found['format']!r}")
        parse_instant(found["exported_at"])
        _shape(found)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        raise NotAnExportError("no readable manifest") from None
    return dict(found)


def _shape(found: dict[str, Any]) -> None:
    if type(found["size"]) is not int or type(found["whole"]) is not bool:
        raise TypeError
    if not isinstance(found["origin"], str) or not isinstance(found["files"], dict):
        raise TypeError


def verify_export(place: Path, *, outside: Path | None = None, newest: bool = False) -> Verdict:
    """Judge an export, beside the checkpoints kept outside when a folder or file is given.

    What its manifest says of its date and of being whole is the operator's word.  With
    ``newest`` it is not taken: the export must reach every checkpoint outside.

    Raises
    ------
    NotAnExportError
        When ``place`` is no export.
    """
    try:
        files = ExportFiles(place)
    except (zipfile.BadZipFile, OSError):
        raise NotAnExportError("neither a folder nor a ZIP") from None
    try:
        return _judge(files, outside, newest=newest)
    except BROKEN_ARCHIVE:
        verdict = Verdict()
        verdict.add(FindingKind.FILE_UNREADABLE, f"file:{place.name}")
        return verdict
    finally:
        files.close()


def _judge(files: ExportFiles, outside: Path | None, *, newest: bool) -> Verdict:
    manifest = read_manifest(files)
    held = witness.read(outside) if outside is not None else witness.Witness()
    before = Verdict()
    _check_files(files, manifest, before)
    named = ContentsNamed()
    verdict = audit(
        Evidence(
            origin=manifest["origin"],
            entries=_entries(files, named),
            checkpoints=_notes(files, before),
            keys=_keys(files, before),
            outside=held.notes,
            pinned=held.pinned,
            later_than=None if newest else parse_instant(manifest["exported_at"]),
            whole=newest or manifest["whole"],
        )
    )
    verdict.findings[:0] = before.findings
    if verdict.entries != manifest["size"]:
        kind = (
            FindingKind.ENTRIES_CUT_OFF
            if verdict.entries < manifest["size"]
            else FindingKind.ENTRY_MISPLACED
        )
        verdict.add(kind, "manifest", f"{verdict.entries} entries, {manifest['size']} stated")
    _check_contents(files, named, verdict)
    return verdict


def _check_files(files: ExportFiles, manifest: dict[str, Any], verdict: Verdict) -> None:
    for name in FILES:
        try:
            digest = files.digest(name)
        except FileNotFoundError:
            verdict.add(FindingKind.FILE_MISSING, f"file:{name}")
            continue
        if digest != manifest["files"].get(name):
            verdict.add(FindingKind.FILE_CHANGED, f"file:{name}")


def _entries(files: ExportFiles, named: ContentsNamed) -> Iterator[LeafEntry]:
    for line in files.lines(ENTRIES):
        members = parse_entry(line)
        if members is None:
            yield LeafEntry(seq=None, data=line)
            continue
        named.take(members)
        seq = members["seq"]
        yield LeafEntry(seq=seq if isinstance(seq, int) else None, data=line)


def _records(files: ExportFiles, name: str, verdict: Verdict) -> Iterator[dict[str, Any]]:
    """Yield the records of a small file; an unreadable line is a finding."""
    for place, line in enumerate(files.lines(name), start=1):
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict):
            yield found
        else:
            verdict.add(FindingKind.FILE_UNREADABLE, f"file:{name}", f"line {place}")


def _notes(files: ExportFiles, verdict: Verdict) -> list[str]:
    return [str(found.get("note", "")) for found in _records(files, CHECKPOINTS, verdict)]


def _keys(files: ExportFiles, verdict: Verdict) -> list[KeyRecord]:
    records = []
    for found in _records(files, KEYS, verdict):
        number, from_size = found.get("number"), found.get("from_size")
        if type(number) is not int or type(from_size) is not int:
            verdict.add(FindingKind.FILE_UNREADABLE, f"file:{KEYS}", "number")
            continue
        records.append(
            KeyRecord(
                number=number,
                vkey=str(found.get("vkey", "")),
                from_size=from_size,
                endorsement=str(found.get("endorsement", "")),
            )
        )
    return records


def _check_contents(files: ExportFiles, named: ContentsNamed, verdict: Verdict) -> None:
    """Hold the list of contents against what the sealed entries name."""
    listed: dict[str, dict[str, Any]] = {}
    for found in _records(files, CONTENTS, verdict):
        listed[str(found.get("id", ""))] = found
    for item_id, digest in sorted(named.digests.items()):
        found = listed.get(item_id, {})
        subject = f"content:{item_id}"
        if found.get("state") not in ("kept", "destroyed"):
            verdict.add(FindingKind.CONTENT_MISSING, subject)
        elif found.get("digest") != digest:
            verdict.add(FindingKind.CONTENT_CHANGED, subject, "digest")
        elif found["state"] == "destroyed":
            verdict.contents_destroyed += 1
        else:
            verdict.contents_kept += 1
            if item_id in named.destroyed:
                verdict.add(FindingKind.CONTENT_NOT_DESTROYED, subject)
