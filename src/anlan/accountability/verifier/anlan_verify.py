"""Verify a ledger that Anlan exported, without Anlan: one file, standard library only.

    python anlan_verify.py EXPORT [--outside PATH] [--newest] [--json]   a folder or ZIP
    python anlan_verify.py --proof FILE [--key VKEY] [--json]            one proof

EXPORT is what ``anlan ledger export`` wrote.  PATH is the folder (or one file) of
checkpoints that you kept where the operator of the system cannot reach; without it an
operator who rewrote everything and signed it anew cannot be found out.  An export may be
older than what lies there; with --newest it must reach every checkpoint outside.  VKEY is the
first public key as you noted it down when the ledger began.

Exit codes: 0 it holds, 1 it does not, 2 misuse, 3 it could not be checked.

This file shares no code with Anlan: it follows docs/reference/ledger-format.md,
RFC 9162 section 2.1 (Merkle trees) and RFC 8032 section 5.1.7 (Ed25519).
Python 3.11 or later.
"""

import argparse
import base64
import binascii
import hashlib
import json
import sys
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

Point = tuple[int, int, int, int]  # extended coordinates X, Y, Z, T
Key = tuple[str, bytes, bytes]  # name, key hash, public key
Said = tuple[str, int, bytes, datetime]  # origin, size, root, at
Record = dict[str, Any]  # a JSON object

# --- Ed25519, verification only (RFC 8032 section 5.1) -----------------------------------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)


def _decode_point(data: bytes) -> Point | None:
    """Return a point in extended coordinates, or None when the bytes are not one."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_1 % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


def _encode_point(point: Point) -> bytes:
    x, y, z, _ = point
    inverse = pow(z, P - 2, P)
    x, y = x * inverse % P, y * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _add(one: Point, two: Point) -> Point:
    a = (one[1] - one[0]) * (two[1] - two[0]) % P
    b = (one[1] + one[0]) * (two[1] + two[0]) % P
    c = 2 * one[3] * two[3] * D % P
    d = 2 * one[2] * two[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


_BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = _decode_point(_BASE_Y.to_bytes(32, "little")) or (0, 0, 0, 0)
NEUTRAL = (0, 1, 1, 0)


def ed25519_verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether ``signature`` over ``message`` was made with the key of ``public``."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key = _decode_point(public)
    s = int.from_bytes(signature[32:], "little")
    if key is None or s >= ORDER:
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    h = int.from_bytes(digest, "little") % ORDER
    minus_key = (P - key[0], key[1], 1, P - key[3])
    # s·B - h·A in one pass over the bits of both numbers.
    table = {(1, 0): BASE, (0, 1): minus_key, (1, 1): _add(BASE, minus_key)}
    result = NEUTRAL
    for bit in range(255, -1, -1):
        result = _add(result, result)
        pair = (s >> bit & 1, h >> bit & 1)
        if pair in table:
            result = _add(result, table[pair])
    return _encode_point(result) == signature[:32]


# --- Merkle trees (RFC 9162 section 2.1) --------------------------------------------------


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree that only grows; keeps full subtrees of falling height."""

    def __init__(self) -> None:
        self.size = 0
        self.edge: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        """Add a leaf hash."""
        node, rest = leaf, self.size
        while rest & 1:
            node, rest = node_hash(self.edge.pop(), node), rest >> 1
        self.edge.append(node)
        self.size += 1

    def root(self) -> bytes:
        """Return the root over all leaves so far."""
        if not self.edge:
            return hashlib.sha256(b"").digest()
        root = self.edge[-1]
        for left in reversed(self.edge[:-1]):
            root = node_hash(left, root)
        return root


def root_from_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes | None:
    """Return the root to which an inclusion proof leads; None when its shape is wrong."""
    if not 0 <= index < size:
        return None
    place, last, root = index, size - 1, leaf
    for sibling in proof:
        if last == 0 or len(sibling) != 32:
            return None
        if place & 1 or place == last:
            root = node_hash(sibling, root)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        place, last = place >> 1, last >> 1
    return root if last == 0 else None


