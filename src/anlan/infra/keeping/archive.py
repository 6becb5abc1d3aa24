"""The archive of a backup: a tar of plain files behind a manifest with their hashes.

The manifest is the first member, so a reader can refuse an archive before it
writes anything, and check each file while it unpacks it.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any, Literal

import msgspec

from anlan.infra import failpoints
from anlan.infra.keeping.errors import (
    ArchiveNameError,
    BadArchiveError,
    NewerFormatError,
    NoRoomError,
    TargetTakenError,
)

FORMAT = 1
MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 256 * 1024 * 1024
BLOCK = 1024 * 1024
MAX_TAIL_BYTES = 16 * BLOCK
MAX_TEXT_BYTES = 64 * 1024
# Extended headers and long names: what stands before a member and describes it.
_TEXTS = frozenset(
    {
        tarfile.XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.SOLARIS_XHDTYPE,
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_LONGLINK,
    }
)


class _Header(tarfile.TarInfo):
    """A member's header; one that announces a longer text than any name of ours is refused.

    The reader takes such texts into memory whole, whatever their size.
    """

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        """Read one header block."""
        found = super().frombuf(buf, encoding, errors)
        if found.type in _TEXTS and found.size > MAX_TEXT_BYTES:
            raise BadArchiveError(problem="header_too_large")
        return found


class KeptFile(msgspec.Struct, frozen=True):
    """One file of a backup."""

    name: str  # relative, with forward slashes
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds, and at which entry of the journal it was taken (备份清单)."""

    format: int
    made_at: datetime
    anlan: str
    workspace: str
    workspace_format: int
    kind: str
    timezone: str
    database: Literal["sqlite", "postgresql"]
    journal_seq: int
    journal_leaf: str
    files: tuple[KeptFile, ...]


def described(name: str, path: Path) -> KeptFile:
    """Return size and hash of a file."""
    with path.open("rb") as source:
        found = hashlib.file_digest(source, "sha256")
        return KeptFile(name=name, size=source.tell(), sha256=found.hexdigest())


def write(target: Path, manifest: Manifest, sources: Sequence[tuple[str, Path]]) -> None:
    """Write the archive whole or not at all; only its owner may read it (it holds keys).

    Raises
    ------
    TargetTakenError
        When there is a file of that name: a backup never replaces another.
    """
    if target.exists():
        raise TargetTakenError(path=target.name)
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as raw:
            with _packing(raw, target.name) as packed:
                _fill(packed, manifest, sources)
            raw.flush()
            os.fsync(raw.fileno())
        failpoints.reach("backup.written")
        # A link refuses to replace what another process put there meanwhile; rename would not.
        os.link(part, target)
    except FileExistsError:
        raise TargetTakenError(path=target.name) from None
    finally:
        part.unlink(missing_ok=True)
    sync_folder(target.parent)


def _fill(packed: IO[bytes], manifest: Manifest, sources: Sequence[tuple[str, Path]]) -> None:
    with tarfile.open(mode="w|", fileobj=packed, format=tarfile.PAX_FORMAT) as tar:
        text = msgspec.json.format(msgspec.json.encode(manifest))
        tar.addfile(_member(MANIFEST, len(text)), io.BytesIO(text))
        sizes = {file.name: file.size for file in manifest.files}
        for name, path in sources:
            with path.open("rb") as source:
                tar.addfile(_member(name, sizes[name]), source)


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    return member


@contextmanager
def _packing(raw: IO[bytes], name: str) -> Iterator[Any]:
    if name.endswith(".tar.zst"):
        import pyarrow as pa

        # The packer closes what it writes to; the caller still has to flush it to the disk.
        with (
            os.fdopen(os.dup(raw.fileno()), "wb") as own,
            pa.CompressedOutputStream(own, "zstd") as packed,
        ):
            yield packed
    elif name.endswith((".tar.gz", ".tgz")):
        # No time and no name inside: equal content gives equal bytes.
        with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
            yield packed
    else:
        raise ArchiveNameError(path=name)


