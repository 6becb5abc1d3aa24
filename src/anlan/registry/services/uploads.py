"""A city pack sent in over a page: kept until it is confirmed, shown as differences, loaded.

A pack holds contacts, so the bytes wait in the content store with an end date, and are
destroyed as soon as they were loaded or thrown away.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from uuid import UUID

from anlan.infra import contents, here, passing
from anlan.infra.contents import Purpose
from anlan.kernel.actor import Actor
from anlan.registry import access
from anlan.registry.domain import city as c
from anlan.registry.domain import jurisdiction as j
from anlan.registry.domain.edits import is_plain
from anlan.registry.domain.errors import (
    PackUploadLargeError,
    PackUploadUnreadableError,
)
from anlan.registry.domain.findings import Finding
from anlan.registry.domain.lint import lint
from anlan.registry.domain.parse import DATA_SUFFIXES, Parsed, read_city
from anlan.registry.selectors import history, packs
from anlan.registry.services.changes import CityDiff
from anlan.registry.services.exporting import jurisdiction_pack
from anlan.registry.services.holders import GROUND
from anlan.registry.services.loading import diff_city, load_city
from anlan.registry.services.retention import destroy_contents, upload_kept

KIND = "pack_upload"
KEPT = timedelta(days=1)
MOST_BYTES = 64 * 1024 * 1024  # unpacked
MOST_FILES = 500
MOST_LINES = 50_000  # of a table: a pack of a whole country is loaded at a terminal
MOST_NAME = 200  # bytes; file systems hold 255
HEAD = "city.yaml"


@dataclass(frozen=True, slots=True)
class UploadShown:
    """What loading an uploaded pack would change, and what the linter says of it."""

    upload: str
    version: str
    diff: CityDiff
    findings: tuple[Finding, ...]
    undone: tuple[tuple[str, str], ...]  # edits by hand that it would take back
    revision: str  # of the city against which it was compared


def keep_upload(actor: Actor, data: bytes, *, now: datetime) -> UploadShown:
    """Return what loading an uploaded zip would change, and keep it until tomorrow.

    Nothing is kept of what is refused: a pack holds contacts.

    Raises
    ------
    NotAllowedError
        When the actor does not keep the data of the whole city.
    PackUploadUnreadableError
        When it is no zip of a pack, or too large when unpacked.
    PackUploadLargeError
        When comparing it would keep everybody else waiting.
    PackUnreadableError, CityHasErrorsError, AnotherCityError, …
        See :func:`diff_city`.
    """
    access.require_whole_city(actor)
    today = packs.local_day(now)
    with _unpacked(data, now=now) as (city, law):
        revision = packs.revision()
        diff = diff_city(city, law, now=now, watched=history.edited_since_load())
        found = lint(city, law, today=today)
    purpose = Purpose("pack upload", GROUND, today + KEPT)
    return UploadShown(
        upload=str(contents.put(KIND, data, purpose=purpose, now=now).id),
        version=city.pack.info.version,
        diff=diff,
        findings=tuple(found),
        undone=tuple(sorted(diff.met)),
        revision=revision,
    )


def load_upload(actor: Actor, upload: str, *, revision: str, now: datetime) -> CityDiff:
    """Bring an uploaded pack into force, if the city is still the one it was compared with.

    Raises
    ------
    PackUploadGoneError
        When it is no longer kept.
    LoadCrossedError
        When the city was changed after the differences were shown.
    """
    access.require_whole_city(actor)
    with _unpacked(upload_kept(KIND, upload), now=now) as (city, law):
        done = load_city(actor, city, law, now=now, seen=revision)
    destroy_contents(actor, [UUID(upload)], reason="pack loaded", now=now)
    return done


@contextmanager
def _unpacked(
    data: bytes, *, now: datetime
) -> Iterator[tuple[Parsed[c.City], Parsed[j.Jurisdiction]]]:
    """Yield the city pack in a zip and the law in force, on which it is loaded."""
    with passing.folder(here.workspace(), now=now) as opened:
        folder = opened / "city"
        for inside, content in _members(data):
            path = folder / inside
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        law = Parsed(folder=Path(), found_pack=jurisdiction_pack(), findings=(), places={})
        yield read_city(folder), law


_SPOILT = (
    zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError,
)  # fmt: skip


def _members(data: bytes) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Yield the data files of a zip by their place in the pack; nothing can lead out of it."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        yield from _files(archive)
    except _SPOILT as error:
        raise PackUploadUnreadableError(problem="no_zip") from error


def _files(archive: zipfile.ZipFile) -> Iterator[tuple[PurePosixPath, bytes]]:
    infos = [info for info in archive.infolist() if not info.is_dir()]
    heads = [PurePosixPath(x.filename) for x in infos if PurePosixPath(x.filename).name == HEAD]
    if not heads:
        raise PackUploadUnreadableError(problem="no_city")
    if len(infos) > MOST_FILES:
        raise PackUploadUnreadableError(problem="many_files")
    base = min(heads, key=lambda path: len(path.parts)).parent
    left = MOST_BYTES
    seen: set[PurePosixPath] = set()
    for info in infos:
        path = PurePosixPath(info.filename)
        if path.suffix.lower() not in DATA_SUFFIXES or not path.is_relative_to(base):
            continue
        inside = path.relative_to(base)
        if len(inside.parts) > 2 or ".." in inside.parts or inside.is_absolute():
            continue  # a pack is files, and folders of lists; tests and notes are not loaded
        _check_name(inside, seen)
        content = _read(archive, info, left)
        left -= len(content)
        if (lines := content.count(b"\n")) > MOST_LINES and path.suffix.lower() == ".csv":
            raise PackUploadLargeError(file=inside.name, lines=lines, most=MOST_LINES)
        yield inside, content


def _check_name(inside: PurePosixPath, seen: set[PurePosixPath]) -> None:
    """Refuse a name that no file can have, or that another member has or stands in the way of."""
    crossed = inside in seen or inside.parent in seen or any(x.parent == inside for x in seen)
    if crossed or not is_plain(str(inside)) or len(str(inside).encode()) > MOST_NAME:
        raise PackUploadUnreadableError(problem="file_name")
    seen.add(inside)


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, left: int) -> bytes:
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise NotImplementedError  # the other ways take far more memory, and nobody packs so
    with archive.open(info) as stream:
        content = stream.read(left + 1)
    if len(content) > left:
        raise PackUploadUnreadableError(problem="too_large")
    return content


def discard_upload(actor: Actor, upload: str, *, now: datetime) -> None:
    """Throw an uploaded pack away that nobody wants to load."""
    access.require_whole_city(actor)
    upload_kept(KIND, upload)
    destroy_contents(actor, [UUID(upload)], reason="pack not loaded", now=now)