def roots_from_consistency(
    old: int, new: int, old_root: bytes, proof: Sequence[bytes]
) -> tuple[bytes, bytes] | None:
    """Return both roots to which a consistency proof leads; None when its shape is wrong."""
    if not 0 < old <= new or any(len(item) != 32 for item in proof):
        return None
    if old == new:
        return (old_root, old_root) if not proof else None
    path = list(proof) if old & (old - 1) else [old_root, *list(proof)]
    if not path:
        return None
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            return None
        if place & 1 or place == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        place, last = place >> 1, last >> 1
    return (first, second) if last == 0 else None


# --- Notes, keys, checkpoints --------------------------------------------------------------


class UnreadableError(Exception):
    """A text that is not what it should be."""


def instant(text: str) -> datetime:
    """Return an instant that states its offset."""
    try:
        value = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
    except ValueError:
        raise UnreadableError("not an instant") from None
    if value.tzinfo is None:
        raise UnreadableError("an instant without offset")
    return value.astimezone(UTC)


def base64_bytes(text: str) -> bytes:
    """Return the bytes that strict base64 stands for."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise UnreadableError("not base64") from None


def read_key(text: str) -> Key:
    """Return (name, key hash, public key) of ``name+hash+base64``."""
    parts = text.strip().split("+", 2)
    if len(parts) != 3:
        raise UnreadableError("not a verifier key")
    data = base64_bytes(parts[2])
    if len(data) != 33 or data[:1] != b"\x01":
        raise UnreadableError("not an Ed25519 key")
    key_hash = hashlib.sha256(parts[0].encode() + b"\n" + data).digest()[:4]
    if key_hash.hex() != parts[1]:
        raise UnreadableError("the key does not have the hash it states")
    return parts[0], key_hash, data[1:]


def signed_by(note: str, key: Key) -> str | None:
    """Return the text of a note that ``key`` signed; None when it did not."""
    text, found, signatures = note.partition("\n\n")
    if not found or not signatures.endswith("\n"):
        raise UnreadableError("not a signed note")
    text += "\n"
    name, key_hash, public = key
    for line in signatures[:-1].split("\n"):
        if not line.startswith("— "):
            raise UnreadableError("not a signature line")
        who, _, blob = line[2:].partition(" ")
        if who != name:
            continue
        data = base64_bytes(blob)
        if data[:4] == key_hash and ed25519_verify(public, text.encode(), data[4:]):
            return text
    return None


def read_checkpoint(note: str) -> Said:
    """Return (origin, size, root, at) of a checkpoint note, unchecked."""
    text, found, _ = note.partition("\n\n")
    lines = text.split("\n")
    if not found or len(lines) < 4:
        raise UnreadableError("not a checkpoint")
    root = base64_bytes(lines[2])
    times = [line[3:] for line in lines[3:] if line.startswith("at ")]
    try:
        size = int(lines[1])
    except ValueError:
        raise UnreadableError("not a checkpoint") from None
    if not lines[0] or str(size) != lines[1] or size < 1 or len(root) != 32 or not times:
        raise UnreadableError("not a checkpoint")
    return lines[0], size, root, instant(times[0])


def endorsed(record: Record, before: Key) -> bool:
    """Return whether the key before signed this key in, from this size on."""
    try:
        text = signed_by(record["endorsement"], before)
    except UnreadableError:
        return False
    if text is None:
        return False
    lines = text.split("\n")
    wanted = ["anlan ledger key v1", record["vkey"].strip(), str(record["from_size"])]
    return len(lines) == 5 and lines[:3] == wanted and lines[3].startswith("at ") and not lines[4]


# --- The export ----------------------------------------------------------------------------


# What reading a damaged, encrypted or unknown kind of ZIP raises.
BROKEN_ARCHIVE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


class Files:
    """The files of an export in a folder or a ZIP."""

    def __init__(self, place: Path | str) -> None:
        self.place = Path(place)
        self.archive = zipfile.ZipFile(place) if self.place.is_file() else None

    def close(self) -> None:
        """Let go of the archive."""
        if self.archive is not None:
            self.archive.close()

    def open(self, name: str) -> IO[bytes]:
        """Open one file; FileNotFoundError when it is not there."""
        if self.archive is None:
            return (self.place / name).open("rb")
        try:
            return self.archive.open(name)
        except KeyError:
            raise FileNotFoundError(name) from None

    def lines(self, name: str) -> Iterator[bytes]:
        """Yield the lines of a file; none when it is missing."""
        try:
            source = self.open(name)
        except FileNotFoundError:
            return
        with source:
            for line in source:
                yield line[:-1] if line.endswith(b"\n") else line


def as_object(data: bytes) -> Record | None:
    """Return a JSON object, or None when the bytes are not one."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def content_refs(value: object, refs: dict[str, str]) -> None:
    """Collect ``{content id: digest}`` from the images of an entry."""
    if isinstance(value, list):
        for item in value:
            content_refs(item, refs)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name.endswith("_content") and isinstance(item, str) and item:
                digest = value.get(name[: -len("_content")] + "_digest")
                refs[item] = digest if isinstance(digest, str) else ""
            elif isinstance(item, (dict, list)):
                content_refs(item, refs)