@contextmanager
def _unpacking(raw: IO[bytes], name: str) -> Iterator[Any]:
    if name.endswith(".tar.zst"):
        import pyarrow as pa

        with pa.CompressedInputStream(raw, "zstd") as packed:
            yield packed
    elif name.endswith((".tar.gz", ".tgz")):
        with gzip.GzipFile(mode="rb", fileobj=raw) as packed:
            yield packed
    else:
        raise ArchiveNameError(path=name)


def check_name(target: Path) -> None:
    """Refuse an archive name that does not say how it is packed."""
    if not target.name.endswith((".tar.zst", ".tar.gz", ".tgz")):
        raise ArchiveNameError(path=target.name)


def unpack(archive: Path, into: Path) -> Manifest:
    """Unpack into an existing empty folder and return the manifest.

    Every file must be in the manifest, regular, of its stated size and hash, and
    inside the folder; anything else is refused.  The caller throws the folder away then.
    """
    try:
        with (
            archive.open("rb") as raw,
            _unpacking(raw, archive.name) as packed,
            tarfile.open(mode="r|", fileobj=packed, tarinfo=_Header) as tar,
        ):
            manifest = _unpack(tar, into)
            _drain(packed)
            return manifest
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadArchiveError(problem=type(error).__name__) from error
    except OSError as error:
        # The zstd reader speaks of broken data through OSError without a number.
        if error.errno is None:
            raise BadArchiveError(problem="packing") from error
        raise


def _drain(packed: IO[bytes]) -> None:
    """Read to the end, so that the packing's own check sum is compared too."""
    left = MAX_TAIL_BYTES
    while block := packed.read(BLOCK):
        left -= len(block)
        if left < 0:
            raise BadArchiveError(problem="tail")


def _unpack(tar: tarfile.TarFile, into: Path) -> Manifest:
    members = iter(tar)
    manifest = _read_manifest(tar, next(members, None))
    _check_room(manifest, into)
    awaited = {file.name: file for file in manifest.files}
    if len(awaited) != len(manifest.files):
        raise BadArchiveError(problem="named_twice")
    for member in members:
        file = awaited.pop(member.name, None)
        if file is None or not member.isreg() or member.size != file.size:
            raise BadArchiveError(problem="unexpected_member")
        source = tar.extractfile(member)
        if source is None:
            raise BadArchiveError(problem="unexpected_member")
        _write_file(source, file, into)
    if awaited:
        raise BadArchiveError(problem="files_missing", count=len(awaited))
    return manifest


def _read_manifest(tar: tarfile.TarFile, member: tarfile.TarInfo | None) -> Manifest:
    if member is None or member.name != MANIFEST or not member.isreg():
        raise BadArchiveError(problem="no_manifest")
    if member.size > MAX_MANIFEST_BYTES:
        raise BadArchiveError(problem="manifest_too_large")
    source = tar.extractfile(member)
    text = source.read() if source is not None else b""
    try:
        head = msgspec.json.decode(text, type=dict[str, Any])
        if isinstance(head.get("format"), int) and head["format"] > FORMAT:
            raise NewerFormatError(found=head["format"], known=FORMAT)
        manifest = msgspec.json.decode(text, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadArchiveError(problem="manifest_unreadable") from error
    for file in manifest.files:
        _check_safe(file.name)
    return manifest


def _check_safe(name: str) -> None:
    """Refuse a name that could leave the folder."""
    path = PurePosixPath(name)
    clean = not path.is_absolute() and ".." not in path.parts and "\\" not in name
    if not clean or "\0" in name or not path.parts or str(path) != name or ":" in path.parts[0]:
        raise BadArchiveError(problem="unsafe_name")


def _check_room(manifest: Manifest, into: Path) -> None:
    needed = sum(file.size for file in manifest.files)
    free = shutil.disk_usage(into).free
    if needed > free:
        raise NoRoomError(needed=needed, free=free)


def _write_file(source: IO[bytes], file: KeptFile, into: Path) -> None:
    path = into / file.name
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    hashed = hashlib.sha256()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as sink:
        while block := source.read(BLOCK):
            hashed.update(block)
            sink.write(block)
        sink.flush()
        os.fsync(sink.fileno())
    if hashed.hexdigest() != file.sha256:
        raise BadArchiveError(problem="hash", name=file.name)


def sync_folder(folder: Path) -> None:
    """Make names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