def read_outside(place: Path | str) -> tuple[list[tuple[str, str]], str | None]:
    """Return ([(name, note)], pinned key) from a folder of checkpoints or from one file."""
    place = Path(place)
    if place.is_file():
        return [(place.name, place.read_text("utf-8", "replace"))], None
    pin = place / "first.vkey"
    notes = sorted(place.glob("*.checkpoint"))
    return (
        [(file.name, file.read_text("utf-8", "replace")) for file in notes],
        pin.read_text("utf-8", "replace") if pin.exists() else None,
    )


class Audit:
    """One verification: what was found, step by step."""

    def __init__(self, files: Files, outside: Path | str | None, *, newest: bool) -> None:
        self.files, self.newest = files, newest
        self.notes, self.pinned = read_outside(outside) if outside else ([], None)
        self.findings: list[dict[str, str]] = []
        self.counts = dict.fromkeys(
            ("entries", "sealed", "checkpoints", "outside", "later", "kept", "destroyed"), 0
        )
        self.keys: list[tuple[int, Key]] = []  # [(from_size, key)] of the trusted chain
        self.claims: dict[int, dict[bytes, list[str]]] = {}  # size -> root -> [who says so]
        self.signed_at: dict[int, datetime] = {}  # size -> when a checkpoint outside was signed
        self.unknown: list[tuple[int, dict[str, str]]] = []  # outside, of a key not known here
        self.refs: dict[str, str] = {}
        self.destroyed: set[str] = set()  # contents of which an entry says so

    def found(self, kind: str, subject: str, detail: str = "") -> None:
        """Note a finding."""
        self.findings.append({"kind": kind, "subject": subject, "detail": detail})

    def run(self) -> Record:
        """Verify everything; return the verdict."""
        self.manifest = self.read_manifest()
        self.check_files()
        self.read_keys()
        self.read_checkpoints()
        root, roots = self.walk()
        self.judge_claims(roots)
        self.judge_reach()
        self.judge_counts()
        self.check_contents()
        counts = self.counts
        return {
            "holds": not self.findings,
            "entries": counts["entries"],
            "sealed": counts["sealed"],
            "root": root.hex(),
            "checkpoints": counts["checkpoints"],
            "outside": counts["outside"],
            "later": counts["later"],
            "contents_kept": counts["kept"],
            "contents_destroyed": counts["destroyed"],
            "findings": self.findings,
        }

    def read_manifest(self) -> Record:
        """Return the manifest; UnreadableError when this is no export."""
        try:
            with self.files.open("manifest.json") as source:
                found = as_object(source.read()) or {}
        except FileNotFoundError:
            raise UnreadableError("no manifest.json") from None
        if found.get("format") != "anlan-ledger-export/1":
            raise UnreadableError("no manifest of a known format")
        shapes = {"origin": str, "size": int, "whole": bool, "files": dict, "exported_at": str}
        for name, shape in shapes.items():
            if type(found.get(name)) is not shape:
                raise UnreadableError("the manifest does not say " + name)
        found["exported_at"] = instant(found["exported_at"])
        if self.newest:  # its date and its being a part are the operator's word: not taken
            found.update(exported_at=datetime.max.replace(tzinfo=UTC), whole=True)
        return found

    def check_files(self) -> None:
        """Hold each file against the manifest: accidents show here, deceit further down."""
        for name in ("entries.jsonl", "checkpoints.jsonl", "keys.jsonl", "contents.jsonl"):
            digest = hashlib.sha256()
            try:
                with self.files.open(name) as source:
                    for part in iter(lambda: source.read(1 << 20), b""):
                        digest.update(part)
            except FileNotFoundError:
                self.found("file_missing", "file:" + name)
                continue
            if digest.hexdigest() != self.manifest["files"].get(name):
                self.found("file_changed", "file:" + name)

    def records(self, name: str) -> Iterator[Record]:
        """Yield the records of a small file."""
        for place, line in enumerate(self.files.lines(name), start=1):
            found = as_object(line)
            if found is None:
                self.found("file_unreadable", "file:" + name, f"line {place}")
            else:
                yield found

    def read_keys(self) -> None:
        """Trust the first key, and each key that the one before signed in."""
        records = []
        for found in self.records("keys.jsonl"):
            if type(found.get("number")) is not int or type(found.get("from_size")) is not int:
                self.found("file_unreadable", "file:keys.jsonl", "number")
                continue
            found["vkey"] = str(found.get("vkey", ""))
            found["endorsement"] = str(found.get("endorsement", ""))
            records.append(found)
        for place, record in enumerate(sorted(records, key=lambda item: item["number"])):
            subject = f"key:{record['number']}"
            try:
                key = read_key(record["vkey"])
            except UnreadableError as error:
                self.found("key_unreadable", subject, str(error))
                return
            if place == 0:
                if self.pinned is not None and self.pinned.strip() != record["vkey"].strip():
                    self.found("key_not_pinned", subject)
            elif not endorsed(record, self.keys[-1][1]):
                self.found("key_not_endorsed", subject)
                return
            self.keys.append((record["from_size"], key))

    def read_checkpoints(self) -> None:
        """Take in every checkpoint whose signature holds, inside and outside."""
        inside = [str(found.get("note", "")) for found in self.records("checkpoints.jsonl")]
        for place, note in enumerate(inside, start=1):
            self.counts["checkpoints"] += 1
            try:
                subject = f"checkpoint:{read_checkpoint(note)[1]}"
            except UnreadableError:
                subject = f"checkpoint:#{place}"
            self.take_in(note, subject)
        for name, note in self.notes:
            self.counts["outside"] += 1
            said = self.take_in(note, "outside:" + name)
            if said is not None:
                self.signed_at[said[1]] = said[3]
            elif self.findings[-1]["kind"] == "signature_wrong" and self.made_later(note):
                # Perhaps by a key that took over since: the reach will tell.
                self.unknown.append((read_checkpoint(note)[1], self.findings.pop()))

    def made_later(self, note: str) -> bool:
        """Return whether a checkpoint outside was signed after the export was made."""
        return bool(read_checkpoint(note)[3] > self.manifest["exported_at"])

    def take_in(self, note: str, subject: str) -> Said | None:
        """Return what a checkpoint says when the key whose turn it was signed it."""
        try:
            said = read_checkpoint(note)
            if said[0] != self.manifest["origin"]:
                self.found("origin_differs", subject)
                return None
            turn = [key for from_size, key in self.keys if from_size < said[1]]
            if not turn or signed_by(note, turn[-1]) is None:
                self.found("signature_wrong", subject)
                return None
        except UnreadableError as error:
            self.found("checkpoint_unreadable", subject, str(error))
            return None
        self.claims.setdefault(said[1], {}).setdefault(said[2], []).append(subject)
        return said

    def walk(self) -> tuple[bytes, dict[int, bytes]]:
        """Hash every entry in turn; return the root, and the roots at the signed sizes."""
        tree, expected = Tree(), 1
        roots: dict[int, bytes] = {}
        for line in self.files.lines("entries.jsonl"):
            expected = self.place(line, expected)
            tree.append(leaf_hash(line))
            if tree.size in self.claims:
                roots[tree.size] = tree.root()
        self.counts["entries"] = tree.size
        return tree.root(), roots

    def place(self, line: bytes, expected: int) -> int:
        """Check that an entry stands in its place; return the number expected next."""
        entry = as_object(line) or {}
        seq = entry.get("seq")
        if not isinstance(seq, int) or isinstance(seq, bool):
            self.found("entry_unreadable", f"entry:{expected}")
            return expected + 1
        content_refs(entry.get("images"), self.refs)
        payload = entry.get("payload")
        if entry.get("event") == "ContentsDestroyed" and isinstance(payload, dict):
            ids = payload.get("ids")
            self.destroyed.update(map(str, ids if isinstance(ids, list) else ()))
        if seq < expected:
            self.found("entry_misplaced", f"entry:{seq}")
            return expected
        if seq > expected:
            gap = str(expected) if seq == expected + 1 else f"{expected}-{seq - 1}"
            self.found("entry_missing", "entry:" + gap)
        return seq + 1

    def judge_claims(self, roots: dict[int, bytes]) -> None:
        """Hold every signed root against the entries."""
        good, parted = 0, False
        for size, said in sorted(self.claims.items()):
            if len(said) > 1:
                self.found("history_forked", f"checkpoint:{size}")
            if size > self.counts["entries"]:
                continue
            for who in said.values():
                if not any(name.startswith("checkpoint:") for name in who):
                    self.found("checkpoint_removed", who[0])
            if set(said) == {roots[size]}:
                good = size
                if any(name.startswith("checkpoint:") for name in said[roots[size]]):
                    self.counts["sealed"] = size
            elif not parted and roots[size] not in said:
                parted = True
                detail = f"entries {good + 1}-{size}"
                self.found("root_differs", f"checkpoint:{size}", detail)

    def judge_reach(self) -> None:
        """Judge checkpoints that speak of more entries than there are."""
        for size, finding in sorted(self.unknown, key=lambda item: item[0]):
            # A later key signs larger sizes only, and the export's date is the operator's word.
            if size > self.counts["entries"]:
                self.counts["later"] += 1
            else:
                self.findings.append(finding)
        made = self.manifest["exported_at"]
        for size, said in sorted(self.claims.items()):
            if size <= self.counts["entries"]:
                continue
            inside = any(name.startswith("checkpoint:") for who in said.values() for name in who)
            after = self.signed_at.get(size, made) > made
            if not inside and (after or not self.manifest["whole"]):
                self.counts["later"] += 1
            else:
                detail = f"{self.counts['entries']} entries"
                self.found("entries_cut_off", f"checkpoint:{size}", detail)

    def judge_counts(self) -> None:
        """Compare what there is with what the manifest states."""
        entries, stated = self.counts["entries"], self.manifest["size"]
        if entries and not self.counts["checkpoints"]:
            self.found("checkpoints_none", "ledger")
        if entries != stated:
            kind = "entries_cut_off" if entries < stated else "entry_misplaced"
            self.found(kind, "manifest", f"{entries} entries, {stated} stated")

    def check_contents(self) -> None:
        """Hold the list of contents against what the sealed entries name."""
        listed = {str(item.get("id", "")): item for item in self.records("contents.jsonl")}
        for item_id, digest in sorted(self.refs.items()):
            found = listed.get(item_id, {})
            if found.get("state") not in ("kept", "destroyed"):
                self.found("content_missing", "content:" + item_id)
            elif found.get("digest") != digest:
                self.found("content_changed", "content:" + item_id, "digest")
            else:
                self.counts[found["state"]] += 1
                if found["state"] == "kept" and item_id in self.destroyed:
                    self.found("content_not_destroyed", "content:" + item_id)


# --- Single proofs -------------------------------------------------------------------------


def trusted_keys(proof: Record, pinned: str | None) -> list[tuple[int, Key]]:
    """Return the chain of keys of a proof; UnreadableError when it does not hang together."""
    chain: list[tuple[int, Key]] = []
    for record in sorted(proof["keys"], key=lambda item: item["number"]):
        key = read_key(record["vkey"])
        if chain and not endorsed(record, chain[-1][1]):
            raise UnreadableError(f"key {record['number']} is not signed in")
        if not chain and pinned is not None and pinned.strip() != record["vkey"].strip():
            raise UnreadableError("the first key is not the one given")
        chain.append((record["from_size"], key))
    return chain


def opened(note: str, origin: str, chain: list[tuple[int, Key]]) -> tuple[int, bytes]:
    """Return (size, root) of a checkpoint whose signature holds."""
    said = read_checkpoint(note)
    turn = [key for from_size, key in chain if from_size < said[1]]
    if said[0] != origin or not turn or signed_by(note, turn[-1]) is None:
        raise UnreadableError("the checkpoint is not signed by the ledger's key")
    return said[1], said[2]


def check_proof(proof: Record, pinned: str | None) -> Record:
    """Return the verdict on one inclusion or consistency proof."""
    try:
        chain = trusted_keys(proof, pinned)
        path = [bytes.fromhex(item) for item in proof["proof"]]
        if proof["format"] == "anlan-inclusion-proof/1":
            size, root = opened(proof["checkpoint"], proof["origin"], chain)
            data = proof["entry"].encode()
            holds = (as_object(data) or {}).get("seq") == proof["seq"] and root == (
                root_from_inclusion(proof["seq"] - 1, size, leaf_hash(data), path)
            )
        elif proof["format"] == "anlan-consistency-proof/1":
            old, old_root = opened(proof["old_checkpoint"], proof["origin"], chain)
            size, root = opened(proof["new_checkpoint"], proof["origin"], chain)
            holds = roots_from_consistency(old, size, old_root, path) == (old_root, root)
        else:
            return {"holds": False, "why": "unknown format of proof"}
    except UnreadableError as error:
        return {"holds": False, "why": str(error)}
    why = "" if holds else "the hashes do not lead to the signed root"
    return {"holds": holds, "why": why, "size": size, "root": root.hex()}


# --- The program ---------------------------------------------------------------------------


def verify(place: Path | str, outside: Path | str | None = None, *, newest: bool = False) -> Record:
    """Return the verdict on an export; UnreadableError when it is none."""
    try:
        files = Files(place)
    except (zipfile.BadZipFile, OSError):
        raise UnreadableError("neither a folder nor a ZIP") from None
    with closing(files):
        audit = Audit(files, outside, newest=newest)
        try:
            return audit.run()
        except BROKEN_ARCHIVE:
            audit.findings.clear()
            audit.found("file_unreadable", f"file:{Path(place).name}")
            return {"holds": False, "findings": audit.findings}


def show(verdict: Record, *, as_json: bool) -> None:
    """Print a verdict."""
    if as_json:
        sys.stdout.write(json.dumps(verdict, ensure_ascii=False, indent=2) + "\n")
        return
    for name, value in verdict.items():
        if name != "findings":
            sys.stdout.write(f"{name:<18} {value}\n")
    if verdict.get("later"):
        sys.stdout.write(
            "mind: {later} of the checkpoints you hold reach beyond this export; nothing after"
            " entry {entries} was checked\n".format(**verdict)
        )
    for item in verdict.get("findings", ()):
        detail = " ({})".format(item["detail"]) if item["detail"] else ""
        sys.stdout.write("{}  {}{}\n".format(item["kind"], item["subject"], detail))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = argparse.ArgumentParser(description="Verify a ledger that Anlan exported.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("export", nargs="?", help="folder or ZIP of an export")
    what.add_argument("--proof", help="file with one proof")
    parser.add_argument("--outside", help="folder or file of checkpoints kept elsewhere")
    parser.add_argument(
        "--newest", action="store_true", help="the export must reach every checkpoint outside"
    )
    parser.add_argument("--key", help="the first public key, as you noted it down")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args(arguments)
    try:
        if given.proof:
            verdict = check_proof(json.loads(Path(given.proof).read_bytes()), given.key)
        else:
            verdict = verify(given.export, given.outside, newest=given.newest)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, UnreadableError) as error:
        sys.stderr.write("could not check: %s\n" % (error or type(error).__name__))
        return 3
    show(verdict, as_json=given.json)
    return 0 if verdict["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())
